"""The questions of Director's Palette's document, against rows worked by hand, on every engine."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from mediameter.steps.export.prices_and_balances import _label
from schemas.vocabulary import GAUGE_BANDS
from tests.generations.answered import filled as filled
from tests.pictures import Warehouse


def test_revenue_is_what_was_paid(warehouse: Warehouse) -> None:
    warehouse.expect("revenue_by_day", """
        day | application | currency | purchases | paid | paid_back | revenue | is_final | complete_through_at
        2026-11-03 | studio | EUR | 1 | 5.000000 | 0.000000 | 5.000000 | no | 2026-11-03 10:00
        2026-11-02 | studio | USD | 3 | 29.970000 | -9.990000 | 19.980000 | yes | 2026-11-03 00:00
    """)  # fmt: skip


def test_credits_are_told_apart_by_type(warehouse: Warehouse) -> None:
    warehouse.expect("credits_by_type", """
        application | transaction_type | currency | transactions | credits | paid
        studio      | bonus            | -        | 2            | 20      | -
        studio      | purchase         | EUR      | 1            | 50      | 5.000000
        studio      | purchase         | USD      | 3            | 300     | 29.970000
        studio      | refund           | USD      | 1            | -100    | -9.990000
        studio      | usage            | -        | 9            | -180    | -
    """)  # fmt: skip


def test_top_users_are_ranked_in_each_currency(warehouse: Warehouse) -> None:
    """1,000 yen are not more than 7 euros, nor are 5 euros and 20 dollars 25 of anything."""
    columns = "currency | user_id | application | paid | purchases | credits_spent | credits_charged | generations"
    warehouse.expect("top_users_by_spend", f"""
        {columns} | failed_generations
        EUR | eve | studio | 7.000000    | 1 | -   | 7   | 1 | 0
        EUR | ann | studio | 5.000000    | 1 | 120 | 140 | 6 | 2
        JPY | eve | studio | 1000.000000 | 1 | -   | 7   | 1 | 0
        USD | ann | studio | 19.980000   | 3 | 120 | 140 | 6 | 2
        -   | bob | studio | 0.000000    | 0 | 140 | 180 | 9 | 0
    """)  # fmt: skip
    shown = [row[:2] for row in warehouse.ask("top_users_by_spend", limit=1).rows]
    assert shown == [("EUR", "eve"), ("JPY", "eve"), ("USD", "ann"), (None, "bob")]


def test_a_users_cost_is_known_when_each_charges_is(warehouse: Warehouse) -> None:
    columns = "currency | user_id | application | provider_cost | known_cost | uncosted | credits_charged"
    warehouse.expect("top_users_by_cost", f"""
        {columns} | generations
        EUR | eve | studio | 0.090000 | 0.090000 | 0 | 7   | 1
        USD | ann | studio | 0.500000 | 0.500000 | 0 | 140 | 6
        USD | bob | studio | -        | 0.460000 | 1 | 180 | 9
    """)  # fmt: skip


def test_generations_by_model_and_outcome(warehouse: Warehouse) -> None:
    columns = "generations | completed_generations | failed_generations | pending_generations"
    warehouse.expect("generations_by_model", f"""
        application | model | model_name | {columns} | stale_generations | outputs
        studio      | fox   | - | 14 | 8 | 2 | 3 | 1 | 8
        studio      | owl   | - | 1  | 1 | 0 | 0 | 0 | 1
    """)  # fmt: skip
    warehouse.expect("generation_outcomes", f"""
        day        | {columns} | stale_generations | failure_rate | is_final | complete_through_at
        2026-11-03 | 4  | 0 | 0 | 3 | 1 | -           | no  | 2026-11-03 10:00
        2026-11-02 | 11 | 9 | 2 | 0 | 0 | 0.181818182 | yes | 2026-11-03 00:00
    """)  # fmt: skip


def test_mean_time_is_of_what_was_completed(warehouse: Warehouse) -> None:
    warehouse.expect("generation_time_by_model", """
        application | model | observations | average_ms
        studio      | owl   | 1            | 60000.0
        studio      | fox   | 8            | 5000.0
    """)  # fmt: skip


_COST = "application | source | model | currency | generations | credits_charged | list_price | price_basis | cost"


def test_list_prices_are_measured(warehouse: Warehouse) -> None:
    """300 credits were sold for 29.97 USD, 50 for 5 EUR: 160 of the fox's are 15.984 USD or 16 EUR, and cost dollars.
    The owl's cost is not known."""
    warehouse.expect("provider_cost_by_model", f"""
        {_COST} | margin | uncosted
        studio | palette | fox | EUR | 14 | 280 | 16.000000 | measured | 0.000000 | -         | 0
        studio | palette | owl | EUR | 1  | 100 | 10.000000 | measured | -        | -         | 1
        studio | palette | fox | USD | 14 | 280 | 15.984000 | measured | 0.960000 | 15.024000 | 0
        studio | palette | owl | USD | 1  | 100 | 9.990000  | measured | -        | -         | 1
    """)  # fmt: skip


