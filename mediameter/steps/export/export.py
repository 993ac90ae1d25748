"""From other systems' tables to the lake: read a day of rows, make events of them, settle. Any part may run again.

A day is read whole each time, and replaced whole: what was committed late, changed or deleted there converges. Days
that come to the same content change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from mediameter.bulkheads import bulkhead
from mediameter.connect import reading, transact
from mediameter.errors import MediameterError
from mediameter.faults import point
from mediameter.metering.calendar import day_of
from mediameter.opening.opened import opened
from mediameter.settings import Settings
from mediameter.sources.postgrest import Rest
from mediameter.sources.tables import EARLIEST, day_bounds
from mediameter.steps.completeness import NOTHING, of_tables
from mediameter.steps.export.media_catalogue import read_media_catalogue
from mediameter.steps.export.one_day import export_day
from mediameter.steps.export.places import Place, place_of
from mediameter.steps.export.prices_and_balances import read_prices_and_balances
from mediameter.steps.export.reference_tables import Read
from mediameter.steps.export.report import ExportReport
from mediameter.steps.export.row_rejects import told_apart
from mediameter.steps.export.survey import Shrunk, Survey, note, note_shrunk, survey
from mediameter.steps.progress import Progress, quiet
from mediameter.store import days as completeness
from mediameter.store import exports, listings, rejects
from mediameter.systems.system import Feed
from schemas.source_table import SourceTable

REFERENCE: dict[str, Callable[[Place, datetime | None], Read]] = {
    "media catalogue": read_media_catalogue,
    "prices and balances": read_prices_and_balances,
}
"""Who reads the tables that are read whole, by what the system's row calls them."""
ALL_DAYS = 100 * 366


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
            with bulkhead(report.fail, f"[sources.{name}]"), place_of(settings, name, made, now, dry_run) as place:
                asked = Asked(window, only, name in accept_fewer)
                _export_believed(place, asked, progress or quiet(), report)
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
    is_whole = complete is None or asked.window == ALL_DAYS
    known, oldest = place.database.read(
        lambda seen: ([(table, seen.check(table)) for table in place.system.tables], seen.oldest_writer())
    )
    report.new_columns += [f"{table.name}.{column}" for table, columns in known for column in columns]
    found = _surveyed(place, asked, complete, report)
    before = len(report.failed)
    if not place.is_dry_run and asked.only is None:
        since = None if is_whole or complete is None else complete - timedelta(days=1 + place.source.lookback_days)
        _read_reference(place, since, report)
    for feed in place.system.feeds:
        _export_days(place, feed, found, progress, report)
    if place.is_dry_run:
        return
    if asked.only is None:
        for feed in place.system.feeds:
            _read_misfits(place, feed, report, is_whole=is_whole)
        if len(report.failed) == before:  # else no more of it is complete than was before
            _record(place, oldest, found, report)
    elif asked.accepts_fewer:
        report.accepted += [each.line for each in (*found.fewer, *found.empty)]
        transact(place.made, lambda connection: note(connection, place, found, accepted=True))


def _surveyed(place: Place, asked: Asked, complete: datetime | None, report: ExportReport) -> Survey:
    """Which days of each table are to be read, and whether what the source shows is believed."""
    only = asked.only
    wanted = {
        feed.table.name: sorted(only) if only is not None else _days_to_read(place, feed, complete, asked.window)
        for feed in place.system.feeds
    }
    found = survey(place, wanted, whole=only is None or asked.accepts_fewer, accepts_fewer=asked.accepts_fewer)
    report.doubts += [each.line for each in found.empty if not asked.accepts_fewer]
    if isinstance(place.database, Rest):
        report.doubts += place.database.warnings()
    return found


def _export_days(place: Place, feed: Feed, found: Survey, progress: Progress, report: ExportReport) -> None:
    days, counts = found.days[feed.table.name], found.counts[feed.table.name]
    with progress.task(f"exporting {place.name}: {feed.table.name}", len(days), unit="days") as advance:
        for day in days:
            with _apart(place, feed.table, f"{feed.table.name} of {day}", report):
                export_day(place, feed, day, counts.get(day, 0), report)
            advance(1)


@contextmanager
def _apart(place: Place, table: SourceTable, what: str, report: ExportReport) -> Iterator[None]:
    """A part of a source whose failure is its own, if the table can be asked at all; else the source has failed."""
    errors: list[MediameterError] = []
    with bulkhead(errors.append, f"[sources.{place.name}]: {what}"):
        yield
    if errors:
        place.database.read(lambda seen: seen.check(table))
        report.fail(errors[0])


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
    tables = place.system.whole_tables
    with _apart(place, tables[0], " and ".join(table.name for table in tables), report):
        _take_reference(place, REFERENCE[place.system.reference.name](place, since), since, report)


def _take_reference(place: Place, read: Read, since: datetime | None, report: ExportReport) -> None:
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
