"""Functions of texts, made functions of columns: each distinct text is looked at once and joined back, so that a block
of records costs a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl


def mapped_columns(column: pl.Series, change: Callable[[pl.Series], list[pl.Series]]) -> list[pl.Series]:
    """What ``change`` makes of the column, for each of its rows; it sees each distinct text once. Null stays null."""
    texts = column.drop_nulls().unique().alias("_text")
    made = pl.DataFrame(change(texts)).with_columns(texts)
    rows = column.alias("_text").to_frame().join(made, on="_text", how="left", maintain_order="left")
    return rows.drop("_text").get_columns()


def mapped(column: pl.Series, change: Callable[[str], str | None]) -> pl.Series:
    def changed(texts: pl.Series) -> list[pl.Series]:
        return [pl.Series(column.name, [change(text) for text in texts], dtype=pl.String)]

    return mapped_columns(column, changed)[0]


def mapped_where(column: pl.Series, where: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The column with ``change`` made of the rows for which ``where`` is true."""
    rows = where.fill_null(False).arg_true()
    return column.clone().scatter(rows, change(column.gather(rows))) if len(rows) else column