def test_list_prices_are_set(warehouse: Warehouse) -> None:
    """A credit is 10 cents until the day before, and then 20: all that is completed was so on the second day."""
    warehouse.fill("credit_prices", """
        source  | currency | valid_from_day | valid_to_day | amount_micros | credits
        palette | USD      | 2026-10-01     | 2026-11-01   | 100_000       | 1
        palette | USD      | 2026-11-02     | -            | 19_980_000    | 100
    """)  # fmt: skip
    warehouse.expect("provider_cost_by_model", f"""
        {_COST} | margin | uncosted
        studio | palette | fox | USD | 14 | 280 | 31.968000 | set | 0.960000 | 31.008000 | 0
        studio | palette | owl | USD | 1  | 100 | 19.980000 | set | -        | -         | 1
    """)  # fmt: skip


def test_without_a_price_of_credits_a_list_price_is_not_available(warehouse: Warehouse) -> None:
    """Set from a day on which some of it was made already; and where nothing was sold."""
    warehouse.fill("credit_prices", """
        source  | currency | valid_from_day | amount_micros | credits
        palette | USD      | 2026-11-03     | 100_000       | 1
    """)  # fmt: skip
    for _ in range(2):
        warehouse.expect("provider_cost_by_model", f"""
            {_COST} | margin | uncosted
            studio | palette | fox | USD | 14 | 280 | - | - | 0.960000 | - | 0
            studio | palette | owl | -   | 1  | 100 | - | - | -        | - | 1
        """)  # fmt: skip
        warehouse.connection.execute(sa.text("DELETE FROM credit_prices"))
        warehouse.connection.execute(sa.text("DELETE FROM credits_daily"))


def test_a_model_that_costs_two_currencies_has_no_margin(warehouse: Warehouse) -> None:
    warehouse.fill("generations_daily", """
        day        | application | source  | model | status    | currency | generations | credits_charged | cost_micros
        2026-11-02 | studio      | palette | fox   | completed | EUR      | 1           | 10              | 50_000
    """)  # fmt: skip
    shown = [(row[2], row[3], str(row[8]), row[9]) for row in warehouse.ask("provider_cost_by_model").rows]
    assert [each for each in shown if each[0] == "fox"] == [
        ("fox", "EUR", "0.050000", None),
        ("fox", "USD", "0.960000", None),
    ]


def test_money_of_all_kinds_is_signed(warehouse: Warehouse) -> None:
    warehouse.expect_view("money_daily", "day, kind, currency", """
        day        | kind      | currency | amount_micros | uncosted | unpriced_bytes | is_final
        2026-11-02 | bandwidth | USD      | -11000        | 0        | 0              | yes
        2026-11-02 | provider  |          | -             | 1        | 0              | yes
        2026-11-02 | provider  | USD      | -960000       | 0        | 0              | yes
        2026-11-02 | refund    | USD      | -9990000      | 0        | 0              | yes
        2026-11-02 | revenue   | USD      | 29970000      | 0        | 0              | yes
        2026-11-03 | revenue   | EUR      | 5000000       | 0        | 0              | no
    """)  # fmt: skip


_MONEY = "application | currency | paid | paid_back | provider_cost | bandwidth_cost | margin | uncosted"


def test_no_margin_while_a_cost_is_not_known(warehouse: Warehouse) -> None:
    """The owl's charge may cost dollars or euros: neither has a margin. Nor has any with bytes without a price."""
    warehouse.expect("money_by_application", f"""
        {_MONEY} | unpriced_bytes | is_final
        studio | EUR | 5.000000  | 0.000000  | - | 0.000000  | - | 1 | 0 | no
        studio | USD | 29.970000 | -9.990000 | - | -0.011000 | - | 1 | 0 | yes
    """)  # fmt: skip
    warehouse.connection.execute(sa.text("UPDATE generations_daily SET uncosted = 0"))
    warehouse.expect("money_by_application", f"""
        {_MONEY} | unpriced_bytes | is_final
        studio | EUR | 5.000000  | 0.000000  | 0.000000  | 0.000000  | 5.000000  | 0 | 0 | no
        studio | USD | 29.970000 | -9.990000 | -0.960000 | -0.011000 | 19.009000 | 0 | 0 | yes
    """)  # fmt: skip
    warehouse.fill("bandwidth_cost_daily", """
        day        | application | currency | bytes_sent | cost_micros
        2026-11-03 | studio      |          | 77         | -
    """)  # fmt: skip
    shown = [(row[1], row[5], row[6], row[8]) for row in warehouse.ask("money_by_application").rows]
    assert shown == [("EUR", None, None, 77), ("USD", None, None, 77)]


