"""How a table comes to lead with the tenant: a new first column of its key. Its rows have the empty tenant until
somebody says whose they are.

Each step asks what is there, so that a killed revision goes on: on MySQL and MariaDB each statement commits by itself.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

from sql.migrations.columns import Text, create_table

NOBODY = ""


def lead_with_tenant(table: str, *others: str) -> None:
    """Lets the key of the table be the tenant and these columns."""
    bind = op.get_bind()
    if sa.inspect(bind).get_pk_constraint(table)["constrained_columns"][0] == "tenant":
        return
    _ENGINES[bind.dialect.name](table, ["tenant", *others])


def lead_index_with_tenant(name: str, table: str, columns: list[str], **options: Any) -> None:
    """Makes the index anew with the tenant before its columns."""
    known = {each["name"]: each["column_names"] for each in sa.inspect(op.get_bind()).get_indexes(table)}
    if name in known and known[name][0] == "tenant":
        return
    if name in known:
        op.drop_index(name, table)
    op.create_index(name, table, ["tenant", *columns], **options)


def _has_tenant(table: str) -> bool:
    return "tenant" in {each["name"] for each in sa.inspect(op.get_bind()).get_columns(table)}


def _on_sqlite(table: str, key: list[str]) -> None:
    """It cannot alter a key: the table is made anew, in the same transaction."""
    bind = op.get_bind()
    before = sa.Table(table, sa.MetaData(), autoload_with=bind)
    for index in sa.inspect(bind).get_indexes(table):
        op.drop_index(index["name"], table)
    op.rename_table(table, f"{table}_before")
    others = [column for column in before.columns if column.name != "tenant"]
    create_table(
        table,
        sa.Column("tenant", Text(64), nullable=False, primary_key=True),
        *(
            sa.Column(
                each.name, each.type, nullable=bool(each.nullable), primary_key=each.name in key, autoincrement=False,
                server_default=each.server_default.arg if isinstance(each.server_default, sa.DefaultClause) else None,
            )
            for each in others
        ),
    )  # fmt: skip
    names = ", ".join(f'"{each.name}"' for each in others)
    tenant = "tenant" if "tenant" in before.columns else f"'{NOBODY}'"
    op.execute(f"INSERT INTO {table} (tenant, {names}) SELECT {tenant}, {names} FROM {table}_before")
    op.drop_table(f"{table}_before")


def _on_postgres(table: str, key: list[str]) -> None:
    bind = op.get_bind()
    if not _has_tenant(table):
        op.add_column(table, sa.Column("tenant", Text(64), nullable=False, server_default=NOBODY))
        op.execute(f"ALTER TABLE {table} ALTER COLUMN tenant DROP DEFAULT")
        _comment(table)
    old = sa.inspect(bind).get_pk_constraint(table)["name"]
    op.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{old}", ADD PRIMARY KEY ({", ".join(key)})')


def _comment(table: str) -> None:
    words = context.config.attributes.get("comments", {}).get(table, (None, {}))[1].get("tenant", "")
    literal = words.replace("'", "''")
    op.execute(f"COMMENT ON COLUMN {table}.tenant IS '{literal}'")


def _on_mysql(table: str, key: list[str]) -> None:
    """In one statement: it commits by itself."""
    bind = op.get_bind()
    words = context.config.attributes.get("comments", {}).get(table, (None, {}))[1].get("tenant", "")
    type_ = Text(64).compile(dialect=bind.dialect)
    literal = words.replace("'", "''")
    new = "" if _has_tenant(table) else f"ADD COLUMN tenant {type_} NOT NULL COMMENT '{literal}' FIRST, "
    op.execute(f"ALTER TABLE {table} {new}DROP PRIMARY KEY, ADD PRIMARY KEY ({', '.join(key)})")


_ENGINES = {"sqlite": _on_sqlite, "postgresql": _on_postgres, "mysql": _on_mysql}
