"""Copies whole tables from one warehouse into another: into a new database, or into a copy that a plan is tried in."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from mediameter.store.warehouse import insert, read_in_parts
from schemas.contract import Contract


def copy(source: sa.Connection, target: sa.Connection, contract: Contract) -> Iterator[int]:
    """Inserts every row of the table into the other warehouse; yields how many, after each part of them."""
    for part in read_in_parts(source, contract):
        insert(target, contract, part)
        yield part.height
