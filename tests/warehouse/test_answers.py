"""Each answer against figures worked by hand: rows in, rows out, in a migrated warehouse on every engine."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from mediameter.answers import (
    Answer,
    AnswerError,
    Known,
    Result,
    Window,
    asked,
    catalogue,
    require_known,
    window,
    write,
)
from schemas import TABLES
from schemas.vocabulary import histogram_edge
from tests.pictures import FIRST, LAST, Warehouse

ROOT = Path(__file__).parents[2]
DAYS = """
    day        | source | state | complete_through_at
    2026-11-01 | ovh    | final | 2026-11-02 15:00
    2026-11-02 | ovh    | open  | 2026-11-02 15:00
"""


# --- one picture an answer ---------------------------------------------------------------------------
def test_bandwidth_by_day(warehouse: Warehouse) -> None:
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "traffic_daily",
        """
        day        | application | operation_class | status_class | records | requests | deliveries | bytes_sent
        2026-10-31 | castingly   | get_object      | 2xx          | 900     | 900      | 900        | 900
        2026-11-01 | castingly   | get_object      | 2xx          | 5       | 5        | 3          | 5_000_000_000
        2026-11-01 | castingly   | lifecycle       | none         | 4       | 0        | 0          | 0
        2026-11-01 | palette     | get_object      | 2xx          | 1       | 1        | 1          | 70
        2026-11-02 | castingly   | put_object      | 2xx          | 2       | 2        | 0          | 0
        2026-11-08 | castingly   | get_object      | 2xx          | 900     | 900      | 900        | 900
        """,
    )
    warehouse.expect(
        "bandwidth_by_day",
        """
        day        | requests | deliveries | bytes_sent | is_final | complete_through_at
        2026-11-02 | 2        | 0          | 0          | no       | 2026-11-02 15:00
        2026-11-01 | 6        | 4          | 5000000070 | yes      | 2026-11-02 15:00
        """,
    )
    warehouse.expect(
        "bandwidth_by_day",
        """
        day        | requests | deliveries | bytes_sent | is_final | complete_through_at
        2026-11-01 | 1        | 1          | 70         | yes      | 2026-11-02 15:00
        """,
        application="palette",
    )


def test_the_source_that_lags_decides_whether_a_day_is_final(warehouse: Warehouse) -> None:
    warehouse.fill(
        "days",
        """
        day        | source | state  | complete_through_at
        2026-11-01 | aws    | frozen | 2026-11-05 00:00
        2026-11-01 | ovh    | open   | 2026-11-01 20:00
        2026-11-02 | aws    | final  | 2026-11-05 00:00
        2026-11-02 | ovh    | open   | -
        2026-11-03 | aws    | frozen | 2026-11-05 00:00
        2026-11-03 | ovh    | final  | 2026-11-04 12:00
        """,
    )
    warehouse.fill("days", "tenant | day | source | state | complete_through_at \n third | 2026-11-03 | ovh | open | -")
    warehouse.fill(
        "traffic_daily",
        """
        day        | requests
        2026-11-01 | 1
        2026-11-02 | 1
        2026-11-03 | 1
        2026-11-04 | 1
        """,
    )
    warehouse.expect(
        "bandwidth_by_day",
        """
        day        | requests | deliveries | bytes_sent | is_final | complete_through_at
        2026-11-04 | 1        | 0          | 0          | no       | -
        2026-11-03 | 1        | 0          | 0          | yes      | 2026-11-04 12:00
        2026-11-02 | 1        | 0          | 0          | no       | -
        2026-11-01 | 1        | 0          | 0          | no       | 2026-11-01 20:00
        """,
    )


@pytest.mark.parametrize(
    "answer", [answer for answer in catalogue() if "application" in answer.parameters], ids=attrgetter("name")
)
def test_one_application_is_asked_alone(warehouse: Warehouse, answer: Answer) -> None:
    warehouse.fill("days", "day | source | state \n 2026-11-07 | ovh | open")
    for table in (contract for contract in TABLES if "application" in contract.names):
        row = {"application": "castingly", "operation_class": "*", "measure": "total", "hour_at": "2026-11-01 10:00"}
        row |= {
            "day": "2026-11-07",
            "observations": "5",
            "window_days": "7" if table.name in ("media_file_trailing", "response_time_trailing") else "1",
            "status": "completed",
            "currency": "USD",
            "generations": "1",
        }
        given = {name: value for name, value in row.items() if name in table.names}
        warehouse.fill(table.name, f"{' | '.join(given)}\n{' | '.join(given.values())}")
    found, missed = (warehouse.ask(answer.name, application=name).rows for name in ("castingly", "nobody"))
    assert len(found) == 1
    assert not missed or (answer.name == "response_times_window" and missed[0][0] == 0)


def test_cost_by_application(warehouse: Warehouse) -> None:
    """A millionth survives on every engine, and bytes without a price cost "not available", not 0."""
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "bandwidth_cost_daily",
        """
        day        | application | bucket | price_id | currency | requests | bytes_sent | cost_micros
        2026-11-01 | castingly   | a      | ovh/1    | USD      | 2        | 500        | 1_000_001
        2026-11-01 | castingly   | b      | ovh/1    | USD      | 1        | 100        | 10
        2026-11-01 | castingly   | c      |          |          | 7        | 700        | -
        2026-11-01 | palette     | a      | ovh/2    | EUR      | 3        | 300        | 0
        2026-11-02 | castingly   | a      | ovh/1    | USD      | 1        | 100        | 5
        """,
    )
    warehouse.expect(
        "cost_by_application",
        """
        day        | application | requests | bytes_sent | cost     | currency | is_final | complete_through_at
        2026-11-02 | castingly   | 1        | 100        | 0.000005 | USD      | no       | 2026-11-02 15:00
        2026-11-01 | castingly   | 7        | 700        | -        | -        | yes      | 2026-11-02 15:00
        2026-11-01 | castingly   | 3        | 600        | 1.000011 | USD      | yes      | 2026-11-02 15:00
        2026-11-01 | palette     | 3        | 300        | 0.000000 | EUR      | yes      | 2026-11-02 15:00
        """,
    )


COSTS = """
    day        | application | bucket | currency | bytes_sent | cost_micros
    2026-10-31 | castingly   | a      | USD      | 900        | 900_000_000
    2026-11-01 | castingly   | a      | USD      | 1000       | 60_000_000
    2026-11-02 | castingly   | a      | USD      | 500        | 30_000_000
    2026-11-02 | castingly   | b      |          | 70         | -
    2026-11-15 | palette     | a      | USD      | 200        | 10_000_000
    2026-11-16 | palette     | a      | USD      | 900        | 900_000_000
