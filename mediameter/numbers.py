"""Numbers for people: one spelling of a quantity for tables, summaries and messages. CSV, JSON and Parquet stay raw.

A unit is the contracts' word (bytes, ms, s, ratio, micros), the code of a currency, or the name of what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from schemas import TABLES, VIEWS
from schemas.currencies import decimals_of

NOT_AVAILABLE = "not available"
_GB = Decimal(10**9)
_SIZES = ((10**15, "PB"), (10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_SPANS = ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (120, 60, "min"))
"""From so many seconds on, so many make one of these."""
_ALMOST = 0.99995
"""What would be rounded to 1,000.0 MB is 1.0 GB."""
_MORE_DIGITS = 6
_UNITS = {column.name: column.unit for contract in (*TABLES, *VIEWS) for column in contract if column.unit}
_ENDINGS = {
    "_ms": "ms", "_bytes": "bytes", "_bandwidth": "bytes", "_micros": "micros", "_share": "ratio", "_rate": "ratio",
    "_ratio": "ratio",
}  # fmt: skip
_SCALED = frozenset(_ENDINGS.values()) | {"s"}


def unit_of(column: str) -> str:
    """The unit of a column by its name: the contract's, or what the ending says; empty for what is merely counted."""
    unit = _UNITS.get(column) or next((unit for end, unit in _ENDINGS.items() if column.endswith(end)), "")
    return unit if unit in _SCALED else ""


def told(value: float | None, unit: str = "", more: int = 0) -> str:
    """A quantity as people read it: ``229.9 GB``, ``7.0 %``, ``10.8 s``, ``0.3277 USD``, ``1,234 requests``.

    ``more``: so many digits more than usual. None is "not available"; what is there is never shown as nothing.
    """
    if value is None:
        return NOT_AVAILABLE
    sign, size = ("-", -value) if value < 0 else ("", value)
    if _is_currency(unit):
        return f"{sign}{_amount(size, more, decimals_of(unit))} {unit}"
    tell = _TELL.get(unit)
    return f"{sign}{tell(size, more)}" if tell else f"{sign}{_number(size, more)} {_one_or_many(unit, size)}".rstrip()


def is_counted(unit: str) -> bool:
    """Whether it is the name of what is counted: ``3 requests``."""
    return bool(unit) and unit not in _TELL and not _is_currency(unit)


def _is_currency(unit: str) -> bool:
    return len(unit) == 3 and unit.isalpha() and unit.isupper()


def told_apart(value: float | None, limit: float | None, unit: str = "") -> tuple[str, str]:
    """Both, with as many digits as it takes to see that they differ: 1.04 % is beyond a limit of 1 %."""
    for more in range(_MORE_DIGITS):
        both = told(value, unit, more), told(limit, unit, more)
        if _bare(both[0]) != _bare(both[1]) or value == limit:
            break
    return both


def _bare(text: str) -> str:
    """``1.0 %`` reads like ``1 %``."""
    return re.sub(r"\.0+(?!\d)", "", text)


def _bytes(size: float, more: int) -> str:
    scale, name = next(((scale, name) for scale, name in _SIZES if size >= _ALMOST * scale), (1, "B"))
    return f"{size:,.0f} B" if scale == 1 else f"{_places(size / scale, 1 + more)} {name}"


def _percent(share: float, more: int) -> str:
    percent = 100 * share
    if 0 < percent < 0.01:
        return "<0.01 %"
    if abs(percent - round(percent)) < 1e-9:
        return f"{round(percent):,} %"
    return f"{percent:,.{(1 if percent >= 1 else 2) + more}f} %"


def _milliseconds(ms: float, more: int) -> str:
    return f"{_places(ms, more)} ms" if ms < 1000 else _seconds(ms / 1000, more)


def _seconds(seconds: float, more: int) -> str:
    per, name = next(((per, name) for least, per, name in _SPANS if seconds >= least), (1, "s"))
    return f"{_places(seconds / per, 1 + more)} {name}"


def _places(value: float, places: int) -> str:
    """At most so many places, and none where the number is whole."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.{places}f}"


def _amount(value: float, more: int, decimals: int = 2) -> str:
    """Money: as many places as the currency has, and two more where a gigabyte costs about a cent."""
    places = (decimals if value >= 1 or value == 0 else decimals + 2) + more
    least = 10.0**-places
    return f"<{least:.{places}f}" if 0 < value < least else f"{value:,.{places}f}"


def _micros(micros: float, more: int) -> str:
    return _amount(micros / 1_000_000, more)


def _number(value: float, more: int) -> str:
    if value == round(value):
        return f"{value:,.0f}"
    places = next((places for least, places in ((100, 1), (1, 2), (0.01, 4)) if value >= least), 6) + more
    least = 10.0**-places
    return f"<{least:.{places}f}" if value < least else f"{value:,.{places}f}"


def _one_or_many(unit: str, value: float) -> str:
    if value != 1 or not unit.endswith("s") or unit == "times":
        return unit
    return unit[:-2] if unit.endswith("sses") else unit[:-1]


_TELL: dict[str, Callable[[float, int], str]] = {
    "bytes": _bytes, "ratio": _percent, "ms": _milliseconds, "s": _seconds, "micros": _micros,
}  # fmt: skip


# --- amounts of bytes and of things ------------------------------------------------------------------


def counted(number: int, one: str, many: str = "") -> str:
    """``1 day``, ``2 days``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def gigabytes(number: int) -> str:
    """In GB (10^9 bytes), without the unit; what is there is never shown as nothing."""
    return decimal(Decimal(number) / _GB, places=3)


class NotCounted(Protocol):
    """What stands beside the bytes that are counted (schemas.records.NOT_COUNTED)."""

    @property
    def rejected(self) -> int: ...
    @property
    def rejected_least_bytes(self) -> int: ...
    @property
    def rejected_most_bytes(self) -> int: ...
    @property
    def unsized_lines(self) -> int: ...
    @property
    def unsure_lines(self) -> int: ...
    @property
    def unsure_bytes(self) -> int: ...


def not_counted(of: NotCounted) -> str:
    """``at most 50.000 GB more in 50 rejected lines (at least 0.010 GB)``; empty where nothing is missing."""
    parts = []
    if of.rejected_most_bytes:
        told = f"at most {gigabytes(of.rejected_most_bytes)} GB more in {counted(of.rejected, 'rejected line')}"
        least = f" (at least {gigabytes(of.rejected_least_bytes)} GB)" if of.rejected_least_bytes else ""
        parts.append(told + least)
    if of.unsure_bytes:
        lines = counted(of.unsure_lines, "line")
        parts.append(f"at most {gigabytes(of.unsure_bytes)} GB more in {lines} that can be read in two ways")
    if of.unsized_lines:
        parts.append(f"{counted(of.unsized_lines, 'line')} of unknown size")
    return ", ".join(parts)


def decimal(value: Decimal, places: int) -> str:
    least = Decimal(1).scaleb(-places)
    return f"<{least}" if 0 < value < least else f"{value.quantize(least, ROUND_HALF_EVEN):,}"
