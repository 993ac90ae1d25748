"""Answers written: a table for people, CSV, JSON and Parquet for programs, which get every figure raw."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

from mediameter import numbers
from mediameter.answers.asking import AnswerError, Result, kind_of
from mediameter.printable import shown, shown_json

LABELS = frozenset({"http_status", "window_days", "days_in_month"})
"""Whole numbers that name something: told as they stand."""
OF_THE_ROW = frozenset({"value", "threshold"})
"""Their unit stands in the row."""

# At a text's begin, and behind what ends a cell where spreadsheets take another separator than the comma.
_FORMULA = re.compile('^(?=[=+\\-@\t\r\n＝＋－＠])|(?<=[;,"\t\r\n])(?=[=+\\-@＝＋－＠])')


def write(result: Result, format: str, out: IO[Any]) -> None:
    """Write as ``table``, ``csv``, ``json`` (text streams, csv best opened with newline="") or ``parquet`` (bytes)."""
    if format not in FORMATS:
        raise AnswerError(f"there is no format {format!r}", f"choose {', '.join(FORMATS)}")
    FORMATS[format](result, out)


def _write_table(result: Result, out: IO[str]) -> None:
    named = (dict(zip(result.columns, row, strict=True)) for row in result.rows)
    rows = [result.columns, *(tuple(_shown(column, row) for column in result.columns) for row in named)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    numeric = [kind_of(column) in {"int", "float", "money"} for column in result.columns]
    for row in rows:
        cells = (c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numeric, strict=True))
        out.write("  ".join(cells).rstrip() + "\n")
    if not result.rows:
        out.write("(no rows)\n")


def _shown(column: str, row: Mapping[str, Any]) -> str:
    """A cell for people: numbers in their unit, as the contract, the column's ending or the row itself says it."""
    value = row[column]
    if value is None:
        return numbers.NOT_AVAILABLE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal) and column not in LABELS:
        return _number(column, value, row)
    return shown(_plain(value))


def _number(column: str, value: float | Decimal, row: Mapping[str, Any]) -> str:
    if isinstance(value, Decimal):  # its currency stands in a column of its own
        return numbers.told(float(value) * 1_000_000, "micros")
    if column in OF_THE_ROW:
        return numbers.told(value, str(row.get("unit") or ""))
    return numbers.told(value, numbers.unit_of(column))


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _write_csv(result: Result, out: IO[str]) -> None:
    # CRLF, as RFC 4180 has it: the csv module then quotes a lone carriage return too.
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(result.columns)
    lines.writerows([_csv_cell(value) for value in row] for row in result.rows)


def _csv_cell(value: Any) -> str:
    """What a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV injection), in texts alone;
    NULL is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _FORMULA.sub("'", value) if isinstance(value, str) else _plain(value)


def _write_json(result: Result, out: IO[str]) -> None:
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    out.write(shown_json(json.dumps(rows, default=_json_value, ensure_ascii=False, indent=2)) + "\n")


def _json_value(value: Any) -> float | str:
    return float(value) if isinstance(value, Decimal) else _plain(value)


def _write_parquet(result: Result, out: IO[Any]) -> None:
    import polars as pl

    types: dict[str, Any] = {
        "text": pl.String(),
        "int": pl.Int64(),
        "bool": pl.Boolean(),
        "float": pl.Float64(),
        "money": pl.Decimal(38, 6),
        "day": pl.Date(),
        "instant": pl.Datetime("us", "UTC"),
    }
    schema = {column: types[kind_of(column)] for column in result.columns}
    # A terminal's stream takes text; the bytes go to the buffer behind it.
    pl.DataFrame(result.rows, schema=schema, orient="row").write_parquet(getattr(out, "buffer", out))


FORMATS: dict[str, Callable[[Result, IO[Any]], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
}
