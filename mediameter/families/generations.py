"""Generations, credits, sign-ins and errors of generating systems: from the lake's events to the rollups of a day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from mediameter.errors import WorldError
from mediameter.families import active_users
from mediameter.families.family import Computed, DirtyDay, Family, Judged, whole
from mediameter.families.generated_events import around, days_of_twins
from mediameter.families.lake_count import event_count
from mediameter.families.prices import model_prices_of_day, write_credit_prices
from mediameter.metering.calendar import Day, touched_days
from mediameter.metering.generations import Events, rolled_up, without_twins
from mediameter.settings import Settings
from mediameter.store import exports, fences, lake_files, objects, reach
from mediameter.store.days import DayRow
from schemas.contract import Contract
from schemas.generations import GAUGES_HOURLY, GENERATION_FAMILY, GENERATIONS_DAILY
from schemas.vocabulary import LAKE_OF_FEED

NAME = active_users.LEADING


def _known(connection: sa.Connection, settings: Settings) -> set[date]:
    """Days that the lake has events of or that an event file touches: another reporting zone makes other days of
    them."""
    found: set[date] = set()
    for kind in LAKE_OF_FEED:
        for file in lake_files.files_of_days(connection, kind, date.min, date.max):
            instants = [at for at in (file.first_at, file.last_at) if at]
            found |= reach.days_of_generations(instants, settings.reporting.zone)
    return found | touched_days(reach.hours_of(connection, settings.event_sources), settings.reporting.zone)


def _spread(connection: sa.Connection, settings: Settings, dirty: set[date]) -> set[date]:
    """Days that tell an id which a dirty day beside them tells, or told, too."""
    return {day for each in dirty for day in days_of_twins(connection, settings, each)}


# --- one day -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Footing:
    """What a day rests on: the events of the day and around it, by kind of lake file, and what models cost."""

    events: dict[str, pl.DataFrame]
    prices: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Counts:
    """Events of the day by source: ``parsed`` with repetitions, ``distinct`` without."""

    parsed: dict[str, int]
    distinct: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Stood:
    """Who generated something on the day before it was replaced, and the last day on which anybody did."""

    users: set[tuple[str, ...]]
    last: date | None


def _look(connection: sa.Connection, settings: Settings, day: DirtyDay) -> _Footing:
    read = {kind: around(connection, settings, kind, day.begin, day.end) for kind in LAKE_OF_FEED}
    return _Footing(read, model_prices_of_day(connection, settings, day.day))


def _compute(made: sa.Engine, settings: Settings, day: DirtyDay, seen: _Footing) -> Computed:
    counting = {kind: without_twins(events) for kind, events in seen.events.items()}
    frames = _frames(settings, day.day, counting, seen.prices)
    counts = _Counts(*_counts(seen.events, counting, day.begin, day.end))
    return Computed(whole(GENERATION_FAMILY, frames), counts)


def _frames(
    settings: Settings, day: date, read: dict[str, pl.DataFrame], prices: pl.DataFrame
) -> dict[Contract, pl.DataFrame]:
    begin, end = Day.of(day, settings.reporting.zone).bounds
    events = Events(**read, prices=prices, without_usage=frozenset(settings.event_sources))
    try:
        return rolled_up(events, tenant=settings.tenant, day=day, begin=begin, end=end)
    except OverflowError as error:
        raise WorldError(f"{day} was not written: {error}; a number is too large", "correct it at its source") from None


def at_prices_of_today(connection: sa.Connection, settings: Settings, day: date) -> pl.DataFrame:
    """The day's row in `generations_daily`, were they made with what models cost as it is known today."""
    begin, end = Day.of(day, settings.reporting.zone).bounds
    read = {kind: without_twins(around(connection, settings, kind, begin, end)) for kind in LAKE_OF_FEED}
    return _frames(settings, day, read, model_prices_of_day(connection, settings, None))[GENERATIONS_DAILY]


