"""From the lake to the rollups: each dirty day is computed and replaced whole, behind its fence (laws 1, 4, 7)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from mediameter.connect import reading, transact
from mediameter.errors import WorldError
from mediameter.faults import point
from mediameter.metering import rollups
from mediameter.metering.cost import Price
from mediameter.metering.deliveries import GAP
from mediameter.metering.reconciliation import reconciled
from mediameter.opening.opened import opened
from mediameter.settings import Settings
from mediameter.steps.progress import Progress, quiet
from mediameter.steps.redo.repricing import lines, waiting
from mediameter.steps.rollup.attribute import (
    MATCH_AFTER,
    MATCH_BEFORE,
    RECORDS_AFTER,
    RECORDS_BEFORE,
    Attribution,
    attribute,
)
from mediameter.steps.rollup.audiences import roll_up_audience, settle_audiences, write_audiences
from mediameter.steps.rollup.generations import roll_up_generations
from mediameter.steps.rollup.prices import cards_of_day, write_cards
from mediameter.steps.rollup.response_times import are_other_response_times
from mediameter.steps.rollup.slices import Source, slices
from mediameter.store import days, exports, lake, ledger, warehouse
from mediameter.store.acts import Repriced, settled
from schemas.contract import Contract
from schemas.rollups import (
    INVOICES,
    RECONCILIATION_DAILY,
    RESPONSE_TIME_BUCKETS_DAILY,
    RESPONSE_TIME_DAILY,
)
from schemas.vocabulary import AUDIENCE_WINDOWS, VERDICT_FENCES

ROLLUP_VERSION = 6
DAYS_AT_ONCE = 2


@dataclass(slots=True)
class RollupReport:
    """Days whose traffic, whose generations, and whose trailing audience was written."""

    days: list[str] = field(default_factory=list)
    generation_days: list[str] = field(default_factory=list)
    audience_days: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """What final days keep of prices that are others by now, a line each."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def rollup(settings: Settings, *, now: datetime, progress: Progress | None = None) -> RollupReport:
    """Computes every day that something has changed for, then the trailing audiences, then how complete the days are.

    Raises ``WorldError`` when a lake file is missing or has changed, or the warehouse fails; days written before stay.
    """
    report, listener = RollupReport(), progress or quiet()
    with opened(settings) as made:
        prepare(made, settings)
        report.days = [day.isoformat() for day in roll_up_traffic(made, settings, listener)]
        generated = roll_up_generations(made, settings, listener)
        report.generation_days = [day.isoformat() for day in generated]
        for day in _each(made, settings, "audience", listener):
            if roll_up_audience(made, settings, day, basis(settings)):
                report.audience_days.append(day.isoformat())
        transact(made, lambda connection: days.refresh(connection, settings))
        with reading(made) as connection:
            report.waiting = lines(waiting(connection, settings))
    return report


def prepare(made: sa.Engine, settings: Settings) -> None:
    """Prices and invoices of the settings, and a fence for every day: what all that follows takes for granted."""

    def write(connection: sa.Connection) -> Repriced | None:
        act = write_cards(connection, settings)
        _write_invoices(connection, settings)
        _mark_unfenced(connection, settings)
        return act

    settled(made, settings.lake.path, write)


def roll_up_traffic(made: sa.Engine, settings: Settings, progress: Progress) -> list[date]:
    """Computes the traffic of every dirty day; returns the days that were written."""
    written = []
    for computed in _compute_days(made, settings, _each(made, settings, "traffic", progress)):
        try:
            is_written = _write_day(made, settings, computed)
        except lake.Gone:  # it lay there for a day before it was to count
            is_written = _write_day(made, settings, _compute_day(made, settings, computed.day))
        written += [computed.day] if is_written else []
    return written


