"""From the application's tables to the lake: read a day of events, make events of the rows, settle. Any part may run
again.

A day is read whole each time, and replaced whole: what was committed late, changed or deleted there converges. Days
that come to the same content change nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl
import sqlalchemy as sa

from mediameter import lake, ledger, privacy, warehouse
from mediameter.connect import engine, reading, source_engine, transact
from mediameter.errors import MediameterError, WorldError
from mediameter.faults import point
from mediameter.ledger import AlreadySettled
from mediameter.settings import AppSource, Settings, address_key
from mediameter.sources.tables import EARLIEST, Database, Snapshot, day_bounds
from mediameter.steps import days as completeness
from mediameter.steps.geography import geography
from mediameter.steps.progress import Progress, quiet
from mediameter.steps.reference import read_applications, read_files
from parsers.media_analytics import Stream, Taken
from schemas.application import DAILEY_MEDIA, MEDIA_ANALYTICS, MEDIA_FILES
from schemas.events import EVENT
from schemas.frames import polars_schema, validate

ALL_DAYS = 100 * 366
MARGIN = timedelta(minutes=1)
"""Beside a day, what its pairs of rows at midnight may be part of: rows follow each other within seconds."""
PART_ROWS = 100_000
MOST_REJECTS = 1_000  # kept of a day; all are counted
_LONGEST_ROW_ID = 120
_TRIES = 5


@dataclass(slots=True)
class ExportReport:
    """What a pass read and made of it. rows = rows of the events + ignored + rejected, over the days that were read.

    ``days``: UTC days whose events are others than before (in a dry run: would be). ``rows_without_day``: rows that
    no day can be told of, or that have no id; they are counted nowhere else. ``new_columns``: TABLE.COLUMN that nobody
    knew of. ``failed``: sources that could not be read, each in one line; their days stay open.
    """

    rows: int = 0
    events: int = 0
    ignored: int = 0
    rejected: int = 0
    rows_without_day: int = 0
    files: int = 0
    applications: int = 0
    days_read: int = 0
    days: list[str] = field(default_factory=list)
    new_columns: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Place:
    """One source, and all that its export needs and that does not change during a run."""

    settings: Settings
    name: str
    source: AppSource
    database: Database
    made: sa.Engine
    pseudonyms: privacy.Pseudonyms
    addresses: privacy.Addresses
    is_dry_run: bool


def export(
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    dry_run: bool = False,
    window: int | None = None,
    only: Collection[date] | None = None,
) -> ExportReport:
    """The database of the application, where there is one. ``now`` is when the reading begins.

    ``window``: days back to be read; ``ALL_DAYS`` reads every day that has events there or here, and all files; by
    default, and the first time of all, see ``lookback_days``. ``only``: just these UTC days, which tells nothing new
    of completeness. A source that cannot be read is told in ``failed``; the others go on.
    """
    report = ExportReport()
    if not settings.app_sources:
        return report
    made = engine(settings.warehouse.url)
    try:
        warehouse.ready(made)
        for name in settings.app_sources:
            try:
                _export_source(_place(settings, name, made, dry_run), now, window, only, progress or quiet(), report)
            except MediameterError as error:
                report.failed.append(str(error))
    finally:
        made.dispose()
    return report


def database_of(name: str, source: AppSource) -> Database:
    """Where the source's tables are. Raises ``UserError`` for a URL that cannot be read."""
    return Database(
        f"[sources.{name}]",
        source_engine(source.url, source.statement_timeout_s),
        {str(table): called for table, called in source.tables.items()},
        {str(table): called for table, called in source.columns.items()},
        source.page_rows,
    )


def _place(settings: Settings, name: str, made: sa.Engine, dry_run: bool) -> _Place:
    source, pseudonyms = settings.app_sources[name], privacy.Pseudonyms(address_key(settings))
    addresses = privacy.Addresses(pseudonyms, geography(settings))
    return _Place(settings, name, source, database_of(name, source), made, pseudonyms, addresses, dry_run)


