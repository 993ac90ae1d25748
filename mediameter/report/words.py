"""Numbers, instants and hostile text as words: one spelling for the terminal and the page."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from mediameter import numbers
from mediameter.report.facts import Cost

ABSENT = "-"
NOT_AVAILABLE = numbers.NOT_AVAILABLE
_GB = Decimal(10**9)
_MILLIONTH = Decimal(10**6)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def count(number: int | None) -> str:
    return ABSENT if number is None else f"{number:,}"


def counted(number: int, one: str, many: str = "") -> str:
    """``1 day``, ``2 days``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def gigabytes(number: int) -> str:
    """In GB (10^9 bytes), without the unit; what is there is never shown as nothing."""
    return _decimal(Decimal(number) / _GB, places=3)


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


def money(micros: int) -> str:
    """In whole units of the currency, without its name; four places, since a gigabyte costs about a cent."""
    return _decimal(Decimal(micros) / _MILLIONTH, places=4)


def _decimal(value: Decimal, places: int) -> str:
    least = Decimal(1).scaleb(-places)
    return f"<{least}" if 0 < value < least else f"{value.quantize(least, ROUND_HALF_EVEN):,}"


def cost(value: Cost) -> str:
    """Every currency with its unit, and the bytes that have no price."""
    parts = [f"{money(micros)} {visible(currency)}" for currency, micros in value.micros.items()]
    if value.unpriced_bytes and parts:
        parts.append(f"{gigabytes(value.unpriced_bytes)} GB without a price")
    return " + ".join(parts) or NOT_AVAILABLE


def kept_prices(days: int) -> str:
    """Of days whose cost is not made with the price cards as they are; empty where there are none."""
    if not days:
        return ""
    return f"{counted(days, 'day keeps', 'days keep')} a price that was changed later: `mediameter status` tells which"


def rate(part: int, whole: int) -> str:
    if not whole:
        return ABSENT
    return "<0.01 %" if 0 < part * 10_000 < whole else f"{100 * part / whole:.2f} %"


def share(value: float | None) -> str:
    """A quotient that somebody else has made."""
    return ABSENT if value is None else "<0.01 %" if 0 < value < 0.0001 else f"{100 * value:.2f} %"


def measured(value: float | None, unit: str) -> str:
    """A check's value in its own unit."""
    return numbers.told(value, visible(unit))


def beside(value: float | None, limit: float | None, unit: str) -> tuple[str, str]:
    """A check's value and its limit, so that they look alike only where they are."""
    shown, of = numbers.told_apart(value, limit, visible(unit))
    return shown, "none set" if limit is None else of


def instant(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "not known"


def visible(hostile: str, limit: int = 0) -> str:
    """Text from the logs, with all that steers a terminal, hides or turns the reading direction made visible.

    ``limit`` cuts to so many characters, the last one an ellipsis; 0 does not cut.
    """
    shown = "".join(_escaped(c) if unicodedata.category(c) in _INVISIBLE else c for c in hostile)
    return f"{shown[: limit - 1]}…" if limit and len(shown) > limit else shown


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
