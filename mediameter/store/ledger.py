"""What became of each object version, which days that touches, and the fences that keep an old reader from writing.

Every function works on a connection it is given: who calls decides what is one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mediameter.sources.objects import ObjectVersion
from mediameter.store.lake import LakeFile, clock
from mediameter.store.warehouse import frame_of, insert, naive, tables
from schemas.application import MEDIA_ANALYTICS
from schemas.internal import EXPORTS, LAKE_FILES, LAKE_RETIRED, OBJECT_HOURS, OBJECTS, REJECTS
from schemas.vocabulary import (
    CHARGE_GAP_S,
    DELIVERY_GAP_S,
    MATCH_AFTER_S,
    MATCH_BEFORE_S,
    MOST_UNCOUNTED,
    RECORDS_AFTER_S,
    RECORDS_BEFORE_S,
)

_objects, _hours, _files, _rejects = (tables[c.name] for c in (OBJECTS, OBJECT_HOURS, LAKE_FILES, REJECTS))
_fences, _listings, _retired = tables["fences"], tables["listings"], tables[LAKE_RETIRED.name]
_exports, _media_files = tables[EXPORTS.name], tables["media_files"]
Row = tuple[object, ...]
RejectRow = tuple[int, int, str, str, int | None, int | None]
"""line_number, byte_offset, reason, line, least and most bytes."""
_T = TypeVar("_T")
_NAMED_AT = re.compile(r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(?=-)")
_MANY = 500  # bound parameters a statement, well under every engine's limit


class AlreadySettled(Exception):
    """Another run was first with one of the objects, or with a lake file that was to be replaced; this batch's files
    stay orphans, its objects are looked at anew."""


class NotCounted(NamedTuple):
    """What lines of an object, or of a day, may stand for beyond the bytes that are counted (records.NOT_COUNTED)."""

    rejected_least_bytes: int = 0
    rejected_most_bytes: int = 0
    unsized_lines: int = 0
    unsure_lines: int = 0
    unsure_bytes: int = 0

    def __add__(self, other: tuple[object, ...]) -> NotCounted:
        return NotCounted(*(a + b for a, b in zip(self, other, strict=True)))  # type: ignore[operator]

    def bounded(self) -> NotCounted:
        """No more than may be added up for years."""
        return NotCounted(*(min(each, MOST_UNCOUNTED) for each in self))


NOTHING = NotCounted()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one object version. ``hours``: parsed by hour. lines = parsed + ignored + rejected.

    ``head``: the object's first bytes, of which ``head_hash`` is kept; ``lacks_newline``: its last line has not ended.
    """

    version: ObjectVersion
    state: str
    parser_version: int
    lines: int = 0
    ignored: int = 0
    ignored_log_bucket: int = 0
    rejected: int = 0
    sha256: str | None = None
    reason: str | None = None
    detail: str | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    hours: dict[datetime, int] = field(default_factory=dict)
    rejects: list[RejectRow] = field(default_factory=list)
    not_counted: NotCounted = NOTHING
    head: bytes = b""
    head_hash: str | None = None
    lacks_newline: bool = False

    @property
    def parsed(self) -> int:
        return sum(self.hours.values())

    @property
    def anchor(self) -> datetime:
        """The hour on which lines without a time of their own are booked, and an object that was refused: its own first
        time, else what its name tells, else when it was written."""
        at = self.first_at or self._named_at or self.version.last_modified
        return at.replace(minute=0, second=0, microsecond=0)

    @property
    def _named_at(self) -> datetime | None:
        """The instant that the key begins with, as providers name logs (``2025-10-28-06-00-00-…``); None where there is
        none, or one after the object was written: an old object that is uploaded again keeps its day."""
        found = _NAMED_AT.match(self.version.key.rpartition("/")[2])
        try:
            at = datetime.strptime(f"{found[0]}+0000", "%Y-%m-%d-%H-%M-%S%z") if found else None
        except ValueError:  # 2025-13-40
            return None
        return at if at and at <= self.version.last_modified else None


