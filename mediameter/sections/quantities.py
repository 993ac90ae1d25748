"""Numbers with a unit, as people write them in a settings file: ``250 GB``, ``800 ms``, ``200.00 USD``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from mediameter.sections.complaint import Complaint

PRICED_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
BYTE_UNITS = {"B": 1, "KB": 10**3, "KiB": 2**10, **PRICED_UNITS}
TIME_UNITS = {"ms": 1, "s": 1000}

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")
_MONEY = re.compile(r"\s*(\d+(?:\.\d+)?)\s+([A-Z]{3})\s*")
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount of one currency."""

    amount: Decimal
    currency: str

    @property
    def micros(self) -> int:
        """Millionths of the currency, rounded half-even."""
        return round(Fraction(self.amount) * 10**6)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


def whole(value: object, units: dict[str, int], example: str) -> int:
    """A whole number of the smallest unit from ``250 GB`` or a bare whole number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in units:
        raise Complaint(f"{value!r} is not a quantity", f'write it like "{example}"; units: {", ".join(units)}')
    exact = Fraction(found[1]) * units[found[2]]
    if exact.denominator != 1 or exact > _LARGEST:
        raise Complaint(
            f"{value!r} is not a whole number of {next(iter(units))} below 2^63", f'for example "{example}"'
        )
    return int(exact)


def money(value: object) -> Money:
    """An amount and its currency from ``200.00 USD``."""
    if isinstance(value, Money):
        return value
    found = _MONEY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Complaint(f"{value!r} is not an amount of money", 'write it like "200.00 USD"')
    return Money(Decimal(found[1]), found[2])


def decimal_amount(value: object) -> Decimal:
    """An exact amount from text. A float is refused: 0.011 in a file would already have been rounded when we see it."""
    if isinstance(value, Decimal):
        return value
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount < 0:
        raise Complaint(f"{value!r} is not an exact amount", 'write it in quotes, like "0.011"')
    return amount


def count(value: object) -> int:
    """A whole number of things, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Complaint(f"{value!r} is not a whole number", "write it like 20000")
    return value


def ratio(value: object) -> float:
    """A share between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Complaint(f"{value!r} is not a share between 0 and 1", "2 % is written 0.02")
    return float(value)


def bytes_of(value: object) -> int:
    return whole(value, BYTE_UNITS, "250 GB")


def nearest_bytes(value: object) -> int:
    """Bytes from ``1234.56 GiB``, as somebody else has rounded them: the nearest whole number (half: the even one)."""
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in BYTE_UNITS or Fraction(found[1]) * BYTE_UNITS[found[2]] > _LARGEST:
        return bytes_of(value)
    return round(Fraction(found[1]) * BYTE_UNITS[found[2]])


def milliseconds(value: object) -> int:
    return whole(value, TIME_UNITS, "800 ms")
