"""What bytes cost: a price card's exact amount, rounded half-even once, at the finest stored grain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import polars as pl


@dataclass(frozen=True, slots=True)
class Price:
    """``amount`` of ``currency`` for each ``unit_bytes`` sent by ``source``, ``first`` to ``last`` (None: open)."""

    price_id: str
    source: str
    amount: Decimal
    currency: str
    unit_bytes: int
    first: date
    last: date | None

    def is_valid(self, source: str, day: date) -> bool:
        return self.source == source and self.first <= day and (self.last is None or day <= self.last)


def cost_micros(bytes_sent: int, price: Price) -> int:
    """bytes × amount × 10^6 / unit, half-even. Fractions are exact; Python's ``round`` on them is half-even."""
    return round(Fraction(price.amount) * 1_000_000 * bytes_sent / price.unit_bytes)


def costed(bandwidth: pl.DataFrame, day: date, prices: Iterable[Price]) -> pl.DataFrame:
    """``bandwidth`` (source, application, bucket, requests, bytes_sent) with price_id, currency and cost_micros.

    Without a valid price the cost is null and the price_id empty: not available, never zero.
    """
    cards = list(prices)
    rows = [_priced(source, sent, day, cards) for source, sent in bandwidth.select("source", "bytes_sent").iter_rows()]
    schema = {"price_id": pl.String(), "currency": pl.String(), "cost_micros": pl.Int64()}
    return bandwidth.hstack(pl.DataFrame(rows, schema=schema, orient="row"))


def _priced(source: str, bytes_sent: int, day: date, cards: list[Price]) -> tuple[str, str, int | None]:
    card = next((card for card in cards if card.is_valid(source, day)), None)
    return (card.price_id, card.currency, cost_micros(bytes_sent, card)) if card else ("", "", None)