class Standing(NamedTuple):
    """An object version that counts, with what a later parser might make better."""

    object_id: int
    object_key: str
    state: str
    parser_version: int
    parsed: int
    rejected: int


# --- what is known -----------------------------------------------------------------------------------


def has_taken_in(connection: sa.Connection) -> bool:
    """Whether anything was ever taken in, and so made under the key."""
    one = sa.select(sa.literal(1)).limit(1)  # of no column: an older revision has others
    return any(connection.execute(one.select_from(table)).first() for table in (_objects, _files))


def known_versions(connection: sa.Connection, source: str) -> set[int]:
    """Ids of all object versions that are settled, whatever became of them."""
    query = sa.select(_objects.c.object_id).where(_objects.c.source == source)
    return set(connection.execute(query).scalars())


def overwritten(connection: sa.Connection, source: str) -> set[int]:
    """Ids of the versions that another one has taken the place of."""
    query = sa.select(_objects.c.object_id).where(_objects.c.source == source, _objects.c.state == "superseded")
    return set(connection.execute(query).scalars())


def superseded(connection: sa.Connection, source: str) -> list[int]:
    """Ids whose rows in the lake no longer count."""
    query = sa.select(_objects.c.object_id).where(_objects.c.source == source, _objects.c.state == "superseded")
    return list(connection.execute(query.where(_objects.c.parsed > 0)).scalars())


def told_at(connection: sa.Connection, source: str) -> dict[int, datetime]:
    """When each version that has events was written: which of two versions of an event knows better."""
    query = sa.select(_objects.c.object_id, _objects.c.last_modified_at)
    found = connection.execute(query.where(_objects.c.source == source, _objects.c.parsed > 0))
    return {row.object_id: row.last_modified_at.replace(tzinfo=UTC) for row in found}


def standing(connection: sa.Connection, source: str, begin: datetime, end: datetime) -> dict[int, Standing]:
    """The versions that count and that have lines between two hours."""
    query = (
        _standing()
        .join(_hours, _hours.c.object_id == _objects.c.object_id)
        .where(_objects.c.source == source, _hours.c.hour_at >= naive(begin), _hours.c.hour_at < naive(end))
        .distinct()
    )
    return {row.object_id: Standing(*row) for row in connection.execute(query)}


def versions_between(connection: sa.Connection, source: str, begin: datetime, end: datetime) -> list[ObjectVersion]:
    """The versions that count and have records between two hours, as they were listed, the latest first."""
    columns = ("source", "object_key", "etag", "size_bytes", "last_modified_at", "version_id")
    query = (
        sa.select(*(_objects.c[name] for name in columns))
        .join(_hours, _hours.c.object_id == _objects.c.object_id)
        .where(_objects.c.state != "superseded", _objects.c.source == source, _hours.c.parsed > 0)
        .where(_hours.c.hour_at >= naive(begin), _hours.c.hour_at < naive(end))
        .distinct()
        .order_by(_objects.c.last_modified_at.desc(), _objects.c.object_key)
    )
    return [
        ObjectVersion(name, key, etag, size, modified.replace(tzinfo=UTC), version)
        for name, key, etag, size, modified, version in connection.execute(query)
    ]


def with_rejects(connection: sa.Connection, source: str) -> dict[int, Standing]:
    """The versions that count and of which something could not be read, a line or all."""
    some = sa.or_(_objects.c.rejected > 0, _objects.c.state == "refused")
    query = _standing().where(_objects.c.source == source, some)
    return {row.object_id: Standing(*row) for row in connection.execute(query)}


def standing_of(connection: sa.Connection, ids: list[int]) -> dict[int, Standing]:
    """Those of these versions that count."""
    return {
        row.object_id: Standing(*row)
        for part in parts(ids)
        for row in connection.execute(_standing().where(_objects.c.object_id.in_(part)))
    }


def _standing() -> sa.Select[Any]:
    return sa.select(*(_objects.c[name] for name in Standing._fields)).where(_objects.c.state != "superseded")


