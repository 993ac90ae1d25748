"""The tables of prices: of bandwidth and of credits as the settings say, of models as their system says, and the prices
that final days keep. Which days another price makes dirty is decided by whoever calls."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl
import sqlalchemy as sa

from mediameter.store.warehouse import insert, tables
from schemas.generations import CREDIT_PRICES, MODEL_PRICES
from schemas.prices import KEPT_PRICES
from schemas.rollups import PRICES

_cards, _credits, _models = tables[PRICES.name], tables[CREDIT_PRICES.name], tables[MODEL_PRICES.name]


def of_sources(sources: Collection[str]) -> sa.ColumnElement[bool]:
    """The price cards of these sources."""
    return _cards.c.source.in_(list(sources))


def replace_cards(connection: sa.Connection, sources: Collection[str], cards: pl.DataFrame) -> None:
    connection.execute(_cards.delete().where(of_sources(sources)))
    insert(connection, PRICES, cards)


def replace_credit_prices(connection: sa.Connection, tenant: str, rows: pl.DataFrame) -> None:
    connection.execute(_credits.delete().where(_credits.c.tenant == tenant))
    insert(connection, CREDIT_PRICES, rows)


def replace_model_prices(
    connection: sa.Connection, tenant: str, source: str, valid_from: date, rows: pl.DataFrame
) -> None:
    """Prices that hold from one day on; what these models cost from other days on stays."""
    which = (_models.c.tenant == tenant, _models.c.source == source, _models.c.valid_from_day == valid_from)
    connection.execute(_models.delete().where(*which, _models.c.model.in_(rows["model"].to_list())))
    insert(connection, MODEL_PRICES, rows)


def keep(connection: sa.Connection, rows: pl.DataFrame) -> None:
    """Rows of `kept_prices`: what final days were made with, and keep."""
    insert(connection, KEPT_PRICES, rows)
