"""Invoices: what a source's provider has asked for a month, to be held against what was measured."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from mediameter.sections.complaint import Complaint
from mediameter.sections.quantities import Money, decimal_amount, nearest_bytes
from mediameter.sections.section import Section, setting

_MONTH = re.compile("[0-9]{4}-[0-9]{2}")
_MOST_MICROS = 2**63 - 1


def _month(value: object) -> date:
    """The first day of the month that ``2026-10`` names."""
    if isinstance(value, str) and _MONTH.fullmatch(value):
        try:
            return date.fromisoformat(f"{value}-01")
        except ValueError:  # a thirteenth month
            pass
    raise Complaint(f"{value!r} is not a month", 'write it in quotes, like "2026-10"')


def _invoiced(value: object) -> Decimal:
    amount = decimal_amount(value)
    if (amount * 10**6) % 1 or amount * 10**6 > _MOST_MICROS:
        raise Complaint(f"{value!r} is not the amount of an invoice", "use at most six decimal places")
    return amount


class Invoice(Section):
    """What ``source`` was billed for one month: ``amount`` of ``currency``, with all that the provider puts on it.
    ``bytes_sent`` (in bytes): the traffic as the invoice has it."""

    source: str = Field(description="Source in [sources] whose provider sent it")
    month: Annotated[date, BeforeValidator(_month)] = Field(description='Month that it is for, like "2026-10"')
    amount: Annotated[Decimal, BeforeValidator(_invoiced)] = Field(description="Exact amount, in quotes")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = Field(description="ISO currency, three letters")
    bytes_sent: Annotated[int | None, BeforeValidator(lambda value: value and nearest_bytes(value))] = setting(
        None, 'Traffic that it names, like "1234.5 GB"'
    )
    citation: Annotated[str, Field(pattern=r"\S")] = Field(description="Its number, and where it is kept")

    @property
    def amount_micros(self) -> int:
        return Money(self.amount, self.currency).micros

    @property
    def days_in_month(self) -> int:
        return monthrange(self.month.year, self.month.month)[1]

    @property
    def last_day(self) -> date:
        return self.month.replace(day=self.days_in_month)


def one_a_month(invoices: Iterable[Invoice], sources: Collection[str]) -> None:
    """Raises ``Complaint`` for an invoice of an unknown source, and for a second one of a source, month and currency:
    which of them is the bill, or whether both are, is not ours to guess."""
    seen: dict[tuple[str, date, str], int] = {}
    for index, invoice in enumerate(invoices):
        if invoice.source not in sources:
            known = ", ".join(sources) or "none yet"
            raise Complaint("no source of logs has this name", f"sources: {known}", ("invoices", index, "source"))
        what = (invoice.source, invoice.month, invoice.currency)
        if what in seen:
            message = f"invoices[{seen[what] + 1}] is of {invoice.source} for {invoice.month:%Y-%m}, too"
            raise Complaint(message, "make one of both: their sum, and both numbers as citation", ("invoices", index))
        seen[what] = index