def parsed_by_day(connection: sa.Connection, ids: list[int]) -> dict[date, int]:
    """How many records of these versions each UTC day holds."""
    found: dict[date, int] = {}
    for part in parts(ids):
        query = sa.select(_hours.c.hour_at, _hours.c.parsed).where(_hours.c.object_id.in_(part), _hours.c.parsed > 0)
        for hour, parsed in connection.execute(query):
            found[hour.date()] = found.get(hour.date(), 0) + parsed
    return found


def lake_files(connection: sa.Connection, kind: str, first: date, last: date) -> list[LakeFile]:
    """The files of these days that count, in the order of their paths."""
    query = (
        sa.select(_files).where(_files.c.kind == kind, _files.c.file_day.between(first, last)).order_by(_files.c.path)
    )
    return [LakeFile(**_aware(row)) for row in connection.execute(query).mappings()]


def every_file(connection: sa.Connection) -> list[LakeFile]:
    """All files that count, in the order of their paths."""
    query = sa.select(_files).order_by(_files.c.path)
    return [LakeFile(**_aware(row)) for row in connection.execute(query).mappings()]


def _aware(row: sa.RowMapping) -> dict[str, Any]:
    return {k: v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for k, v in row.items()}


# --- settling ----------------------------------------------------------------------------------------


def settle(
    connection: sa.Connection,
    settlements: list[Settlement],
    files: list[LakeFile],
    zone: ZoneInfo,
    family: str = "traffic",
) -> set[date]:
    """Law 2: the objects, their hours, their rejects, the files that hold their rows, and the days of the rollups'
    ``family`` (schemas.vocabulary.DAY_FAMILIES) that they make dirty.

    Returns those days. Raises ``AlreadySettled`` when another run was first, ``AssertionError`` when an object's
    lines do not add up: nothing is committed then.
    """
    ids = [settlement.version.object_id for settlement in settlements]
    for part in parts(ids):
        if connection.execute(sa.select(_objects.c.object_id).where(_objects.c.object_id.in_(part)).limit(1)).first():
            raise AlreadySettled
    dirty = supersede(connection, [settlement.version for settlement in settlements], zone, family)
    insert(connection, OBJECTS, frame_of(_object_rows(settlements), OBJECTS))
    insert(connection, OBJECT_HOURS, frame_of(_hour_rows(settlements), OBJECT_HOURS))
    insert(connection, REJECTS, frame_of(_reject_rows(settlements), REJECTS))
    insert_files(connection, files)
    dirty |= touched_days((s.anchor for s in settlements), zone)
    dirty |= _DAYS_OF[family](connection, {hour for s in settlements for hour in s.hours}, zone)
    mark_dirty(connection, family, dirty)
    return dirty


def _object_rows(settlements: list[Settlement]) -> list[Row]:
    rows: list[Row] = []
    for s in settlements:
        if s.lines != s.parsed + s.ignored + s.rejected:
            raise AssertionError(f"{s.version.key}: lines != parsed + ignored + rejected; nothing was settled")
        v = s.version
        rows.append(
            (v.object_id, v.source, v.key, v.etag, v.version_id, v.size, v.last_modified, s.sha256, s.state, s.reason,
             s.detail, s.parser_version, s.lines, s.parsed, s.ignored, s.ignored_log_bucket, s.rejected, s.first_at,
             s.last_at, s.head_hash, None)
        )  # fmt: skip
    return rows


def _hour_rows(settlements: list[Settlement]) -> list[Row]:
    rows: list[Row] = []
    for s in settlements:
        for hour in sorted({*s.hours, s.anchor}):
            is_anchor = hour == s.anchor
            counts = (s.ignored, s.rejected, *s.not_counted.bounded()) if is_anchor else (0,) * 7
            rows.append((s.version.object_id, hour, s.hours.get(hour, 0), *counts))
    return rows


