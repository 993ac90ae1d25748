"""Each view against figures worked by hand: rows in, rows out, on every engine."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from importlib.resources import files
from operator import attrgetter

import pytest
import sqlalchemy as sa

from schemas import VIEWS
from schemas.contract import Contract
from schemas.vocabulary import NOT_COMPARED, RECONCILIATION_REASONS, UNEXPLAINED
from tests.pictures import Warehouse

DAYS = """
    day        | source | state | is_suspect | complete_through_at
    2026-11-01 | aws    | final | no         | 2026-11-02 09:00
    2026-11-01 | ovh    | final | yes        | 2026-11-02 15:00
    2026-11-03 | aws    | final | no         | 2026-11-04 09:00
    2026-11-03 | ovh    | open  | no         | -
"""


@pytest.mark.parametrize("view", VIEWS, ids=attrgetter("name"))
def test_every_view_is_as_its_contract_says(migrated: sa.Engine, view: Contract) -> None:
    columns = [column["name"] for column in sa.inspect(migrated).get_columns(view.name)]
    assert columns == view.names
    assert f"def test_{view.name}" in files("tests").joinpath("warehouse/test_views.py").read_text(encoding="utf-8")


def test_a_view_differs_by_engine_in_whole_lines_only() -> None:
    for view in VIEWS:
        text = files("sql").joinpath("views", f"{view.name}.sql").read_text(encoding="utf-8")
        engines = re.findall(r"^/\* (\w+) *\*/ .* AS (\w+),?$", text, re.MULTILINE)
        assert len(engines) == len(re.findall(r"/\*", text))
        for name in {name for _, name in engines}:
            assert [engine for engine, of in engines if of == name] == ["sqlite", "postgresql", "mysql"]


def test_day_finality(warehouse: Warehouse) -> None:
    """The source that lags decides; one that is suspect makes the day so."""
    warehouse.fill("days", DAYS)
    warehouse.expect_view(
        "day_finality",
        "day",
        """
        day        | is_final | is_suspect | complete_through_at
        2026-11-01 | yes      | yes        | 2026-11-02 09:00
        2026-11-03 | no       | no         | -
        """,
    )


def test_generation_finality(warehouse: Warehouse) -> None:
    """Each generating source by itself; logs are not its business."""
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "days",
        """
        source  | family      | day        | state | is_suspect | complete_through_at
        palette | generations | 2026-11-01 | final | yes        | 2026-11-02T00:00:00
        poses   | generations | 2026-11-01 | open  | no         | -
        """,
    )
    warehouse.expect_view(
        "generation_finality",
        "source",
        """
        day        | source  | is_final | is_suspect | complete_through_at
        2026-11-01 | palette | yes      | yes        | 2026-11-02 00:00
        2026-11-01 | poses   | no       | no         | -
        """,
    )


def test_calendar(warehouse: Warehouse) -> None:
    """A day that nothing is known of stands there, too."""
    warehouse.fill("days", DAYS)
    warehouse.fill("days", "day | source | state \n 2026-10-31 | ovh | final")
    warehouse.expect_view(
        "calendar",
        "day",
        """
        day        | month_first_day | day_of_month | days_in_month | is_known | is_final | is_suspect
        2026-10-31 | 2026-10-01      | 31           | 31            | yes      | yes      | no
        2026-11-01 | 2026-11-01      | 1            | 30            | yes      | yes      | yes
        2026-11-02 | 2026-11-01      | 2            | 30            | no       | no       | no
        2026-11-03 | 2026-11-01      | 3            | 30            | yes      | no       | no
        """,
    )


def test_calendar_is_long_enough_and_knows_leap_years(warehouse: Warehouse) -> None:
    """Twenty years: MySQL and MariaDB would end a plain recursion after 1,000 days."""
    warehouse.fill("days", "day | source \n 2010-01-01 | ovh \n 2029-12-31 | ovh")
    columns = "COUNT(*) AS objects, COUNT(DISTINCT day) AS records"
    assert warehouse.view("calendar", columns).rows == ((7305, 7305),)
    february = "SUM(CASE WHEN days_in_month = 29 THEN 1 ELSE 0 END) AS objects"
    assert warehouse.view("calendar", february).rows == ((5 * 29,),)


def test_money_daily(warehouse: Warehouse) -> None:
    """What is paid is below 0, exact to the millionth; without a price it is not available, never 0, and whoever adds
    dollars up is told in each of their rows that something is left out."""
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "bandwidth_cost_daily",
        """
        day        | application | bucket | price_id | currency | bytes_sent | cost_micros
        2026-11-01 | castingly   | a      | ovh/1    | USD      | 9          | 1_000_001
        2026-11-01 | castingly   | b      | ovh/1    | USD      | 9          | 10
        2026-11-01 | castingly   | a      | ovh/2    | EUR      | 9          | 5
        2026-11-01 | castingly   | c      |          |          | 77         | -
        2026-11-03 | palette     | a      | ovh/1    | USD      | 9          | 0
        """,
    )
    warehouse.expect_view(
        "money_daily",
        "day, application, currency",
        """
        day        | application | kind      | currency | amount_micros | amount    | unpriced_bytes | is_whole | is_final
        2026-11-01 | castingly   | bandwidth |          | -             | -         | 77             | no       | yes
        2026-11-01 | castingly   | bandwidth | EUR      | -5            | -0.000005 | 0              | no       | yes
        2026-11-01 | castingly   | bandwidth | USD      | -1000011      | -1.000011 | 0              | no       | yes
        2026-11-03 | palette     | bandwidth | USD      | 0             | 0.000000  | 0              | yes      | no
        """,  # noqa: E501
    )


def test_credit_price_daily(warehouse: Warehouse) -> None:
    """What is set goes before what was paid; what a final day keeps goes before both, also where there was no price."""
    warehouse.fill(
        "generations_daily",
        """
        day        | source  | model | status
        2026-11-01 | palette | fox   | completed
        2026-11-02 | palette | fox   | completed
        2026-11-02 | palette | hare  | completed
        2026-11-03 | palette | fox   | completed
        2026-11-03 | files   | fox   | completed
        """,
    )
    warehouse.fill(
        "credits_daily",
        """
        day        | source  | transaction_type | currency | credits | paid_micros
        2026-11-01 | palette | purchase         | USD      | 100     | 9_990_000
        2026-11-03 | files   | purchase         | EUR      | 10      | 2_000_000
        """,
    )
    warehouse.fill(
        "credit_prices",
        """
        source  | currency | valid_from_day | valid_to_day | amount_micros | credits
        palette | USD      | 2026-11-01     | -            | 200_000       | 1
        """,
    )
    warehouse.fill(
        "kept_prices",
        """
        kind   | day        | source  | item     | currency | valid_from_day | amount_micros | units
        credit | 2026-11-01 | palette | measured | USD      | 2026-11-01     | 9_990_000     | 100
        credit | 2026-11-02 | palette |          |          | 1970-01-01     | -             | 1
        """,
    )
    warehouse.expect_view(
        "credit_price_daily",
        "day, source, is_in_force, price_basis",
        """
        day        | source  | currency | price_basis | is_in_force | amount_micros | credits
        2026-11-01 | palette | USD      | measured    | no          | 9990000       | 100
        2026-11-01 | palette | USD      | set         | no          | 200000        | 1
        2026-11-01 | palette | USD      | measured    | yes         | 9990000       | 100
        2026-11-02 | palette | USD      | measured    | no          | 9990000       | 100
        2026-11-02 | palette | USD      | set         | no          | 200000        | 1
        2026-11-03 | files   | EUR      | measured    | yes         | 2000000       | 10
        2026-11-03 | palette | USD      | measured    | no          | 9990000       | 100
        2026-11-03 | palette | USD      | set         | yes         | 200000        | 1
        """,
    )


def test_application_daily(warehouse: Warehouse) -> None:
    """The percentiles are those of all operations, neither a mean nor a sum; a cost in two currencies is none."""
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "traffic_daily",
        """
        day        | application | bucket | status_class | requests | deliveries | bytes_sent
        2026-11-01 | castingly   | a      | 2xx          | 90       | 80         | 900
        2026-11-01 | castingly   | b      | 4xx          | 10       | 0          | 100
        2026-11-01 | palette     | a      | 2xx          | 5        | 5          | 50
        2026-11-03 | castingly   | a      | 2xx          | 1        | 1          | 10
        """,
    )
    warehouse.fill(
        "endpoints_daily",
        """
        day        | application | endpoint | requests | errors | server_errors
        2026-11-01 | castingly   | GET x    | 60       | 1      | 1
        2026-11-01 | castingly   | GET y    | 40       | 9      | 0
        2026-11-01 | palette     | GET x    | 5        | 0      | 0
        """,
    )
    warehouse.fill(
        "bandwidth_cost_daily",
        """
        day        | application | bucket | price_id | currency | bytes_sent | cost_micros
        2026-11-01 | castingly   | a      | x        | USD      | 900        | 9_000
        2026-11-01 | castingly   | b      | x        | USD      | 100        | 1_000
        2026-11-01 | palette     | a      | x        | USD      | 40         | 400
        2026-11-01 | palette     | b      | y        | EUR      | 10         | 100
        2026-11-03 | castingly   | a      |          |          | 10         | -
        """,
    )
    warehouse.fill(
        "response_time_daily",
        """
        day        | application | operation_class | measure     | p50_ms | p95_ms | p99_ms
        2026-11-01 | castingly   | *               | total       | 20     | 603    | 900
        2026-11-01 | castingly   | get_object      | total       | 10     | 300    | 400
        2026-11-01 | castingly   | list            | total       | 15     | 241    | 300
        2026-11-01 | castingly   | *               | turn_around | 1      | 2      | 3
        2026-11-01 | *           | *               | total       | 9      | 9      | 9
        """,
    )
    warehouse.expect_view(
        "application_daily",
        "day, application",
        """
        day        | application | requests | deliveries | bytes_sent | currency | cost_micros | unpriced_bytes | errors | server_errors | error_rate | p50_ms | p95_ms | p99_ms | is_final
        2026-11-01 | castingly   | 100      | 80         | 1000       | USD      | 10000       | 0              | 10     | 1             | 0.1        | 20     | 603    | 900    | yes
        2026-11-01 | palette     | 5        | 5          | 50         |          | -           | 0              | 0      | 0             | 0.0        | -      | -      | -      | yes
        2026-11-03 | castingly   | 1        | 1          | 10         |          | -           | 10             | 0      | 0             | -          | -      | -      | -      | no
        """,  # noqa: E501
    )


def test_list_price_daily(warehouse: Warehouse) -> None:
    """300 credits for 29.97 USD on the 2nd, 100 more for 20.03 on the 4th: 9.99 cents a credit up to the 3rd, also
    before the first sale, then 12.5. What is set in the settings goes before what was paid; a credit may cost a yen."""
    warehouse.fill(
        "credits_daily",
        """
        day        | source  | transaction_type | currency | credits | paid_micros
        2026-11-02 | palette | purchase         | USD      | 300     | 29_970_000
        2026-11-02 | palette | purchase         |          | 999     | 0
        2026-11-02 | palette | refund           | USD      | -300    | -29_970_000
        2026-11-04 | palette | purchase         | USD      | 100     | 20_030_000
        2026-11-02 | files   | purchase         | USD      | 1       | 1
        """,
    )
    warehouse.fill(
        "generations_daily",
        """
        day        | source  | model | status    | currency | credits_charged
        2026-11-01 | palette | fox   | completed | USD      | 10
        2026-11-03 | palette | fox   | completed | USD      | 1
        2026-11-03 | palette | fox   | failed    |          | 7
        2026-11-04 | palette | fox   | completed | USD      | 2
        2026-11-04 | files   | fox   | completed |          | 3
        2026-11-05 | files   | fox   | completed |          | 4
        2026-11-05 | nothing | fox   | completed |          | 5
        """,
    )
    warehouse.fill(
        "credit_prices",
        """
        source | currency | valid_from_day | valid_to_day | amount_micros | credits
        files  | JPY      | 2026-11-05     | -            | 1_000_000     | 1
        files  | USD      | 2026-11-01     | 2026-11-04   | 10_000_000    | 3
        """,
    )
    warehouse.expect_view(
        "list_price_daily",
        "day, source",
        """
        day        | source  | currency | completed_credits | list_price_micros | price_basis
        2026-11-01 | palette | USD      | 10                | 999000            | measured
        2026-11-03 | palette | USD      | 1                 | 99900             | measured
        2026-11-04 | files   | USD      | 3                 | 10000000          | set
        2026-11-04 | palette | USD      | 2                 | 250000            | measured
        2026-11-05 | files   | JPY      | 4                 | 4000000           | set
        """,
    )


THREE_DAYS = """
    day        | source | state | complete_through_at
    2026-11-28 | ovh    | final | 2026-11-29T00:00:00
    2026-11-29 | ovh    | final | 2026-11-30T00:00:00
    2026-11-30 | ovh    | final | 2026-12-01T00:00:00
    2026-12-01 | ovh    | open  | 2026-12-01T06:00:00