"""


@pytest.mark.parametrize(
    ("budget", "shown", "is_over"),
    [
        (None, "-", "-"),
        ("200.00 USD", "200.000000", "no"),  # met exactly
        ("199.999999 USD", "199.999999", "yes"),
        ("1.00 EUR", "-", "-"),  # a budget in another currency judges nothing
    ],
)
def test_cost_projection(warehouse: Warehouse, budget: str | None, shown: str, is_over: str) -> None:
    """100 USD in 360 known hours of 720: 200 USD. First and last day of the month are the answer's own business; what
    lies before the first log is not known, and the open day stands in the cost alone."""
    warehouse.fill("days", MONTH)
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-01 00:00 | 5")
    warehouse.fill(
        "bandwidth_cost_daily",
        COSTS.replace("2026-11-16 | palette     | a      | USD      | 900        | 900", OPEN_DAY),
    )
    warehouse.expect(
        "cost_projection",
        f"""
        {_PROJECTION_COLUMNS}
        -   | 70   | -          | -          | -       | -         | 15 | 360 | 16 | 30
        USD | 2600 | 150.000000 | 200.000000 | {shown} | {is_over} | 15 | 360 | 16 | 30
        """,
        first_day=date(2026, 11, 9),
        last_day=date(2026, 11, 16),
        budget=budget,
    )


def test_the_budget_of_all_is_not_one_applications(warehouse: Warehouse) -> None:
    """castingly's 900 USD are its own business; the budget of 500 USD is of all together."""
    warehouse.fill("days", MONTH)
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-01 00:00 | 5")
    warehouse.fill(
        "bandwidth_cost_daily", "day | application | currency | cost_micros\n2026-11-02 | castingly | USD | 900_000_000"
    )
    last, held = date(2026, 11, 16), {}
    for application in ("*", "castingly"):
        asked = {"first_day": last, "last_day": last, "budget": "500.00 USD", "application": application}
        found = warehouse.ask("cost_projection", **asked)
        [row] = [dict(zip(found.columns, each, strict=True)) for each in found.rows]
        held[application] = (row["budget"], row["is_over_budget"])
    assert held == {"*": (500, True), "castingly": (None, None)}


def test_budgets(warehouse: Warehouse) -> None:
    """100 USD in the 360 known hours of a month's 720, 0.30 of them castingly's; the open day's 50 count in the cost
    alone. Monday the 16th is open, so that of the week nothing can be projected, and more than it holds is spent. What
    is in EUR is named. Without a known day in the window there is nothing."""
    warehouse.fill("days", MONTH)
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-01 00:00 | 5")
    warehouse.fill(
        "bandwidth_cost_daily",
        """
        day        | application | currency | bytes_sent | cost_micros
        2026-11-02 | castingly   | USD      | 9          | 30_000_000
        2026-11-15 | palette     | USD      | 9          | 70_000_000
        2026-11-15 | palette     | EUR      | 9          | 1_000_000
        2026-11-15 | palette     |          | 70         | -
        2026-11-16 | palette     | USD      | 9          | 50_000_000
        """,
    )
    warehouse.fill(
        "budgets",
        """
        budget_name | model | currency | amount_micros | period | costs     | basis     | application | source | user_id
        all         | *     | USD      | 200_000_000   | month  | bandwidth | bandwidth | *           | *      | *
        castingly   | *     | USD      | 59_999_999    | month  | bandwidth | bandwidth | castingly   | *      | *
        week        | *     | USD      | 49_000_000    | week   | bandwidth | bandwidth | *           | *      | *
        """,
    )
    warehouse.expect(
        "budgets",
        """
        budget_name | subject | period | period_first_day | day | currency | is_counted | cost | projected_cost | budget | is_over_budget | known_hours | hours_in_period | uncosted | unpriced_bytes
        all       | * | month | 2026-11-01 | 2026-11-16 | USD | yes | 150.000000 | 200.000000 | 200.000000 | - | 360 | 720 | 0 | 0
        all       | * | month | 2026-11-01 | 2026-11-16 | -   | no  | 0.000000   | 0.000000   | -          | -  | 360 | 720 | 0 | 70
        all       | * | month | 2026-11-01 | 2026-11-16 | EUR | no  | 1.000000   | 2.000000   | -          | -  | 360 | 720 | 0 | 0
        castingly | * | month | 2026-11-01 | 2026-11-16 | USD | yes | 30.000000  | 60.000000  | 59.999999  | yes | 360 | 720 | 0 | 0
        week      | * | week  | 2026-11-16 | 2026-11-16 | USD | yes | 50.000000  | -          | 49.000000  | yes | 0   | 168 | 0 | 0
        """,  # noqa: E501
        first_day=date(2026, 11, 9),
        last_day=date(2026, 11, 20),
    )
    assert not warehouse.ask("budgets", first_day=date(2026, 12, 1), last_day=date(2026, 12, 9)).rows


OPEN_DAY = "2026-11-16 | palette     | a      | USD      | 900        | 50"


def test_a_month_costs_no_less_than_it_has(warehouse: Warehouse) -> None:
    """The open day alone has cost 900 USD: beside a projection of 200 USD, a budget of 500 USD is broken already."""
    warehouse.fill("days", MONTH)
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-01 00:00 | 5")
    warehouse.fill("bandwidth_cost_daily", COSTS)
    last = date(2026, 11, 16)
    found = warehouse.ask("cost_projection", first_day=last, last_day=last, budget="500.00 USD")
    told = [dict(zip(found.columns, row, strict=True)) for row in found.rows if row[0] == "USD"]
    assert [(row["cost"], row["projected_cost"], row["is_over_budget"]) for row in told] == [(1000, 1000, True)]


MONTH = "day | source | state | complete_through_at\n" + "\n".join(
    f"2026-11-{n:02} | ovh | {'final' if n < 16 else 'open'} | 2026-11-{min(n + 1, 16):02}T00:00:00"
    for n in range(1, 17)
)
_PROJECTION_COLUMNS = (
    "currency | bytes_sent | cost | projected_cost | budget | is_over_budget | final_days | known_hours | days_so_far"
    " | days_in_month"
)


def test_cost_projection_keeps_six_digits(warehouse: Warehouse) -> None:
    """10 micros in 7 of 30 days: 42.857 micros. The days between the two that are final were quiet."""
    final = "2026-11-0{0} | ovh | final | 2026-11-0{1}T00:00:00"
    days = "\n".join(final.format(day, day + 1) for day in (1, 7))
    warehouse.fill("days", f"day | source | state | complete_through_at \n {days}")
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-01 00:00 | 5")
    warehouse.fill("bandwidth_cost_daily", "day | currency | bytes_sent | cost_micros \n 2026-11-03 | USD | 9 | 10")
    warehouse.expect(
        "cost_projection",
        f"""
        {_PROJECTION_COLUMNS}
        USD | 9 | 0.000010 | 0.000043 | - | - | 2 | 168 | 7 | 30
        """,
    )