def _reject_rows(settlements: list[Settlement]) -> list[Row]:
    rows: list[Row] = [(s.version.object_id, *reject) for s in settlements for reject in s.rejects]
    rows += [(s.version.object_id, 0, 0, s.reason, s.detail, None, None) for s in settlements if s.state == "refused"]
    return rows


def insert_files(connection: sa.Connection, files: list[LakeFile]) -> None:
    """From this transaction on these files count; one that had been taken out before counts again."""
    for paths in parts([file.path for file in files]):
        connection.execute(_retired.delete().where(_retired.c.path.in_(paths)))
    rows = [
        (f.path, f.source, f.kind, f.file_day, f.rows, f.first_at, f.last_at, f.size_bytes, f.sha256) for f in files
    ]
    insert(connection, LAKE_FILES, frame_of(rows, LAKE_FILES))


def take_out_files(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    """From this transaction on these files no longer count; returns how many there were. The one way of it, since what
    is written down here is the proof by which they may go from the lake one day."""
    gone = connection.execute(sa.select(_files.c.path, _files.c.size_bytes).where(which)).all()
    if gone:
        connection.execute(_files.delete().where(which))
        at = naive(clock())
        rows = [{"path": row.path, "retired_at": at, "size_bytes": row.size_bytes} for row in gone]
        connection.execute(_retired.insert(), rows)
    return len(gone)


def unsettle(
    connection: sa.Connection, ids: list[int], files: list[LakeFile], zone: ZoneInfo, family: str = "traffic"
) -> set[date]:
    """Forgets what became of these versions and the files that hold their rows, so that the same transaction may settle
    them anew; returns the days that rested on them, which are dirty now.

    Raises ``AlreadySettled`` when one of the versions no longer counts, or one of the files.
    """
    dirty: set[date] = set()
    for part in parts(ids):
        which = sa.and_(_objects.c.object_id.in_(part), _objects.c.state != "superseded")
        if len(connection.execute(sa.select(_objects.c.object_id).where(which)).all()) != len(part):
            raise AlreadySettled
        dirty |= days_resting_on(connection, part, zone, family)
        for table in (_rejects, _hours, _objects):
            connection.execute(table.delete().where(table.c.object_id.in_(part)))
    for paths in parts([file.path for file in files]):
        if take_out_files(connection, _files.c.path.in_(paths)) != len(paths):
            raise AlreadySettled
    mark_dirty(connection, family, dirty)
    return dirty


def supersede(
    connection: sa.Connection, versions: Iterable[ObjectVersion], zone: ZoneInfo, family: str = "traffic"
) -> set[date]:
    """Older versions of these keys no longer count; returns the days that rested on them."""
    dirty: set[date] = set()
    for source in {version.source for version in versions}:
        for keys in parts([version.key for version in versions if version.source == source]):
            which = sa.and_(
                _objects.c.source == source, _objects.c.object_key.in_(keys), _objects.c.state != "superseded"
            )
            ids = list(connection.execute(sa.select(_objects.c.object_id).where(which)).scalars())
            if ids:
                dirty |= days_resting_on(connection, ids, zone, family)
                connection.execute(_objects.update().where(which).values(state="superseded"))
    return dirty


def revive(
    connection: sa.Connection, versions: list[ObjectVersion], zone: ZoneInfo, family: str = "traffic"
) -> set[date]:
    """Versions that were overwritten and that the bucket shows again count again, their rows are in the lake still;
    what had overwritten them no longer counts. Returns the days that this makes dirty."""
    dirty = supersede(connection, versions, zone, family)
    for ids in parts([version.object_id for version in versions]):
        dirty |= days_resting_on(connection, ids, zone, family)
        before = sa.case((_objects.c.reason.is_(None), "settled"), else_="refused")
        which = _objects.c.object_id.in_(ids)
        connection.execute(_objects.update().where(which).values(state=before, whole_id=None))
    mark_dirty(connection, family, dirty)
    return dirty


def days_resting_on(connection: sa.Connection, ids: list[int], zone: ZoneInfo, family: str) -> set[date]:
    """Days of the objects' hours, and those that their records bear on."""
    rows = connection.execute(sa.select(_hours.c.hour_at, _hours.c.parsed).where(_hours.c.object_id.in_(ids))).all()
    booked, with_records = ({hour.replace(tzinfo=UTC) for hour, parsed in rows if parsed >= n} for n in (0, 1))
    return touched_days(booked, zone) | _DAYS_OF[family](connection, with_records, zone)


# --- the application ---------------------------------------------------------------------------------


def knows_application(connection: sa.Connection) -> bool:
    """Whether anything of an application's database has ever been taken in."""
    events = sa.select(_files.c.path).where(_files.c.kind == "events")
    exported = sa.select(_exports.c.source).where(_exports.c.table_name == MEDIA_ANALYTICS.name)
    queries = (events, exported, sa.select(_media_files.c.media_file_id))
    return any(connection.execute(query.limit(1)).first() for query in queries)


def mark_unconnected(connection: sa.Connection) -> None:
    """To be called before the first of an application is taken in: no day has been held against it, all are dirty."""
    if not knows_application(connection):
        mark_dirty(connection, "traffic", fenced_days(connection, "traffic"))


def days_of_events(hours: Iterable[datetime], zone: ZoneInfo) -> set[date]:
    """Reporting days that rest on events of these UTC hours (or instants): their own, and one that begins or ended not
    long ago."""
    return days_around(hours, zone, timedelta(seconds=MATCH_AFTER_S), timedelta(seconds=MATCH_BEFORE_S))


def _days_of_records(connection: sa.Connection, hours: Iterable[datetime], zone: ZoneInfo) -> set[date]:
    """Reporting days that rest on records of these UTC hours.

    A request shortly before midnight may be the begin of a delivery that the next day would count itself; and where
    there are events, what is an hour or more away decides which of them match.
    """
    if not knows_application(connection):
        return days_around(hours, zone, timedelta(0), timedelta(seconds=DELIVERY_GAP_S))
    return days_around(hours, zone, timedelta(seconds=RECORDS_AFTER_S), timedelta(seconds=RECORDS_BEFORE_S))


def days_of_generations(hours: Iterable[datetime], zone: ZoneInfo) -> set[date]:
    """Reporting days that rest on events of these UTC hours (or instants): their own, and one that begins soon after,
    as a charge counts at the first of its generations."""
    return days_around(hours, zone, timedelta(0), timedelta(seconds=CHARGE_GAP_S))


_DaysOf = Callable[[sa.Connection, Iterable[datetime], ZoneInfo], set[date]]
_DAYS_OF: dict[str, _DaysOf] = {
    "traffic": _days_of_records,
    "generations": lambda connection, hours, zone: days_of_generations(hours, zone),
}
"""The reporting days that rest on what lies in these UTC hours, by family."""


def days_around(hours: Iterable[datetime], zone: ZoneInfo, before: timedelta, after: timedelta) -> set[date]:
    """Days of the hours, and of what is so long before their begin or after their end: a day is longer than both."""
    last = timedelta(hours=1, microseconds=-1)
    edges = {at for hour in set(hours) for at in (hour - before, hour, hour + last + after)}
    return touched_days(edges, zone)


# --- days and fences ---------------------------------------------------------------------------------


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The reporting day of an instant."""
    return at.astimezone(zone).date()


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end of a reporting day, in UTC: 23, 24 or 25 hours."""
    begin = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    after = day + timedelta(days=1)
    return begin, datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC)


