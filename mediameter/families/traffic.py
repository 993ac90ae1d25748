"""Traffic: what access logs say of a day, and which of an application's events each delivery is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from mediameter.errors import WorldError
from mediameter.families import audience
from mediameter.families.attribute import (
    MATCH_AFTER,
    MATCH_BEFORE,
    RECORDS_AFTER,
    RECORDS_BEFORE,
    Attribution,
    attribute,
)
from mediameter.families.audience import settle_audiences, write_audiences
from mediameter.families.family import Computed, DirtyDay, Family, Judged, whole
from mediameter.families.lake_count import lake_count
from mediameter.families.prices import cards_of_day, write_cards
from mediameter.families.response_times import are_other_response_times
from mediameter.families.slices import Source, files_between, slices, verified
from mediameter.metering import rollups
from mediameter.metering.cost import Price
from mediameter.metering.deliveries import GAP
from mediameter.metering.reconciliation import reconciled
from mediameter.settings import Settings
from mediameter.store import days, exports, lake, objects, reach
from mediameter.store.acts import Repriced
from mediameter.store.days import DayRow
from mediameter.store.invoices import write_invoices
from schemas.contract import Contract
from schemas.rollups import (
    RECONCILIATION_DAILY,
    RESPONSE_TIME_BUCKETS_DAILY,
    RESPONSE_TIME_DAILY,
    TRAFFIC_FAMILY,
)

NAME = audience.LEADING
DAYS_AT_ONCE = 2


# --- before all days ---------------------------------------------------------------------------------


def _prepare(connection: sa.Connection, settings: Settings) -> Repriced | None:
    act = write_cards(connection, settings)
    write_invoices(connection, settings)
    return act


def _known(connection: sa.Connection, settings: Settings) -> set[date]:
    """Another reporting zone makes other days of the same hours; an adopted lake has days that no fence knows, such as
    those of events before the first log."""
    known = reach.known_days(connection, settings.reporting.zone, settings.event_sources)
    return {*known, *exports.days_resting_on_events(connection, settings.reporting.zone)}


# --- one day -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Footing:
    """What one computation of a day has seen, in one snapshot: each source's files and dead objects, and the
    application's events; None where no application is connected. And the prices that the day is made with."""

    files: dict[str, list[lake.LakeFile]]
    dead: dict[str, list[int]]
    events: list[lake.LakeFile] | None
    prices: list[Price]


@dataclass(frozen=True, slots=True)
class _Counts:
    """Distinct records and their bytes by source, and the lake files with the day's audiences by kind."""

    distinct: dict[str, int]
    sent: dict[str, int]
    audiences: dict[str, lake.LakeFile | None]


def _look(connection: sa.Connection, settings: Settings, day: DirtyDay) -> Footing:
    return look(connection, settings, day.day, *day.bounds)


def look(connection: sa.Connection, settings: Settings, day: date, begin: datetime, end: datetime) -> Footing:
    """What the day from ``begin`` to ``end`` rests on, as this snapshot shows it."""
    is_connected = reach.knows_application(connection)
    before, after = (RECORDS_BEFORE, RECORDS_AFTER) if is_connected else (GAP, timedelta(0))
    files: dict[str, list[lake.LakeFile]] = {}
    for file in files_between(connection, "records", begin - before, end + after):
        if file.source in settings.log_sources:
            files.setdefault(file.source, []).append(file)
    dead = {source: objects.superseded(connection, source) for source in files}
    events = files_between(connection, "events", begin - MATCH_BEFORE, end + MATCH_AFTER) if is_connected else None
    prices = cards_of_day(connection, settings, day)
    return Footing(files, dead, events, prices)