"""
THREE_DAYS_COST = """
    day        | application | bucket | currency | bytes_sent | cost_micros
    2026-11-28 | castingly   | a      | USD      | 100        | 57_800
    2026-11-30 | palette     | a      | USD      | 200        | 115_800
    2026-12-01 | palette     | a      | USD      | 900        | 900_000
"""


def test_cost_through(warehouse: Warehouse) -> None:
    """0.1736 USD in the month's last three days, of which logs began: 72 known hours of 720 are 1.736 USD, not 0.17.
    The quiet day between is known, the open day is not; one day of 24 hours says 30 times its cost."""
    warehouse.fill("days", THREE_DAYS)
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-28 00:00 | 5")
    warehouse.fill("bandwidth_cost_daily", THREE_DAYS_COST)
    warehouse.expect_view(
        "cost_through",
        "day, application",
        """
        day | application | currency | known_hours | hours_in_month | cost_micros | known_cost_micros | projected_cost
        2026-11-28 | *         | USD | 24 | 720 | 57800  | 57800  | 1.734000
        2026-11-28 | castingly | USD | 24 | 720 | 57800  | 57800  | 1.734000
        2026-11-29 | *         | USD | 48 | 720 | 57800  | 57800  | 0.867000
        2026-11-29 | castingly | USD | 48 | 720 | 57800  | 57800  | 0.867000
        2026-11-30 | *         | USD | 72 | 720 | 173600 | 173600 | 1.736000
        2026-11-30 | castingly | USD | 72 | 720 | 57800  | 57800  | 0.578000
        2026-11-30 | palette   | USD | 72 | 720 | 115800 | 115800 | 1.158000
        2026-12-01 | *         | USD | 0  | 744 | 900000 | 0      | -
        2026-12-01 | palette   | USD | 0  | 744 | 900000 | 0      | -
        """,
    )


def test_a_first_day_is_known_from_its_first_log_on(warehouse: Warehouse) -> None:
    """Six hours are too few to project a month; with the day after they are thirty, and the gate's open day is none."""
    warehouse.fill(
        "days",
        """
        day        | source | state | complete_through_at
        2026-11-28 | ovh    | final | 2026-11-29T00:00:00
        2026-11-29 | ovh    | final | 2026-11-30T00:00:00
        2026-11-30 | ovh    | open  | 2026-12-01T00:00:00
        """,
    )
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-28 18:00 | 5")
    warehouse.fill("bandwidth_cost_daily", THREE_DAYS_COST)
    found = warehouse.view("cost_through", "day, known_hours, known_cost_micros, projected_cost, application")
    figures = [(row[1], row[2], None if row[3] is None else float(row[3])) for row in found.rows if row[4] == "*"]
    assert sorted(figures, key=lambda row: row[0])[:2] == [(6, 57_800, None), (30, 57_800, 1.3872)]
    assert (30, 57_800, 1.3872) in figures[1:] and len(figures) == 3


