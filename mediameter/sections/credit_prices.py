"""What a source's credits are sold for, from which day on. Without a word of it, the price is measured."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from mediameter.sections.complaint import Complaint
from mediameter.sections.quantities import Money, decimal_amount
from mediameter.sections.section import Day, Section, setting


def _priced(value: object) -> Decimal:
    amount = decimal_amount(value)
    if (amount * 10**6) % 1 or amount > 10**9:
        raise Complaint(f"{value!r} is not the price of credits", "use at most six decimal places")
    return amount


class CreditPrice(Section):
    """``credits`` of them are sold for ``amount`` of ``currency``, from ``valid_from`` until the next price of that
    currency begins: 100 credits for 9.99 USD."""

    amount: Annotated[Decimal, BeforeValidator(_priced)] = Field(description="Exact amount, in quotes")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = Field(description="ISO currency, three letters")
    credits: int = setting(1, "How many credits are sold for it", ge=1, le=10**9)
    valid_from: Day = Field(description="First day")

    @property
    def amount_micros(self) -> int:
        return Money(self.amount, self.currency).micros


def once_a_day(prices: tuple[CreditPrice, ...]) -> tuple[CreditPrice, ...]:
    """The prices themselves. Raises ``Complaint`` for two of one currency that begin on one day."""
    seen: set[tuple[str, date]] = set()
    for index, price in enumerate(prices):
        if (price.currency, price.valid_from) in seen:
            message = f"there is another price in {price.currency} from {price.valid_from} on"
            raise Complaint(message, "give them different days in valid_from", (index, "valid_from"))
        seen.add((price.currency, price.valid_from))
    return prices


def closed(prices: Iterable[CreditPrice]) -> list[tuple[CreditPrice, date | None]]:
    """Each price with its last day: the one before the next of its currency begins; None: until further notice."""
    found: list[tuple[CreditPrice, date | None]] = []
    by_day = sorted(prices, key=lambda price: (price.currency, price.valid_from))
    for _, group in groupby(by_day, key=lambda price: price.currency):
        run = list(group)
        found += [(price, following.valid_from - timedelta(days=1)) for price, following in pairwise(run)]
        found.append((run[-1], None))
    return found


CreditPrices = Annotated[tuple[CreditPrice, ...], AfterValidator(once_a_day)]
