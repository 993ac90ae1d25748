"""Every word of the vocabulary that a table may hold is written by some line of the product, or said to be reserved.

A word that is only read (compared, looked up, given a colour) is a promise that nobody keeps.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from schemas import vocabulary

HOUSE = Path(__file__).resolve().parents[2]
WRITERS = ("parsers", "mediameter")
# Rooms that only show what others wrote, or write what no warehouse of a user holds.
READERS = ("report", "commands", "cli", "answers", "doctor", "demo", "quality")
ASKING = {"in_", "notin_", "is_in", "get", "startswith", "endswith", "replace", "count"}
CONSTANTS = {name: value for name, value in vars(vocabulary).items() if name.isupper() and isinstance(value, str)}
WORDS = {
    "line": vocabulary.REJECT_REASONS + vocabulary.IGNORE_REASONS,
    "refusal": vocabulary.REFUSALS + vocabulary.EVENT_REFUSALS,
    "row": vocabulary.ROW_REJECT_REASONS + vocabulary.ROW_IGNORE_REASONS,
    "event": vocabulary.FILE_REJECT_REASONS,
    "object state": vocabulary.OBJECT_STATES,
    "dialect": vocabulary.DIALECTS,
    "lake kind": tuple(kind for kind in vocabulary.LAKE_KINDS if kind not in vocabulary.LAKE_OF_FEED),
    "doubt": vocabulary.DOUBTS,
    "edge": vocabulary.EDGES,
    "basis": tuple(vocabulary.MATCH_BASES),
    "why": tuple(reason for reasons in vocabulary.RECONCILIATION_REASONS.values() for reason in reasons),
    "verdict": vocabulary.VERDICTS,
    "day state": tuple(state for state in vocabulary.DAY_STATES if state not in vocabulary.RESERVED_DAY_STATES),
    "family": vocabulary.DAY_FAMILIES,
    "incident": vocabulary.INCIDENT_STATES,
    "told": tuple(word for word in vocabulary.TOLD if word),
    "message": vocabulary.MESSAGE_STATES + vocabulary.MESSAGE_SEVERITIES,
    "price": vocabulary.PRICE_KINDS,
}


@cache
def written() -> frozenset[str]:
    """Every text that product code may write: no docstring, not compared, not asked for. A constant counts where it is
    used, not where it is defined."""
    files = [file for top in WRITERS for file in sorted((HOUSE / top).rglob("*.py"))]
    files = [file for file in files if file.relative_to(HOUSE).parts[1] not in READERS]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    constants = [*CONSTANTS.items(), *(constant for tree in trees for constant in _constants(tree))]
    texts = {word for tree in trees for word in _written_by(tree)}
    return frozenset(texts | {value for name, value in constants if name in texts})


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if _is_constant(node):
            yield node.targets[0].id, node.value.value  # type: ignore[attr-defined]


def _is_constant(node: ast.AST) -> bool:
    """``FROZEN = "frozen"``"""
    is_text = (
        isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    return is_text and isinstance(node.targets[0], ast.Name)  # type: ignore[attr-defined]


def _written_by(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Compare) or is_docstring or _is_constant(node):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKING:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name.isupper():
            yield name
        yield from _written_by(node)


@pytest.mark.parametrize("kind", WORDS)
def test_every_word_is_written_by_some_product_line(kind: str) -> None:
    assert [word for word in WORDS[kind] if word not in written()] == []


def test_what_is_reserved_is_written_by_nothing_yet() -> None:
    """Once something writes it, it is no longer reserved: take it out of RESERVED_DAY_STATES."""
    assert set(vocabulary.RESERVED_DAY_STATES) & written() == set()


def test_a_word_that_nobody_writes_is_noticed() -> None:
    assert {"SHORT_LINE", "settled", "final"} <= written()
    tree = ast.parse('"""thawed"""\nif state == "molten": pass\nnames.in_(("frozen",))\nput(state="final")')
    assert set(_written_by(tree)) & {"thawed", "molten", "frozen", "final"} == {"final"}