def test_known_hours_daily(warehouse: Warehouse) -> None:
    """Of logs and of generating systems, each from its own first hour on; the system that lags decides."""
    warehouse.fill("days", THREE_DAYS)
    warehouse.fill(
        "days",
        """
        day        | source | family      | state | complete_through_at
        2026-11-29 | a      | generations | final | 2026-11-30T00:00:00
        2026-11-30 | a      | generations | final | 2026-12-01T00:00:00
        2026-11-30 | b      | generations | open  | 2026-11-30T06:00:00
        """,
    )
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-28 18:00 | 5")
    warehouse.fill("generations_hourly", "hour_at | generations \n 2026-11-29 10:00 | 5")
    warehouse.expect_view(
        "known_hours_daily",
        "family DESC, day",
        """
        family      | day        | week_first_day | month_first_day | hours
        traffic     | 2026-11-28 | 2026-11-23 | 2026-11-01 | 6
        traffic     | 2026-11-29 | 2026-11-23 | 2026-11-01 | 24
        traffic     | 2026-11-30 | 2026-11-30 | 2026-11-01 | 24
        traffic     | 2026-12-01 | 2026-11-30 | 2026-12-01 | 0
        generations | 2026-11-28 | 2026-11-23 | 2026-11-01 | 0
        generations | 2026-11-29 | 2026-11-23 | 2026-11-01 | 14
        generations | 2026-11-30 | 2026-11-30 | 2026-11-01 | 0
        generations | 2026-12-01 | 2026-11-30 | 2026-12-01 | 0
        """,
    )


