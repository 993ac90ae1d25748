"""Where another system's tables are, and all that reading them needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mediameter.opening.geography import geography
from mediameter.opening.tables import tables
from mediameter.privacy.pseudonyms import Addresses, Pseudonyms
from mediameter.sections.tables import TableSource
from mediameter.settings import Settings, address_key
from mediameter.sources.postgrest import Rest
from mediameter.sources.tables import Database
from mediameter.systems.system import Door, System


@dataclass(frozen=True, slots=True)
class Place:
    """One source, and all that its export needs and that does not change during a run. ``now`` is when it began."""

    settings: Settings
    name: str
    source: TableSource
    system: System
    database: Database | Rest
    made: sa.Engine
    door: Door
    now: datetime
    is_dry_run: bool


@contextmanager
def place_of(settings: Settings, name: str, made: sa.Engine, now: datetime, dry_run: bool) -> Iterator[Place]:
    """The source of that name; nothing is asked of it yet. Its connections are closed behind it. Raises ``UserError``
    for a URL that cannot be read."""
    source, pseudonyms = settings.table_sources[name], Pseudonyms(address_key(settings))
    door = Door(pseudonyms, Addresses(pseudonyms, geography(settings)))
    asked = tables(name, source)
    try:
        yield Place(settings, name, source, settings.system(name), asked, made, door, now, dry_run)
    finally:
        asked.close()
