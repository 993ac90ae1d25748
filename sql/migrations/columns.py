"""The column types of the revisions, the same on every engine, and tables made so that a killed migration goes on.

A revision that is released relies on these: what they mean does not change.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles

from sql.migrations import bi


class Text(sa.String):
    """Text that is compared byte by byte: `A` is not `a`, trailing blanks count. Without a length it is as long as the
    engine allows."""


@compiles(Text)
def _plain(type_: Text, compiler: Any, **_: Any) -> str:
    return f"VARCHAR({type_.length})" if type_.length else "TEXT"


@compiles(Text, "postgresql")
def _of_postgres(type_: Text, compiler: Any, **_: Any) -> str:
    return f'{_plain(type_, compiler)} COLLATE "C"'


@compiles(Text, "mysql", "mariadb")
def _of_mysql(type_: Text, compiler: Any, **_: Any) -> str:
    collation = "utf8mb4_nopad_bin" if compiler.dialect.is_mariadb else "utf8mb4_0900_bin"
    plain = f"VARCHAR({type_.length})" if type_.length else "LONGTEXT"  # its TEXT ends at 64 KiB
    return f"{plain} CHARACTER SET utf8mb4 COLLATE {collation}"


def instant() -> sa.types.TypeEngine[Any]:
    """Naive UTC, to the microsecond: the engines' zoned types do not agree."""
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def create_table(name: str, *columns: sa.Column[Any]) -> None:
    """Makes a table, with the words of the contracts on it and its columns where the engine keeps such.

    One that is there is left: on MySQL each statement commits by itself, and a killed migration may have made it.
    """
    doc, docs = context.config.attributes.get("comments", {}).get(name, (None, {}))
    for column in columns:
        column.comment = docs.get(column.name)
    op.create_table(name, *columns, comment=doc, if_not_exists=True)


def create_index(name: str, table: str, columns: list[str], **options: Any) -> None:
    """Makes an index; one that is there is left, as a table is."""
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    if name not in known:
        op.create_index(name, table, columns, **options)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Adds a column; one that is there is left, as a table is."""
    column.comment = context.config.attributes.get("comments", {}).get(table, (None, {}))[1].get(column.name)
    if column.name not in {each["name"] for each in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def drop_column(table: str, name: str) -> None:
    """Drops a column; one that is gone is gone, as a table that is there is left. What BI tools are shown goes first:
    each revision ends with making it anew."""
    bi.drop()
    if name in _columns(table):
        op.drop_column(table, name)


def let_be_null(table: str, name: str, type_: sa.types.TypeEngine[Any]) -> None:
    """Lets a column be NULL. SQLite cannot alter a column: there the table is made anew, in the same transaction."""
    if op.get_bind().dialect.name == "sqlite":
        if not _columns(table)[name]["nullable"]:
            with op.batch_alter_table(table, recreate="always") as anew:
                anew.alter_column(name, existing_type=type_, nullable=True)
        return
    comment = context.config.attributes.get("comments", {}).get(table, (None, {}))[1].get(name)
    op.alter_column(table, name, existing_type=type_, nullable=True, existing_comment=comment)


def _columns(table: str) -> dict[str, Any]:
    return {each["name"]: each for each in sa.inspect(op.get_bind()).get_columns(table)}
