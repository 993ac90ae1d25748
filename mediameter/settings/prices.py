"""Price cards: what a byte costs, from which day to which, and who says so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mediameter.sections.complaint import Complaint
from mediameter.sections.quantities import PRICED_UNITS, decimal_amount
from mediameter.sections.section import Day, Section

_PLACES = 12


def _exact(value: object) -> Decimal:
    amount = decimal_amount(value)
    if -int(amount.normalize().as_tuple().exponent) > _PLACES:
        raise Complaint(f"{value!r} is not the price of bytes", f"{_PLACES} decimal places are the most allowed")
    return amount


class PriceCard(Section):
    """One price: ``amount`` of ``currency`` for each ``per`` of ``measure``, from ``valid_from`` to ``valid_to``
    (both included; None: until further notice)."""

    source: str = Field(description="Source in [sources] that it applies to")
    measure: Literal["bytes_sent"] = Field(description="What is priced")
    amount: Annotated[Decimal, BeforeValidator(_exact)] = Field(description="Exact amount, in quotes")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = Field(description="ISO currency, three letters")
    per: Literal["MB", "GB", "TB", "MiB", "GiB", "TiB"] = Field(description="GB is 10^9 bytes, GiB is 2^30")
    valid_from: Day = Field(description="First day")
    valid_to: Day | None = Field(default=None, description="Last day; default: the day before the next card's first")
    citation: Annotated[str, Field(pattern=r"\S")] = Field(description="Where the price stands, and when it was read")

    @property
    def price_id(self) -> str:
        return f"{self.source}/{self.measure}/{self.currency}/{self.valid_from}"

    @property
    def unit_bytes(self) -> int:
        """Bytes in the unit that is priced."""
        return PRICED_UNITS[self.per]


def closed_without_gaps(cards: Iterable[PriceCard]) -> tuple[PriceCard, ...]:
    """The cards by source, measure and first day, each closed the day before the next begins.

    Raises ``Complaint`` where two cards of one source and measure overlap or leave days without a price: a day
    that silently costs nothing would be a wrong bill.
    """
    entries = sorted(enumerate(cards), key=lambda entry: (entry[1].source, entry[1].measure, entry[1].valid_from))
    result: list[PriceCard] = []
    for _, group in groupby(entries, key=lambda entry: (entry[1].source, entry[1].measure)):
        run = list(group)
        result += [_closed(index, card, following) for (index, card), (_, following) in pairwise(run)]
        result.append(_closed(*run[-1], None))
    return tuple(result)


def _closed(index: int, card: PriceCard, following: PriceCard | None) -> PriceCard:
    if card.valid_to is not None and card.valid_to < card.valid_from:
        raise Complaint(f"{card.valid_to} lies before valid_from {card.valid_from}", "swap them", (index, "valid_to"))
    if following is None:
        return card
    last = following.valid_from - timedelta(days=1)
    if last < card.valid_from:
        raise _clash("overlap", index, card, following, card.valid_from, card.valid_from)
    if card.valid_to is None:
        return card.model_copy(update={"valid_to": last})
    if card.valid_to > last:
        raise _clash("overlap", index, card, following, following.valid_from, card.valid_to)
    if card.valid_to < last:
        raise _clash("leave a gap", index, card, following, card.valid_to + timedelta(days=1), last)
    return card


def _clash(what: str, index: int, card: PriceCard, following: PriceCard, first: date, last: date) -> Complaint:
    days = f"on {first}" if first == last else f"from {first} to {last}"
    remedy = "leave valid_to out: a card then ends the day before the next one begins"
    if card.valid_from == following.valid_from:
        remedy = "give them different days in valid_from"
    return Complaint(f"price cards {card.price_id} and {following.price_id} {what} {days}", remedy, (index,))
