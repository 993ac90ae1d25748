"""How the tests are put together: none imports another one, and units are units."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [path.relative_to(ROOT).as_posix() for top in ("tests", "benchmarks") for path in (ROOT / top).rglob("*.py")]
UNITS = sorted(file for file in FILES if file.startswith("tests/unit/"))
PROCESSES = {"subprocess", "multiprocessing"}
# Fixtures that make a database on a server or a warehouse with its tables, and modules that run a whole pass.
WAREHOUSES = {"warehouse", "warehouse_url", "server_url", "new_server_url", "migrated", "rolled_back"}
PASSES = re.compile(
    r"mediameter\.commands\.\w+\.[a-z]\w*|mediameter\.steps\.\w+\.\w+\.[a-z]\w*|mediameter\.cli\.main"
    r"|tests\.servers|tests\.trials\..*|tests\.worlds\.month\..*"
)


def test_nobody_imports_a_test() -> None:
    """What two tests share has a module of its own: else one cannot change without the other."""
    assert {(file, name) for file in FILES for name in _imports(file) if re.search(r"^tests\..*\btest_", name)} == set()


@pytest.mark.parametrize("file", UNITS)
def test_a_unit_needs_no_pass_no_server_and_no_process(file: str) -> None:
    """Whole passes stand in tests/passes, questions to a warehouse in tests/warehouse."""
    assert sorted(name for name in _imports(file) if name in PROCESSES or PASSES.fullmatch(name)) == []
    assert sorted(set(_arguments(file)) & WAREHOUSES) == []


def _imports(file: str) -> Iterator[str]:
    """The dotted names that a file imports; ``from a import b`` is ``a.b``."""
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _arguments(file: str) -> Iterator[str]:
    """The names of all arguments: fixtures are asked for by them."""
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            yield from (argument.arg for argument in node.args.args)
