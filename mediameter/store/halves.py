"""Objects that are the begin of another object: half of a copy that was read before the rest had come.

An object whose bytes are the beginning of another's does not count beside it: its lines are the other's, but for the
last one, which may be cut. An object without a line (empty, or a lone byte-order mark) is nobody's half. Which object
stands in the half's place is kept in the ledger, so that the half counts again when the bucket still shows it and the
whole one counts no longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mediameter.store import fences, objects, reach, warehouse
from mediameter.store.settling import Settlement
from mediameter.store.warehouse import naive, tables
from schemas.internal import OBJECT_HOURS, OBJECTS

_objects, _hours = tables[OBJECTS.name], tables[OBJECT_HOURS.name]
SHORT = "s"
"""What the head's hash begins with where the object is shorter than a head; else it is hex."""
_may_count = sa.or_(_objects.c.state != "superseded", _objects.c.whole_id.is_not(None))


class Kin(NamedTuple):
    """A settled version that may be the begin of another one, or begin with it. ``head_hash``: None of one that an
    older version read."""

    object_id: int
    size_bytes: int
    sha256: str
    head_hash: str | None
    state: str
    first_at: datetime | None
    last_at: datetime | None
    lines: int
    reason: str | None

    @property
    def holds_something(self) -> bool:
        """A line, or cause for a refusal. What holds nothing takes nothing from the object that begins with it."""
        return self.lines > 0 or self.reason is not None


def kin(connection: sa.Connection, source: str, settlements: Sequence[Settlement]) -> set[Kin]:
    """What is settled of the source and begins as one of these objects does.

    What is shorter than a head is found by the hours that it touches, or as one of the few without a record; what was
    read before heads were kept, by its hours alone.
    """
    own = {settlement.version.object_id for settlement in settlements}
    found: set[Kin] = set()
    for heads in warehouse.chunks(sorted({s.head_hash for s in settlements if s.head_hash})):
        found |= _kin(connection, _select(source).where(_objects.c.head_hash.in_(heads)))
    is_short = _objects.c.head_hash.like(f"{SHORT}%")
    found |= _kin(connection, _select(source).where(is_short, _objects.c.parsed == 0))
    odd = sa.or_(_objects.c.head_hash.is_(None), is_short)
    for hours in warehouse.chunks(sorted({hour for s in settlements for hour in (*s.hours, s.anchor)})):
        at = _hours.c.hour_at.in_([naive(hour) for hour in hours])
        query = _select(source).join(_hours, _hours.c.object_id == _objects.c.object_id).where(at, odd)
        found |= _kin(connection, query.distinct())
    return {each for each in found if each.object_id not in own}


def _select(source: str) -> sa.Select[Any]:
    columns = (_objects.c[name] for name in Kin._fields)
    is_read = sa.and_(_objects.c.sha256.is_not(None), _objects.c.size_bytes > 0)
    return sa.select(*columns).where(_objects.c.source == source, is_read, _may_count)


def _kin(connection: sa.Connection, query: sa.Select[Any]) -> set[Kin]:
    return {Kin(*row) for row in connection.execute(query)}


def absorb(connection: sa.Connection, wholes: dict[int, int], zone: ZoneInfo, family: str) -> None:
    """These halves no longer count beside the objects that begin with them; the days that rested on them are dirty."""
    for ids in warehouse.chunks(sorted(wholes)):
        fences.mark_dirty(connection, family, reach.days_resting_on(connection, ids, zone, family))
        for half in ids:
            which = sa.and_(_objects.c.object_id == half, _may_count)
            connection.execute(_objects.update().where(which).values(state="superseded", whole_id=wholes[half]))


def absorbed(connection: sa.Connection, source: str) -> set[int]:
    """Ids of the halves in whose place another object counts today."""
    query = sa.select(_objects.c.object_id, _objects.c.whole_id).where(
        _objects.c.source == source, _objects.c.state == "superseded", _objects.c.whole_id.is_not(None)
    )
    wholes = {row.object_id: row.whole_id for row in connection.execute(query)}
    counting = set(objects.standing_of(connection, sorted(set(wholes.values()) - set(wholes))))
    return {half for half in wholes if _last(half, wholes) in counting}


def _last(half: int, wholes: dict[int, int]) -> int:
    """The whole may have turned out to be a half itself; each is larger than the one before."""
    while half in wholes:
        half = wholes[half]
    return half
