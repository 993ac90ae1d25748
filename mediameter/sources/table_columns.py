"""Which columns and types a table of another system has, and whether they match the declaration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from mediameter.errors import UserError
from schemas.contract import Column
from schemas.source_table import SourceTable

_CHARACTERS = frozenset(["varchar", "char", "bpchar", "citext", "name", "nvarchar", "nchar", "enum", "set", "uuid"])
_TEXT = _CHARACTERS | frozenset(["text", "tinytext", "mediumtext", "longtext", "clob"])
_INTEGER = frozenset(["int", "integer", "bigint", "mediumint", "smallint", "tinyint", "int2", "int4", "int8", "bit"])
_NUMBER = _INTEGER | frozenset(["decimal", "numeric", "real", "float", "double", "float4", "float8", "number"])
_INSTANT = frozenset(["timestamp", "datetime", "timestamptz"])
_ACCEPTED = {
    "text": _TEXT,
    "int": _INTEGER | frozenset(("decimal", "numeric")),
    "float": _NUMBER,
    "bool": frozenset(["bool", "boolean", "bit", "tinyint"]) | _INTEGER,
    "instant": _INSTANT,
    "json": frozenset(("json", "jsonb")) | _TEXT,  # MariaDB's JSON is longtext
}
# SQLite checks no types: a column holds what was written, under whatever type was written beside its name. In a copy
# of a table that is no more than an affinity.
_ALSO_ON_SQLITE = {"instant": _TEXT, "bool": _NUMBER, "int": _NUMBER}
_ANY_ON_SQLITE = frozenset(["", "num"])

_POSTGRES = """
SELECT a.attname, CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN base.typname ELSE t.typname END
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type AS base ON base.oid = t.typbasetype
WHERE a.attrelid = to_regclass(:quoted) AND a.attnum > 0 AND NOT a.attisdropped
"""
_MYSQL = """
SELECT column_name AS name, data_type AS type FROM information_schema.columns
WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name
"""
_SQLITE = "SELECT name, type FROM pragma_table_info(:name)"
# Whether it is a real table: neither a view nor a foreign table.
ASKED_KIND = {
    "postgresql": "SELECT 1 FROM pg_catalog.pg_class WHERE oid = to_regclass(:quoted) AND relkind IN ('r', 'p')",
    "mysql": "SELECT 1 FROM information_schema.tables WHERE table_schema = COALESCE(:schema, DATABASE())"
    " AND table_name = :name AND table_type = 'BASE TABLE'",
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = :name AND type = 'table'",
}
ASKED_KIND["mariadb"] = ASKED_KIND["mysql"]
ASKED_TYPES = {"postgresql": _POSTGRES, "mysql": _MYSQL, "mariadb": _MYSQL, "sqlite": _SQLITE}


def types_of(answer: Iterable[sa.Row[Any]]) -> dict[str, str]:
    """Type by column, both as the database names them; empty where there is no such table (for this user)."""
    return {str(row[0]): _bare(str(row[1])) for row in answer}


def quoted(connection: sa.Connection, called: str) -> str:
    """A name with or without a schema as SQL has it."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    return ".".join(quote(part) for part in called.rpartition(".") if part not in ("", "."))


def asked(
    queries: Mapping[str, str], connection: sa.Connection, called: str
) -> tuple[sa.TextClause, dict[str, object]]:
    """One of the questions above about the table of that name, and its values."""
    schema, _, name = called.rpartition(".")
    values = {"schema": schema or None, "name": name, "quoted": quoted(connection, called)}
    query = sa.text(queries[connection.dialect.name])
    return query, {key: values[key] for key in query.compile().params}


def _bare(type_name: str) -> str:
    """``VARCHAR(36)`` as ``varchar``, ``bigint unsigned`` as ``bigint``."""
    return (type_name.lower().partition("(")[0].split() or [""])[0]


def called(declared: SourceTable, renamed: Mapping[str, str], setting: str) -> dict[str, str]:
    """What each column is called there. Raises ``UserError`` for a name in the settings that nothing is read of."""
    unknown = sorted(set(renamed) - set(declared.contract.names))
    if unknown:
        known = ", ".join(declared.contract.names)
        raise UserError(f"{setting}: columns.{declared.name}: no column is read as {unknown[0]}", f"known: {known}")
    return {name: renamed.get(name, name) for name in declared.contract.names}


def is_as_declared(actual: str, column: Column, table: SourceTable, dialect: str) -> bool:
    kind = "json" if column.name in table.json else column.type
    if actual in _ACCEPTED[kind]:
        return True
    return dialect == "sqlite" and actual in (_ALSO_ON_SQLITE.get(kind, frozenset()) | _ANY_ON_SQLITE)
