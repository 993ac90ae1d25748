"""Until when each source is complete, by its last listing and by the rhythm of what it delivers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from mediameter.store.warehouse import naive, tables
from schemas.internal import OBJECT_HOURS, OBJECTS

_objects, _hours, _listings = tables[OBJECTS.name], tables[OBJECT_HOURS.name], tables["listings"]


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


def forget(connection: sa.Connection, source: str) -> None:
    """As if the source had never been listed: it is then looked through whole."""
    connection.execute(_listings.delete().where(_listings.c.source == source))


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
