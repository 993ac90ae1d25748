"""Where another system's tables are, and all that reading them needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mediameter.connect import rest_client, source_engine
from mediameter.opening.geography import geography
from mediameter.privacy.pseudonyms import Addresses, Pseudonyms
from mediameter.settings import AppSource, PaletteSource, Settings, address_key
from mediameter.sources.api_keys import read_key
from mediameter.sources.postgrest import Rest
from mediameter.sources.tables import Database


@dataclass(frozen=True, slots=True)
class Place:
    """One source, and all that its export needs and that does not change during a run. ``now`` is when it began."""

    settings: Settings
    name: str
    source: AppSource | PaletteSource
    database: Database | Rest
    made: sa.Engine
    pseudonyms: Pseudonyms
    addresses: Addresses
    now: datetime
    is_dry_run: bool


@contextmanager
def place_of(settings: Settings, name: str, made: sa.Engine, now: datetime, dry_run: bool) -> Iterator[Place]:
    """The source of that name; nothing is asked of it yet. Its connections are closed behind it. Raises ``UserError``
    for a URL that cannot be read."""
    source, pseudonyms = settings.table_sources[name], Pseudonyms(address_key(settings))
    addresses = Addresses(pseudonyms, geography(settings))
    is_rest = isinstance(source, PaletteSource) and source.is_rest
    tables = rest_of(name, source) if is_rest and isinstance(source, PaletteSource) else database_of(name, source)
    try:
        yield Place(settings, name, source, tables, made, pseudonyms, addresses, now, dry_run)
    finally:
        tables.close()


def database_of(name: str, source: AppSource | PaletteSource) -> Database:
    """A database of SQL. Raises ``UserError`` for a URL that cannot be read."""
    tables, columns = _called(source)
    engine = source_engine(source.url, source.statement_timeout_s)
    return Database(f"[sources.{name}]", engine, tables, columns, source.page_rows)


def rest_of(name: str, source: PaletteSource) -> Rest:
    """A REST API."""
    tables, columns = _called(source)
    client = rest_client(source.url, source.key, source.statement_timeout_s)
    return Rest(f"[sources.{name}]", client, read_key(source.key), source.role, tables, columns, source.page_rows)


def _called(source: AppSource | PaletteSource) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Names of tables, and of columns by table, that are called otherwise there."""
    columns: dict[str, dict[str, str]] = {str(table): names for table, names in source.columns.items()}
    return {str(table): name for table, name in source.tables.items()}, columns
