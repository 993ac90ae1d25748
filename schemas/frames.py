"""Contracts as Polars schemas, and the check of a frame against its contract."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from schemas.contract import Column, Contract

if TYPE_CHECKING:
    from pandera.polars import DataFrameSchema

POLARS_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "instant": pl.Datetime("us", "UTC"),
    "day": pl.Date(),
    "hash128": pl.UInt128(),
}


def polars_schema(contract: Contract) -> dict[str, pl.DataType]:
    """Names and types of a contract's columns, in order."""
    return {column.name: POLARS_TYPES[column.type] for column in contract}


@cache
def pandera_schema(contract: Contract) -> DataFrameSchema:
    """The contract as Pandera checks it: exact columns, types, nullability, ranges, vocabularies."""
    import pandera.polars as pa

    return pa.DataFrameSchema(
        {
            # Pandera 0.35 does not know 128-bit integers; `validate` holds their type against the contract itself.
            column.name: pa.Column(
                None if column.type == "hash128" else POLARS_TYPES[column.type],
                _checks(column),
                nullable=column.is_nullable,
            )
            for column in contract
        },
        strict=True,
        ordered=True,
        name=contract.name,
    )


def _checks(column: Column) -> list:  # type: ignore[type-arg]
    import pandera.polars as pa

    checks = []
    if column.least is not None:
        checks.append(pa.Check.ge(column.least))
    if column.among:
        checks.append(pa.Check.isin(column.among))
    return checks


@cache
def _at_a_glance(contract: Contract) -> DataFrameSchema:
    """The same rules as one check over the whole frame: a tenth of the time of a check for each column."""
    import pandera.polars as pa

    is_sound = pl.all_horizontal(rule for column in contract for rule in _rules(column))
    return pa.DataFrameSchema(
        checks=pa.Check(lambda data: bool(data.lazyframe.select(is_sound).collect().item()), name=contract.name)
    )


def _rules(column: Column) -> Iterator[pl.Expr]:
    """What must be true of the column as a whole; a null value breaks no rule but the one about nulls."""
    value = pl.col(column.name)
    if not column.is_nullable:
        yield value.null_count() == 0
    if column.least is not None:
        yield (value.min() >= column.least).fill_null(True)
    if column.among:
        yield value.drop_nulls().is_in(column.among).all()


def validate(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The frame itself, after every check has passed on its collected rows.

    Raises ``TypeError`` for other columns, types or order, ``pandera.errors.SchemaErrors`` (all failures at once) for
    values.
    A LazyFrame would be checked for types only.
    """
    from pandera.errors import SchemaErrors

    if list(frame.schema.items()) != list(polars_schema(contract).items()):
        raise TypeError(f"the frame's columns are not those of the contract {contract.name}: {frame.schema}")
    try:
        _at_a_glance(contract).validate(frame, lazy=True)
    except SchemaErrors:
        pandera_schema(contract).validate(frame, lazy=True)  # names every column, rule and row
        raise
    return frame
