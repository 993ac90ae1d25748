"""An amount is told in the smallest unit of its currency, which is no hundredth everywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from parsers.access_log import Context
from parsers.palette import credits
from parsers.palette_events import read_events
from schemas.currencies import decimals_of, micros_of_smallest_unit
from schemas.frames import polars_schema
from schemas.palette import TRANSACTION_ROW

_AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
_PAID = [
    (500, "JPY", 500_000_000),  # 500 yen
    (1500, "kwd", 1_500_000),  # 1.5 dinars
    (999, "usd", 9_990_000),
    (999, None, 9_990_000),  # where nobody says, dollars
    ("12.5", "EUR", 125_000),
    (500, "ISK", 5_000_000),  # a provider writes kronur with two decimals that are always 00
]


@pytest.mark.parametrize(("amount", "currency", "micros"), _PAID)
def test_both_ways_in_read_the_smallest_unit(amount: object, currency: str | None, micros: int) -> None:
    expected = (micros, (currency or "USD").upper())
    bought = {"event_type": "credit_purchase", "user_id": "ann", "credits_purchased": 100, "amount_cents": amount}
    made = {"event_type": "generation", "user_id": "ann", "model_id": "fox", "cost_cents": amount}
    frames = _frames(*({**event, "currency": currency} for event in (bought, made)))
    assert frames["credits"].select("paid_micros", "currency").row(0) == expected
    assert frames["generations"].select("cost_micros", "currency").row(0) == expected
    told = credits().take(_row({"amount_paid_cents": amount, "currency": currency})).events
    assert told.select("paid_micros", "currency").row(0) == expected


def test_an_amount_that_no_day_could_add_up_is_refused() -> None:
    """10^11 yen are 10^17 micros, of which 93 fill 64 bits; as cents they are 10^15."""
    taken = credits().take(_row({"amount_paid_cents": 10**11, "currency": "JPY"}))
    assert taken.rejected["reason"].to_list() == ["BAD_MONEY"]
    assert credits().take(_row({"amount_paid_cents": 10**11, "currency": "USD"})).events["paid_micros"][0] == 10**15


def test_most_currencies_have_hundredths() -> None:
    assert [decimals_of(name) for name in ("EUR", "krw", "TND", "CLF")] == [2, 0, 3, 4]
    assert micros_of_smallest_unit("GBP") == 10_000


def _frames(*events: dict[str, object]) -> dict[str, pl.DataFrame]:
    lines = "".join(json.dumps({**event, "timestamp": _AT.isoformat()}) + "\n" for event in events)
    [part] = read_events([lines.encode()], Context(seed=7, last_modified=_AT))
    assert not part.rejects
    return part.frames


def _row(metadata: dict[str, object]) -> pl.DataFrame:
    row = {"id": "t-1", "user_id": "ann", "type": "purchase", "amount": 100, "metadata": json.dumps(metadata)}
    return pl.DataFrame([{**row, "created_at": _AT}], schema=polars_schema(TRANSACTION_ROW))
