"""Settling: in one transaction the ledger says what became of each object version, which lake files hold its rows, and
which days this makes dirty.

Every function works on a connection it is given: who calls decides what is one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mediameter.metering.calendar import touched_days
from mediameter.sources.objects import ObjectVersion
from mediameter.store import reach, rejects
from mediameter.store.fences import mark_dirty
from mediameter.store.lake import LakeFile
from mediameter.store.lake_files import insert_files, take_out_files
from mediameter.store.objects import NOTHING, NotCounted
from mediameter.store.reach import days_resting_on
from mediameter.store.rejects import RejectRow
from mediameter.store.warehouse import Row, chunks, frame_of, insert, tables
from schemas.internal import LAKE_FILES, OBJECT_HOURS, OBJECTS

_objects, _hours, _files = (tables[c.name] for c in (OBJECTS, OBJECT_HOURS, LAKE_FILES))
_NAMED_AT = re.compile(r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(?=-)")


class AlreadySettled(Exception):
    """Another run was first with one of the objects, or with a lake file that was to be replaced; this batch's files
    stay orphans, its objects are looked at anew."""


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


def settle(
    connection: sa.Connection,
    settlements: list[Settlement],
    files: list[LakeFile],
    zone: ZoneInfo,
    family: str,
) -> set[date]:
    """Law 2: the objects, their hours, their rejects, the files that hold their rows, and the days of the rollups'
    ``family`` (schemas.vocabulary.DAY_FAMILIES) that they make dirty.

    Returns those days. Raises ``AlreadySettled`` when another run was first, ``AssertionError`` when an object's
    lines do not add up: nothing is committed then.
    """
    ids = [settlement.version.object_id for settlement in settlements]
    for part in chunks(ids):
        if connection.execute(sa.select(_objects.c.object_id).where(_objects.c.object_id.in_(part)).limit(1)).first():
            raise AlreadySettled
    dirty = supersede(connection, [settlement.version for settlement in settlements], zone, family)
    insert(connection, OBJECTS, frame_of(_object_rows(settlements), OBJECTS))
    insert(connection, OBJECT_HOURS, frame_of(_hour_rows(settlements), OBJECT_HOURS))
    rejects.insert_lines(connection, _reject_rows(settlements))
    insert_files(connection, files)
    dirty |= touched_days((s.anchor for s in settlements), zone)
    dirty |= reach.days_of_records(connection, {hour for s in settlements for hour in s.hours}, zone, family)
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


def unsettle(
    connection: sa.Connection, ids: list[int], files: list[LakeFile], zone: ZoneInfo, family: str
) -> set[date]:
    """Forgets what became of these versions and the files that hold their rows, so that the same transaction may settle
    them anew; returns the days that rested on them, which are dirty now.

    Raises ``AlreadySettled`` when one of the versions no longer counts, or one of the files.
    """
    dirty: set[date] = set()
    for part in chunks(ids):
        which = sa.and_(_objects.c.object_id.in_(part), _objects.c.state != "superseded")
        if len(connection.execute(sa.select(_objects.c.object_id).where(which)).all()) != len(part):
            raise AlreadySettled
        dirty |= days_resting_on(connection, part, zone, family)
        forget(connection, part)
    for paths in chunks([file.path for file in files]):
        if take_out_files(connection, _files.c.path.in_(paths)) != len(paths):
            raise AlreadySettled
    mark_dirty(connection, family, dirty)
    return dirty


def forget(connection: sa.Connection, ids: list[int]) -> None:
    """Deletes what the ledger knows of these versions, whether or not they count: the next run reads them again."""
    rejects.forget_objects(connection, ids)
    for part in chunks(ids):
        for table in (_hours, _objects):
            connection.execute(table.delete().where(table.c.object_id.in_(part)))


def supersede(connection: sa.Connection, versions: Iterable[ObjectVersion], zone: ZoneInfo, family: str) -> set[date]:
    """Older versions of these keys no longer count; returns the days that rested on them."""
    dirty: set[date] = set()
    for source in {version.source for version in versions}:
        for keys in chunks([version.key for version in versions if version.source == source]):
            which = sa.and_(
                _objects.c.source == source, _objects.c.object_key.in_(keys), _objects.c.state != "superseded"
            )
            ids = list(connection.execute(sa.select(_objects.c.object_id).where(which)).scalars())
            if ids:
                dirty |= days_resting_on(connection, ids, zone, family)
                connection.execute(_objects.update().where(which).values(state="superseded"))
    return dirty


def revive(connection: sa.Connection, versions: list[ObjectVersion], zone: ZoneInfo, family: str) -> set[date]:
    """Versions that were overwritten and that the bucket shows again count again, their rows are in the lake still;
    what had overwritten them no longer counts. Returns the days that this makes dirty."""
    dirty = supersede(connection, versions, zone, family)
    for ids in chunks([version.object_id for version in versions]):
        dirty |= days_resting_on(connection, ids, zone, family)
        before = sa.case((_objects.c.reason.is_(None), "settled"), else_="refused")
        which = _objects.c.object_id.in_(ids)
        connection.execute(_objects.update().where(which).values(state=before, whole_id=None))
    mark_dirty(connection, family, dirty)
    return dirty
