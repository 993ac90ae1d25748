"""From other systems' tables to the lake: read a day of rows, make events of them, settle. Any part may run again.

A day is read whole each time, and replaced whole: what was committed late, changed or deleted there converges. Days
that come to the same content change nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import polars as pl
import sqlalchemy as sa

from mediameter.connect import reading, transact
from mediameter.errors import MediameterError, UserError, WorldError
from mediameter.faults import point
from mediameter.metering.calendar import day_of
from mediameter.metering.shrinking import HANDFUL, has_shrunk
from mediameter.opening.opened import opened
from mediameter.settings import Settings
from mediameter.sources.postgrest import Moved, Rest, RestTables
from mediameter.sources.table_errors import retried
from mediameter.sources.tables import EARLIEST, Snapshot, day_bounds
from mediameter.steps.completeness import NOTHING, of_tables
from mediameter.steps.export.media_catalogue import read_media_catalogue
from mediameter.steps.export.places import Place, place_of
from mediameter.steps.export.prices_and_balances import read_prices_and_balances
from mediameter.steps.export.reference_tables import Read
from mediameter.steps.export.row_rejects import MOST_REJECTS, told_apart
from mediameter.steps.export.survey import Shrunk, Survey, note, note_shrunk, survey
from mediameter.steps.progress import Progress, quiet
from mediameter.store import days as completeness
from mediameter.store import exports, lake, listings, rejects
from mediameter.store.acts import Exported, settled
from mediameter.store.settling import AlreadySettled
from mediameter.systems.system import Feed
from schemas.frames import polars_schema, validate

REFERENCE: dict[str, Callable[[Place, datetime | None], Read]] = {
    "media catalogue": read_media_catalogue,
    "prices and balances": read_prices_and_balances,
}
"""Who reads the tables that are read whole, by what the system's row calls them."""
ALL_DAYS = 100 * 366
PART_ROWS = 100_000
_TRIES = 5


@dataclass(slots=True)
class ExportReport:
    """What a pass read and made of it. rows = rows of the events + ignored + rejected, over the days that were read.

    ``days``: UTC days whose events are others than before (in a dry run: would be). ``rows_without_day``: rows that
    no day can be told of, or that have no id; they are counted nowhere else. ``rows_to_come``: rows of later days,
    where all of a table was read. ``new_columns``: TABLE.COLUMN that nobody knew of. ``failed``: sources that could not
    be read, or are not believed, each in one line; their days stay open;
    ``refused``: how many of these a setting or a right mends. ``doubts``: tables that show nothing and are not known to
    be empty; ``accepted``: what is believed since somebody said so.
    """

    rows: int = 0
    events: int = 0
    ignored: int = 0
    rejected: int = 0
    rows_without_day: int = 0
    rows_to_come: int = 0
    files: int = 0
    applications: int = 0
    days_read: int = 0
    days: list[str] = field(default_factory=list)
    new_columns: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    refused: int = 0
    doubts: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def export(
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    dry_run: bool = False,
    window: int | None = None,
    only: Collection[date] | None = None,
    sources: Collection[str] | None = None,
    accept_fewer: Collection[str] = (),
) -> ExportReport:
    """The databases of applications and of generating systems. ``now`` is when the reading begins.

    ``window``: days back to be read; ``ALL_DAYS`` reads every day that has events there or here, and all files; by
    default, and the first time of all, see ``lookback_days``. ``only``: just these UTC days, which tells nothing new
    of completeness. ``sources``: these alone. A source that cannot be read, or that shows less than it did, is told in
    ``failed``; the others go on. ``accept_fewer``: sources of which somebody has said that they show less with good
    reason.
    """
    report = ExportReport()
    if not settings.table_sources:
        return report
    with opened(settings, dry_run=dry_run) as made:
        for name in settings.table_sources if sources is None else sources:
            try:
                with place_of(settings, name, made, now, dry_run) as place:
                    asked = Asked(window, only, name in accept_fewer)
                    _export_believed(place, asked, progress or quiet(), report)
            except MediameterError as error:
                report.failed.append(str(error))
                report.refused += isinstance(error, UserError)
    return report