def test_top_files_by_bandwidth(warehouse: Warehouse) -> None:
    """One file in two applications is one row; its id shows although one day did not know it yet."""
    warehouse.fill(
        "media_file_daily",
        """
        day | application | bucket | media_file_id | object_key_sha256 | object_key | requests | deliveries | bytes_sent | last_at
        2026-11-01 | castingly | a |   | 01 | files/u/castingly-x/1.jpg | 2 | 1 | 100 | 2026-11-01 08:00
        2026-11-02 | palette   | a | 7 | 01 | files/u/castingly-x/1.jpg | 3 | 3 | 150 | 2026-11-02 09:30
        2026-11-02 | castingly | a |   | 02 | files/u/castingly-x/2.jpg | 1 | 1 | 200 | 2026-11-02 07:00
        2026-11-02 | castingly | b |   | 02 | files/u/castingly-x/2.jpg | 1 | 1 | 199 | 2026-11-02 07:00
        2026-11-08 | castingly | a |   | 02 | files/u/castingly-x/2.jpg | 9 | 9 | 900 | 2026-11-08 07:00
        """,  # noqa: E501
    )
    warehouse.expect(
        "top_files_by_bandwidth",
        """
        bucket | object_key                | media_file_id | requests | deliveries | bytes_sent | last_at
        a      | files/u/castingly-x/1.jpg | 7             | 5        | 4          | 250        | 2026-11-02 09:30
        a      | files/u/castingly-x/2.jpg | -             | 1        | 1          | 200        | 2026-11-02 07:00
        """,
        limit=2,
    )
    warehouse.expect(
        "top_files_by_bandwidth",
        """
        bucket | object_key                | media_file_id | requests | deliveries | bytes_sent | last_at
        a      | files/u/castingly-x/1.jpg | 7             | 3        | 3          | 150        | 2026-11-02 09:30
        """,
        application="palette",
    )


def test_response_times(warehouse: Warehouse) -> None:
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "response_time_daily",
        """
        day | application | operation_class | measure | observations | mean_ms | p50_ms | p95_ms | p99_ms | max_ms
        2026-11-01 | * | * | total | 9 | 40 | 30 | 90 | 99 | 100
        2026-11-01 | * | * | turn_around | 4 | 11 | 10 | 19 | 20 | 21
        2026-11-01 | * | get_object | total | 4 | 44 | 44 | 44 | 44 | 44
        2026-11-01 | castingly | * | total | 2 | 55 | 50 | 60 | 60 | 60
        2026-11-02 | * | * | total | 1 | 7 | 7 | 7 | 7 | 7
        """,
    )
    columns = (
        "day | measure | observations | mean_ms | p50_ms | p95_ms | p99_ms | max_ms | is_final | complete_through_at"
    )
    warehouse.expect(
        "response_times",
        f"""
        {columns}
        2026-11-02 | total       | 1 | 7  | 7  | 7  | 7  | 7   | no  | 2026-11-02 15:00
        2026-11-01 | total       | 9 | 40 | 30 | 90 | 99 | 100 | yes | 2026-11-02 15:00
        2026-11-01 | turn_around | 4 | 11 | 10 | 19 | 20 | 21  | yes | 2026-11-02 15:00
        """,
    )
    warehouse.expect(
        "response_times",
        f"""
        {columns}
        2026-11-01 | total       | 2 | 55 | 50 | 60 | 60 | 60  | yes | 2026-11-02 15:00
        """,
        application="castingly",
    )


BUCKETS = """
    hour_at          | application | operation_class | upper_ms | observations
    2026-10-31 22:00 | castingly   | get_object      | 9999     | 1000
    2026-10-31 23:00 | castingly   | get_object      | 10       | 8
    2026-11-01 05:00 | castingly   | get_object      | 10       | 3
    2026-11-01 05:00 | castingly   | put_object      | 10       | 7
    2026-11-01 22:00 | palette     | get_object      | 100      | 1
    2026-11-01 22:00 | castingly   | get_object      | 500      | 1
    2026-11-01 23:00 | castingly   | get_object      | 9999     | 1000
"""
SLOWEST = """
    day        | application | operation_class | measure     | max_ms
    2026-10-31 | *           | *               | total       | 9_990
    2026-11-01 | *           | *               | total       | 498
    2026-11-01 | castingly   | *               | total       | 498
    2026-11-01 | castingly   | get_object      | total       | 498
    2026-11-01 | castingly   | put_object      | total       | 10
    2026-11-01 | palette     | get_object      | total       | 100
    2026-11-01 | *           | *               | turn_around | 700
"""
BERLIN = {"first_day": FIRST, "last_day": FIRST, "zone": ZoneInfo("Europe/Berlin")}  # 23:00 to 23:00 UTC


def test_response_times_window(warehouse: Warehouse) -> None:
    """20 requests of a day in Berlin: 18 at 10 ms, then 100, then 498 (of the bucket to 500). p95 is the 19th, p99 the
    20th, and not above the slowest."""
    warehouse.fill("response_time_buckets_hourly", BUCKETS)
    warehouse.fill("response_time_daily", SLOWEST)
    warehouse.expect(
        "response_times_window",
        """
        observations | p50_ms | p95_ms | p99_ms | max_ms
        20           | 10     | 100    | 498    | 498
        """,
        **BERLIN,
    )
    warehouse.expect(
        "response_times_window",
        """
        observations | p50_ms | p95_ms | p99_ms | max_ms
        0            | -      | -      | -      | -
        """,
        application="nobody",
    )


