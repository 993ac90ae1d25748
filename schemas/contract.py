"""What a column, a frame and a table promise. Everything else (Polars schemas, SQL tables, Pandera checks,
the data dictionary) is derived from these declarations or held against them by a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Type = Literal["text", "int", "float", "bool", "instant", "day", "hash128", "money"]
Role = Literal["key", "measure", "attribute"]
Pii = Literal["none", "pseudonym", "personal"]
Additivity = Literal["A", "S", "-"]
Kind = Literal["frame", "rollup", "state", "reference", "internal", "view"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, its meaning, what NULL says, and what a value must satisfy.

    ``null`` is the meaning of NULL; an empty string means the column is never NULL.
    ``least`` and ``among`` are the checks; ``length`` bounds key text for engines that need it.
    """

    name: str
    type: Type
    doc: str
    role: Role = "attribute"
    null: str = ""
    unit: str = ""
    pii: Pii = "none"
    least: int | None = None
    among: tuple[str, ...] = ()
    length: int | None = None

    @property
    def is_nullable(self) -> bool:
        return bool(self.null)

    @property
    def is_money(self) -> bool:
        """An amount of the currency that stands beside it."""
        return self.unit == "micros" or self.type == "money"


@dataclass(frozen=True, slots=True)
class Contract:
    """A frame or a table: its grain in words, its columns, and whether its measures may be summed.

    ``additivity``: "A" every measure may be summed over any rows, money over rows of one currency; "S" never sum;
    "-" not a rollup.
    ``summable``: of a table that is not "A", the measures that may be summed over any rows all the same.
    """

    name: str
    grain: str
    doc: str
    columns: tuple[Column, ...]
    kind: Kind = "rollup"
    additivity: Additivity = "-"
    summable: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def key(self) -> list[str]:
        return [column.name for column in self.columns if column.role == "key"]

    @property
    def measures(self) -> list[str]:
        return [column.name for column in self.columns if column.role == "measure"]

    @property
    def money(self) -> list[str]:
        """Columns that are amounts of the row's ``currency``: they are added up, compared and ranked within one."""
        return [column.name for column in self.columns if column.is_money]

    @property
    def is_personal(self) -> bool:
        """Rows about persons: a column is personal, or a pseudonym."""
        return any(column.pii != "none" for column in self.columns)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def may_be_summed(self, name: str) -> bool:
        """Whether the column's values may be added over rows; money, over rows of one currency. Whoever prints a sum
        asks here first: a sum of percentiles or of distinct counts is no figure."""
        column = self.column(name)
        is_number = column.role != "key" and column.type in ("int", "float", "money")
        return is_number and (self.additivity == "A" or name in self.summable)


def key(name: str, type: Type, doc: str, *, length: int | None = 255, **more: object) -> Column:
    """A column of the grain: never NULL, so that uniqueness holds on every engine."""
    return Column(name, type, doc, role="key", length=length if type == "text" else None, **more)  # type: ignore[arg-type]


def measure(name: str, doc: str, *, unit: str = "", null: str = "", type: Type = "int") -> Column:
    """A number that is never negative."""
    return Column(name, type, doc, role="measure", unit=unit, null=null, least=0)
