"""Which sources are silent for longer than is ordinary of them, or are not believed: a line each."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from mediameter.numbers import told
from mediameter.settings import Settings
from mediameter.store import sightings
from mediameter.store.sightings import Doubt
from mediameter.store.warehouse import naive, tables

_listings = tables["listings"]


def late_sources(connection: sa.Connection, settings: Settings, now: datetime) -> dict[str, str]:
    """Why a source is late, by its name: its next delivery was due by its own rhythm, and did not come."""
    query = sa.select(_listings).where(_listings.c.late_from_at < naive(now)).order_by(_listings.c.source)
    return {
        row["source"]: _line(settings, row["source"], row["delivered_at"].replace(tzinfo=UTC), now)
        for row in connection.execute(query).mappings()
        if row["source"] in settings.sources
    }


def _line(settings: Settings, name: str, delivered_at: datetime, now: datetime) -> str:
    quiet = told((now - delivered_at).total_seconds(), "s")
    what = settings.system(name).form.silence
    return (
        f"{name}: {what} {delivered_at:%Y-%m-%d %H}h UTC, for {quiet}: longer than is usual for it. Is the"
        f" delivery alive (logging, copy job, export)? `mediameter doctor`; if it is: [sources.{name}] quiet_hours"
    )


def doubts(connection: sa.Connection, settings: Settings) -> list[Doubt]:
    """What is not believed of the sources of the settings."""
    return sightings.doubts(connection, settings.sources)