def test_response_times_window_is_at_most_one_percent_too_high(warehouse: Warehouse) -> None:
    seeded = random.Random(2)
    times = sorted(seeded.choice((0, 1, seeded.randrange(200), seeded.randrange(90_000))) for _ in range(333))
    edges = [histogram_edge(time) for time in times]
    lines = [f"2026-11-02 10:00 | {edge} | {edges.count(edge)}" for edge in set(edges)]
    warehouse.fill("response_time_buckets_hourly", "\n".join(["hour_at | upper_ms | observations", *lines]))
    result = warehouse.ask("response_times_window")
    shown = dict(zip(result.columns, result.rows[0], strict=True))
    assert shown["observations"] == 333
    for p in (50, 95, 99):
        exact = times[-(-p * 333 // 100) - 1]
        assert exact <= shown[f"p{p}_ms"] <= exact * 1.01


def test_slow_operations(warehouse: Warehouse) -> None:
    warehouse.fill("response_time_buckets_hourly", BUCKETS)
    warehouse.fill("response_time_daily", SLOWEST)
    warehouse.expect(
        "slow_operations",
        """
        application | operation_class | observations | p50_ms | p95_ms | max_ms
        castingly   | get_object      | 12           | 10     | 498    | 498
        palette     | get_object      | 1            | 100    | 100    | 100
        castingly   | put_object      | 7            | 10     | 10     | 10
        """,
        **BERLIN,
    )


ENDPOINTS = """
    day | application | endpoint | requests | errors | errors_without_crawlers | server_errors | client_aborts
    2026-11-01 | castingly | get_object * | 3 | 1 | 1 | 1 | 0
    2026-11-01 | palette   | get_object * | 6 | 2 | 2 | 0 | 2
    2026-11-02 | castingly | get_object * | 5 | 0 | 0 | 0 | 0
    2026-11-02 | castingly | list -       | 4 | 3 | 2 | 1 | 1
    2026-11-03 | castingly | other        | 0 | 0 | 0 | 0 | 0
"""


def test_error_rate(warehouse: Warehouse) -> None:
    """A third keeps its digits on every engine; the share of no requests is "not available"."""
    warehouse.fill("days", DAYS)
    warehouse.fill("endpoints_daily", ENDPOINTS)
    warehouse.expect(
        "error_rate",
        f"""
        {" | ".join(("day", *_ERRORS, *_RATES, "is_final", "complete_through_at"))}
        2026-11-03 | 0 | 0 | 0 | -           | -           | -           | no  | -
        2026-11-02 | 9 | 3 | 2 | 0.333333333 | 0.111111111 | 0.111111111 | no  | 2026-11-02 15:00
        2026-11-01 | 9 | 3 | 3 | 0.333333333 | 0.111111111 | 0.222222222 | yes | 2026-11-02 15:00
        """,
    )


_ERRORS = ("requests", "errors", "errors_without_crawlers")
_RATES = ("error_rate", "server_error_rate", "client_abort_rate")


def test_error_rate_by_endpoint(warehouse: Warehouse) -> None:
    warehouse.fill("endpoints_daily", ENDPOINTS)
    warehouse.expect(
        "error_rate_by_endpoint",
        f"""
        {" | ".join(("application", "endpoint", *_ERRORS, *_RATES))}
        castingly | list -       | 4 | 3 | 2 | 0.75        | 0.25  | 0.25
        palette   | get_object * | 6 | 2 | 2 | 0.333333333 | 0.0   | 0.333333333
        castingly | get_object * | 8 | 1 | 1 | 0.125       | 0.125 | 0.0
        """,
        limit=3,
    )


def test_errors_by_status(warehouse: Warehouse) -> None:
    warehouse.fill(
        "errors_daily",
        """
        day        | application | endpoint     | http_status | error_code | requests
        2026-11-01 | castingly   | get_object * | 404         | NoSuchKey  | 2
        2026-11-02 | castingly   | get_object * | 404         | NoSuchKey  | 3
        2026-11-02 | castingly   | get_object * | 499         |            | 4
        2026-11-08 | castingly   | get_object * | 499         |            | 4
        """,
    )
    warehouse.expect(
        "errors_by_status",
        """
        http_status | error_code | application | endpoint     | requests
        404         | NoSuchKey  | castingly   | get_object * | 5
        499         | -          | castingly   | get_object * | 4
        """,
    )


def test_requests_by_operation(warehouse: Warehouse) -> None:
    warehouse.fill(
        "traffic_daily",
        """
        day        | application | operation_class | status_class | records | requests | deliveries | bytes_sent
        2026-11-01 | castingly   | get_object      | 2xx          | 4       | 4        | 3          | 400
        2026-11-02 | palette     | get_object      | 2xx          | 1       | 1        | 1          | 100
        2026-11-02 | castingly   | get_object      | 4xx          | 2       | 2        | 0          | 20
        2026-11-02 | castingly   | lifecycle       | none         | 9       | 0        | 0          | 0
        """,
    )
    warehouse.expect(
        "requests_by_operation",
        """
        operation_class | status_class | records | requests | deliveries | bytes_sent
        lifecycle       | none         | 9       | 0        | 0          | 0
        get_object      | 2xx          | 5       | 5        | 4          | 500
        get_object      | 4xx          | 2       | 2        | 0          | 20
        """,
    )


def test_unique_addresses(warehouse: Warehouse) -> None:
    """The row over all applications is read, never summed from theirs: one address may ask two of them."""
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "audience_trailing",
        """
        day        | application | window_days | unique_addresses | is_behind_cdn
        2026-11-01 | *           | 1           | 5                | -
        2026-11-01 | *           | 7           | 11               | yes
        2026-11-01 | castingly   | 1           | 4                | no
        2026-11-01 | palette     | 1           | 3                | no
        """,
    )
    warehouse.expect(
        "unique_addresses",
        """
        day        | window_days | unique_addresses | is_behind_cdn | is_final | complete_through_at
        2026-11-01 | 1           | 5                | -             | yes      | 2026-11-02 15:00
        2026-11-01 | 7           | 11               | yes           | yes      | 2026-11-02 15:00
        """,
    )
    warehouse.expect(
        "unique_addresses",
        """
        day        | window_days | unique_addresses | is_behind_cdn | is_final | complete_through_at
        2026-11-01 | 1           | 3                | no            | yes      | 2026-11-02 15:00
        """,
        application="palette",
    )


def test_countries(warehouse: Warehouse) -> None:
    warehouse.fill(
        "countries_daily",
        """
        day        | application | country | edge   | requests | deliveries | bytes_sent
        2026-11-01 | castingly   | DE      | direct | 2        | 1          | 20
        2026-11-02 | palette     | DE      | direct | 2        | 2          | 30
        2026-11-02 | castingly   | DE      | edge   | 3        | 3          | 60
        2026-11-02 | castingly   | unknown | direct | 1        | 0          | 0
        """,
    )
    warehouse.expect(
        "countries",
        """
        country | edge   | requests | deliveries | bytes_sent
        DE      | direct | 4        | 3          | 50
        DE      | edge   | 3        | 3          | 60
        """,
        limit=2,
    )


def test_checks(warehouse: Warehouse) -> None:
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "alert_checks_daily",
        """
        day | rule | check_group | value | threshold | unit | verdict | sample | complete_through_at
        2026-11-01 | error_rate | * | 0.25 | 0.01 | ratio | critical | 8 | 2026-11-02 14:00
        2026-11-01 | monthly_budget | * | - | - | USD | not_available | 8 | 2026-11-02 14:00
        2026-11-02 | error_rate     | *           | 0     | 0.01      | ratio | not_yet_knowable | 3      | -
        """,
    )
    warehouse.expect(
        "checks",
        """
        day | rule | check_group | verdict | value | threshold | unit | sample | is_final | complete_through_at
        2026-11-02 | error_rate     | * | not_yet_knowable | 0.0  | 0.01 | ratio | 3 | no  | -
        2026-11-01 | error_rate     | * | critical         | 0.25 | 0.01 | ratio | 8 | yes | 2026-11-02 14:00
        2026-11-01 | monthly_budget | * | not_available    | -    | -    | USD   | 8 | yes | 2026-11-02 14:00
        """,
    )