BUDGETS = """
    budget_name | model | currency | amount_micros | period | costs       | basis     | application | source | user_id | subject_of
    castingly   | *     | USD      | 1_000_000     | month  | bandwidth   | bandwidth | castingly   | *      | *       |
    models      | flux  | EUR      | 5_000_000     | week   | generations | models    | *           | *      | *       |
    models      | veo   | EUR      | 5_000_000     | week   | generations | models    | *           | *      | *       |
    monthly     | *     | USD      | 2_000_000     | month  | bandwidth   | bandwidth | *           | *      | *       |
    users       | *     | EUR      | 2_000_000     | month  | generations | users     | *           | gen    | *       | user
"""  # noqa: E501


def test_budget_through(warehouse: Warehouse) -> None:
    """28 November 2026 is a Saturday: a week's budget begins anew on Monday the 30th, a month's goes on. What is in
    another currency, or in none, is named and held against nothing; another system and another model are not asked."""
    warehouse.fill("days", THREE_DAYS)
    generating = "\n".join(
        f"2026-11-{day} | gen | generations | final | {end}T00:00:00"
        for day, end in ((28, "2026-11-29"), (29, "2026-11-30"), (30, "2026-12-01"))
    )
    warehouse.fill("days", f"day | source | family | state | complete_through_at\n{generating}")
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-28 00:00 | 5")
    warehouse.fill("generations_hourly", "hour_at | generations \n 2026-11-28 00:00 | 5")
    warehouse.fill("bandwidth_cost_daily", THREE_DAYS_COST)
    warehouse.fill("bandwidth_cost_daily", "day | application | bytes_sent | cost_micros\n2026-11-30 | palette | 7 | -")
    warehouse.fill(
        "generations_daily",
        """
        day        | source | model | currency | cost_micros | uncosted
        2026-11-28 | gen    | flux  | EUR      | 900_000     | 0
        2026-11-30 | gen    | flux  | EUR      | 500_000     | 0
        2026-11-30 | gen    | veo   | EUR      | 600_000     | 0
        2026-11-30 | gen    | veo   | USD      | 700_000     | 0
        2026-11-30 | gen    | veo   |          | 0           | 3
        2026-11-30 | gen    | flux  |          | 0           | 0
        2026-11-30 | gen    | other | EUR      | 800_000     | 0
        """,
    )
    warehouse.fill(
        "generation_users_daily",
        """
        day        | source | user_id | currency | cost_micros
        2026-11-28 | gen    | u-1     | EUR      | 150_000
        2026-11-30 | gen    | u-1     | EUR      | 100_000
        2026-11-30 | gen    | u-2     | EUR      | 1
        2026-11-30 | else   | u-2     | EUR      | 900_000
        """,
    )
    warehouse.fill("budgets", BUDGETS)
    figures = (
        "budget_name, subject, currency, is_counted, period_first_day, known_hours, hours_in_period, cost_micros, "
        "known_cost_micros, projected_cost, budget, is_over_budget"
    )
    found = warehouse.view(
        "budget_through", figures, "budget_name, subject, is_counted DESC, currency", "day = '2026-11-30'"
    )
    month, week = (date(2026, 11, 1), 72, 720), (date(2026, 11, 30), 24, 168)
    assert [(*row[:3], row[3], row[4:7], row[7], row[8], row[9], row[10], row[11]) for row in found.rows] == [
        ("castingly", "*", "USD", True, month, 57_800, 57_800, Decimal("0.578"), Decimal(1), False),
        ("models", "*", "EUR", True, week, 1_100_000, 1_100_000, Decimal("7.7"), Decimal(5), True),
        ("models", "*", "", False, week, 0, 0, 0, None, None),
        ("models", "*", "USD", False, week, 700_000, 700_000, Decimal("4.9"), None, None),
        ("monthly", "*", "USD", True, month, 173_600, 173_600, Decimal("1.736"), Decimal(2), None),
        ("monthly", "*", "", False, month, 0, 0, 0, None, None),
        ("users", "u-1", "EUR", True, month, 250_000, 250_000, Decimal("2.5"), Decimal(2), True),
        ("users", "u-2", "EUR", True, month, 1, 1, Decimal("0.00001"), Decimal(2), False),
    ]
    told = warehouse.view(
        "budget_through", "uncosted, unpriced_bytes, budget_name", where="currency = '' AND day = '2026-11-30'"
    )
    assert sorted(told.rows) == [(0, 7, "monthly"), (3, 0, "models")]


