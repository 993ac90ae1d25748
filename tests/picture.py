"""What the migrations make of an empty SQLite file, made once a process by them, and written down again where a test
needs another such warehouse: the same statements in the same transaction, for a tenth of the CPU.

Some thousand tests begin with a warehouse of their own, and how it is made is the subject of a few: those have the
migrations themselves (``real_migrations``), as has `make trials`. Servers and warehouses of an older revision have
them everywhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.store import migration

_upgrade = migration._upgrade


@contextmanager
def drawn(is_so: bool = True) -> Iterator[None]:
    """Within, new warehouses are drawn from the picture; or migrated as in the field, wherever this stands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migration, "_upgrade", _draw if is_so else _upgrade)
        yield


def _draw(engine: sa.Engine) -> None:
    """As the migrations, it is alone while it asks whether there is anything, and all or nothing."""
    if engine.dialect.name == "sqlite" and migration.revision_of(engine) is None:
        statements = _picture()
        with connect.altering(engine) as connection:
            if migration.revision(connection) is None:
                for statement in statements:
                    connection.exec_driver_sql(statement)
                return
    _upgrade(engine)


@cache
def _picture() -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        made = connect.engine(f"sqlite:///{Path(folder) / 'picture.sqlite'}")
        _upgrade(made)
        with made.connect() as connection:
            asked = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
            statements = connection.exec_driver_sql(asked).scalars().all()
            filled = [
                table.name for table in _tables(connection) if connection.execute(sa.select(table).limit(1)).first()
            ]
            revision = migration.revision(connection)
        made.dispose()
    assert filled == ["alembic_version"], "the migrations write rows that the picture does not have"
    return (*statements, f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')")


def _tables(connection: sa.Connection) -> list[sa.Table]:
    found = sa.MetaData()
    found.reflect(connection)
    return list(found.tables.values())
