"""What may not be summed has no sum, anywhere: contracts know, and every SUM and AVG of ours is held against them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import TABLES, VIEWS
from schemas.contract import Contract

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = {contract.name: contract for contract in (*TABLES, *VIEWS)}
# Of windows of one day alone, whose deliveries may be added.
FINE = {("mediameter/report/merged.py", "authenticated_deliveries")}
# What no table lets anybody add.
NEVER = {
    column.name
    for contract in CONTRACTS.values()
    for column in contract
    if column.role == "measure"
    and not any(_.may_be_summed(column.name) for _ in CONTRACTS.values() if column.name in _.names)
}


def queries() -> Iterator[tuple[str, str]]:
    """Every query of ours, with the file it stands in."""
    for folder in ("sql/answers", "sql/views"):
        yield from ((str(file.relative_to(ROOT)), file.read_text()) for file in (ROOT / folder).glob("*.sql"))
    for file in (ROOT / "mediameter").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node] if isinstance(node, ast.Constant) else []
            text = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
            if " FROM " in text:
                yield str(file.relative_to(ROOT)), text


def within(text: str, opening: str) -> Iterator[str]:
    """What stands in the brackets after each match."""
    for match in re.finditer(opening, text):
        depth, at = 1, match.end()
        while depth and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        yield text[match.end() : at - 1]


def wrongly_summed(text: str) -> set[str]:
    """Columns in a SUM or AVG of which no table that the query reads says that they may be added."""
    read = [CONTRACTS[name] for name in re.findall(r"(?:FROM|JOIN)\s+(\w+)", text) if name in CONTRACTS]
    names = {name for part in within(text, r"\b(?:SUM|AVG)\(") for name in re.findall(r"\w+", part)}
    return {
        name for name in names if (of := _measured(read, name)) and not any(each.may_be_summed(name) for each in of)
    }


def _measured(read: list[Contract], name: str) -> list[Contract]:
    return [each for each in read if name in each.names and each.column(name).role == "measure"]


def test_the_walk_finds_the_sums() -> None:
    assert sum("SUM(" in text for _, text in queries()) > 40
    assert {"p95_ms", "active_users", "unique_addresses", "unique_users"} <= NEVER
    assert not {"requests", "bytes_sent", "cost_micros", "rejected"} & NEVER


@pytest.mark.parametrize("column", ["p95_ms", "observations"])
def test_a_sum_of_percentiles_is_found(column: str) -> None:
    assert wrongly_summed(f"SELECT SUM(r.{column}) FROM response_time_daily AS r") == {column}
    assert wrongly_summed(f"SELECT AVG(CASE WHEN 1 = 1 THEN {column} END) FROM response_time_daily") == {column}
    assert wrongly_summed("SELECT SUM(observations) FROM response_time_buckets_daily") == set()


def test_no_query_adds_what_may_not_be_added() -> None:
    found = {(place, name) for place, text in queries() for name in wrongly_summed(text)}
    assert found == FINE


def test_nothing_else_of_ours_adds_it_either() -> None:
    for file in (ROOT / "mediameter").rglob("*.py"):
        for part in within(file.read_text(), r"func\.(?:sum|avg)\("):
            assert not NEVER & set(re.findall(r"\w+", part)), f"{file.name}: {part}"