def _compute(made: sa.Engine, settings: Settings, day: DirtyDay, seen: Footing) -> Computed:
    begin, end = day.bounds
    try:
        sources = {name: Source(verified(settings, files), seen.dead[name]) for name, files in seen.files.items()}
        found = None
        if seen.events is not None:
            found = attribute(made, settings, sources, verified(settings, seen.events), begin, end)
        parts = {name: list(_parts(settings, name, sources[name], found, begin, end)) for name in sources}
        every = [part for each in parts.values() for part in each]
        frames = _frames(settings, day, every, found, seen.prices)
    except OverflowError as error:
        remedy = "look for the object that holds it and deliver a corrected version under the same key"
        raise WorldError(f"{day.day} was not written: {error}; a number of some record is too large", remedy) from None
    distinct = {source: sum(part.distinct for part in each) for source, each in parts.items()}
    sent = {source: sum(int(part.hourly["bytes_sent"].sum()) for part in each) for source, each in parts.items()}
    counts = _Counts(distinct, sent, write_audiences(settings, day.day, every))
    return Computed(whole(TRAFFIC_FAMILY, frames), counts)


def _parts(
    settings: Settings, name: str, source: Source, found: Attribution | None, begin: datetime, end: datetime
) -> Iterator[rollups.Parts]:
    """The day's parts of one source."""
    for since, records in slices(source, begin, end, rollups.READS, GAP):
        part = rollups.parts(
            records, source=name, begin=since, referers=settings.attribution.referers,
            known=found.known[name] if found else None,
        )  # fmt: skip
        if part.distinct:
            yield part


def _frames(
    settings: Settings, day: DirtyDay, parts: list[rollups.Parts], found: Attribution | None, prices: list[Price]
) -> dict[Contract, pl.DataFrame]:
    """The day's tables; those that are not here have no rows."""
    known = next(iter(found.known.values()), None) if found else None
    frames = rollups.rolled_up(parts, tenant=settings.tenant, day=day.day, prices=prices, known=known) if parts else {}
    if found:
        both = reconciled(rollups.clients(parts) if parts else None, found.events, *day.bounds)
        frames[RECONCILIATION_DAILY] = rollups.finished(both, RECONCILIATION_DAILY, settings.tenant, day.day)
    return frames


def _stood(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed) -> bool:
    """Whether the response times that stand in the warehouse are others."""
    times = (computed.frames[RESPONSE_TIME_BUCKETS_DAILY], computed.frames[RESPONSE_TIME_DAILY])
    return are_other_response_times(connection, settings, day.day, *times)


def _settle(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed, stood: bool) -> bool:
    of: _Counts = computed.counts
    settle_audiences(connection, settings, day.day, of.audiences, other_response_times=stood)
    days.mark_months(connection, settings, {day.day})
    return True


# --- the day's row, and the gate -----------------------------------------------------------------------


def _rows(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed) -> dict[str, DayRow]:
    """Of each source with lines of the day. Raises ``AssertionError`` when there are more distinct records than were
    parsed."""
    of: _Counts = computed.counts
    found = {}
    for source in settings.log_sources:
        counts = objects.day_counts(connection, source, *day.bounds)
        if not counts["objects"]:
            continue
        duplicates = counts["parsed"] - of.distinct.get(source, 0)
        if duplicates < 0:
            raise AssertionError(f"{day.day}: more distinct records than parsed lines; nothing was written")
        not_counted = objects.day_not_counted(connection, source, *day.bounds)
        found[source] = DayRow(
            **counts, duplicates=duplicates, bytes_sent=of.sent.get(source, 0), not_counted=not_counted
        )
    return found


def _sources(settings: Settings) -> Collection[str]:
    return list(settings.log_sources)


def _in_lake(connection: sa.Connection, settings: Settings, begin: datetime, end: datetime) -> dict[str, Any]:
    of_logs = lake_count(connection, settings, begin, end)
    is_connected = int(reach.knows_application(connection))
    return {"is_connected": is_connected, "lake_rows": of_logs.rows, "lake_records": of_logs.distinct}


FAMILY = Family(
    name=NAME,
    tables=TRAFFIC_FAMILY,
    version=audience.VERSION,
    fingerprint=Settings.fingerprint,
    prepare=_prepare,
    known=_known,
    look=_look,
    compute=_compute,
    stood=_stood,
    settle=_settle,
    judged=Judged(
        verdicts="quality",
        sources=_sources,
        rows=_rows,
        parameters=("is_connected",),
        in_lake=_in_lake,
        forgets_sources=True,
        reported_as="days",
    ),
    at_once=DAYS_AT_ONCE,
    reported_as="days",
)
