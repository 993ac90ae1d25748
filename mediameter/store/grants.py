"""What a role of a BI tool may read: rollups, their state, reference tables, incidents and views; of the machinery the
revision alone, which `mediameter answer` looks at first. On PostgreSQL also the schema for BI tools: a tool that is
pointed at it lists nothing that it may not read."""

from __future__ import annotations

import re

import sqlalchemy as sa

from mediameter import connect
from mediameter.errors import UserError
from mediameter.store.warehouse import tables
from schemas import READABLE as CONTRACTS
from schemas.views import bi_schema

READABLE = tuple(contract.name for contract in CONTRACTS)
_REVISION = "alembic_version"
_ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}(@[A-Za-z0-9_.:%-]{1,255})?")


def statements(made: sa.Engine, role: str) -> list[str]:
    """The GRANTs for a role that is there already: on MySQL and MariaDB ``name``, or a user as ``name@host``.

    Raises ``UserError`` for SQLite, and for what is not a valid role name.
    """
    if made.dialect.name == "sqlite":
        raise UserError("a file has no roles", "give its readers read access to the file and its folder")
    if not _ROLE.fullmatch(role):
        raise UserError(f"{role!r} is not a valid role name", "write it like bi, or for MySQL and MariaDB bi@%")
    name, at, host = role.partition("@")
    if made.dialect.name == "postgresql":
        if at:
            raise UserError(
                f"{role!r} is not a valid role name", "roles of PostgreSQL have no host: leave out @ and after"
            )
        return [f'GRANT SELECT ON {table} TO "{name}"' for table in (*READABLE, _REVISION)]
    grantee = f"'{name}'@'{host}'" if at else f"'{name}'"
    database = (made.url.database or "").replace("`", "``")
    return [f"GRANT SELECT ON `{database}`.{table} TO {grantee}" for table in (*READABLE, _REVISION)]


def planned(made: sa.Engine, role: str) -> list[str]:
    """All that would be executed for the role. Raises what ``statements`` raises."""
    todo = statements(made, role)
    if made.dialect.name == "postgresql":
        with connect.reading(made) as connection:
            todo = _in_schemas(connection, role) + todo
    return todo


def _in_schemas(connection: sa.Connection, role: str) -> list[str]:
    """Of PostgreSQL: into the tables' own schema, and into the one for BI tools with all that it shows."""
    own = str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
    there, name = sa.inspect(connection).get_schema_names(), bi_schema(own)
    quoted = connection.dialect.identifier_preparer.quote
    shown = [f'GRANT SELECT ON {quoted(name)}.{table} TO "{role}"' for table in READABLE] if name in there else []
    into = [each for each in (own, name) if each in there]
    return [*(f'GRANT USAGE ON SCHEMA {quoted(each)} TO "{role}"' for each in into), *shown]


def grant(made: sa.Engine, role: str) -> list[str]:
    """Executes them, all or (MySQL, MariaDB) one by one; returns them. May run again.

    Raises ``UserError`` where there is no such role, or a privilege to hand on is missing.
    """
    todo = statements(made, role)
    try:
        with connect.altering(made) as connection:
            if made.dialect.name == "postgresql":
                todo = _in_schemas(connection, role) + todo
            if getattr(made.dialect, "is_mariadb", False):  # it would make a user without password of a mistyped name
                connection.exec_driver_sql("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_CREATE_USER')")
            for statement in todo:
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    except sa.exc.DBAPIError:
        raise UserError(
            f"{role} may not be given its rights: there is no such role, or you may not hand them on",
            "create the role first; `mediameter migrate --grant … --dry-run` says what an administrator has to run",
        ) from None
    return todo


def write_nothing(connection: sa.Connection) -> None:
    """Every kind of statement that a run makes, of no row: the server checks the rights all the same."""
    table, never = tables["days"], sa.false()
    connection.execute(table.update().where(never).values(revision=table.c.revision))
    connection.execute(table.delete().where(never))
    connection.execute(table.insert().from_select(table.c.keys(), sa.select(table).where(never)))