def touched_days(hours: Iterable[datetime], zone: ZoneInfo) -> set[date]:
    return {day_of(hour, zone) for hour in set(hours)}


def mark_dirty(connection: sa.Connection, family: str, days: Collection[date]) -> None:
    """Raises the dirty epoch of each day: whoever read before cannot claim to be up to date."""
    for part in parts(sorted(days)):
        which = sa.and_(_fences.c.family == family, _fences.c.day.in_(part))
        connection.execute(_fences.update().where(which).values(dirty_epoch=_fences.c.dirty_epoch + 1))
        known = set(connection.execute(sa.select(_fences.c.day).where(which)).scalars())
        fresh = [
            {"family": family, "day": day, "dirty_epoch": 1, "done_epoch": 0, "basis": ""}
            for day in part
            if day not in known
        ]
        if fresh:
            connection.execute(_fences.insert(), fresh)


def dirty_days(connection: sa.Connection, family: str, basis: str) -> list[date]:
    """Days to be computed: something they rest on has changed, or the settings or the code have."""
    stale = sa.or_(_fences.c.dirty_epoch > _fences.c.done_epoch, _fences.c.basis != basis)
    query = sa.select(_fences.c.day).where(_fences.c.family == family, stale)
    return sorted(connection.execute(query).scalars())