def _export_source(
    place: _Place,
    now: datetime,
    window: int | None,
    only: Collection[date] | None,
    progress: Progress,
    report: ExportReport,
) -> None:
    with reading(place.made) as connection:
        complete = ledger.complete_through(connection, place.name)
    is_whole = complete is None or window == ALL_DAYS
    days = sorted(only) if only is not None else _days_to_read(place, now, complete, window)
    with place.database.snapshot() as seen:
        report.new_columns += [f"{table.name}.{column}" for table in DAILEY_MEDIA for column in seen.check(table)]
    if not place.is_dry_run and only is None:
        since = None if is_whole or complete is None else complete - timedelta(days=1 + place.source.lookback_days)
        _read_reference(place, since, report)
    with progress.task(f"exporting {place.name}", len(days), unit="days") as advance:
        for day in days:
            _export_day(place, day, report)
            advance(1)
    if not place.is_dry_run and only is None:
        _read_misfits(place, report)
        _record(place, now, report)


def _days_to_read(place: _Place, now: datetime, complete: datetime | None, window: int | None) -> list[date]:
    """The look-back from where the source was complete; the first time, or if asked for, every day that there is."""
    today = now.astimezone(UTC).date()
    back = min(place.source.lookback_days if window is None else window, (today - EARLIEST.date()).days)
    with reading(place.made) as connection:
        frozen = completeness.frozen(connection, place.settings)
        exported = ledger.exported_days(connection, place.name, MEDIA_ANALYTICS.name)
    wanted: set[date] = set()
    first = min(complete.date() if complete else today, today) - timedelta(days=back)
    if complete is None or window == ALL_DAYS:
        first = today - timedelta(days=place.source.lookback_days)
        with place.database.snapshot() as seen:
            there = seen.days(MEDIA_ANALYTICS)
        # A first run that did not get to its end is gone on with; days that are empty now may have had events before.
        wanted = there | exported if window == ALL_DAYS else there - exported
    wanted |= {first + timedelta(days=number) for number in range((today - first).days + 1)}
    return sorted(day for day in wanted if day <= today and not _reporting_days(day, place.settings) <= frozen)


def _reporting_days(day: date, settings: Settings) -> set[date]:
    begin, end = day_bounds(day)
    return {ledger.day_of(at, settings.reporting.zone) for at in (begin, end - timedelta(microseconds=1))}


def _read_reference(place: _Place, since: datetime | None, report: ExportReport) -> None:
    report.applications += read_applications(place.made, place.settings, place.database)
    count, rejects = read_files(place.made, place.settings, place.database, place.name, since)
    report.files += count
    report.rejected += len(rejects)
    if since is None:
        _keep_rejects(place, MEDIA_FILES.name, rejects)


def _read_misfits(place: _Place, report: ExportReport) -> None:
    with place.database.snapshot() as seen:
        count, misfits = seen.misfits(MEDIA_ANALYTICS)
    rows = [(each.row_id or "", "NO_TIME" if each.row_id else "NO_ID", f"timestamp: {each.time}") for each in misfits]
    _keep_rejects(place, MEDIA_ANALYTICS.name, rows)
    report.rows_without_day += count


def _keep_rejects(place: _Place, table: str, rejects: list[tuple[str, str, str]]) -> None:
    """Those that are of no day."""
    kept = _told_apart(rejects, place)
    transact(place.made, lambda connection: ledger.replace_row_rejects(connection, place.name, table, None, kept))


def _record(place: _Place, now: datetime, report: ExportReport) -> None:
    """What happened before the reading began is in, but for what was still to be committed then."""
    point("export.before_listing")
    through = now - timedelta(minutes=place.source.settle_minutes)
    transact(place.made, lambda connection: ledger.record_listing(connection, place.name, now, report.rows, 0, through))


# --- one day -----------------------------------------------------------------------------------------


class _Day(NamedTuple):
    """What the rows of one day came to."""

    export: ledger.Export
    files: list[lake.LakeFile]


def _export_day(place: _Place, day: date, report: ExportReport) -> None:
    """Reads and settles one day; once more where another run has settled it meanwhile."""
    for _ in range(_TRIES):
        found = _read_day(place, day)
        point("export.read")
        if place.is_dry_run or _settle(place, found):
            break
    else:
        raise WorldError(f"[sources.{place.name}]: {day} was exported by others all the while", "run again, one run")
    export = found.export
    report.days_read += 1
    report.rows += export.rows_read
    report.events += export.events
    report.ignored += export.ignored
    report.rejected += export.rejected
    if export.content_sha256 != (export.known or _NOTHING):
        report.days.append(day.isoformat())


