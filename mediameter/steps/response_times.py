"""Trailing response times: percentiles of windows of days, from the additive histogram that stands in the warehouse."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import sqlalchemy as sa

from mediameter import warehouse
from mediameter.metering import durations, rollups
from mediameter.settings import Settings
from schemas.rollups import RESPONSE_TIME_BUCKETS_DAILY, RESPONSE_TIME_TRAILING
from schemas.vocabulary import RESPONSE_TIME_WINDOWS

_buckets = warehouse.tables[RESPONSE_TIME_BUCKETS_DAILY.name]
_GROUP = (_buckets.c.application, _buckets.c.upper_ms)


def trailing_response_times(connection: sa.Connection, settings: Settings, day: date) -> pl.DataFrame:
    """response_time_trailing of the windows that end with one day. Frozen days of them count: histograms stay."""
    sums = _histogram(connection, settings.tenant, day)
    frames = [
        durations.trailing(sums.select("application", "upper_ms", observations=str(window))).with_columns(
            window_days=pl.lit(window)
        )
        for window in RESPONSE_TIME_WINDOWS
    ]
    return rollups.finished(pl.concat(frames), RESPONSE_TIME_TRAILING, settings.tenant, day)


def _histogram(connection: sa.Connection, tenant: str, last: date) -> pl.DataFrame:
    """application, upper_ms, and observations by window: the server adds, a thirtieth of the rows comes here."""

    def since(window: int) -> date:
        return last - timedelta(days=window - 1)

    seen = {
        str(window): sa.func.sum(sa.case((_buckets.c.day >= since(window), _buckets.c.observations), else_=0))
        for window in RESPONSE_TIME_WINDOWS
    }
    query = (
        sa.select(*_GROUP, *seen.values())
        .where(_buckets.c.tenant == tenant, _buckets.c.day.between(since(max(RESPONSE_TIME_WINDOWS)), last))
        .group_by(*_GROUP)
    )
    rows = [(name, upper, *map(int, sums)) for name, upper, *sums in connection.execute(query)]
    schema = {"application": pl.String(), "upper_ms": pl.Int64(), **dict.fromkeys(seen, pl.Int64())}
    return pl.DataFrame(rows, schema=schema, orient="row")


def is_another_histogram(connection: sa.Connection, settings: Settings, day: date, frame: pl.DataFrame) -> bool:
    """Whether this is not what the warehouse holds of the day's response times."""
    of_day = sa.and_(_buckets.c.tenant == settings.tenant, _buckets.c.day == day)
    stored = warehouse.read(connection, RESPONSE_TIME_BUCKETS_DAILY, of_day)
    return not stored.sort(RESPONSE_TIME_BUCKETS_DAILY.key).equals(frame)