def fenced_days(connection: sa.Connection, family: str) -> set[date]:
    """Days that the family has a fence for."""
    return set(connection.execute(sa.select(_fences.c.day).where(_fences.c.family == family)).scalars())


def done_days(connection: sa.Connection, family: str) -> set[date]:
    """Days that are up to date: no input has changed since they were computed. Settings and code are not compared."""
    is_done = sa.and_(_fences.c.done_epoch > 0, _fences.c.done_epoch == _fences.c.dirty_epoch)
    return set(connection.execute(sa.select(_fences.c.day).where(_fences.c.family == family, is_done)).scalars())


def epoch(connection: sa.Connection, family: str, day: date) -> int:
    """What a computation that begins now can claim to know."""
    query = sa.select(_fences.c.dirty_epoch).where(_fences.c.family == family, _fences.c.day == day)
    return int(connection.execute(query).scalar_one())


class Fence(NamedTuple):
    """A day of a family: what it was computed from, and whether something has changed since."""

    basis: str
    done_epoch: int
    is_dirty: bool


def fences(connection: sa.Connection, family: str) -> dict[date, Fence]:
    """The fences of a family, by day."""
    rows = connection.execute(sa.select(_fences).where(_fences.c.family == family)).mappings()
    return {row["day"]: Fence(row["basis"], row["done_epoch"], row["dirty_epoch"] > row["done_epoch"]) for row in rows}


def pass_fence(connection: sa.Connection, family: str, day: date, known: int, basis: str) -> bool:
    """Law 7, inside the writing transaction: False when the day was written by somebody who knew as much or more, and
    when what it rests on has changed since: whoever changed that computes the day after it."""
    newer = sa.or_(_fences.c.done_epoch < known, _fences.c.basis != basis)
    which = sa.and_(_fences.c.family == family, _fences.c.day == day, _fences.c.dirty_epoch == known, newer)
    return connection.execute(_fences.update().where(which).values(done_epoch=known, basis=basis)).rowcount == 1


def known_days(connection: sa.Connection, zone: ZoneInfo, others: Collection[str] = ()) -> list[date]:
    """All days that any object touches, in order; but for objects of ``others``, sources of another family."""
    query = sa.select(_hours.c.hour_at).distinct()
    if others:
        query = query.where(_hours.c.object_id.not_in(_ids_of(others)))
    return sorted(touched_days(_instants(connection, query), zone))


def hours_of(connection: sa.Connection, sources: Collection[str]) -> set[datetime]:
    """The UTC hours that the objects of these sources touch."""
    return _instants(connection, sa.select(_hours.c.hour_at).where(_hours.c.object_id.in_(_ids_of(sources))).distinct())


def _ids_of(sources: Collection[str]) -> sa.Select[Any]:
    return sa.select(_objects.c.object_id).where(_objects.c.source.in_(list(sources)))


def _instants(connection: sa.Connection, query: sa.Select[Any]) -> set[datetime]:
    return {at.replace(tzinfo=UTC) for at in connection.execute(query).scalars()}


