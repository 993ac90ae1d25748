"""Response times: exact by day, as a histogram, and over windows of it (docs/definitions.md, "Records")."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction

from schemas.rollups import (
    RESPONSE_TIME_BUCKETS_DAILY,
    RESPONSE_TIME_BUCKETS_HOURLY,
    RESPONSE_TIME_DAILY,
    RESPONSE_TIME_TRAILING,
)
from tests.reference.rankings import row
from tests.reference.records import Record, Row, Settings

PERCENTILES = (50, 90, 95, 99)
WINDOWS = (7, 30)


def response_time_tables(requests: list[Record], days: list[date], world: Settings) -> dict[str, list[Row]]:
    """The tables of this module by name. ``days``: those with a record."""
    return {
        RESPONSE_TIME_DAILY.name: response_times(requests, world),
        RESPONSE_TIME_BUCKETS_HOURLY.name: response_time_buckets(requests, world),
        RESPONSE_TIME_BUCKETS_DAILY.name: daily_response_time_buckets(requests, world),
        RESPONSE_TIME_TRAILING.name: trailing_response_times(requests, days, world),
    }


def response_times(requests: list[Record], world: Settings) -> list[Row]:
    """Exact percentiles by application and operation class, and over all of either."""
    values: dict[tuple[date, str, str, str], list[int]] = defaultdict(list)
    for record in requests:
        for measure, value in _times_of(record):
            for application in (record.application, "*"):
                for kind in (record.operation_class, "*"):
                    values[record.day, application, kind, measure].append(value)
    return [row(RESPONSE_TIME_DAILY, world, *group, *summary(values[group])) for group in sorted(values)]


def _times_of(record: Record) -> Iterator[tuple[str, int]]:
    if record.http_status is None:
        return
    if record.total_ms is not None:
        yield "total", record.total_ms
    if record.turn_around_ms is not None and record.operation_class == "get_object":
        yield "turn_around", record.turn_around_ms


def summary(values: list[int]) -> tuple[int, ...]:
    """Number, mean (half-even), nearest-rank percentiles, largest."""
    ordered, count = sorted(values), len(values)
    ranks = [-(-percent * count // 100) for percent in PERCENTILES]
    return count, round(Fraction(sum(ordered), count)), *(ordered[rank - 1] for rank in ranks), ordered[-1]


def response_time_buckets(requests: list[Record], world: Settings) -> list[Row]:
    """How many requests of each hour fell into which bucket of the histogram."""
    counts = Counter[tuple[datetime, str, str, int]]()
    for record in requests:
        if record.http_status is not None and record.total_ms is not None:
            counts[record.hour_at, record.application, record.operation_class, upper_edge(record.total_ms)] += 1
    return [row(RESPONSE_TIME_BUCKETS_HOURLY, world, *group, counts[group]) for group in sorted(counts)]


def daily_response_time_buckets(requests: list[Record], world: Settings) -> list[Row]:
    """The same by day, whatever the operation."""
    timed = (r for r in requests if r.http_status is not None and r.total_ms is not None)
    counts = Counter((r.day, r.application, upper_edge(r.total_ms or 0)) for r in timed)
    return [row(RESPONSE_TIME_BUCKETS_DAILY, world, *group, counts[group]) for group in sorted(counts)]


def trailing_response_times(requests: list[Record], days: list[date], world: Settings) -> list[Row]:
    """Windows that end on each day from the first to the last; each time is taken for the edge of its bucket, but for
    the slowest, which is exact and bounds the others."""
    by_day: dict[date, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    slowest: dict[tuple[date, str], int] = defaultdict(int)
    for record in requests:
        if record.http_status is not None and record.total_ms is not None:
            for application in (record.application, "*"):
                by_day[record.day][application][upper_edge(record.total_ms)] += 1
                slowest[record.day, application] = max(slowest[record.day, application], record.total_ms)
    rows = []
    for last in sorted({day + timedelta(days=n) for day in by_day for n in range(max(WINDOWS))}):
        for window in WINDOWS if last <= days[-1] else ():
            merged: dict[str, Counter[int]] = defaultdict(Counter)
            for n in range(window):
                for application, counts in by_day.get(last - timedelta(days=n), {}).items():
                    merged[application].update(counts)
            for application, counts in merged.items():
                most = max(slowest.get((last - timedelta(days=n), application), 0) for n in range(window))
                ranks = (min(_at_rank(counts, percent), most) for percent in (50, 95, 99))
                figures = (counts.total(), *ranks, most)
                rows.append(row(RESPONSE_TIME_TRAILING, world, last, application, window, *figures))
    return rows


def _at_rank(counts: Counter[int], percent: int) -> int:
    """The value at rank ceil(p n / 100)."""
    rest = -(-percent * counts.total() // 100)
    for value in sorted(counts):
        rest -= counts[value]
        if rest <= 0:
            return value
    raise AssertionError("no values")


def _edges() -> Iterator[int]:
    yield 0
    upper = 0
    while upper < 2**63 - 1:
        upper = min((upper + 1) * 101 // 100, 2**63 - 1)
        yield upper


EDGES = tuple(_edges())


def upper_edge(value_ms: int) -> int:
    """Upper edge of the bucket: 0 alone, then from n to floor(1.01 n)."""
    return EDGES[bisect_left(EDGES, value_ms)]
