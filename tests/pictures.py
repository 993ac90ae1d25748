"""Tables, answers and views as pictures: rows in, rows out, in a migrated warehouse on every engine.

In the pictures "-" is NULL. Every row also exists for another tenant: what looks over the fence doubles.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from mediameter.answers import Result, ask, settled
from mediameter.store.warehouse import metadata
from schemas import TABLES
from schemas.contract import Column

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 7)


class Warehouse:
    """One transaction on the engine: `fill` tables, `ask`, `show` the answer as a picture."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def fill(self, table: str, picture: str) -> None:
        contract = next(contract for contract in TABLES if contract.name == table)
        names, *rows = cells(picture)
        for line in rows:
            row = {column.name: _DEFAULTS.get(column.type) for column in contract if not column.is_nullable}
            row |= {"family": "traffic"} if table == "days" else {}
            row |= {name: _value(contract.column(name), cell) for name, cell in zip(names, line, strict=True)}
            is_shared = "tenant" in contract.names and "tenant" not in names
            rows_of = [row | {"tenant": tenant} for tenant in ("default", "other")] if is_shared else [row]
            self.connection.execute(metadata.tables[table].insert(), rows_of)

    def ask(self, name: str, **more: Any) -> Result:
        return ask(self.connection, name, **{"first_day": FIRST, "last_day": LAST} | more)

    def view(self, name: str, columns: str, order: str = "1", where: str = "1 = 1") -> Result:
        """The columns of a view for the tenant `default`, settled as an answer's are."""
        query = f"SELECT {columns} FROM {name} WHERE tenant = 'default' AND {where} ORDER BY {order}"
        return settled(self.connection.execute(sa.text(query)))

    def expect_view(self, name: str, order: str, picture: str) -> None:
        names, *rows = cells(picture)
        result = self.view(name, ", ".join(names), order)
        assert [[_cell(value) for value in row] for row in result.rows] == rows

    def expect(self, name: str, picture: str, **more: Any) -> None:
        result = self.ask(name, **more)
        assert [list(result.columns), *[[_cell(value) for value in row] for row in result.rows]] == cells(picture)


_DEFAULTS = {"text": "", "int": 0, "bool": False, "instant": datetime(2026, 11, 1), "day": FIRST}  # noqa: DTZ001
_READ: dict[str, Callable[[str], Any]] = {
    "text": str,
    "int": lambda cell: int(cell.replace("_", "")),
    "float": float,
    "bool": lambda cell: cell == "yes",
    "instant": datetime.fromisoformat,
    "day": date.fromisoformat,
}


def cells(picture: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in picture.strip().splitlines()]


def _value(column: Column, cell: str) -> Any:
    return None if cell == "-" else _READ[column.type](cell)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
