"""How the commands that only read see the warehouse: one snapshot, and a clear word where there is none yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select

from mediameter import connect
from mediameter.errors import UserError
from mediameter.settings import Settings
from mediameter.store import migration, tenancy


@contextmanager
def reader(settings: Settings) -> Iterator[Connection]:
    """A snapshot of a warehouse that has been run at least once; ``UserError`` where there is none yet."""
    file = settings.warehouse.sqlite_path
    if file is not None and not file.exists():
        raise UserError(f"{file}: there is no warehouse yet", "`mediameter run` creates it")
    engine = tenancy.engine(settings.warehouse.url, settings.tenant)
    try:
        with connect.reading(engine) as connection:
            _refuse_other_tables(connection)
            yield connection
    finally:
        engine.dispose()


def _refuse_other_tables(connection: Connection) -> None:
    found = migration.revision(connection)
    migration.refuse_newer(found)
    if found is None:
        raise UserError("the warehouse holds no tables yet", "`mediameter run` creates them")
    if found != migration.HEAD:
        remedy = "`mediameter migrate`, or the next run, brings it there"
        raise UserError(f"the warehouse is at revision {found}, and {migration.HEAD} is needed", remedy)


def rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    """The rows by name, instants aware: the warehouse keeps them as naive UTC."""
    return [
        {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for name, value in row.items()}
        for row in connection.execute(query).mappings()
    ]


def plain(value: Any) -> Any:
    """The value as JSON has it: instants with a Z, days as ISO text."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if hasattr(value, "isoformat") else value