def _counts(
    read: dict[str, pl.DataFrame], counting: dict[str, pl.DataFrame], begin: datetime, end: datetime
) -> tuple[dict[str, int], dict[str, int]]:
    """Events of the day, and those that count, by source."""

    def of_day(frames: dict[str, pl.DataFrame], number: pl.Expr) -> dict[str, int]:
        rows = [each.filter(pl.col("at") >= begin, pl.col("at") < end) for each in frames.values()]
        each = pl.concat(frame.group_by("source").agg(number.alias("number").cast(pl.Int64)) for frame in rows)
        return {source: int(count) for source, count in each.group_by("source").agg(pl.col("number").sum()).iter_rows()}

    return of_day(read, pl.len()), of_day(counting, pl.col("event_id").n_unique())


def _stood(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed) -> _Stood:
    users = active_users.users_of(connection, settings, day.day)
    return _Stood(users, active_users.last_day(connection, settings))


def _settle(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed, stood: _Stood) -> bool:
    if active_users.users_of(connection, settings, day.day) != stood.users:
        reached = active_users.reached(connection, settings, day.day, stood.last)
        fences.mark_dirty(connection, active_users.NAME, reached)
    fences.mark_dirty(connection, "checks", {day.day})
    return True


# --- the day's row, and the gate -----------------------------------------------------------------------


def _rows(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed) -> dict[str, DayRow]:
    """Of each source with events of the day, or with rows that were read and are none.

    What was rejected or left out counts on the day that is called as the UTC day it was read with; of an event file, on
    the day of its first event.
    """
    of: _Counts = computed.counts
    found = {}
    for source in settings.generating_sources:
        counts, parsed = _booked(connection, settings, source, day), of.parsed.get(source, 0)
        if parsed or counts["ignored"] or counts["rejected"] or counts["refused"]:
            duplicates = parsed - of.distinct.get(source, 0)
            found[source] = DayRow(
                counts["objects"], parsed, counts["ignored"], counts["rejected"], counts["refused"], duplicates
            )
    return found


def _booked(connection: sa.Connection, settings: Settings, source: str, day: DirtyDay) -> dict[str, int]:
    """objects (or tables), ignored, rejected, and refused objects."""
    if source in settings.event_sources:
        return objects.day_counts(connection, source, *day.bounds)
    counts = exports.day_counts(connection, source, day.day)
    return {**counts, "objects": counts["tables"], "refused": 0}


def _sources(settings: Settings) -> Collection[str]:
    return list(settings.generating_sources)


def _in_lake(connection: sa.Connection, settings: Settings, begin: datetime, end: datetime) -> dict[str, Any]:
    counts = {kind: event_count(connection, settings, kind, begin, end) for kind in LAKE_OF_FEED}
    files = settings.event_sources
    return {
        "table_sources": [name for name in settings.generating_sources if name not in files],
        "event_sources": list(files),
        "lake_rows": sum(of_kind.rows for of_kind in counts.values()),
        "lake_records": sum(of_kind.distinct for of_kind in counts.values()),
        **{f"lake_{kind}": of_kind.distinct for kind, of_kind in counts.items()},
    }


FAMILY = Family(
    name=NAME,
    tables=GENERATION_FAMILY,
    version=active_users.VERSION,
    fingerprint=Settings.generating_fingerprint,
    prepare=write_credit_prices,
    known=_known,
    spread=_spread,
    look=_look,
    compute=_compute,
    stood=_stood,
    settle=_settle,
    judged=Judged(
        verdicts="generations_quality",
        sources=_sources,
        rows=_rows,
        parameters=("table_sources", "event_sources", *(f"lake_{kind}" for kind in LAKE_OF_FEED)),
        in_lake=_in_lake,
        tables=(GAUGES_HOURLY,),
        reported_as="generation_days",
    ),
    reported_as="generation_days",
)