def test_completeness(warehouse: Warehouse) -> None:
    warehouse.fill(
        "days",
        """
        day | source | state | is_suspect | revision | complete_through_at | objects | lines | parsed | ignored | rejected | duplicates | bytes_sent | rejected_least_bytes | rejected_most_bytes | unsized_lines | unsure_lines | unsure_bytes
        2026-11-01 | ovh | frozen | yes | 2 | 2026-11-02 15:00 | 3 | 10 | 7 | 1 | 2 | 1 | 900 | 5 | 70 | 1 | 2 | 30
        2026-11-02 | ovh | open   | no  | 1 | -                | 0 | 0  | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0
        2026-11-08 | ovh | open   | no  | 1 | -                | 0 | 0  | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0
        """,  # noqa: E501
    )
    columns = (
        "day | source | state | is_final | is_suspect | revision | complete_through_at | objects | lines | parsed"
        " | ignored | rejected | duplicates | bytes_sent | rejected_least_bytes | rejected_most_bytes"
        " | unsized_lines | unsure_lines | unsure_bytes"
    )
    warehouse.expect(
        "completeness",
        f"""
        {columns}
        2026-11-02 | ovh | open   | no  | no  | 1 | -                | 0 | 0  | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0
        2026-11-01 | ovh | frozen | yes | yes | 2 | 2026-11-02 15:00 | 3 | 10 | 7 | 1 | 2 | 1 | 900 | 5 | 70 | 1 | 2 | 30
        """,  # noqa: E501
    )


def test_rejects_by_reason(warehouse: Warehouse) -> None:
    """A line counts at its object's first record, else at its last-modified; line 0 is an object refused whole. Rows
    of tables count on their day, and those without one always."""
    warehouse.fill(
        "objects",
        """
        object_id | source | object_key | state      | first_at         | last_modified_at
        1         | ovh    | a          | settled    | 2026-11-01 00:00 | 2026-11-09 00:00
        2         | ovh    | b          | refused    | -                | 2026-11-07 23:59
        3         | ovh    | c          | settled    | 2026-10-31 23:59 | 2026-11-01 01:00
        4         | ovh    | d          | settled    | -                | 2026-11-08 00:00
        5         | ovh    | e          | superseded | 2026-11-02 00:00 | 2026-11-02 01:00
        """,
    )
    warehouse.fill(
        "rejects",
        """
        object_id | line_number | reason     | least_bytes | most_bytes
        1         | 3           | BAD_TIME   | 5           | 70368744177664
        1         | 4           | BAD_TIME   | 6           | 70368744177664
        1         | 9           | SHORT_LINE | -           | -
        2         | 0           | TRUNCATED  | -           | -
        3         | 1           | BAD_TIME   | 7           | 7
        4         | 1           | BAD_TIME   | 7           | 7
        5         | 1           | BAD_TIME   | 7           | 7
        """,
    )
    warehouse.fill(
        "row_rejects",
        """
        source | table_name          | row_id | export_day | reason    | detail
        shop   | credit_transactions | t-1    | 2026-11-01 | BAD_MONEY | money: -500
        shop   | credit_transactions | t-2    | 2026-11-07 | BAD_MONEY | money: -1
        shop   | credit_transactions | t-3    | 2026-10-31 | BAD_MONEY | money: -2
        shop   | generation_events   | g-1    | -          | NO_TIME   | created_at: none
        """,
    )
    warehouse.expect(
        "rejects_by_reason",
        """
        source | reason     | rejected_lines | rejected_rows | refused_objects | least_bytes | most_bytes      | unsized_lines
        ovh    | BAD_TIME   | 2              | 0             | 0               | 11          | 140737488355328 | 0
        ovh    | SHORT_LINE | 1              | 0             | 0               | 0           | 0               | 1
        shop   | BAD_MONEY  | 0              | 2             | 0               | 0           | 0               | 0
        shop   | NO_TIME    | 0              | 1             | 0               | 0           | 0               | 0
        ovh    | TRUNCATED  | 0              | 0             | 1               | 0           | 0               | 0
        """,  # noqa: E501
    )


# --- the application beside the log ------------------------------------------------------------------
def test_top_files_combined(warehouse: Warehouse) -> None:
    """Only the 7 days that end with the last one, by what was sent; a key that is no media file has no name."""
    warehouse.fill(
        "media_files",
        """
        media_file_id | object_key_sha256 | object_key | original_filename | mime_type  | is_deleted
        7             | 01                | files/1    | Head shot.jpg     | image/jpeg | yes
        """,
    )
    warehouse.fill(
        "media_file_trailing",
        """
        day | window_days | application | object_key_sha256 | media_file_id | object_key | deliveries | bytes_sent | unique_users | unique_addresses | last_at
        2026-11-07 | 7  | castingly | 01 | 7 | files/1 | 4 | 400 | 2 | 3 | 2026-11-06 08:00
        2026-11-07 | 7  | castingly | 02 |   | files/2 | 1 | 500 | - | 1 | 2026-11-05 08:00
        2026-11-07 | 7  | palette   | 01 | 7 | files/1 | 9 | 900 | 9 | 9 | 2026-11-06 08:00
        2026-11-07 | 30 | castingly | 01 | 7 | files/1 | 9 | 900 | 9 | 9 | 2026-11-06 08:00
        2026-11-06 | 7  | castingly | 01 | 7 | files/1 | 9 | 900 | 9 | 9 | 2026-11-06 08:00
        """,  # noqa: E501
    )
    warehouse.expect(
        "top_files_combined",
        """
        application | original_filename | mime_type | object_key | access_count | unique_users | unique_ips | total_bandwidth | last_accessed
        castingly | -             | -          | files/2 | 1 | - | 1 | 500 | 2026-11-05 08:00
        castingly | Head shot.jpg | image/jpeg | files/1 | 4 | 2 | 3 | 400 | 2026-11-06 08:00
        """,  # noqa: E501
        application="castingly",
    )


def test_usage_by_user(warehouse: Warehouse) -> None:
    warehouse.fill(
        "users_daily",
        """
        day        | application | user_id | requests | deliveries | bytes_sent | last_at
        2026-11-01 | castingly   | u1      | 2        | 1          | 10         | 2026-11-01 09:00
        2026-11-02 | palette     | u1      | 3        | 2          | 10         | 2026-11-02 09:00
        2026-11-02 | castingly   | u2      | 1        | 1          | 30         | 2026-11-02 10:00
        2026-11-08 | castingly   | u2      | 9        | 9          | 90         | 2026-11-08 10:00
        """,
    )
    warehouse.expect(
        "usage_by_user",
        """
        user_id | requests | deliveries | bytes_sent | last_at
        u2      | 1        | 1          | 30         | 2026-11-02 10:00
        u1      | 5        | 3          | 20         | 2026-11-02 09:00
        """,
    )


def test_usage_by_application(warehouse: Warehouse) -> None:
    warehouse.fill(
        "traffic_daily",
        """
        day        | application  | operation_class | requests | deliveries | bytes_sent
        2026-11-01 | castingly    | get_object      | 2        | 1          | 10
        2026-11-02 | castingly    | put_object      | 3        | 0          | 0
        2026-11-02 | unattributed | get_object      | 1        | 1          | 30
        2026-11-08 | castingly    | get_object      | 9        | 9          | 90
        """,
    )
    warehouse.expect(
        "usage_by_application",
        """
        application  | requests | deliveries | bytes_sent
        unattributed | 1        | 1          | 30
        castingly    | 5        | 1          | 10
        """,
    )


