"""In every room of the product a file has at most 400 lines, and a function at most 40: the one is read in one sitting,
the other at one glance."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator

from tests.architecture.walk import ROOT, house, trees

FILE, FUNCTION, MEDIAN = 400, 40, 10
LONG = {"flows.backfill.backfill", "mediameter.cli.commands.backfill", "mediameter.cli.commands.migrate",
        "mediameter.commands.run.lines"}  # fmt: skip
"""Functions that were longer when this test came, and that nothing may join."""


def _product() -> list[str]:
    return [module for module in house() if not module.startswith("tests.")]


def _functions() -> Iterator[tuple[str, int]]:
    """Each function, a method or one within another among them, with its lines from ``def`` to its end."""
    for module in _product():
        for node in ast.walk(trees()[module]):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module}.{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_long() -> None:
    lines = {module: len(_file(module).splitlines()) for module in _product()}
    assert len(lines) > 200, "the walk has lost the house"
    assert {module: count for module, count in lines.items() if count > FILE} == {}


def test_no_function_is_long() -> None:
    functions = list(_functions())
    assert len(functions) > 1_500, "the walk has lost the house"
    assert {name: lines for name, lines in functions if lines > FUNCTION and name not in LONG} == {}


def test_most_functions_are_short() -> None:
    assert statistics.median(lines for _, lines in _functions()) <= MEDIAN


def _file(module: str) -> str:
    return (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