class Asked(NamedTuple):
    """What of a source is to be read, as ``export`` has it."""

    window: int | None
    only: Collection[date] | None
    accepts_fewer: bool


def _export_believed(place: Place, asked: Asked, progress: Progress, report: ExportReport) -> None:
    """One source; why it is not believed is put down for whoever asks later."""
    try:
        _export_source(place, asked, progress, report)
    except Shrunk as shrunk:
        if not place.is_dry_run:
            note_shrunk(place, shrunk)
        raise


def _export_source(place: Place, asked: Asked, progress: Progress, report: ExportReport) -> None:
    with reading(place.made) as connection:
        complete = listings.listed_through(connection, place.name)
    only, is_whole = asked.only, complete is None or asked.window == ALL_DAYS
    known, oldest = place.database.read(
        lambda seen: ([(table, seen.check(table)) for table in place.system.tables], seen.oldest_writer())
    )
    report.new_columns += [f"{table.name}.{column}" for table, columns in known for column in columns]
    feeds = place.system.feeds
    wanted = {
        feed.table.name: sorted(only) if only is not None else _days_to_read(place, feed, complete, asked.window)
        for feed in feeds
    }
    is_everything = only is None or asked.accepts_fewer
    found = survey(place, wanted, whole=is_everything, accepts_fewer=asked.accepts_fewer)
    report.doubts += [each.line for each in found.empty if not asked.accepts_fewer]
    if isinstance(place.database, Rest):
        report.doubts += place.database.warnings()
    if not place.is_dry_run and only is None:
        since = None if is_whole or complete is None else complete - timedelta(days=1 + place.source.lookback_days)
        _read_reference(place, since, report)
    for feed in feeds:
        days = found.days[feed.table.name]
        with progress.task(f"exporting {place.name}: {feed.table.name}", len(days), unit="days") as advance:
            for day in days:
                _export_day(place, feed, day, found.counts[feed.table.name].get(day, 0), report)
                advance(1)
    if place.is_dry_run:
        return
    if only is None:
        for feed in feeds:
            _read_misfits(place, feed, report, is_whole=is_whole)
        _record(place, oldest, found, report)
    elif asked.accepts_fewer:
        report.accepted += [each.line for each in (*found.fewer, *found.empty)]
        transact(place.made, lambda connection: note(connection, place, found, accepted=True))


def _days_to_read(place: Place, feed: Feed, complete: datetime | None, window: int | None) -> list[date]:
    """The look-back from where the source was complete, and days with events that may still change; the first time, or
    if asked for, every day that there is."""
    today = place.now.astimezone(UTC).date()
    back = min(place.source.lookback_days if window is None else window, (today - EARLIEST.date()).days)
    with reading(place.made) as connection:
        frozen = completeness.frozen(connection, place.settings)
        exported = exports.exported_days(connection, place.name, feed.table.name)
        wanted = exports.unsettled_days(connection, place.name, feed.table.name)
    first = min(complete.date() if complete else today, today) - timedelta(days=back)
    if complete is None or window == ALL_DAYS:
        first = today - timedelta(days=place.source.lookback_days)
        there = place.database.read(lambda seen: seen.days(feed.table))
        # A first run that did not get to its end is gone on with; days that are empty now may have had events before.
        wanted |= there | exported if window == ALL_DAYS else there - exported
    wanted |= {first + timedelta(days=number) for number in range((today - first).days + 1)}
    return sorted(day for day in wanted if day <= today and not _reporting_days(day, place.settings) <= frozen)


def _reporting_days(day: date, settings: Settings) -> set[date]:
    begin, end = day_bounds(day)
    return {day_of(at, settings.reporting.zone) for at in (begin, end - timedelta(microseconds=1))}