def test_authenticated_share(warehouse: Warehouse) -> None:
    """Two of three deliveries went to a known user; without an application it is not available."""
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "audience_trailing",
        """
        day        | application | window_days | authenticated_deliveries
        2026-11-01 | *           | 1           | 2
        2026-11-01 | *           | 7           | 9
        2026-11-01 | castingly   | 1           | 1
        2026-11-02 | *           | 1           | -
        """,
    )
    warehouse.fill(
        "traffic_daily",
        """
        day        | application | operation_class | deliveries
        2026-11-01 | castingly   | get_object      | 2
        2026-11-01 | palette     | get_object      | 1
        2026-11-02 | palette     | get_object      | 5
        """,
    )
    columns = "day | deliveries | authenticated_deliveries | anonymous_deliveries | authenticated_share | is_final"
    warehouse.expect(
        "authenticated_share",
        f"""
        {columns} | complete_through_at
        2026-11-02 | 5 | - | - | -           | no  | 2026-11-02 15:00
        2026-11-01 | 3 | 2 | 1 | 0.666666667 | yes | 2026-11-02 15:00
        """,
    )
    assert warehouse.ask("authenticated_share", application="castingly").rows[0][1:5] == (2, 1, 1, 0.5)


def test_top_addresses(warehouse: Warehouse) -> None:
    """One address asks half of all; on two days and for two applications it is still one."""
    warehouse.fill(
        "addresses_daily",
        """
        day        | application | address | edge   | addresses | requests | deliveries | bytes_sent
        2026-11-01 | castingly   | aa      | direct | 1         | 40       | 4          | 400
        2026-11-02 | palette     | aa      | direct | 1         | 10       | 1          | 100
        2026-11-01 | castingly   | other   | -      | 30        | 20       | 2          | 20
        2026-11-02 | castingly   | other   | -      | 20        | 20       | 2          | 20
        2026-11-02 | castingly   | bb      | edge   | 1         | 10       | 1          | 10
        2026-11-08 | castingly   | bb      | edge   | 1         | 900      | 1          | 10
        """,
    )
    warehouse.expect(
        "top_addresses",
        """
        address | edge   | addresses | requests | deliveries | bytes_sent | requests_share
        aa      | direct | 1         | 50       | 5          | 500        | 0.5
        other   | -      | 50        | 40       | 4          | 40         | 0.4
        """,
        limit=2,
    )


AGENTS = """
    day        | application | user_agent  | is_bot | requests | deliveries | bytes_sent
    2026-11-01 | castingly   | curl/8      | yes    | 3        | 1          | 10
    2026-11-01 | castingly   | Mozilla/5.0 | no     | 6        | 6          | 60
    2026-11-02 | palette     | curl/8      | yes    | 4        | 0          | 5
    2026-11-02 | palette     |             | no     | 1        | 1          | 1
    2026-11-08 | palette     | curl/8      | yes    | 99       | 9          | 9
"""


def test_top_user_agents(warehouse: Warehouse) -> None:
    warehouse.fill("user_agents_daily", AGENTS)
    warehouse.expect(
        "top_user_agents",
        """
        user_agent  | is_bot | requests | deliveries | bytes_sent
        curl/8      | yes    | 7        | 1          | 15
        Mozilla/5.0 | no     | 6        | 6          | 60
        -           | no     | 1        | 1          | 1
        """,
    )


def test_bot_share(warehouse: Warehouse) -> None:
    warehouse.fill("days", DAYS)
    warehouse.fill("user_agents_daily", AGENTS)
    warehouse.expect(
        "bot_share",
        """
        day        | requests | bot_requests | bot_share   | bot_bytes | is_final | complete_through_at
        2026-11-02 | 5        | 4            | 0.8         | 5         | no       | 2026-11-02 15:00
        2026-11-01 | 9        | 3            | 0.333333333 | 10        | yes      | 2026-11-02 15:00
        """,
    )


RECONCILED = """
    day        | application | outcome  | reason        | requests | deliveries | events | log_bytes | app_bytes
    2026-11-01 | castingly   | matched  | event_address | 98       | 49         | 49     | 500       | 900
    2026-11-01 | castingly   | log_only | bot           | 2        | 2          | 0      | 20        | 0
    2026-11-01 | palette     | log_only | bot           | 1        | 1          | 0      | 10        | 0
    2026-11-02 | castingly   | app_only | no_delivery   | 0        | 0          | 4      | 0         | 40
"""


def test_reconciliation(warehouse: Warehouse) -> None:
    warehouse.fill("days", DAYS)
    warehouse.fill("reconciliation_daily", RECONCILED)
    result = warehouse.ask("reconciliation", application="castingly")
    shown = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    assert [(row["matched_share"], row["log_only_share"], row["app_only_share"]) for row in shown] == [
        (None, None, 1.0),
        (0.98, 0.02, 0.0),
    ]
    assert [row["is_reconciled"] for row in shown] == [None, True]
    assert shown[0]["sentence"] == (
        "0 of 0 requests belong to 0 of 4 events of the application. Events without a delivery, so far: 4. The day is"
        " open: its logs are not complete yet."
    )


def test_reconciliation_reasons(warehouse: Warehouse) -> None:
    warehouse.fill("reconciliation_daily", RECONCILED)
    warehouse.expect(
        "reconciliation_reasons",
        """
        outcome  | reason        | requests | deliveries | events | log_bytes | app_bytes
        app_only | no_delivery   | 0        | 0          | 4      | 0         | 40
        log_only | bot           | 3        | 3          | 0      | 30        | 0
        matched  | event_address | 98       | 49         | 49     | 500       | 900
        """,
    )


def test_attribution(warehouse: Warehouse) -> None:
    warehouse.fill(
        "attribution_daily",
        """
        day        | application  | match_basis   | match_confidence | requests | deliveries | bytes_sent
        2026-11-01 | castingly    | event_address | high             | 3        | 2          | 20
        2026-11-02 | castingly    | event_address | high             | 1        | 1          | 10
        2026-11-02 | castingly    | referer       | low              | 2        | 2          | 5
        2026-11-02 | unattributed | none          | none             | 9        | 0          | 0
        2026-11-08 | castingly    | referer       | low              | 99       | 2          | 5
        """,
    )
    warehouse.expect(
        "attribution",
        """
        application  | match_basis   | match_confidence | requests | deliveries | bytes_sent
        unattributed | none          | none             | 9        | 0          | 0
        castingly    | event_address | high             | 4        | 3          | 30
        castingly    | referer       | low              | 2        | 2          | 5
        """,
    )


