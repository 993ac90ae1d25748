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

from mediameter import lake, ledger, warehouse
from mediameter.connect import engine, reading, transact
from mediameter.errors import WorldError
from mediameter.faults import point
from mediameter.metering import rollups
from mediameter.metering.cost import Price
from mediameter.settings import Settings
from mediameter.steps import days
from mediameter.steps.progress import Progress, quiet
from schemas.contract import Contract
from schemas.rollups import AUDIENCE_TRAILING, PRICES
from schemas.vocabulary import AUDIENCE_WINDOWS

ROLLUP_VERSION = 1
ROWS_AT_ONCE = 600_000
DAYS_AT_ONCE = 2
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class RollupReport:
    """Days whose traffic, and days whose trailing audience, was written."""

    days: list[str] = field(default_factory=list)
    audience_days: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def rollup(settings: Settings, *, now: datetime, progress: Progress | None = None) -> RollupReport:
    """Computes every day that something has changed for, then the trailing audiences, then how complete the days are.

    Raises ``WorldError`` when a lake file is missing or has changed, or the warehouse fails; days written before stay.
    """
    report, made, listener = RollupReport(), engine(settings.warehouse.url), progress or quiet()
    try:
        prepare(made, settings)
        report.days = [day.isoformat() for day in roll_up_traffic(made, settings, listener)]
        for day in _each(made, settings, "audience", listener):
            if _roll_up_audience(made, settings, day):
                report.audience_days.append(day.isoformat())
        transact(made, lambda connection: days.refresh(connection, settings))
    finally:
        made.dispose()
    return report


def prepare(made: sa.Engine, settings: Settings) -> None:
    """The prices of the settings, and a fence for every day: what all that follows takes for granted."""
    warehouse.ready(made)

    def write(connection: sa.Connection) -> None:
        _write_prices(connection, settings)
        _mark_unfenced(connection, settings)

    transact(made, write)


def roll_up_traffic(made: sa.Engine, settings: Settings, progress: Progress) -> list[date]:
    """Computes the traffic of every dirty day; returns the days that were written."""
    computed = _compute_days(made, settings, _each(made, settings, "traffic", progress))
    return [each.day for each in computed if _write_day(made, settings, each)]


def days_to_compute(connection: sa.Connection, settings: Settings, family: str) -> list[date]:
    """The dirty days of a family. Not the frozen ones: what they were computed from has gone."""
    frozen = days.frozen(connection, settings)
    return [day for day in ledger.dirty_days(connection, family, basis(settings)) if day not in frozen]


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
    """Another reporting zone makes other days of the same hours; a gap between days has an audience, too."""
    known = ledger.known_days(connection, settings.reporting.zone)
    if not known:
        return
    ledger.mark_dirty(connection, "traffic", set(known) - ledger.fenced_days(connection, "traffic"))
    ledger.mark_dirty(connection, "audience", _audience_days(known) - ledger.fenced_days(connection, "audience"))


def _audience_days(known: list[date]) -> set[date]:
    """Days with a trailing audience: each on which the longest window still reaches a day with records."""
    reach = max(AUDIENCE_WINDOWS)
    return {day + timedelta(days=n) for day in known for n in range(reach) if day + timedelta(days=n) <= known[-1]}


def _write_prices(connection: sa.Connection, settings: Settings) -> None:
    rows = [
        (c.price_id, c.source, c.measure, str(c.amount), c.currency, c.per, c.valid_from, c.valid_to, c.citation)
        for c in settings.prices
    ]
    connection.execute(warehouse.tables[PRICES.name].delete())
    warehouse.insert(connection, PRICES, warehouse.frame_of(rows, PRICES))


# --- one day's traffic -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Basis:
    """What one computation of a day has seen, in one snapshot: its epoch, and each source's files and dead objects."""

    epoch: int
    files: dict[str, list[lake.LakeFile]]
    dead: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class _Computed:
    """A day's rollups, and the epoch they can claim to know."""

    day: date
    epoch: int
    frames: dict[Contract, pl.DataFrame]
    audience: lake.LakeFile | None
    distinct: dict[str, int]


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
        seen = _look(connection, settings, day, begin, end)
    try:
        parts = {source: list(_slices(settings, source, seen, begin, end)) for source in seen.files}
        every = [part for each in parts.values() for part in each]
        frames = rollups.rolled_up(every, tenant=settings.tenant, day=day, prices=_prices(settings)) if every else {}
    except OverflowError as error:
        remedy = "look for the object that holds it and deliver it mended: another version of the key replaces it"
        raise WorldError(f"{day} was not written: {error}; some record's number is absurd", remedy) from None
    audience = _write_audience(settings, day, every)
    point("rollup.computed")
    distinct = {source: sum(part.distinct for part in each) for source, each in parts.items()}
    return _Computed(day, seen.epoch, frames, audience, distinct)


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
        bounds = ledger.day_bounds(day, settings.reporting.zone)
        warehouse.replace_day(connection, settings.tenant, day, bounds, replaced)
        if ledger.replace_audience(connection, day, computed.audience):
            ledger.mark_dirty(connection, "audience", _reached(connection, settings, day))
        days.write(connection, settings, day, computed.distinct)
        point("rollup.before_commit")
        return True

    is_written = transact(made, write)
    if is_written:
        point("rollup.committed")
    return is_written


