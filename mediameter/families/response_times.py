"""Trailing response times: percentiles of windows of days, from the additive histogram that stands in the warehouse."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import sqlalchemy as sa

from mediameter.metering import durations, rollups
from mediameter.settings import Settings
from mediameter.store import warehouse
from schemas.rollups import RESPONSE_TIME_BUCKETS_DAILY, RESPONSE_TIME_DAILY, RESPONSE_TIME_TRAILING
from schemas.vocabulary import ALL, RESPONSE_TIME_WINDOWS

_buckets = warehouse.tables[RESPONSE_TIME_BUCKETS_DAILY.name]
_times = warehouse.tables[RESPONSE_TIME_DAILY.name]
_GROUP = (_buckets.c.application, _buckets.c.upper_ms)


def trailing_response_times(connection: sa.Connection, settings: Settings, day: date) -> pl.DataFrame:
    """response_time_trailing of the windows that end with one day. Frozen days of them count: histograms stay."""
    sums, slowest = _histogram(connection, settings.tenant, day), _slowest(connection, settings.tenant, day)
    frames = [
        durations.trailing(
            sums.select("application", "upper_ms", observations=str(window)),
            slowest.select("application", slowest_ms=str(window)),
        ).with_columns(window_days=pl.lit(window))
        for window in RESPONSE_TIME_WINDOWS
    ]
    return rollups.finished(pl.concat(frames), RESPONSE_TIME_TRAILING, settings.tenant, day)


def _histogram(connection: sa.Connection, tenant: str, last: date) -> pl.DataFrame:
    """application, upper_ms, and observations by window: the server adds, a thirtieth of the rows comes here."""
    seen = {
        str(window): sa.func.sum(sa.case((_buckets.c.day >= _since(last, window), _buckets.c.observations), else_=0))
        for window in RESPONSE_TIME_WINDOWS
    }
    query = (
        sa.select(*_GROUP, *seen.values())
        .where(_buckets.c.tenant == tenant, _buckets.c.day.between(_since(last, max(RESPONSE_TIME_WINDOWS)), last))
        .group_by(*_GROUP)
    )
    rows = [(name, upper, *map(int, sums)) for name, upper, *sums in connection.execute(query)]
    schema = {"application": pl.String(), "upper_ms": pl.Int64(), **dict.fromkeys(seen, pl.Int64())}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _slowest(connection: sa.Connection, tenant: str, last: date) -> pl.DataFrame:
    """application (`*` among them), and the exact maximum by window: of days it is known, and maxima of maxima are."""
    found = {
        str(window): sa.func.max(sa.case((_times.c.day >= _since(last, window), _times.c.max_ms)))
        for window in RESPONSE_TIME_WINDOWS
    }
    query = (
        sa.select(_times.c.application, *found.values())
        .where(
            _times.c.tenant == tenant,
            _times.c.day.between(_since(last, max(RESPONSE_TIME_WINDOWS)), last),
            _times.c.operation_class == ALL,
            _times.c.measure == "total",
        )
        .group_by(_times.c.application)
    )
    schema = {"application": pl.String(), **dict.fromkeys(found, pl.Int64())}
    return pl.DataFrame([tuple(row) for row in connection.execute(query)], schema=schema, orient="row")


def _since(last: date, window: int) -> date:
    return last - timedelta(days=window - 1)


def are_other_response_times(
    connection: sa.Connection, settings: Settings, day: date, histogram: pl.DataFrame, exact: pl.DataFrame
) -> bool:
    """Whether windows that hold this day rest on anything else than what the warehouse has of it: another histogram, or
    within the same buckets another maximum."""
    mine = sa.and_(_times.c.tenant == settings.tenant, _times.c.day == day)
    stored = warehouse.read(connection, RESPONSE_TIME_DAILY, mine)
    return is_another_histogram(connection, settings, day, histogram) or not _maxima(stored).equals(_maxima(exact))


def _maxima(exact: pl.DataFrame) -> pl.DataFrame:
    """application and max_ms of a day's response_time_daily."""
    whole = exact.filter(pl.col("operation_class") == ALL, pl.col("measure") == "total")
    return whole.select("application", "max_ms").sort("application")


def is_another_histogram(connection: sa.Connection, settings: Settings, day: date, frame: pl.DataFrame) -> bool:
    """Whether this is not what the warehouse holds of the day's response times."""
    of_day = sa.and_(_buckets.c.tenant == settings.tenant, _buckets.c.day == day)
    stored = warehouse.read(connection, RESPONSE_TIME_BUCKETS_DAILY, of_day)
    return not stored.sort(RESPONSE_TIME_BUCKETS_DAILY.key).equals(frame)