def test_month_to_date(warehouse: Warehouse) -> None:
    """1 USD on the one day that is known of 30 is 30 USD a month; the open day's 5 USD stand in the cost alone."""
    warehouse.fill("days", DAYS)
    warehouse.fill("traffic_hourly", "hour_at | requests \n 2026-11-01 00:00 | 5")
    warehouse.fill(
        "bandwidth_cost_daily",
        """
        day        | application | currency | bytes_sent | cost_micros
        2026-11-01 | castingly   | USD      | 10         | 1_000_000
        2026-11-02 | palette     | USD      | 20         | 5_000_000
        """,
    )
    columns = (
        "month_first_day | currency | last_day | days_so_far | days_in_month | final_days | known_hours | bytes_sent"
        " | cost | projected_cost | budget | is_over_budget"
    )
    warehouse.expect(
        "month_to_date",
        f"""
        {columns}
        2026-11-01 | USD | 2026-11-02 | 2 | 30 | 1 | 24 | 30 | 6.000000 | 30.000000 | - | -
        """,
    )


def test_invoice(warehouse: Warehouse) -> None:
    """A complete month of which traffic explains 3 of 4 USD; one that costs more than was billed; one without logs."""
    days = "\n".join(f"2026-02-{n:02} | ovh | final" for n in range(1, 29))
    warehouse.fill("days", f"day | source | state \n {days} \n 2026-03-01 | ovh | final \n 2026-02-01 | aws | open")
    warehouse.fill(
        "bandwidth_cost_daily",
        """
        day        | application | price_id         | currency | bytes_sent | cost_micros
        2026-02-01 | castingly   | ovh/bytes_sent/1 | USD      | 1_000      | 1_000_000
        2026-02-28 | palette     | ovh/bytes_sent/1 | USD      | 2_000      | 2_000_001
        2026-02-28 | palette     | aws/bytes_sent/1 | USD      | 7          | 700_000
        2026-02-28 | palette     | ovh/bytes_sent/2 | EUR      | 7          | 700_000
        2026-03-01 | palette     | ovh/bytes_sent/1 | USD      | 5          | 11_000_000
        """,
    )
    warehouse.fill(
        "invoices",
        """
        source | month_first_day | currency | month_last_day | days_in_month | amount_micros | bytes_sent | citation
        ovh    | 2026-02-01      | USD      | 2026-02-28     | 28            | 4_000_000     | 3_200      | FR-1
        ovh    | 2026-03-01      | USD      | 2026-03-31     | 31            | 10_000_000    | -          | FR-2
        ovh    | 2026-04-01      | USD      | 2026-04-30     | 30            | 0             | 0          | FR-3
        ovh    | 2026-05-01      | USD      | 2026-05-31     | 31            | 7             | -          | FR-4
        """,
    )
    result = warehouse.ask("invoice", first_day=date(2026, 2, 28), last_day=date(2026, 4, 1))
    assert result.columns[2:] == (
        "currency", "bytes_sent", "cost", "invoiced_bytes", "invoice", "invoice_difference",
        "invoice_difference_share", "is_complete", "sentence", "citation",
    )  # fmt: skip
    april, march, february = result.rows
    assert february[:2] == (date(2026, 2, 1), "ovh") and february[2:4] == ("USD", 3000)
    assert february[4:8] == (Decimal("3.000001"), 3200, Decimal("4.000000"), Decimal("0.999999"))
    assert february[8:] == (
        0.24999975,
        True,
        "The measured traffic explains 75 % of the invoice; the rest is storage, requests and other items."
        " Of the bytes that it names 94 % were measured.",
        "FR-1",
    )
    assert march[4:10] == (Decimal("11.000000"), None, Decimal("10.000000"), Decimal("-1.000000"), -0.1, False)
    assert march[10] == (
        "The measured traffic costs 110 % of the invoice: more than was billed. Not every day of the month is final."
    )
    assert april[3:10] == (None, None, 0, Decimal("0.000000"), None, None, False)
    assert april[10] == ("No traffic with a price in this currency was measured. Not every day of the month is final.")


def test_response_times_trailing(warehouse: Warehouse) -> None:
    warehouse.fill("days", DAYS)
    warehouse.fill(
        "response_time_trailing",
        """
        day        | application | window_days | observations | p50_ms | p95_ms | p99_ms | max_ms
        2026-11-01 | *           | 7           | 20           | 10     | 10     | 100    | 100
        2026-11-01 | *           | 30          | 20           | 10     | 10     | 100    | 100
        2026-11-01 | castingly   | 7           | 19           | 10     | 10     | 10     | 10
        2026-11-02 | *           | 7           | 20           | 10     | 10     | 100    | 100
        """,
    )
    warehouse.expect(
        "response_times_trailing",
        """
        day | window_days | observations | p50_ms | p95_ms | p99_ms | max_ms | is_final | complete_through_at
        2026-11-01 | 7  | 20 | 10 | 10 | 100 | 100 | yes | 2026-11-02 15:00
        2026-11-01 | 30 | 20 | 10 | 10 | 100 | 100 | yes | 2026-11-02 15:00
        """,
        last_day=FIRST,
    )


def test_cache_hit_ratio(warehouse: Warehouse) -> None:
    warehouse.expect(
        "cache_hit_ratio",
        """
        cache_hit_ratio | status        | reason
        -               | not_available | S3 access logs hold no cache hit or miss; the logs of the CDN are needed
        """,
    )


# --- the catalogue -----------------------------------------------------------------------------------
@pytest.mark.parametrize("answer", catalogue(), ids=attrgetter("name"))
def test_every_answer_is_whole_tested_and_in_the_docs(answer: Answer) -> None:
    of_generations = (ROOT / "tests/generations/test_answers.py").read_text(encoding="utf-8")
    assert f"test_{answer.name}" in globals() or f'expect("{answer.name}", ' in " ".join(of_generations.split())
    assert f"### {answer.name}\n" in (ROOT / "docs/answers.md").read_text(encoding="utf-8")
    assert answer.question.endswith("?")
    assert answer.asked_in and answer.note
    statement = re.sub(r"--.*", "", answer.sql)
    assert set(re.findall(r"(?<!:):([a-z_]+)", statement)) == set(answer.parameters)


