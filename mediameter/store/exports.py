"""The ledger of exported tables: what became of each day of each table, in which lake files its events lie, and the
days that other content makes dirty. As everywhere in `store`, whoever calls decides what is one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mediameter.store import fences, lake_files, reach, rejects
from mediameter.store.lake import LakeFile
from mediameter.store.settling import AlreadySettled
from mediameter.store.warehouse import chunks, frame_of, insert, tables
from schemas.internal import EXPORTS, LAKE_FILES
from schemas.vocabulary import FAMILY_OF_LAKE

_files, _exports = tables[LAKE_FILES.name], tables[EXPORTS.name]
EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Export:
    """What one day of a table came to, in lake files of a ``kind``. ``known``: the content's hash as it stood in the
    ledger before it was read. ``unsettled``: events that may still change, so that the day is to be read again.
    ``rejects``: (row_id, reason, detail), the first of them where there are many."""

    source: str
    table_name: str
    kind: str
    day: date
    rows_read: int
    event_rows: int
    events: int
    ignored: int
    rejected: int
    unsettled: int
    content_sha256: str
    known: str | None
    rejects: list[tuple[str, str, str]]


def export_hash(connection: sa.Connection, source: str, table_name: str, day: date) -> str | None:
    """Hash of what the day was made into by its last export; None before the first."""
    return connection.execute(sa.select(_exports.c.content_sha256).where(_of_day(source, table_name, day))).scalar()


def exported_days(connection: sa.Connection, source: str, table_name: str) -> set[date]:
    """UTC days that were exported, with or without events."""
    query = sa.select(_exports.c.export_day).where(_exports.c.source == source, _exports.c.table_name == table_name)
    return set(connection.execute(query).scalars())


def unsettled_days(connection: sa.Connection, source: str, table_name: str) -> set[date]:
    """UTC days that held events, when they were exported last, that may still change."""
    query = sa.select(_exports.c.export_day).where(
        _exports.c.source == source, _exports.c.table_name == table_name, _exports.c.unsettled > 0
    )
    return set(connection.execute(query).scalars())


def rows_of_days(connection: sa.Connection, source: str, table_name: str) -> dict[date, int]:
    """How many rows each UTC day had when it was exported last; days without one are left out."""
    query = sa.select(_exports.c.export_day, _exports.c.rows_read).where(
        _exports.c.source == source, _exports.c.table_name == table_name, _exports.c.rows_read > 0
    )
    return {day: int(rows) for day, rows in connection.execute(query)}


def event_hours(connection: sa.Connection, source: str) -> set[datetime]:
    """The UTC hours of the first and the last event of each day: what is known here of when rows come."""
    query = sa.select(_files.c.first_at, _files.c.last_at).where(_files.c.source == source)
    instants = (at for row in connection.execute(query) for at in row if at)
    return {at.replace(minute=0, second=0, microsecond=0, tzinfo=UTC) for at in instants}


def day_counts(connection: sa.Connection, source: str, day: date) -> dict[str, int]:
    """What the exports of one UTC day of the source came to: tables, ignored, rejected."""
    columns = (sa.func.count(), sa.func.sum(_exports.c.ignored), sa.func.sum(_exports.c.rejected))
    query = sa.select(*columns).where(_exports.c.source == source, _exports.c.export_day == day)
    found = connection.execute(query).one()
    return dict(zip(("tables", "ignored", "rejected"), (int(each or 0) for each in found), strict=True))


def event_files(connection: sa.Connection, source: str, day: date, kind: str = EVENTS) -> list[LakeFile]:
    """The files with the day's events, in the order of their paths."""
    return [file for file in lake_files.files_of_days(connection, kind, day, day) if file.source == source]


def days_resting_on_events(connection: sa.Connection, zone: ZoneInfo) -> set[date]:
    """The reporting days of traffic that rest on an application's events, whether or not the log knows of them."""
    query = sa.select(_files.c.first_at, _files.c.last_at).where(_files.c.kind == EVENTS)
    found: set[date] = set()
    for instants in connection.execute(query):
        found |= _between(reach.days_of_events([at.replace(tzinfo=UTC) for at in instants if at], zone))
    return found


