"""Turns a driver's values into columns. A value that cannot be read is null; the caller decides what that means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl


def _texts(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [None if value is None else _text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else str(value)


def _instants(name: str, values: list[Any]) -> pl.Series:
    naive = pl.Series(name, [_naive(value) for value in values], dtype=pl.Datetime("us"))
    return naive.dt.replace_time_zone("UTC")


def _naive(value: Any) -> datetime | None:
    """Naive UTC. MySQL's driver gives a zero date as text, SQLite every instant."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _integers(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [_integer(value) for value in values], dtype=pl.Int64)


def _integer(value: Any) -> int | None:
    """None for a number with a fraction: truncated, it would be another number."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    is_whole = isinstance(value, str | bytes) or number == value
    return number if is_whole and -(2**63) <= number < 2**63 else None


def _floats(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [_float(value) for value in values], dtype=pl.Float64)


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _booleans(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [_boolean(value) for value in values], dtype=pl.Boolean)


def _boolean(value: Any) -> bool | None:
    """MySQL has bits as bytes, SQLite whatever was written."""
    if isinstance(value, bytes):
        return any(value)
    if isinstance(value, str):
        return value.strip().lower() in ("1", "t", "true", "y", "yes")
    return None if value is None else bool(value)


COLUMN_OF: dict[str, Callable[[str, list[Any]], pl.Series]] = {
    "text": _texts,
    "instant": _instants,
    "int": _integers,
    "float": _floats,
    "bool": _booleans,
}