def _read_reference(place: Place, since: datetime | None, report: ExportReport) -> None:
    if place.system.reference is None:
        return
    read = REFERENCE[place.system.reference.name](place, since)
    report.applications += read.applications
    report.files += read.files
    report.rejected += sum(map(len, read.rejects.values()))
    for table, unread in read.rejects.items() if since is None else ():
        _keep_rejects(place, table, unread)


def _read_misfits(place: Place, feed: Feed, report: ExportReport, *, is_whole: bool) -> None:
    """Rows without an id or a time. Where all of a table is read they are held against the count of all its rows:
    rows = of days + of days to come + these."""
    tomorrow = place.now.astimezone(UTC).date() + timedelta(days=1)
    (count, misfits), census = place.database.read(
        lambda seen: (seen.misfits(feed.table), seen.census(feed.table, tomorrow) if is_whole else None)
    )
    if census and (untold := census.rows - census.dated - census.to_come - count):
        where = f"[sources.{place.name}]: {feed.table.name}"
        report.doubts.append(f"{where}: {untold:,} of {census.rows:,} rows are of no day that can be told, nor named")
        count += untold
    time = feed.table.cursor
    rows = [(each.row_id or "", "NO_TIME" if each.row_id else "NO_ID", f"{time}: {each.time}") for each in misfits]
    _keep_rejects(place, feed.table.name, rows)
    report.rows_without_day += count
    report.rows_to_come += census.to_come if census else 0


def _keep_rejects(place: Place, table: str, rows: list[tuple[str, str, str]]) -> None:
    """Those that are of no day."""
    kept = told_apart(rows, place.door.pseudonyms)
    transact(place.made, lambda connection: rejects.replace_row_rejects(connection, place.name, table, None, kept))


def _record(place: Place, oldest: datetime | None, found: Survey, report: ExportReport) -> None:
    """What happened before the reading began is in, but for what was still to be committed then: what began at most
    ``settle_minutes`` before, and what the oldest transaction that was open there may have written. Of a source with a
    table that is not known to be empty nothing is complete."""
    point("export.before_listing")
    now, settled = place.now, place.now - timedelta(minutes=place.source.settle_minutes)
    through = min(settled, oldest) if oldest else settled

    def record(connection: sa.Connection) -> None:
        note(connection, place, found, accepted=False)
        delivered = of_tables(connection, place.settings, place.name, now, through)
        if found.empty:
            delivered = NOTHING
        listings.record_listing(connection, place.name, now, report.rows, 0, through, delivered)

    transact(place.made, record)


# --- one day -----------------------------------------------------------------------------------------


class _Day(NamedTuple):
    """What the rows of one day came to. ``there``: rows whose own time is of the day; an event may be of another."""

    export: exports.Export
    files: list[lake.LakeFile]
    there: int


def _export_day(place: Place, feed: Feed, day: date, surveyed: int, report: ExportReport) -> None:
    """Reads and settles one day; once more where another run has settled it meanwhile. ``surveyed``: the rows that it
    had when the source was believed; what is hidden since must not be settled either."""
    for _ in range(_TRIES):
        try:
            found = retried(partial(_read_day, place, feed, day))
        except Moved:
            continue
        if surveyed - found.there > HANDFUL and has_shrunk(surveyed, found.there):
            continue
        point("export.read")
        if place.is_dry_run or _settle(place, found):
            break
    else:
        raise WorldError(
            f"[sources.{place.name}]: {feed.table.name} of {day} kept changing while it was read", "run again"
        )
    export = found.export
    report.days_read += 1
    report.rows += export.rows_read
    report.events += export.events
    report.ignored += export.ignored
    report.rejected += export.rejected
    if export.content_sha256 != (export.known or _NOTHING):
        report.days.append(day.isoformat())


