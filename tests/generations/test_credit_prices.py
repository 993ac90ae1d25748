"""What a credit is sold for: as the settings say it, by day and currency; no day is computed anew for it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.errors import UserError
from mediameter.families.generations import FAMILY
from mediameter.sections.credit_prices import closed
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.rollup.rollup import prepare
from mediameter.store.warehouse import tables
from tests.generations.files import OF_STUDIO, Box, generation, lines, purchase

CARDS = [
    {"amount": "9.99", "currency": "USD", "credits": 100, "valid_from": "2026-01-01"},
    {"amount": "0.20", "currency": "USD", "valid_from": "2026-11-03"},
    {"amount": "15", "currency": "JPY", "valid_from": "2026-02-01"},
]


def settings(folder: Path, cards: list[dict[str, Any]], **more: Any) -> Settings:
    source = {**OF_STUDIO, "credit_price": cards}
    return from_mapping({"sources": {"palette": source}, "privacy": {"key": "the key of all tests"}, **more}, folder)


def test_a_price_holds_until_the_next_of_its_currency(made: sa.Engine, tmp_path: Path) -> None:
    warehouse = {"url": made.url.render_as_string(hide_password=False)}

    def kept(cards: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        prepare(made, settings(tmp_path, cards, warehouse=warehouse))
        columns = "currency, valid_from_day, valid_to_day, amount_micros, credits"
        picked = [tables["credit_prices"].c[name] for name in columns.split(", ")]
        with reading(made) as connection:
            return [tuple(row) for row in connection.execute(sa.select(*picked).order_by(*picked[:2]))]

    assert kept(CARDS) == [
        ("JPY", date(2026, 2, 1), None, 15_000_000, 1),
        ("USD", date(2026, 1, 1), date(2026, 11, 2), 9_990_000, 100),
        ("USD", date(2026, 11, 3), None, 200_000, 1),
    ]
    assert kept([]) == [], "a price that is taken out of the settings holds no longer"


def test_an_edited_price_makes_no_day_dirty(tmp_path: Path) -> None:
    """Of a day that was computed the price is no input: what is listed is read from a view."""
    box = Box(tmp_path)
    box.put("a", lines(generation(1), purchase(2)))
    box.run()
    with_prices = settings(tmp_path, CARDS)
    assert FAMILY.basis(with_prices) == FAMILY.basis(box.settings())
    measured = box.rows("SELECT currency, completed_credits, list_price_micros, price_basis FROM list_price_daily")
    assert measured == [("USD", 2, 199_800, "measured")]  # 100 credits were sold for 9.99


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ({"amount": 9.99}, "not an exact amount"),
        ({"amount": "0.0000001"}, "six decimal places"),
        ({"credits": 0}, "credit_price"),
        ({"currency": "usd"}, "credit_price"),
    ],
)
def test_a_wrong_price_is_told(card: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        settings(tmp_path, [CARDS[0] | card])


def test_two_prices_of_a_day_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another price in USD from 2026-01-01 on"):
        settings(tmp_path, [CARDS[0], CARDS[0] | {"amount": "8.99"}])
    assert len(closed(settings(tmp_path, CARDS).event_sources["palette"].credit_price)) == 3