def replace_events(
    connection: sa.Connection, source: str, export_day: date, files: list[LakeFile], kind: str = EVENTS
) -> None:
    """Lets these files be the source's events of one UTC day."""
    which = sa.and_(_files.c.kind == kind, _files.c.source == source, _files.c.file_day == export_day)
    lake_files.take_out_files(connection, which)
    lake_files.insert_files(connection, files)


def settle_export(connection: sa.Connection, export: Export, files: list[LakeFile], zone: ZoneInfo) -> set[date]:
    """Law 2: the export, its rejects, the files with its events, and the days that other content makes dirty.

    Returns those days. Raises ``AlreadySettled`` when the day was exported otherwise since ``known`` was read,
    ``AssertionError`` when its rows do not add up: nothing is committed then.
    """
    if export.rows_read != export.event_rows + export.ignored + export.rejected:
        raise AssertionError(f"{export.day}: rows != rows of events + ignored + rejected; nothing was settled")
    if export_hash(connection, export.source, export.table_name, export.day) != export.known:
        raise AlreadySettled
    if export.kind == EVENTS:
        reach.mark_unconnected(connection)
    before = event_files(connection, export.source, export.day, export.kind)
    booked = _booked(connection, export)
    connection.execute(_exports.delete().where(_of_day(export.source, export.table_name, export.day)))
    row = (export.source, export.table_name, export.day, export.rows_read, export.events, export.ignored,
           export.rejected, export.unsettled, export.content_sha256)  # fmt: skip
    insert(connection, EXPORTS, frame_of([row], EXPORTS))
    rejects.replace_row_rejects(connection, export.source, export.table_name, export.day, export.rejects)
    # What was rejected or left out is booked on the day called like this one, even where no event is.
    dirty = set() if export.kind == EVENTS or booked == _booked(connection, export) else {export.day}
    if export.content_sha256 != export.known:
        replace_events(connection, export.source, export.day, files, export.kind)
        dirty |= _days_of_events([*before, *files], zone, export.kind)
    fences.mark_dirty(connection, FAMILY_OF_LAKE[export.kind], dirty)
    return dirty


def forget_days(connection: sa.Connection, source: str, days: list[date]) -> None:
    """Deletes what the ledger knows of these UTC days of the source's tables: the next run reads them again."""
    for some in chunks(days):
        connection.execute(_exports.delete().where(_exports.c.source == source, _exports.c.export_day.in_(some)))


def _booked(connection: sa.Connection, export: Export) -> tuple[int, int]:
    """What the ledger has of the day's rows that are no events."""
    query = sa.select(_exports.c.ignored, _exports.c.rejected)
    found = connection.execute(query.where(_of_day(export.source, export.table_name, export.day))).first()
    return (found.ignored, found.rejected) if found else (0, 0)


def is_recorded(connection: sa.Connection, export: Export) -> bool:
    """Whether the ledger says of the day just what this export does."""
    names = ("rows_read", "events", "ignored", "rejected", "unsettled", "content_sha256")
    query = sa.select(*(_exports.c[name] for name in names))
    row = connection.execute(query.where(_of_day(export.source, export.table_name, export.day))).first()
    return row is not None and tuple(row) == tuple(getattr(export, name) for name in names)


def _days_of_events(files: list[LakeFile], zone: ZoneInfo, kind: str) -> set[date]:
    """The days between a file's first and last event, and those within reach of them."""
    instants = [at for file in files for at in (file.first_at, file.last_at) if at]
    days = reach.days_of_events(instants, zone) if kind == EVENTS else reach.days_of_generations(instants, zone)
    return _between(days)


def _between(days: set[date]) -> set[date]:
    return {min(days) + timedelta(days=n) for n in range((max(days) - min(days)).days + 1)} if days else set()


def _of_day(source: str, table_name: str, day: date) -> sa.ColumnElement[bool]:
    which = (_exports.c.source == source, _exports.c.table_name == table_name, _exports.c.export_day == day)
    return sa.and_(*which)