def test_what_a_budget_and_the_month_say_is_the_same(warehouse: Warehouse) -> None:
    """Of all days, in every figure: they rest on the same hours."""
    warehouse.fill("days", THREE_DAYS)
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-28 07:00 | 5")
    warehouse.fill("bandwidth_cost_daily", THREE_DAYS_COST)
    warehouse.fill("budgets", BUDGETS)
    figures = "day, known_hours, cost_micros, known_cost_micros, projected_cost"
    budgeted = warehouse.view("budget_through", figures, where="budget_name = 'monthly'").rows
    assert len(budgeted) == 4
    assert budgeted == warehouse.view("cost_through", figures, where="application = '*'").rows


def test_month_to_date(warehouse: Warehouse) -> None:
    """10 USD on the one day that is known of 30 are 300 USD a month; no month costs less than it has.
    The budget is that of all applications, in its currency."""
    warehouse.fill("days", DAYS)
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-01 00:00 | 5")
    warehouse.fill(
        "bandwidth_cost_daily",
        """
        day        | application | bucket | currency | bytes_sent | cost_micros
        2026-11-01 | castingly   | a      | USD      | 100        | 10_000_000
        2026-11-03 | palette     | a      | USD      | 200        | 20_000_000
        2026-11-03 | palette     | b      |          | 7          | -
        """,
    )
    warehouse.fill(
        "alert_checks_daily",
        """
        day        | rule           | check_group | unit | threshold | verdict
        2026-11-03 | monthly_budget | *           | USD  | 299.99    | critical
        2026-11-01 | monthly_budget | *           | USD  | 1         | critical
        """,
    )
    warehouse.expect_view(
        "month_to_date",
        "application, currency",
        """
        application | currency | last_day | days_so_far | known_hours | cost | projected_cost | budget | is_over_budget
        *         |     | 2026-11-03 | 3 | 24 | -         | -          | -          | -
        *         | USD | 2026-11-03 | 3 | 24 | 30.000000 | 300.000000 | 299.990000 | yes
        castingly | USD | 2026-11-03 | 3 | 24 | 10.000000 | 300.000000 | -          | -
        palette   |     | 2026-11-03 | 3 | 24 | -         | -          | -          | -
        palette   | USD | 2026-11-03 | 3 | 24 | 20.000000 | 20.000000  | -          | -
        """,
    )


