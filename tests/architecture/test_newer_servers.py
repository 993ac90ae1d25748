"""Nothing in our SQL rests on what newer servers have dropped, by the notes of MySQL 8.4 to 9.7, MariaDB 11.8 and
PostgreSQL 18; and no table or column is called like a word that they reserve."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import schemas
from mediameter.premises import HOUSE
from schemas import views

DROPPED = {
    r"\bMD5\s*\(": "MySQL 9.6: hash in Python, or SHA2()",
    r"\bSHA1?\s*\(": "MySQL 9.6: hash in Python, or SHA2()",
    r"\b(?:OLD_)?PASSWORD\s*\(": "MySQL 8.0",
    r"\b(?:DES_)?(?:EN|DE)CRYPT\s*\(": "MySQL 8.0, MariaDB 11.4",
    r"\bFOUND_ROWS\s*\(|\bSQL_CALC_FOUND_ROWS\b": "deprecated since MySQL 8.0.17: count apart",
    r"\bDUPLICATE\s+KEY\s+UPDATE\b.*\bVALUES\s*\(": "deprecated since MySQL 8.0.20: name the new row",
    r"\b(?:SHOW|RESET|PURGE|CHANGE)\s+(?:MASTER|SLAVE)\b": "MySQL 8.4",
    r"\bmysql_native_password\b|\bdefault_authentication_plugin\b": "MySQL 9.0",
    r"\butf8mb3\b|\bCHARSET\s*=?\s*utf8\b": "deprecated since MySQL 8.0.28: utf8mb4",
    r"\btx_(?:isolation|read_only)\b": "MySQL 8.0: SET TRANSACTION, which all know",
    r"\b(?:query_cache_\w+|sync_frm|innodb_defragment\w*)\b": "MySQL 8.0, MariaDB 11.1",
    r"\bpg_start_backup\b|\bpg_stop_backup\b": "PostgreSQL 15",
    r"\bWITH\s+OIDS\b|\breltuples::": "PostgreSQL 12",
}
"""What it looks like, and since when it is gone, or what there is instead."""
RESERVED = {
    "cube", "cume_dist", "dense_rank", "empty", "except", "first_value", "function", "grouping", "groups", "intersect",
    "json_table", "lag", "last_value", "lateral", "lead", "manual", "nth_value", "ntile", "of", "over", "parallel",
    "percent_rank", "qualify", "rank", "recursive", "row_number", "system", "tablesample", "vector", "window",
}  # fmt: skip
"""By MySQL 8.0 to 9.7 or MariaDB 11.8, and not by the servers that all of our tests run on."""


def statements(path: Path) -> Iterator[str]:
    """The SQL of a file: all of it, or, in Python, the texts that are no docstrings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield text
        return
    tree = ast.parse(text)
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value


OURS = sorted(
    path
    for room, kinds in {"sql": ("sql", "yaml", "py"), "mediameter": ("py", "sql")}.items()
    for kind in kinds
    for path in (HOUSE / room).rglob(f"*.{kind}")
)


def found_in(texts: Iterator[str]) -> list[str]:
    return [why for text in texts for what, why in DROPPED.items() if re.search(what, text, re.IGNORECASE)]


def test_nothing_that_was_dropped_is_asked_for() -> None:
    assert len(OURS) > 200
    assert {str(path.relative_to(HOUSE)): found for path in OURS if (found := found_in(statements(path)))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT GET_LOCK(CONCAT('x', MD5(DATABASE())), 1)",
        "SELECT sha1(name) FROM files",
        "SHOW MASTER STATUS",
        "SET SESSION tx_isolation = 'READ-COMMITTED'",
        "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)",
        "CREATE TABLE t (a TEXT) DEFAULT CHARSET=utf8",
    ],
)
def test_what_was_dropped_is_found(text: str) -> None:
    assert found_in(iter([text]))


def test_no_name_is_reserved() -> None:
    contracts = (*schemas.TABLES, *views.VIEWS)
    names = {name for contract in contracts for name in (contract.name, *(column.name for column in contract))}
    assert len(names) > 200 and names & RESERVED == set()
    aliases = {
        word.lower()
        for path in (HOUSE / "sql").rglob("*.sql")
        for word in re.findall(r"\bAS\s+([A-Za-z_]+)\b(?!\s*\()", path.read_text(encoding="utf-8"))
    }
    assert len(aliases) > 50 and aliases & RESERVED == set()
