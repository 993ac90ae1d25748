"""A schema of its own for BI tools, where the engine has schemas (PostgreSQL): what may be read, and nothing else.

Each table and view of it shows the same rows under the same names; yes and no are booleans there, and instants carry
their zone. Whoever may not make schemas in the database goes without; `mediameter migrate` makes it when one may.
"""

import sqlalchemy as sa
from alembic import op

from schemas import READABLE
from schemas.views import bi_column, bi_schema

_MAY_MAKE = """SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = :name)
    THEN has_schema_privilege(:name, 'CREATE') ELSE has_database_privilege(current_database(), 'CREATE') END"""


def schema_name(connection: sa.Connection) -> str | None:
    """Beside the tables' own schema; None on an engine without schemas."""
    if connection.dialect.name != "postgresql":
        return None
    return bi_schema(str(connection.execute(sa.text("SELECT current_schema()")).scalar_one()))


def drop() -> None:
    """Its views, and those of single tenants (`migrate --grant --tenant`), which would keep a table from being
    altered."""
    connection = op.get_bind()
    name = schema_name(connection)
    for each in sa.inspect(connection).get_schema_names() if name else []:
        if each == name or each.startswith(f"{name}_of_"):
            for view in sa.inspect(connection).get_view_names(schema=each):
                connection.exec_driver_sql(f'DROP VIEW "{each}"."{view}"')


def make() -> None:
    """All of it anew, behind the views that it shows."""
    connection = op.get_bind()
    name = schema_name(connection)
    if name is None or not connection.execute(sa.text(_MAY_MAKE), {"name": name}).scalar_one():
        return
    connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{name}"')
    for contract in READABLE:
        columns = ", ".join(bi_column(column, contract) for column in contract)
        place = f'"{name}".{contract.name}'
        _execute(f"CREATE VIEW {place} AS SELECT {columns} FROM {contract.name}")
        _comment(f"VIEW {place}", contract.doc)
        for column in contract:
            _comment(f"COLUMN {place}.{column.name}", column.doc)


def _comment(place: str, words: str) -> None:
    literal = words.replace("'", "''")
    _execute(f"COMMENT ON {place} IS '{literal}'")


def _execute(statement: str) -> None:
    """As it stands: % and : in it are no parameters."""
    op.get_bind().exec_driver_sql(statement, execution_options={"no_parameters": True})