def test_month_to_date_against_the_invoices(warehouse: Warehouse) -> None:
    """Two sources cost 30 USD together and were billed 40: a quarter is not traffic. EUR: none of `aws`."""
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "bandwidth_cost_daily",
        """
        day        | application | price_id         | currency | bytes_sent | cost_micros
        2026-11-01 | castingly   | ovh/bytes_sent/1 | USD      | 100        | 10_000_000
        2026-11-03 | palette     | aws/bytes_sent/1 | USD      | 200        | 20_000_000
        2026-11-03 | palette     | ovh/bytes_sent/2 | EUR      | 5          | 50
        2026-11-03 | palette     | aws/bytes_sent/2 | EUR      | 5          | 50
        2026-11-03 | palette     |                  |          | 7          | -
        """,
    )
    invoices = """
        source | month_first_day | currency | month_last_day | days_in_month | amount_micros
        ovh    | 2026-11-01      | USD      | 2026-11-30     | 30            | 15_000_000
        aws    | 2026-11-01      | USD      | 2026-11-30     | 30            | 25_000_000
        ovh    | 2026-11-01      | EUR      | 2026-11-30     | 30            | 60
        aws    | 2026-10-01      | EUR      | 2026-10-31     | 31            | 60
    """
    warehouse.fill("invoices", invoices)
    warehouse.expect_view(
        "month_to_date",
        "application, currency",
        """
        application | currency | cost      | invoice   | invoice_difference | invoice_difference_share
        *           |          | -         | -         | -                  | -
        *           | EUR      | 0.000100  | -         | -                  | -
        *           | USD      | 30.000000 | 40.000000 | 10.000000          | 0.25
        castingly   | USD      | 10.000000 | -         | -                  | -
        palette     |          | -         | -         | -                  | -
        palette     | EUR      | 0.000100  | -         | -                  | -
        palette     | USD      | 20.000000 | -         | -                  | -
        """,
    )