def day_counts(connection: sa.Connection, source: str, begin: datetime, end: datetime) -> dict[str, int]:
    """objects, parsed, ignored, rejected and refused objects of a source between two hours."""
    join = _hours.join(_objects, _hours.c.object_id == _objects.c.object_id)
    query = (
        sa.select(
            sa.func.count(sa.distinct(_hours.c.object_id)).label("objects"),
            *(
                sa.func.coalesce(sa.func.sum(_hours.c[name]), 0).label(name)
                for name in ("parsed", "ignored", "rejected")
            ),
            sa.func.coalesce(sa.func.sum(sa.case((_objects.c.state == "refused", 1), else_=0)), 0).label("refused"),
        )
        .select_from(join)
        .where(_objects.c.source == source, _objects.c.state != "superseded")
        .where(_hours.c.hour_at >= naive(begin), _hours.c.hour_at < naive(end))
    )
    return {name: int(value) for name, value in connection.execute(query).mappings().one().items()}


def day_not_counted(connection: sa.Connection, source: str, begin: datetime, end: datetime) -> NotCounted:
    """What lines of a source between two hours may stand for beyond what is counted. Added up here: a client may plant
    numbers of which no 64-bit sum can be made."""
    columns = [_hours.c[name] for name in NotCounted._fields]
    query = (
        sa.select(*columns)
        .select_from(_hours.join(_objects, _hours.c.object_id == _objects.c.object_id))
        .where(_objects.c.source == source, _objects.c.state != "superseded")
        .where(_hours.c.hour_at >= naive(begin), _hours.c.hour_at < naive(end))
        .where(sa.or_(*(column > 0 for column in columns)))
    )
    total = NOTHING
    for row in connection.execute(query):
        total += tuple(row)
    return total.bounded()


def replace_audience(connection: sa.Connection, kind: str, day: date, file: LakeFile | None) -> bool:
    """Lets this file be the day's audience (of its kind); False when it was so already."""
    which = sa.and_(_files.c.kind == kind, _files.c.file_day == day)
    before = set(connection.execute(sa.select(_files.c.path).where(which)).scalars())
    if before == ({file.path} if file else set()):
        return False
    take_out_files(connection, which)
    insert_files(connection, [file] if file else [])
    return True


# --- listings ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivered:
    """When a source delivered last, from when on a longer silence is out of its rhythm (None: it has none yet), and
    until when it is complete by that (None: it is not believed, or nothing ever came). ``delay``: how long after an
    hour all of it has come, usually (None: not known yet)."""

    last_at: datetime | None
    late_from: datetime | None
    complete_through: datetime | None
    delay: timedelta | None = None


def record_listing(
    connection: sa.Connection,
    source: str,
    listed_at: datetime,
    objects: int,
    pending: int,
    through: datetime,
    delivered: Delivered | None = None,
) -> None:
    """The last complete listing, until when the source's logs are complete by it, and by what was ``delivered``: a
    listing that shows nothing new proves nothing. Never goes back."""
    row = connection.execute(sa.select(_listings).where(_listings.c.source == source)).mappings().first()
    delivered = delivered or Delivered(None, None, through)
    values = {
        "listed_at": naive(listed_at),
        "objects": objects,
        "pending": pending,
        "complete_through_at": _naive(delivered.complete_through),
        "listed_through_at": naive(through),
        "delivered_at": _naive(delivered.last_at),
        "late_from_at": _naive(delivered.late_from),
        "delay_s": None if delivered.delay is None else int(delivered.delay.total_seconds()),
    }
    if row is None:
        connection.execute(_listings.insert().values(source=source, **values))
    elif row["listed_at"] <= naive(listed_at):
        connection.execute(_listings.update().where(_listings.c.source == source).values(**values))


def listed_pending(connection: sa.Connection, source: str) -> int | None:
    """How many objects the last listing on record left unsettled; None before the first."""
    return connection.execute(sa.select(_listings.c.pending).where(_listings.c.source == source)).scalar()


@dataclass(frozen=True, slots=True)
class Listed:
    """The last complete listing on record: when it began, and until when the logs are complete by it."""

    at: datetime
    complete_through: datetime | None