def _settle(place: Place, found: _Day) -> bool:
    """One transaction for the day; False when another run settled other content of it first."""
    export = found.export
    point("export.before_settle")
    act = Exported(export, found.files)

    def settle(connection: sa.Connection) -> Exported | None:
        is_news = not exports.is_recorded(connection, export)
        act.do(connection, place.settings.reporting.zone)
        point("export.in_settle")
        return act if is_news else None

    try:
        settled(place.made, place.settings.lake.path, settle)
    except (AlreadySettled, lake.Gone):
        return False
    point("export.settled")
    return True


def _read_day(place: Place, feed: Feed, day: date) -> _Day:
    """All of a day in one snapshot, in parts that fit into memory, each its own lake file."""
    begin, end = day_bounds(day)
    with reading(place.made) as connection:
        known = exports.export_hash(connection, place.name, feed.table.name, day)
    stream, digest, counts = feed.stream(place.source, place.now), hashlib.sha256(), Counter[str]()
    files: list[lake.LakeFile] = []
    rejects: list[tuple[str, str, str]] = []
    with place.database.snapshot() as seen:
        for rows, is_last in _parts(seen, feed, begin - feed.margin, end + feed.margin):
            taken = stream.take(rows, is_last=is_last)
            counts.update(read=rows.height, taken=taken.rows, there=_within(rows, begin, end, feed.table.cursor).height)
            events, ignored, rejected = (
                _within(each, begin, end) for each in (taken.events, taken.ignored, taken.rejected)
            )
            shut = feed.door(events, place.door)
            kept = validate(shut.events, feed.contract).sort("at", "event_id")
            digest.update(_bytes_of(kept))
            if kept.height and not place.is_dry_run:
                files.append(_written(place, feed, kept, day))
            counts.update(rows=shut.rows, events=kept.height, unsettled=shut.unsettled)
            counts.update(ignored=ignored.height, rejected=rejected.height)
            rejects += rejected.select("row_id", "reason", "detail").head(MOST_REJECTS - len(rejects)).rows()
    if counts["read"] != counts["taken"]:
        raise AssertionError(
            f"{day}: {counts['read']:,} rows were read, {counts['taken']:,} taken; nothing was settled"
        )
    of_events, left_out, refused = (counts[name] for name in ("rows", "ignored", "rejected"))
    export = exports.Export(
        place.name, feed.table.name, feed.kind, day, of_events + left_out + refused, of_events, counts["events"],
        left_out, refused, counts["unsettled"], digest.hexdigest(), known, told_apart(rejects, place.door.pseudonyms),
    )  # fmt: skip
    return _Day(export, files, counts["there"])


_NOTHING = hashlib.sha256().hexdigest()


def _parts(
    seen: Snapshot | RestTables, feed: Feed, begin: datetime, end: datetime
) -> Iterator[tuple[pl.DataFrame, bool]]:
    """Pages put together, and whether they are the last."""
    held: list[pl.DataFrame] = [pl.DataFrame(schema=polars_schema(feed.table.contract))]
    for page in seen.day(feed.table, begin, end):
        held.append(page)
        if sum(each.height for each in held) >= PART_ROWS:
            yield pl.concat(held), False
            held = held[:1]
    yield pl.concat(held), True


def _within(frame: pl.DataFrame, begin: datetime, end: datetime, at: str | None = None) -> pl.DataFrame:
    """What the day answers for. An event is of the day of its time, with all its rows, wherever they lie."""
    return frame.filter((pl.col(at or "at") >= begin) & (pl.col(at or "at") < end))


def _bytes_of(events: pl.DataFrame) -> bytes:
    """The events as text that no version of a file format changes; nothing of no events."""
    return events.write_csv(include_header=False, null_value="\\N").encode()


def _written(place: Place, feed: Feed, events: pl.DataFrame, day: date) -> lake.LakeFile:
    return lake.write(place.settings.lake.path, events, kind=feed.kind, source=place.name, file_day=day)
