"""Turns a driver's values into columns. A value that cannot be read is null; the caller decides what that means.

No value is an error here: one odd row must not keep the others from being read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl

_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,30}\s*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YES, _NO = ("1", "t", "true", "y", "yes"), ("0", "f", "false", "n", "no")


def _texts(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [None if value is None else text(value) for value in values], dtype=pl.String)


def text(value: Any) -> str:
    """Whatever stands there, as text of whole characters: half ones and bytes that are no UTF-8 become U+FFFD."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    found = value if isinstance(value, str) else str(value)
    if found.isascii():
        return found
    try:
        return found.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return found.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _instants(name: str, values: list[Any]) -> pl.Series:
    naive = pl.Series(name, [_naive(value) for value in values], dtype=pl.Datetime("us"))
    return naive.dt.replace_time_zone("UTC")


def _naive(value: Any) -> datetime | None:
    """Naive UTC. MySQL's driver gives a zero date as text, SQLite and REST APIs every instant. As text it begins with
    its date in ten characters: what is written otherwise does not sort by time, and would be read on no day."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value) if _DATE.match(value) else None
        if not isinstance(value, datetime):
            return None
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except (ValueError, OverflowError):  # no date; or one that another zone puts before the year 1
        return None


def utc_day(value: Any) -> str | None:
    """The UTC day of what stands in a column of times, as ``2026-11-03``; None where it cannot be read. SQLite asks
    this of each row: its own functions read other texts as times than we do."""
    at = _naive(value)
    return at.date().isoformat() if at else None


def _integers(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [_integer(value) for value in values], dtype=pl.Int64)


def _integer(value: Any) -> int | None:
    """None for a number with a fraction: truncated, it would be another number."""
    try:
        if isinstance(value, str | bytes):
            found = text(value)
            number = int(found) if _WHOLE.fullmatch(found) else None
        else:
            number = int(value)
            number = number if number == value else None
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _floats(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [_float(value) for value in values], dtype=pl.Float64)


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _booleans(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [_boolean(value) for value in values], dtype=pl.Boolean)


def _boolean(value: Any) -> bool | None:
    """MySQL has bits as bytes, SQLite whatever was written."""
    if isinstance(value, bytes):
        return any(value)
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _YES else False if word in _NO else None
    return None if value is None else bool(value)


COLUMN_OF: dict[str, Callable[[str, list[Any]], pl.Series]] = {
    "text": _texts,
    "instant": _instants,
    "int": _integers,
    "float": _floats,
    "bool": _booleans,
}