def listed(connection: sa.Connection, source: str) -> Listed | None:
    """None before the first listing."""
    columns = (_listings.c.listed_at, _listings.c.complete_through_at)
    row = connection.execute(sa.select(*columns).where(_listings.c.source == source)).one_or_none()
    return Listed(*(at and at.replace(tzinfo=UTC) for at in row)) if row else None


def complete_through(connection: sa.Connection, source: str) -> datetime | None:
    """Until when the source's logs are complete; None before its first listing, and where nothing ever came."""
    at = connection.execute(sa.select(_listings.c.complete_through_at).where(_listings.c.source == source)).scalar()
    return at.replace(tzinfo=UTC) if at else None


def listed_through(connection: sa.Connection, source: str) -> datetime | None:
    """Until when the source has been looked through, whether anything came or not: where the next look begins."""
    at = sa.func.coalesce(_listings.c.listed_through_at, _listings.c.complete_through_at)
    found = connection.execute(sa.select(at).where(_listings.c.source == source)).scalar()
    return found.replace(tzinfo=UTC) if found else None


def delivery_hours(connection: sa.Connection, source: str) -> set[datetime]:
    """The UTC hours in which the objects were delivered that count: of those that were overwritten nobody can tell
    who was not there, and two ways to the same state must have the same rhythm."""
    # As text, cut behind the hour: each engine truncates instants by another name.
    hour = sa.func.substr(sa.cast(_objects.c.last_modified_at, sa.String(32)), 1, 13)
    which = (_objects.c.source == source, _objects.c.state != "superseded")
    found = connection.execute(sa.select(hour).where(*which).distinct()).scalars()
    return {datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=UTC) for text in found}


def delay(connection: sa.Connection, source: str) -> timedelta:
    """How long after an hour all of it has come, usually; none where that is not known."""
    seconds = connection.execute(sa.select(_listings.c.delay_s).where(_listings.c.source == source)).scalar()
    return timedelta(seconds=seconds or 0)


def deliveries_of_hours(connection: sa.Connection, source: str, since: datetime) -> list[tuple[datetime, datetime]]:
    """When something was delivered since then, and an hour that it has records of: of each UTC hour of deliveries the
    last one."""
    at, hour = _objects.c.last_modified_at, _hours.c.hour_at
    within = sa.func.substr(sa.cast(at, sa.String(32)), 1, 13)
    which = (_objects.c.source == source, _objects.c.state != "superseded", at >= naive(since), _hours.c.parsed > 0)
    joined = _objects.join(_hours, _hours.c.object_id == _objects.c.object_id)
    query = sa.select(sa.func.max(at), hour).select_from(joined).where(*which).group_by(within, hour)
    return [(last.replace(tzinfo=UTC), of.replace(tzinfo=UTC)) for last, of in connection.execute(query)]


def delivered_keys(connection: sa.Connection, source: str, within: timedelta) -> dict[str, datetime]:
    """When the versions that count were delivered, by key: those that came so shortly before the newest of them."""
    at, counts = _objects.c.last_modified_at, sa.and_(_objects.c.source == source, _objects.c.state != "superseded")
    newest = connection.execute(sa.select(sa.func.max(at)).where(counts)).scalar()
    if newest is None:
        return {}
    rows = connection.execute(sa.select(_objects.c.object_key, at).where(counts, at >= newest - within))
    return {key: delivered.replace(tzinfo=UTC) for key, delivered in rows}


def oldest_delivery(connection: sa.Connection, source: str, after: datetime) -> datetime | None:
    """When the first of the versions that count was delivered, of those that came after an instant."""
    at = _objects.c.last_modified_at
    which = (_objects.c.source == source, _objects.c.state != "superseded", at > naive(after))
    found = connection.execute(sa.select(sa.func.min(at)).where(*which)).scalar()
    return found.replace(tzinfo=UTC) if found else None


def _naive(at: datetime | None) -> datetime | None:
    return naive(at) if at else None


def parts(items: list[_T]) -> Iterator[list[_T]]:
    return (items[i : i + _MANY] for i in range(0, len(items), _MANY))