def test_weeks_of_those_who_came_back(warehouse: Warehouse) -> None:
    warehouse.expect("retention_by_week", """
        application | cohort_first_day | week_first_day | active_users
        studio      | 2026-10-26       | 2026-11-02     | 1
        studio      | 2026-11-02       | 2026-11-02     | 2
    """)  # fmt: skip


def test_hours_and_slow_ones(warehouse: Warehouse) -> None:
    warehouse.fill("generations_hourly", """
        hour_at          | application | source  | model | status    | generations | duration_count | slow_generations
        2026-11-02 10:00 | studio      | palette | fox   | completed | 4           | 4              | 1
        2026-11-02 10:00 | studio      | palette | fox   | failed    | 1           | 1              | 1
        2026-11-02 10:00 | studio      | palette | owl   | failed    | 1           | 1              | 1
        2026-11-02 10:00 | studio      | palette | emu   | failed    | 1           | 0              | 0
        2026-10-31 23:00 | studio      | palette | fox   | failed    | 9           | 9              | 9
    """)  # fmt: skip
    warehouse.expect("generations_by_hour", """
        hour_at          | application | generations | completed_generations | failed_generations | slow_generations
        2026-11-02 10:00 | studio      | 7           | 4                     | 3                  | 3
    """)  # fmt: skip
    warehouse.fill("generation_time_buckets_hourly", """
        hour_at             | application | source  | model | upper_ms | observations
        2026-11-02T10:00:00 | studio      | palette | fox   | 4000     | 18
        2026-11-02T11:00:00 | studio      | palette | fox   | 31000    | 2
    """)  # fmt: skip
    warehouse.expect("generation_times_window", """
        application | model | observations | p50_ms | p95_ms | p99_ms | slow_generations
        studio      | fox   | 20           | 4000   | 31000  | 31000  | 2
        studio      | owl   | 0            | -      | -      | -      | 1
    """)  # fmt: skip


def test_users_failures_and_what_event_files_tell(warehouse: Warehouse) -> None:
    warehouse.fill("active_users_trailing", """
        day        | application | source  | window_days | active_users | new_users
        2026-11-02 | studio      | palette | 7           | 2            | 1
    """)  # fmt: skip
    warehouse.expect("active_users", """
        day        | application | source  | window_days | active_users | new_users | is_final | complete_through_at
        2026-11-02 | studio      | palette | 7           | 2            | 1         | yes      | 2026-11-03 00:00
    """)  # fmt: skip
    warehouse.fill("generation_failures", """
        day | application | source | event_id | failed_at | user_id | model | generation_type | message
        2026-11-02 | studio | palette | e1 | 2026-11-02T09:00:00 | ann | fox | image | time-out
        2026-11-02 | studio      | palette | e2       | 2026-11-02T10:00:00 | ann     | fox   | image           | no
    """)  # fmt: skip
    warehouse.expect("failed_generations", """
        failed_at        | application | user_id | model | generation_type | error_type | message
        2026-11-02 10:00 | studio      | ann     | fox   | image           | -          | no
        2026-11-02 09:00 | studio      | ann     | fox   | image           | -          | time-out
    """)  # fmt: skip
    warehouse.fill(
        "auth_daily", "day | application | source | action | events \n 2026-11-02 | studio | files | signup | 4"
    )
    warehouse.expect("sign_ins", "day | application | action | events \n 2026-11-02 | studio | signup | 4")
    errors = (
        "day | application | source | severity | error_type | errors \n 2026-11-02 | studio | files | error | down | 2"
    )
    warehouse.fill("app_errors_daily", errors)
    warehouse.expect("app_errors", errors.replace(" | source", "").replace(" | files", ""))


def test_balances_are_those_of_the_last_export(warehouse: Warehouse) -> None:
    warehouse.fill("gauges_hourly", """
        hour_at             | source  | gauge          | label | value
        2026-11-02T10:00:00 | palette | credit_balance | 1-10  | 4
        2026-11-02T11:00:00 | palette | credit_balance | 0     | 1
        2026-11-02T11:00:00 | palette | credit_balance | 1-10  | 5
        2026-11-01T10:00:00 | lab     | credit_balance | 1-10  | 9
    """)  # fmt: skip
    warehouse.expect("credit_balances", """
        source  | hour_at          | label | user_count
        lab     | 2026-11-01 10:00 | 1-10  | 9
        palette | 2026-11-02 11:00 | 0     | 1
        palette | 2026-11-02 11:00 | 1-10  | 5
    """)  # fmt: skip