def days_to_compute(connection: sa.Connection, settings: Settings, family: str) -> list[date]:
    """The dirty days of a family. Not the frozen ones: what their traffic was computed from has gone, and of their
    audiences only what stands in the warehouse is computed."""
    dirty = ledger.dirty_days(connection, family, basis(settings))
    frozen = days.frozen(connection, settings) if family == "traffic" else set()
    return [day for day in dirty if day not in frozen]


def basis(settings: Settings) -> str:
    """Fingerprint of all that a rollup rests on beside the lake: settings and code. A day of another basis is dirty."""
    return f"{ROLLUP_VERSION}:{settings.fingerprint()}"


def _each(made: sa.Engine, settings: Settings, family: str, progress: Progress) -> Iterator[date]:
    with reading(made) as connection:
        dirty = days_to_compute(connection, settings, family)
    if not dirty:
        return
    with progress.task(f"rolling up {family}", len(dirty), unit="days") as advance:
        for day in dirty:
            yield day
            advance(1)


def _mark_unfenced(connection: sa.Connection, settings: Settings) -> None:
    """Another reporting zone makes other days of the same hours, an adopted lake has days that no fence knows, such as
    those of events before the first log; a gap between days has an audience, too."""
    known = ledger.known_days(connection, settings.reporting.zone, settings.event_sources)
    told = exports.days_resting_on_events(connection, settings.reporting.zone)
    ledger.mark_dirty(connection, "traffic", {*known, *told} - ledger.fenced_days(connection, "traffic"))
    if not known:
        return
    ledger.mark_dirty(connection, "audience", _audience_days(known) - ledger.fenced_days(connection, "audience"))
    verdicts = VERDICT_FENCES["traffic"]
    ledger.mark_dirty(connection, verdicts, set(known) - ledger.fenced_days(connection, verdicts))


def _audience_days(known: list[date]) -> set[date]:
    """Days with a trailing audience: each on which the longest window still reaches a day with records."""
    reach = max(AUDIENCE_WINDOWS)
    return {day + timedelta(days=n) for day in known for n in range(reach) if day + timedelta(days=n) <= known[-1]}


def _write_invoices(connection: sa.Connection, settings: Settings) -> None:
    rows = [
        (settings.tenant, i.source, i.month, i.currency, i.last_day, i.days_in_month, i.amount_micros, i.bytes_sent,
         i.citation)
        for i in settings.invoices
    ]  # fmt: skip
    table = warehouse.tables[INVOICES.name]
    connection.execute(table.delete().where(table.c.tenant == settings.tenant))
    warehouse.insert(connection, INVOICES, warehouse.frame_of(rows, INVOICES))


# --- one day's traffic -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Footing:
    """What one computation of a day has seen, in one snapshot: its epoch, each source's files and dead objects, and the
    application's events; None where no application is connected. And the prices that the day is made with."""

    epoch: int
    files: dict[str, list[lake.LakeFile]]
    dead: dict[str, list[int]]
    events: list[lake.LakeFile] | None
    prices: list[Price]


@dataclass(frozen=True, slots=True)
class _Computed:
    """A day's rollups, and the epoch they can claim to know."""

    day: date
    epoch: int
    frames: dict[Contract, pl.DataFrame]
    audiences: dict[str, lake.LakeFile | None]
    distinct: dict[str, int]
    sent: dict[str, int]


def _compute_days(made: sa.Engine, settings: Settings, days_to_do: Iterable[date]) -> Iterator[_Computed]:
    """Computes days side by side, at most DAYS_AT_ONCE in memory, and gives them in order to be written."""
    with ThreadPoolExecutor(DAYS_AT_ONCE, thread_name_prefix="rollup") as pool:
        running: deque[Future[_Computed]] = deque()
        for day in days_to_do:
            running.append(pool.submit(_compute_day, made, settings, day))
            if len(running) == DAYS_AT_ONCE:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _compute_day(made: sa.Engine, settings: Settings, day: date) -> _Computed:
    begin, end = ledger.day_bounds(day, settings.reporting.zone)
    with reading(made) as connection:
        seen = look(connection, settings, day, begin, end)
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
        raise WorldError(f"{day} was not written: {error}; a number of some record is too large", remedy) from None
    audiences = write_audiences(settings, day, every)
    point("rollup.computed")
    distinct = {source: sum(part.distinct for part in each) for source, each in parts.items()}
    sent = {source: sum(int(part.hourly["bytes_sent"].sum()) for part in each) for source, each in parts.items()}
    return _Computed(day, seen.epoch, frames, audiences, distinct, sent)