def test_a_source_whose_name_begins_as_another_ones_has_no_share_in_its_invoice(warehouse: Warehouse) -> None:
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "bandwidth_cost_daily",
        "day | price_id | currency | cost_micros \n 2026-11-01 | ovh2/bytes_sent/1 | USD | 10",
    )
    warehouse.fill(
        "invoices",
        """
        source | month_first_day | currency | month_last_day | days_in_month | amount_micros
        ovh    | 2026-11-01      | USD      | 2026-11-30     | 30            | 10
        """,
    )
    assert set(warehouse.view("month_to_date", "invoice").rows) == {(None,)}
    assert [row[4] for row in warehouse.ask("invoice").rows] == [None]


def test_response_time_window(warehouse: Warehouse) -> None:
    """A window is as final as its last day."""
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "response_time_trailing",
        """
        day        | application | window_days | observations | p50_ms | p95_ms | p99_ms | max_ms
        2026-11-01 | *           | 7           | 11           | 10     | 500    | 501    | 502
        2026-11-02 | castingly   | 30          | 5            | 1      | 2      | 3      | 4
        """,
    )
    warehouse.expect_view(
        "response_time_window",
        "day",
        """
        day | application | window_days | observations | p50_ms | p95_ms | p99_ms | max_ms | is_final | is_suspect
        2026-11-01 | *         | 7  | 11 | 10 | 500 | 501 | 502 | yes | yes
        2026-11-02 | castingly | 30 | 5  | 1  | 2   | 3   | 4   | no  | no
        """,
    )


RECONCILED = """
    day        | application | outcome  | reason        | requests | events | log_bytes | app_bytes
    2026-11-01 | castingly   | matched  | event_address | 80       | 40     | 800       | 900
    2026-11-01 | castingly   | log_only | bot           | 15       | 0      | 100       | 0
    2026-11-01 | castingly   | log_only | other_client  | 3        | 0      | 50        | 0
    2026-11-01 | castingly   | app_only | no_delivery   | 0        | 2      | 0         | 70
    2026-11-01 | palette     | log_only | unknown_key   | 10       | 0      | 10        | 0
    2026-11-03 | castingly   | app_only | no_delivery   | 0        | 4      | 0         | 40
"""
OPEN_DAY = (
    "0 of 0 requests belong to 0 of 4 events of the application. Events without a delivery, so far: 4. The day is open:"
    " its logs are not complete yet."
)
AGREED = (
    "80 of 98 requests belong to 40 of 42 events of the application. Events without a delivery: 2 (its log is missing,"
    " or a cache kept the file for long). They agree as far as so few can tell: 5 of 85 are unexplained."
)


