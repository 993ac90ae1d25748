"""What a role of a BI tool may read: rollups, their state, reference tables, incidents and views; of the machinery the
revision alone, which `mediameter answer` looks at first. On PostgreSQL also the schema for BI tools: a tool that is
pointed at it lists nothing that it may not read. What holds rows about persons only where that is asked for.

A role of one tenant reads views of that tenant's rows, and no table: on PostgreSQL in a schema of the tenant's, on
MySQL and MariaDB under names that begin with the tenant's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from mediameter import connect
from mediameter.errors import UserError
from mediameter.store.warehouse import tables
from schemas import READABLE as CONTRACTS
from schemas.contract import Contract
from schemas.views import bi_column, bi_schema

READABLE = tuple(contract.name for contract in CONTRACTS)
_REVISION = "alembic_version"
_ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}(@[A-Za-z0-9_.:%-]{1,255})?")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}")
"""As long as the names of its views have room for on every server."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A role that is there already: on MySQL and MariaDB ``name``, or a user as ``name@host``. ``tenant``: whose rows
    it may read; None: of all. ``is_personal``: rows about persons, too."""

    role: str
    tenant: str | None = None
    is_personal: bool = False

    @property
    def contracts(self) -> list[Contract]:
        """What it may read."""
        return [contract for contract in CONTRACTS if self.is_personal or not contract.is_personal]

    @property
    def names(self) -> list[str]:
        return [contract.name for contract in self.contracts]


def require_valid(made: sa.Engine, reader: Reader) -> None:
    """Raises ``UserError`` for SQLite, and for names that cannot be a role's or a view's."""
    if made.dialect.name == "sqlite":
        raise UserError("a file has no roles", "give its readers read access to the file and its folder")
    if not _ROLE.fullmatch(reader.role):
        raise UserError(f"{reader.role!r} is not a valid role name", "write it like bi, or for MySQL and MariaDB bi@%")
    if made.dialect.name == "postgresql" and "@" in reader.role:
        remedy = "roles of PostgreSQL have no host: leave out @ and after"
        raise UserError(f"{reader.role!r} is not a valid role name", remedy)
    if reader.tenant is not None and not _TENANT.fullmatch(reader.tenant):
        what = f"{reader.tenant!r} is no tenant that views can be named with"
        raise UserError(what, "give a name as in the settings, of at most 30 characters")


def planned(made: sa.Engine, reader: Reader) -> list[str]:
    """All that would be executed for the role. Raises what ``require_valid`` raises."""
    require_valid(made, reader)
    with connect.reading(made) as connection:
        return _statements(connection, reader)


def grant(made: sa.Engine, reader: Reader) -> list[str]:
    """Executes it, all or (MySQL, MariaDB) one by one; returns it. May run again.

    Raises ``UserError`` where there is no such role, or a privilege to hand on is missing.
    """
    require_valid(made, reader)
    try:
        with connect.altering(made) as connection:
            todo = _statements(connection, reader)
            if getattr(made.dialect, "is_mariadb", False):  # it would make a user without password of a mistyped name
                connection.exec_driver_sql("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_CREATE_USER')")
            for statement in todo:
                connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    except sa.exc.DBAPIError:
        raise UserError(
            f"{reader.role} may not be given its rights: there is no such role, or you may not hand them on",
            "create the role first; `mediameter migrate --grant … --dry-run` says what an administrator has to run",
        ) from None
    return todo


def _statements(connection: sa.Connection, reader: Reader) -> list[str]:
    if connection.dialect.name == "postgresql":
        own = str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
        return [*(_tenants_schema(own, reader) if reader.tenant else _in_schemas(connection, own, reader))]
    return [*_on_mysql(connection, reader)]


# --- PostgreSQL ------------------------------------------------------------------------------------------


def _in_schemas(connection: sa.Connection, own: str, reader: Reader) -> Iterator[str]:
    """The tables where they are, and the schema for BI tools with all that it shows."""
    there, name = sa.inspect(connection).get_schema_names(), bi_schema(own)
    for each in (own, name):
        if each in there:
            yield f'GRANT USAGE ON SCHEMA "{each}" TO "{reader.role}"'
    yield from (f'GRANT SELECT ON {table} TO "{reader.role}"' for table in (*reader.names, _REVISION))
    if name in there:
        yield from (f'GRANT SELECT ON "{name}".{table} TO "{reader.role}"' for table in reader.names)


def _tenants_schema(own: str, reader: Reader) -> Iterator[str]:
    """Views that their owner reads through. No function of a query looks at a row before the tenant's have been picked
    (security_barrier)."""
    name = bi_schema(own, reader.tenant or "")
    yield f'CREATE SCHEMA IF NOT EXISTS "{name}"'
    for contract in reader.contracts:
        columns = ", ".join(bi_column(column, contract) for column in contract)
        rows = f"SELECT {columns} FROM \"{own}\".{contract.name} WHERE tenant = '{reader.tenant}'"
        yield f'CREATE OR REPLACE VIEW "{name}".{contract.name} WITH (security_barrier) AS {rows}'
    yield f'GRANT USAGE ON SCHEMA "{name}" TO "{reader.role}"'
    yield from (f'GRANT SELECT ON "{name}".{table} TO "{reader.role}"' for table in reader.names)


# --- MySQL and MariaDB -----------------------------------------------------------------------------------


def _on_mysql(connection: sa.Connection, reader: Reader) -> Iterator[str]:
    name, at, host = reader.role.partition("@")
    grantee = f"'{name}'@'{host}'" if at else f"'{name}'"
    database = (connection.engine.url.database or "").replace("`", "``")
    if not reader.tenant:
        yield from (f"GRANT SELECT ON `{database}`.{table} TO {grantee}" for table in (*reader.names, _REVISION))
        return
    for contract in reader.contracts:
        view = f"`{database}`.`{reader.tenant}__{contract.name}`"
        columns = ", ".join(f"`{column.name}`" for column in contract)
        rows = f"SELECT {columns} FROM `{database}`.{contract.name} WHERE tenant = '{reader.tenant}'"
        yield f"CREATE OR REPLACE SQL SECURITY DEFINER VIEW {view} AS {rows}"
        yield f"GRANT SELECT ON {view} TO {grantee}"


def write_nothing(connection: sa.Connection) -> None:
    """Every kind of statement that a run makes, of no row: the server checks the rights all the same."""
    table, never = tables["days"], sa.false()
    connection.execute(table.update().where(never).values(revision=table.c.revision))
    connection.execute(table.delete().where(never))
    connection.execute(table.insert().from_select(table.c.keys(), sa.select(table).where(never)))