def _frames(
    settings: Settings, day: date, parts: list[rollups.Parts], found: Attribution | None, prices: list[Price]
) -> dict[Contract, pl.DataFrame]:
    """The day's tables; those that are not here have no rows."""
    known = next(iter(found.known.values()), None) if found else None
    frames = rollups.rolled_up(parts, tenant=settings.tenant, day=day, prices=prices, known=known) if parts else {}
    if found:
        bounds = ledger.day_bounds(day, settings.reporting.zone)
        both = reconciled(rollups.clients(parts) if parts else None, found.events, *bounds)
        frames[RECONCILIATION_DAILY] = rollups.finished(both, RECONCILIATION_DAILY, settings.tenant, day)
    return frames


def _write_day(made: sa.Engine, settings: Settings, computed: _Computed) -> bool:
    """Replaces one day; False when it was frozen meanwhile, or written by somebody who knew more."""
    day, frames = computed.day, computed.frames

    def write(connection: sa.Connection) -> bool:
        if day in days.frozen(connection, settings):
            return False
        if not ledger.pass_fence(connection, "traffic", day, computed.epoch, basis(settings)):
            return False
        point("rollup.fenced")
        replaced = {contract: frames.get(contract, warehouse.empty(contract)) for contract in warehouse.TRAFFIC_FAMILY}
        times = (replaced[RESPONSE_TIME_BUCKETS_DAILY], replaced[RESPONSE_TIME_DAILY])
        is_other = are_other_response_times(connection, settings, day, *times)
        bounds = ledger.day_bounds(day, settings.reporting.zone)
        warehouse.replace_day(connection, settings.tenant, day, bounds, replaced)
        settle_audiences(connection, settings, day, computed.audiences, other_response_times=is_other)
        days.write(connection, settings, day, computed.distinct, computed.sent)
        point("rollup.before_commit")
        return True

    is_written = transact(made, write)
    if is_written:
        point("rollup.committed")
    return is_written


def look(connection: sa.Connection, settings: Settings, day: date, begin: datetime, end: datetime) -> Footing:
    """What the day from ``begin`` to ``end`` rests on, as this snapshot shows it."""
    is_connected = ledger.knows_application(connection)
    before, after = (RECORDS_BEFORE, RECORDS_AFTER) if is_connected else (GAP, timedelta(0))
    files: dict[str, list[lake.LakeFile]] = {}
    for file in files_between(connection, "records", begin - before, end + after):
        if file.source in settings.log_sources:
            files.setdefault(file.source, []).append(file)
    dead = {source: ledger.superseded(connection, source) for source in files}
    events = files_between(connection, "events", begin - MATCH_BEFORE, end + MATCH_AFTER) if is_connected else None
    prices = cards_of_day(connection, settings, day)
    return Footing(ledger.epoch(connection, "traffic", day), files, dead, events, prices)


def files_between(connection: sa.Connection, kind: str, begin: datetime, end: datetime) -> list[lake.LakeFile]:
    """Files with instants between these two."""
    of_days = ledger.lake_files(connection, kind, begin.date(), (end - timedelta(microseconds=1)).date())
    return [
        file for file in of_days if file.first_at and file.last_at and file.first_at < end and file.last_at >= begin
    ]


def verified(settings: Settings, files: list[lake.LakeFile]) -> dict[lake.LakeFile, Path]:
    """The files with their places; raises ``WorldError`` when one has changed."""
    return dict(zip(files, lake.verified(settings.lake.path, files), strict=True))


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