def test_an_unknown_answer_names_the_near_ones(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match=r"'top_file'.*top_files_by_bandwidth"):
        warehouse.ask("top_file")
    with pytest.raises(AnswerError, match="bot_share, budgets, cache_hit_ratio"):
        warehouse.ask("zzz")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"first_day": LAST, "last_day": FIRST}, "ends .* before it begins"),
        ({"limit": 0}, "shows nothing"),
        ({"budget": "200"}, "no budget"),
        ({"budget": "NaN USD"}, "no budget"),
        ({"budget": "0.0000001 USD"}, "no budget"),
        ({"last_day": date.max}, "calendar"),
    ],
)
def test_what_cannot_be_asked(warehouse: Warehouse, more: dict[str, Any], said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        warehouse.ask("cost_projection", **more)


# --- the window --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("last", "days"),
    [
        ("7d", (date(2026, 11, 4), date(2026, 11, 10))),
        ("1d", (date(2026, 11, 10), date(2026, 11, 10))),
        ("2026-11-01..2026-11-07", (FIRST, LAST)),
        ("2026-11-01", (FIRST, FIRST)),
    ],
)
def test_window(last: str, days: tuple[date, date]) -> None:
    assert window(last, newest=date(2026, 11, 10)) == days


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("0d", "no window"),
        ("7", "no window"),
        ("", "no window"),
        ("7d ", "no window"),
        ("2026-11-01..", "no window"),
        ("2026-11-31", "does not exist"),
        ("2026-11-07..2026-11-01", "ends before it begins"),
    ],
)
def test_no_window(last: str, said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        window(last, newest=date(2026, 11, 10))


# --- writing -----------------------------------------------------------------------------------------
RESULT = Result(
    ("day", "object_key", "requests", "error_rate", "cost", "is_final", "last_at"),
    (
        (FIRST, "=cmd|' /C calc'!A0", 12, 0.25, Decimal("1.000001"), True, datetime(2026, 11, 1, 8, tzinfo=UTC)),
        (FIRST, 'a"b,\r\nc\x1b[2J', 0, None, None, None, None),
    ),
)


def _text_of(format: str, result: Result = RESULT) -> str:
    out = io.StringIO(newline="")
    write(result, format, out)
    return out.getvalue()


def test_table() -> None:
    assert _text_of("table").splitlines() == [
        "day         object_key          requests     error_rate           cost  is_final       last_at",
        "2026-11-01  =cmd|' /C calc'!A0        12           25 %           1.00  yes            2026-11-01T08:00:00Z",
        r'2026-11-01  a"b,\r\nc\x1b[2J           0  not available  not available  not available  not available',
    ]
    assert _text_of("table", Result(("day",), ())) == "day\n(no rows)\n"


def test_csv() -> None:
    rows = list(csv.reader(io.StringIO(_text_of("csv"), newline="")))
    assert rows[1] == ["2026-11-01", "'=cmd|' /C calc'!A0", "12", "0.25", "1.000001", "true", "2026-11-01T08:00:00Z"]
    assert rows[2] == ["2026-11-01", 'a"b,\r\nc\x1b[2J', "0", "", "", "", ""]
    assert len(rows) == 3


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_csv_takes_the_sting_out_of_formulas_but_not_of_numbers(first: str) -> None:
    rows = _text_of("csv", Result(("object_key", "value"), ((f"{first}1", -1.5),)))
    assert list(csv.reader(io.StringIO(rows, newline="")))[1] == [f"'{first}1", "-1.5"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("zz;=cmd|x!A0", "zz;'=cmd|x!A0"), ("a,+1", "a,'+1"), ("a\t@x", "a\t'@x"),
        ('"=1', "\"'=1"), ("a\n-1", "a\n'-1"),
        ("＝1", "'＝1"), ("a;;b=c; -d", "a;;b=c; -d"), ("2026-11-01", "2026-11-01"), ("m@il", "m@il"),
    ],
)  # fmt: skip
def test_a_formula_has_its_sting_taken_out_where_another_separator_begins_a_cell(text: str, told: str) -> None:
    rows = _text_of("csv", Result(("object_key", "value"), ((text, -1.5),)))
    assert list(csv.reader(io.StringIO(rows, newline="")))[1] == [told, "-1.5"]


def test_json() -> None:
    first, second = json.loads(_text_of("json"))
    assert first["cost"] == 1.000001
    assert (first["day"], first["is_final"], first["last_at"]) == ("2026-11-01", True, "2026-11-01T08:00:00Z")
    assert second["cost"] is None


def test_parquet() -> None:
    out = io.BytesIO()
    write(RESULT, "parquet", out)
    frame = pl.read_parquet(io.BytesIO(out.getvalue()))
    assert tuple(frame.rows()) == RESULT.rows
    assert frame.schema["cost"] == pl.Decimal(38, 6)
    assert frame.schema["last_at"] == pl.Datetime("us", "UTC")


# --- names and windows ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("column", "name", "told"),
    [
        ("application", "castngly", "did you mean castingly?"),
        ("application", "xyz", "there are castingly, palette"),
        ("model", "fux", "did you mean fox?"),
        ("user_id", "user-18", "did you mean user-17?"),
        ("user_id", "xyz", "there are 1, and none is near"),
    ],
)
def test_a_name_that_there_is_not_names_those_that_are_near(
    warehouse: Warehouse, column: str, name: str, told: str
) -> None:
    warehouse.fill("traffic_daily", "day | application \n 2026-11-01 | castingly \n 2026-11-01 | palette")
    warehouse.fill("traffic_daily", "day | application | tenant \n 2026-11-01 | castngly | other")
    warehouse.fill("generations_daily", "day | application | model \n 2026-11-01 | palette | fox")
    warehouse.fill("users_daily", "day | application | user_id \n 2026-11-01 | castingly | user-17")
    with pytest.raises(AnswerError, match=re.escape(told)):
        require_known(warehouse.connection, column, name, "default")


def test_names_that_there_are_pass(warehouse: Warehouse) -> None:
    warehouse.fill("traffic_daily", "day | application \n 2026-11-01 | castingly")
    require_known(warehouse.connection, "application", "castingly", "default")


def test_windows_of_words() -> None:
    """Of hours, the last whole ones that are complete; the days that they touch, in the reporting zone."""
    through = datetime(2026, 11, 2, 14, 59, tzinfo=UTC)
    known, zone = Known(date(2026, 9, 1), date(2026, 11, 2), through), ZoneInfo("Europe/Berlin")
    now = datetime(2026, 11, 4, 23, 30, tzinfo=UTC)
    assert asked("today", known, now, zone) == Window(date(2026, 11, 5), date(2026, 11, 5))
    assert asked("all", known, now, zone) == Window(date(2026, 9, 1), date(2026, 11, 2))
    assert asked("7d", known, now, zone) == Window(date(2026, 10, 27), date(2026, 11, 2))
    end = datetime(2026, 11, 2, 14, tzinfo=UTC)
    assert asked("1h", known, now, zone) == Window(
        date(2026, 11, 2), date(2026, 11, 2), (end - timedelta(hours=1), end)
    )
    day = asked("24h", known, now, zone)
    assert day == Window(date(2026, 11, 1), date(2026, 11, 2), (end - timedelta(hours=24), end))
    for wrong in ("0h", "9999h", "1w"):
        with pytest.raises(AnswerError, match="write"):
            asked(wrong, known, now, zone)


def test_hours_are_asked_of_what_is_kept_by_the_hour(warehouse: Warehouse) -> None:
    warehouse.fill("response_time_buckets_hourly", BUCKETS)
    warehouse.fill("response_time_daily", SLOWEST)
    hours = (datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC))
    warehouse.expect(
        "response_times_window",
        """
        observations | p50_ms | p95_ms | p99_ms | max_ms
        10           | 10     | 10     | 10     | 10
        """,
        **BERLIN,
        hours=hours,
    )


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(AnswerError, match="table, csv, json, parquet"):
        _text_of("xlsx")
