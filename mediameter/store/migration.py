"""Alembic, driven from Python: the tables are at the newest revision before anything is read or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from mediameter.connect import again, altering
from mediameter.errors import UserError, WorldError
from schemas import TABLES

HEAD = "0026"
_SCRIPTS = Path(__file__).resolve().parents[2] / "sql" / "migrations"


def migrate(engine: sa.Engine, if_new: Callable[[], None] | None = None) -> bool:
    """Brings the warehouse to the newest revision; True when something had to be done. ``if_new`` is called before
    the first tables are made.

    Raises ``WorldError`` when the warehouse was made by a newer mediameter.
    """
    found = revision_of(engine)
    if found == HEAD:
        return False
    refuse_newer(found)
    if found is None and if_new:
        _ask(engine, if_new)
    _upgrade(engine)
    return True


def _ask(engine: sa.Engine, if_new: Callable[[], None]) -> None:
    """A refusal holds while there is still no table: else another first run has made them meanwhile."""
    try:
        if_new()
    except UserError:
        if revision_of(engine) is None:
            raise


def revision_of(engine: sa.Engine) -> str | None:
    """``revision``, while others may migrate: MySQL and MariaDB refuse to read a table that was made or altered after
    the snapshot began."""

    def once() -> str | None:
        with engine.connect() as connection:
            return revision(connection)

    return again(once)


def refuse_newer(found: str | None) -> None:
    """Raises ``WorldError`` for a revision that came after ours."""
    if found is not None and found > HEAD:
        raise WorldError(
            f"the warehouse is at revision {found}, and this mediameter knows {HEAD} at most",
            "use the newer mediameter that made it",
        )


def revision(connection: sa.Connection) -> str | None:
    """The revision that the warehouse is at; None where there is none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: sa.Engine, to: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["comments"] = {
        contract.name: (contract.doc, {column.name: column.doc for column in contract}) for contract in TABLES
    }
    with altering(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
