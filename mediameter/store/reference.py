"""The reference tables of an application: what it knows of its files and of itself, a row an id."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from mediameter.store.warehouse import chunks, empty, insert, read, tables
from schemas.contract import Contract


def known(connection: sa.Connection, tenant: str, contract: Contract, ids: list[str]) -> pl.DataFrame:
    """The rows of these ids; the id is the second column of the key, behind the tenant."""
    of_ids = [_of(contract, tenant, some) for some in chunks(ids)]
    return pl.concat([empty(contract), *(read(connection, contract, which) for which in of_ids)])


def replace(connection: sa.Connection, tenant: str, contract: Contract, rows: pl.DataFrame) -> None:
    """Deletes the rows of the same ids and inserts these: the one way to do it that all engines have."""
    for some in chunks(rows[contract.key[1]].to_list()):
        connection.execute(tables[contract.name].delete().where(_of(contract, tenant, some)))
    insert(connection, contract, rows)


def _of(contract: Contract, tenant: str, ids: list[str]) -> sa.ColumnElement[bool]:
    table = tables[contract.name]
    key: sa.Column[str] = table.c[contract.key[1]]
    return sa.and_(table.c.tenant == tenant, key.in_(ids))