def _settle(place: _Place, found: _Day) -> bool:
    """One transaction for the day; False when another run settled other content of it first."""
    export = found.export
    point("export.before_settle")
    with reading(place.made) as connection:
        old = ledger.event_files(connection, place.name, export.day)
    if export.content_sha256 != export.known:
        lake.retire(place.settings.lake.path, [file for file in old if file not in found.files])

    def settle(connection: sa.Connection) -> None:
        ledger.settle_export(connection, export, found.files, place.settings.reporting.zone)
        point("export.in_settle")

    try:
        transact(place.made, settle)
    except AlreadySettled:
        return False
    point("export.settled")
    return True


def _read_day(place: _Place, day: date) -> _Day:
    """All of a day in one snapshot, in parts that fit into memory, each its own lake file."""
    begin, end = day_bounds(day)
    with reading(place.made) as connection:
        known = ledger.export_hash(connection, place.name, MEDIA_ANALYTICS.name, day)
    stream, digest = Stream(), hashlib.sha256()
    files: list[lake.LakeFile] = []
    rejects: list[tuple[str, str, str]] = []
    read = taken_rows = event_rows = events = ignored = rejected = 0
    with place.database.snapshot() as seen:
        for rows, is_last in _parts(seen, begin - MARGIN, end + MARGIN):
            taken = stream.take(rows, is_last=is_last)
            read, taken_rows = read + rows.height, taken_rows + taken.rows
            own = _within(taken, begin, end)
            shut = _shut(place, own.events)
            digest.update(_bytes_of(shut))
            if shut.height and not place.is_dry_run:
                files.append(_written(place, shut, day))
            event_rows, events = event_rows + int(shut["row_count"].sum()), events + shut.height
            ignored, rejected = ignored + own.ignored.height, rejected + own.rejected.height
            rejects += own.rejected.select("row_id", "reason", "detail").head(MOST_REJECTS - len(rejects)).rows()
    if read != taken_rows:
        raise AssertionError(f"{day}: {read:,} rows were read and {taken_rows:,} taken; nothing was settled")
    export = ledger.Export(
        place.name, MEDIA_ANALYTICS.name, day, event_rows + ignored + rejected, event_rows, events, ignored, rejected,
        digest.hexdigest(), known, _told_apart(rejects, place),
    )  # fmt: skip
    return _Day(export, files)


_NOTHING = hashlib.sha256().hexdigest()


def _parts(seen: Snapshot, begin: datetime, end: datetime) -> Iterator[tuple[pl.DataFrame, bool]]:
    """Pages put together, and whether they are the last."""
    held: list[pl.DataFrame] = [pl.DataFrame(schema=polars_schema(MEDIA_ANALYTICS.contract))]
    for page in seen.day(MEDIA_ANALYTICS, begin, end):
        held.append(page)
        if sum(each.height for each in held) >= PART_ROWS:
            yield pl.concat(held), False
            held = held[:1]
    yield pl.concat(held), True


def _within(taken: Taken, begin: datetime, end: datetime) -> Taken:
    """What the day answers for. An event is of the day of its time, with all its rows, wherever they lie."""
    is_own = (pl.col("at") >= begin) & (pl.col("at") < end)
    return Taken(*(frame.filter(is_own) for frame in taken))


def _shut(place: _Place, events: pl.DataFrame) -> pl.DataFrame:
    shut = privacy.events_at_the_door(events, pseudonyms=place.pseudonyms, addresses=place.addresses)
    return validate(shut, EVENT).sort("at", "event_id")


def _bytes_of(events: pl.DataFrame) -> bytes:
    """The events as text that no version of a file format changes; nothing of no events."""
    return events.write_csv(include_header=False, null_value="\\N").encode()


def _written(place: _Place, events: pl.DataFrame, day: date) -> lake.LakeFile:
    return lake.write(place.settings.lake.path, events, kind="events", source=place.name, file_day=day)


def _told_apart(rejects: list[tuple[str, str, str]], place: _Place) -> list[tuple[str, str, str]]:
    """Rejects with ids of their own, whatever the rows have, and with details that may be kept."""
    seen: dict[str, int] = {}
    kept = []
    for row_id, reason, detail in rejects[:MOST_REJECTS]:
        name = row_id[:_LONGEST_ROW_ID]
        seen[name] = seen.get(name, 0) + 1
        name = name if seen[name] == 1 and name else f"{name}#{seen[name]}"
        kept.append((name, reason, privacy.redact_line(detail, place.pseudonyms)))
    return kept
