"""Rows of the warehouse are written in `store` alone: elsewhere there is no INSERT, UPDATE or DELETE, spelled as SQL or
as SQLAlchemy, and nobody calls the loader."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.walk import house, imports, room_of, trees

WRITERS = {
    "mediameter.sources.table_writing": "writes an application's table back, which is no table of the warehouse",
    "mediameter.demo.application": "lays out the demo's application, a database of its own",
    "mediameter.demo.palette": "lays out the demo's generating system, a database of its own",
    "mediameter.engines.load": "how each engine takes many rows at once; `store.warehouse.insert` alone calls it",
}
ROOMS = {"mediameter.store", "sql"}  # sql: migrations
STATEMENTS = {"insert", "update", "delete"}
RAW = {"mediameter.store.warehouse.insert", "mediameter.engines.load.load"}
_SQL = re.compile(r"\s*(INSERT\s+INTO|REPLACE\s+INTO|DELETE\s+FROM|TRUNCATE|UPDATE\s+\S+\s+SET)\b", re.IGNORECASE)


def _writes(tree: ast.AST) -> Iterator[str]:
    """What writes rows: statements of SQLAlchemy, and texts that begin as a statement of SQL."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_statement(node, node.func):
            yield f"line {node.lineno}: {ast.unparse(node.func)}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.match(node.value):
            yield f"line {node.lineno}: {node.value[:40]}"


def _is_statement(call: ast.Call, func: ast.Attribute) -> bool:
    """``table.insert()`` and ``sa.insert(table)``; not ``list.insert(0, x)``, ``dict.update(x)`` or ``hash.update(x)``.
    ``warehouse.insert`` is the store's own."""
    if func.attr not in STATEMENTS:
        return False
    if isinstance(func.value, ast.Name) and func.value.id in ("sa", "sqlalchemy", "warehouse"):
        return True
    return func.attr == "delete" or not (call.args or call.keywords)


@pytest.mark.parametrize(
    "code",
    ["t.insert().values(a=1)", "t.update().where(x)", "self.t.delete()", "sa.delete(t)", "sa.insert(t)", "sa.update(t)",
     "warehouse.insert(c, contract, frame)", "run('INSERT INTO days VALUES (1)')", "run(f'delete from {t}')",
     "run('UPDATE days SET state = 1')", "run('''\n  DELETE FROM days''')"],
)  # fmt: skip
def test_the_walk_sees_a_write(code: str) -> None:
    assert list(_writes(ast.parse(code)))


@pytest.mark.parametrize("code", ["found.insert(0, x)", "known.update(x)", "known.update(a=1)", "digest.update(b'')"])
def test_the_walk_leaves_lists_and_dicts_alone(code: str) -> None:
    assert not list(_writes(ast.parse(code)))


def test_only_the_store_writes() -> None:
    found = {module: list(_writes(trees()[module])) for module in house() if room_of(module) not in ROOMS}
    assert {module: writes for module, writes in found.items() if writes and module not in WRITERS} == {}
    assert set(WRITERS) <= {module for module, writes in found.items() if writes}, "an exception that is none"


def test_only_the_store_calls_the_loader() -> None:
    users = {module for module in house() if {*imports(module)} & RAW}
    assert {module for module in users if room_of(module) not in ROOMS} == set()
    statements = {f"sqlalchemy.{name}" for name in STATEMENTS}
    assert {module for module in house() if {*imports(module)} & statements} == set()


def test_only_tenancy_makes_an_engine_of_the_warehouse() -> None:
    """So that every connection has a tenant, and every statement is confined to its rows."""

    def makes_one(module: str) -> bool:
        calls = (node for node in ast.walk(trees()[module]) if isinstance(node, ast.Attribute))
        return "mediameter.connect.engine" in imports(module) or any(ast.unparse(n) == "connect.engine" for n in calls)

    assert {module for module in house() if makes_one(module)} == {"mediameter.store.tenancy"}
