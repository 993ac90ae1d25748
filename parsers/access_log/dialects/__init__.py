"""DIALECTS: the row of each access-log dialect. A new one is a file here and its name in `schemas.vocabulary`.

Everything that depends on the dialect reads the row: sniffing, the fast path, the exact path, bounds, and matching,
which asks when a request began.
"""

from __future__ import annotations

from importlib import import_module

import polars as pl

from parsers.access_log.dialect import Dialect
from schemas.begins import Begins
from schemas.vocabulary import DIALECTS as NAMES

DIALECTS: dict[str, Dialect] = {name: import_module(f"{__name__}.{name}").DIALECT for name in NAMES}


def of_objects() -> list[Dialect]:
    """Those that belong to a whole object, in the order in which they are asked."""
    return [dialect for dialect in DIALECTS.values() if dialect.is_of_objects]


def of_lines() -> list[Dialect]:
    """Those that each line tells, in the order in which they are asked: the one without a mark is the last."""
    by_line = [dialect for dialect in DIALECTS.values() if not dialect.is_of_objects]
    return sorted(by_line, key=lambda dialect: not (dialect.has_three_ids or dialect.request_ids))


def name_of_line(has_three_ids: pl.Expr, request_id: pl.Expr) -> pl.Expr:
    """Which of `of_lines` a line is, told by its own bytes."""
    *marked, last = of_lines()
    name: pl.Expr = pl.lit(last.name)
    for dialect in reversed(marked):
        is_its_own = has_three_ids if dialect.has_three_ids else request_id.str.contains(dialect.request_ids)
        name = pl.when(is_its_own).then(pl.lit(dialect.name)).otherwise(name)
    return name


def begins() -> dict[str, Begins]:
    """How lines of each dialect tell when a request began."""
    return {name: dialect.begins for name, dialect in DIALECTS.items()}
