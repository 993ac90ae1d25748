"""What is known of the object versions that were taken in: which of them count, and what their hours hold.

It reads; what changes the ledger of objects stands in `settling`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from mediameter.sources.objects import ObjectVersion
from mediameter.store.warehouse import chunks, naive, tables
from schemas.internal import LAKE_FILES, OBJECT_HOURS, OBJECTS
from schemas.vocabulary import MOST_UNCOUNTED

_objects, _hours, _files = (tables[c.name] for c in (OBJECTS, OBJECT_HOURS, LAKE_FILES))


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


class Standing(NamedTuple):
    """An object version that counts, with what a later parser might make better."""

    object_id: int
    object_key: str
    state: str
    parser_version: int
    parsed: int
    rejected: int


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
        for part in chunks(ids)
        for row in connection.execute(_standing().where(_objects.c.object_id.in_(part)))
    }


def _standing() -> sa.Select[Any]:
    return sa.select(*(_objects.c[name] for name in Standing._fields)).where(_objects.c.state != "superseded")


def parsed_by_day(connection: sa.Connection, ids: list[int]) -> dict[date, int]:
    """How many records of these versions each UTC day holds."""
    found: dict[date, int] = {}
    for part in chunks(ids):
        query = sa.select(_hours.c.hour_at, _hours.c.parsed).where(_hours.c.object_id.in_(part), _hours.c.parsed > 0)
        for hour, parsed in connection.execute(query):
            found[hour.date()] = found.get(hour.date(), 0) + parsed
    return found


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