def test_balances_are_the_newest_whatever_the_window_in_the_order_of_numbers(warehouse: Warehouse) -> None:
    """As on the demo: read at four o'clock of the day after the last one, when nobody had generated anything yet."""
    labels = [_label(upper) for upper in (-1, *GAUGE_BANDS, None)]
    rows = "\n".join(f"2026-11-05T04:00:00 | palette | credit_balance | {label} | 7" for label in reversed(labels))
    warehouse.fill("gauges_hourly", f"hour_at | source | gauge | label | value\n{rows}")
    for window in ({}, {"first_day": date(2026, 11, 1), "last_day": date(2026, 11, 2)}):
        assert [row[2] for row in warehouse.ask("credit_balances", **window).rows] == labels


def test_what_was_served_is_of_the_model_that_made_it(warehouse: Warehouse) -> None:
    """100 MB of the first day's 1 GB are of the fox's file, 50 MB of the next day's 300 MB; the fox claims the owl's
    file, too, but later. Of the rest nobody says who made it."""
    warehouse.fill("generated_files_daily", """
        day        | application | source  | media_file_id | model | generation_type | generations
        2026-10-01 | studio      | palette | file-1        | fox   | image           | 1
        2026-11-02 | studio      | palette | file-2        | owl   | video           | 1
        2026-11-03 | studio      | palette | file-2        | fox   | image           | 1
        2026-11-03 | studio      | palette | not-served    | fox   | image           | 1
    """)  # fmt: skip
    warehouse.fill("bandwidth_cost_daily", """
        day        | application  | currency | bytes_sent  | cost_micros
        2026-11-03 | unattributed | USD      | 300_000_000 | 3_301
    """)  # fmt: skip
    warehouse.fill("media_file_daily", """
        day        | application  | media_file_id | bytes_sent
        2026-11-02 | studio       | file-1        | 100_000_000
        2026-11-02 | studio       | file-3        | 500_000_000
        2026-11-03 | unattributed | file-1        | 50_000_000
        2026-11-03 | unattributed | file-2        | 100_000_000
        2026-11-03 | unattributed |               | 7_000
    """)  # fmt: skip
    # fox: 11,000 / 10 + 3,301 / 6 = 1,100 + 550 (550.17); owl: 3,301 / 3 = 1,100 (1,100.33); the rest: 14,301 - 2,750
    warehouse.connection.execute(sa.text("DELETE FROM credits_daily WHERE currency = 'EUR'"))
    columns = "generations | files_served | bytes_sent | bandwidth_cost | list_price | price_basis | provider_cost"
    warehouse.expect("bandwidth_by_model", f"""
        application | source  | model | currency | {columns} | uncosted | margin
        studio | palette | fox | USD | 14 | 1 | 150000000  | 0.001650 | 15.984000 | measured | 0.960000 | 0 | 15.022350
        studio | palette | owl | USD | 1  | 1 | 100000000  | 0.001100 | 9.990000  | measured | -        | 1 | -
        -      | -       | -   | USD | 0  | 0 | 1050000000 | 0.011551 | 0.000000  | -        | 0.000000 | 0 | -0.011551
    """)  # fmt: skip
    assert [row[2] for row in warehouse.ask("bandwidth_by_model", application="studio").rows] == ["fox", "owl"]
    _in_euros(warehouse)
    warehouse.fill("bandwidth_cost_daily", """
        day        | application  | bucket | currency | bytes_sent | cost_micros
        2026-11-04 | unattributed | other  |          | 10         | -
    """)  # fmt: skip
    warehouse.fill("media_file_daily", """
        day        | application  | bucket | media_file_id | bytes_sent
        2026-11-04 | unattributed | other  | file-2        | 10
    """)  # fmt: skip
    shown = [(row[2], row[6], row[7] is None) for row in warehouse.ask("bandwidth_by_model").rows if row[3] != "EUR"]
    assert shown == [("fox", 150_000_000, False), ("owl", 100_000_010, True), (None, 1_050_000_000, True)]


def _in_euros(warehouse: Warehouse) -> None:
    """Half of the second day's bytes of that bucket cost euros: a currency more for who was served of them."""
    warehouse.fill("bandwidth_cost_daily", """
        day        | application  | price_id | currency | bytes_sent  | cost_micros
        2026-11-03 | unattributed | swift/1  | EUR      | 300_000_000 | 600_000
    """)  # fmt: skip
    shown = [(row[2], row[3], str(row[7]), row[12]) for row in warehouse.ask("bandwidth_by_model").rows]
    assert shown == [
        ("fox", "EUR", "0.050000", None), ("owl", "EUR", "0.100000", None),
        ("fox", "USD", "0.001375", None), ("owl", "USD", "0.000550", None),
        (None, "EUR", "0.450000", Decimal("-0.450000")), (None, "USD", "0.012376", Decimal("-0.012376")),
    ]  # fmt: skip
    warehouse.connection.execute(sa.text("DELETE FROM bandwidth_cost_daily WHERE currency = 'EUR'"))