def test_reconciliation_summary(warehouse: Warehouse) -> None:
    """castingly: 3 + 2 of 85 are unexplained, which may be chance; with palette 15 of 95, which is too much."""
    warehouse.fill("days", DAYS)
    warehouse.fill("reconciliation_daily", RECONCILED)
    warehouse.expect_view(
        "reconciliation_summary",
        "day, application",
        """
        day | application | log_requests | matched_requests | app_events | app_only_events | compared | unexplained | is_reconciled
        2026-11-01 | *         | 108 | 80 | 42 | 2 | 95 | 15 | no
        2026-11-01 | castingly | 98  | 80 | 42 | 2 | 85 | 5  | yes
        2026-11-01 | palette   | 10  | 0  | 0  | 0 | 10 | 10 | no
        2026-11-03 | *         | 0   | 0  | 4  | 4 | 4  | 4  | -
        2026-11-03 | castingly | 0   | 0  | 4  | 4 | 4  | 4  | -
        """,  # noqa: E501
    )
    said = dict(row for row in warehouse.view("reconciliation_summary", "application, sentence", "day DESC").rows)
    assert said["castingly"] == AGREED
    assert said["palette"].endswith("They do not agree: 10 of 10 are unexplained, more than 5 %.")
    (open_day, *_), *_ = warehouse.view("reconciliation_summary", "sentence", "day DESC, application").rows
    assert open_day == OPEN_DAY


def test_every_reason_is_compared_or_not_and_explained_or_not_as_the_vocabulary_says(warehouse: Warehouse) -> None:
    """Of each reason one request or event, on its own application."""
    rows = [(outcome, reason) for outcome, of in RECONCILIATION_REASONS.items() for reason in of]
    header = "day | application | outcome | reason | requests | events"
    told = [
        f"2026-11-01 | {outcome} {reason} | {outcome} | {reason} | {int(outcome != 'app_only')} | "
        f"{int(outcome != 'log_only')}"
        for outcome, reason in rows
    ]
    warehouse.fill("reconciliation_daily", "\n".join((header, *told)))
    columns = "application, compared, unexplained"
    found = warehouse.view("reconciliation_summary", columns, where="application <> '*'").rows
    assert {str(name): (int(compared), int(alone)) for name, compared, alone in found} == {
        f"{outcome} {reason}": (
            int(reason not in NOT_COMPARED.get(outcome, ())), int(reason in UNEXPLAINED.get(outcome, ()))
        )
        for outcome, reason in rows
    }  # fmt: skip


@pytest.mark.parametrize(("alone", "verdict"), [(50, True), (63, True), (65, False), (120, False)])
def test_they_disagree_when_it_is_no_chance(alone: int, verdict: bool, warehouse: Warehouse) -> None:
    """Of 1,000: 5 % may be; 6.3 % has 4.96 % as the lower bound of its interval, 6.5 % has 5.1 %."""
    warehouse.fill("days", DAYS)
    warehouse.fill("reconciliation_daily", f"""
        day        | application | outcome  | reason        | requests | events
        2026-11-01 | castingly   | matched  | event_address | {1000 - alone} | {1000 - alone}
        2026-11-01 | castingly   | log_only | other_client  | {alone} | 0
        2026-11-01 | castingly   | app_only | edge_cache    | 0 | 5000
    """)  # fmt: skip
    columns = "is_reconciled, unexplained_share, sentence"
    ((agrees, share, sentence),) = warehouse.view(
        "reconciliation_summary", columns, where="application = 'castingly'"
    ).rows
    assert (agrees, share) == (verdict, alone / 1000)
    assert "Events that a cache answered which had fetched their file: 5000." in sentence


def test_unique_visitors(warehouse: Warehouse) -> None:
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "audience_trailing",
        """
        day        | application | window_days | unique_addresses | unique_users | is_behind_cdn
        2026-11-01 | *           | 7           | 5                | 3            | yes
        2026-11-01 | castingly   | 7           | 4                | 3            | no
        2026-11-01 | palette     | 7           | 3                | -            | -
        """,
    )
    warehouse.expect_view(
        "unique_visitors",
        "application",
        """
        application | window_days | unique_users | visitors | basis                                         | is_final
        *           | 7           | 3            | -        | not available: the addresses are those of a CDN | yes
        castingly   | 7           | 3            | 4        | addresses                                     | yes
        palette     | 7           | -            | 3        | addresses; whether a CDN stands before them is not known | yes
        """,  # noqa: E501
    )
