"""What a source's listing, or its export, comes to: until when it is complete, and by whose word.

That nothing new is there proves nothing: a dead copy job looks just like a quiet night. So a source is complete until
its next delivery was due by its own rhythm, and no longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa

from mediameter.metering.delay import HISTORY, delay, first_told
from mediameter.metering.rhythm import Rhythm, rhythm
from mediameter.settings import Settings
from mediameter.sources.objects import ObjectVersion
from mediameter.store import exports, listings
from mediameter.systems.system import EVENT_OBJECTS

NOTHING = listings.Delivered(None, None, None)
"""Of a source that is not believed, or that never delivered anything."""


def of_bucket(
    connection: sa.Connection,
    settings: Settings,
    name: str,
    listing: Iterable[ObjectVersion],
    now: datetime,
    through: datetime,
) -> listings.Delivered:
    """Of a bucket whose logs are complete until ``through``, for all that the listing tells."""
    deliveries = listings.delivery_hours(connection, name) | {version.last_modified for version in listing}
    found = rhythm(deliveries, now=now, ordinary=settings.sources[name].ordinary_silence)
    if found is None:
        return NOTHING
    due = found.expected_by - timedelta(hours=settings.reporting.settle_hours)
    usual = _delay(connection, settings, name, now)
    return listings.Delivered(found.last_at, found.late_from, min(through, due), usual)


def _delay(connection: sa.Connection, settings: Settings, name: str, now: datetime) -> timedelta | None:
    """How long after an hour all of it has come: by the settings, or as it was of late."""
    said = settings.bucket_sources[name].delay_hours
    if said:
        return timedelta(hours=said)
    deliveries = listings.deliveries_of_hours(connection, name, now - HISTORY)
    return delay(first_told(deliveries) if settings.system(name).form is EVENT_OBJECTS else deliveries, now=now)


def of_tables(
    connection: sa.Connection, settings: Settings, name: str, now: datetime, through: datetime
) -> listings.Delivered:
    """Of tables that were read and are believed. They are asked themselves and not by way of a copy, so their silence
    counts once their rhythm is learned, and not before."""
    found: Rhythm | None = rhythm(
        exports.event_hours(connection, name), now=now, ordinary=settings.sources[name].ordinary_silence
    )
    if found is None or not found.is_learned:
        return listings.Delivered(found.last_at if found else None, None, through)
    return listings.Delivered(found.last_at, found.late_from, min(through, found.expected_by))
