"""What a warehouse says, as bytes: the oracle of every trial.

Left out is what may differ between two ways to the same state: revisions, the ledger's own epochs, names of lake files,
and object versions that were overwritten, with their hours and rejects.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date

import sqlalchemy as sa

from mediameter import connect
from mediameter.store.warehouse import tables
from schemas.contract import Contract
from schemas.internal import OBJECT_HOURS, OBJECTS, REJECTS
from schemas.rollups import DAYS, QUALITY_CHECKS_DAILY, ROLLUPS

FIGURES = (*ROLLUPS, DAYS, QUALITY_CHECKS_DAILY)
LEDGER = (OBJECTS, OBJECT_HOURS, REJECTS)
_LEFT_OUT = {"revision"}


def dump(url: str, contracts: tuple[Contract, ...] = (*FIGURES, *LEDGER)) -> dict[str, list[str]]:
    """Each table's rows as lines of JSON, in the byte order of their keys."""
    engine = connect.engine(url)
    try:
        with connect.reading(engine) as connection:
            return {contract.name: _lines(connection, contract) for contract in contracts}
    finally:
        engine.dispose()


def dump_hash(url: str, contracts: tuple[Contract, ...] = (*FIGURES, *LEDGER)) -> str:
    """SHA-256 (hex) of the dump."""
    digest = hashlib.sha256()
    for name, lines in dump(url, contracts).items():
        digest.update("\n".join([name, *lines, ""]).encode())
    return digest.hexdigest()


def difference(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[str]:
    """The lines that only one of two dumps has, for a person to read."""
    return [
        f"{sign} {table} {line}"
        for table in one
        for sign, lines, without in (("-", one[table], other[table]), ("+", other[table], one[table]))
        for line in sorted(set(lines) - set(without))
    ]


def _lines(connection: sa.Connection, contract: Contract) -> list[str]:
    table = tables[contract.name]
    names = [name for name in contract.names if name not in _LEFT_OUT]
    query = sa.select(*(table.c[name] for name in names))
    if contract in LEDGER:
        overwritten = sa.select(tables["objects"].c.object_id).where(tables["objects"].c.state == "superseded")
        query = query.where(table.c.object_id.not_in(overwritten))
    rows = (row._asdict() for row in connection.execute(query))
    keyed = ((_json([row[name] for name in contract.key]), _json(list(row.values()))) for row in rows)
    return [line for _, line in sorted(keyed, key=lambda pair: pair[0].encode())]


def _json(values: list[object]) -> str:
    plain = [value.isoformat() if isinstance(value, date) else value for value in values]
    return json.dumps(plain, ensure_ascii=False)
