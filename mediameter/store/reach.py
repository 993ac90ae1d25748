"""Which reporting days rest on what lies in an hour: these become dirty when something is taken in there or taken out.

A record or an event reaches beyond its own day: a delivery goes on after midnight, a charge counts at its first
generation. How far, is said in schemas.vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mediameter.metering.calendar import days_around, touched_days
from mediameter.store.fences import fenced_days, mark_dirty
from mediameter.store.warehouse import tables
from schemas.application import MEDIA_ANALYTICS
from schemas.internal import EXPORTS, LAKE_FILES, OBJECT_HOURS, OBJECTS
from schemas.vocabulary import (
    CHARGE_GAP_S,
    FAMILY_OF_LAKE,
    MATCH_AFTER_S,
    MATCH_BEFORE_S,
    REACH_BESIDE_EVENTS_S,
    REACH_S,
)

_objects, _hours, _files, _exports = (tables[c.name] for c in (OBJECTS, OBJECT_HOURS, LAKE_FILES, EXPORTS))
_media_files = tables["media_files"]


def knows_application(connection: sa.Connection) -> bool:
    """Whether anything of an application's database has ever been taken in."""
    events = sa.select(_files.c.path).where(_files.c.kind == "events")
    exported = sa.select(_exports.c.source).where(_exports.c.table_name == MEDIA_ANALYTICS.name)
    queries = (events, exported, sa.select(_media_files.c.media_file_id))
    return any(connection.execute(query.limit(1)).first() for query in queries)


def mark_unconnected(connection: sa.Connection) -> None:
    """To be called before the first of an application is taken in: no day has been held against it, all are dirty."""
    if not knows_application(connection):
        family = FAMILY_OF_LAKE["events"]
        mark_dirty(connection, family, fenced_days(connection, family))


def days_of_events(hours: Iterable[datetime], zone: ZoneInfo) -> set[date]:
    """Reporting days that rest on events of these UTC hours (or instants): their own, and one that begins or ended not
    long ago."""
    return days_around(hours, zone, timedelta(seconds=MATCH_AFTER_S), timedelta(seconds=MATCH_BEFORE_S))


def days_of_records(connection: sa.Connection, hours: Iterable[datetime], zone: ZoneInfo, family: str) -> set[date]:
    """Reporting days of the family that rest on records of these UTC hours; more of them where there are events that
    decide which records match (schemas.vocabulary)."""
    reach = REACH_BESIDE_EVENTS_S if knows_application(connection) else REACH_S
    return days_around(hours, zone, *(timedelta(seconds=seconds) for seconds in reach[family]))


def days_of_generations(hours: Iterable[datetime], zone: ZoneInfo) -> set[date]:
    """Reporting days that rest on events of these UTC hours (or instants): their own, and one that begins soon after,
    as a charge counts at the first of its generations."""
    return days_around(hours, zone, timedelta(0), timedelta(seconds=CHARGE_GAP_S))


def days_resting_on(connection: sa.Connection, ids: list[int], zone: ZoneInfo, family: str) -> set[date]:
    """Days of the objects' hours, and those that their records bear on."""
    rows = connection.execute(sa.select(_hours.c.hour_at, _hours.c.parsed).where(_hours.c.object_id.in_(ids))).all()
    booked, with_records = ({hour.replace(tzinfo=UTC) for hour, parsed in rows if parsed >= n} for n in (0, 1))
    return touched_days(booked, zone) | days_of_records(connection, with_records, zone, family)


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
