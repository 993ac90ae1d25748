"""Numbers, instants and hostile text as words: one spelling for the terminal and the page."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

from mediameter import numbers

# Spelt on the page as on the terminal.
from mediameter.numbers import counted as counted
from mediameter.numbers import gigabytes as gigabytes
from mediameter.numbers import not_counted as not_counted
from mediameter.report.facts import Cost

ABSENT = "-"
NOT_AVAILABLE = numbers.NOT_AVAILABLE
_MILLIONTH = Decimal(10**6)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def count(number: int | None) -> str:
    return ABSENT if number is None else f"{number:,}"


def money(micros: int) -> str:
    """In whole units of the currency, without its name; four places, since a gigabyte costs about a cent."""
    return numbers.decimal(Decimal(micros) / _MILLIONTH, places=4)


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
