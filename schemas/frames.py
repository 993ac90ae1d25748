"""Contracts as Polars schemas, and the check of a frame against its contract."""

from __future__ import annotations

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


def validate(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The frame itself, after every check has passed on its collected rows.

    Raises ``TypeError`` for other columns or types, ``pandera.errors.SchemaErrors`` (all failures at once) for values.
    A LazyFrame would be checked for types only.
    """
    if dict(frame.schema) != polars_schema(contract):
        raise TypeError(f"the frame's columns are not those of the contract {contract.name}: {frame.schema}")
    return pandera_schema(contract).validate(frame, lazy=True)