def _look(connection: sa.Connection, settings: Settings, day: date, begin: datetime, end: datetime) -> _Basis:
    first, last = begin - rollups.LOOK_BACK, end - timedelta(microseconds=1)
    files: dict[str, list[lake.LakeFile]] = {}
    for file in ledger.lake_files(connection, "records", first.date(), last.date()):
        if file.source in settings.log_sources:
            files.setdefault(file.source, []).append(file)
    dead = {source: ledger.superseded(connection, source) for source in files}
    return _Basis(ledger.epoch(connection, "traffic", day), files, dead)


def _slices(settings: Settings, source: str, seen: _Basis, begin: datetime, end: datetime) -> Iterator[rollups.Parts]:
    """The day's parts, in slices of whole hours that fit into memory."""
    files = seen.files[source]
    paths = dict(zip(files, lake.verified(settings.lake.path, files), strict=True))
    hours = max(1, int(24 * ROWS_AT_ONCE / max(1, sum(file.rows for file in files))))
    while begin < end:
        until = min(begin + hours * _HOUR, end)
        chosen = [paths[f] for f in files if f.first_at < until and f.last_at >= begin - rollups.LOOK_BACK]  # type: ignore[operator]
        records = _records(chosen, seen.dead[source], begin - rollups.LOOK_BACK, until)
        if records.height:
            part = rollups.parts(records, source=source, begin=begin, referers=settings.attribution.referers)
            if part.distinct:
                yield part
        begin = until


def _records(paths: list[Path], dead: list[int], since: datetime, until: datetime) -> pl.DataFrame:
    if not paths:
        return pl.DataFrame()
    at = pl.col("at")
    scan = pl.scan_parquet(paths).select(rollups.READS).filter((at >= since) & (at < until))
    if dead:
        scan = scan.filter(~pl.col("object_id").is_in(dead))
    return scan.collect()


def _prices(settings: Settings) -> list[Price]:
    return [
        Price(c.price_id, c.source, c.amount, c.currency, c.unit_bytes, c.valid_from, c.valid_to)
        for c in settings.prices
    ]


# --- trailing audiences ------------------------------------------------------------------------------


def _write_audience(settings: Settings, day: date, parts: list[rollups.Parts]) -> lake.LakeFile | None:
    frame = rollups.audience(parts)
    if not frame.height:
        return None
    return lake.write(settings.lake.path, frame, kind="audience", source="all", file_day=day)


def _reached(connection: sa.Connection, settings: Settings, day: date) -> set[date]:
    """Days whose longest window holds this one."""
    last = max([day, *ledger.known_days(connection, settings.reporting.zone)[-1:]])
    return {day + timedelta(days=n) for n in range(max(AUDIENCE_WINDOWS)) if day + timedelta(days=n) <= last}


def _roll_up_audience(made: sa.Engine, settings: Settings, day: date) -> bool:
    """Computes and replaces the trailing audiences that end with one day."""
    with reading(made) as connection:
        epoch = ledger.epoch(connection, "audience", day)
        files = ledger.lake_files(connection, "audience", day - timedelta(days=max(AUDIENCE_WINDOWS) - 1), day)
    paths = dict(zip(files, lake.verified(settings.lake.path, files), strict=True))
    windows = [
        rollups.audience_trailing(pl.scan_parquet(chosen), tenant=settings.tenant, day=day, window_days=window)
        for window in AUDIENCE_WINDOWS
        if (chosen := [paths[file] for file in files if file.file_day > day - timedelta(days=window)])
    ]
    frame = pl.concat(windows).sort(AUDIENCE_TRAILING.key) if windows else warehouse.empty(AUDIENCE_TRAILING)

    def write(connection: sa.Connection) -> bool:
        if not ledger.pass_fence(connection, "audience", day, epoch, basis(settings)):
            return False
        bounds = ledger.day_bounds(day, settings.reporting.zone)
        warehouse.replace_day(connection, settings.tenant, day, bounds, {AUDIENCE_TRAILING: frame})
        ledger.mark_dirty(connection, "checks", {day})
        return True

    return transact(made, write)
