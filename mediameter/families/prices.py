"""Which price a day's figures are made with.

The warehouse holds the prices of the settings as the last pass wrote them, and what models cost. When one of them
changes, days that are not final take the new one; a final day keeps the one that it was made with (`kept_prices`),
until `mediameter backfill RANGE --reprice`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

import polars as pl
import sqlalchemy as sa

from mediameter.metering.cost import Price
from mediameter.sections.credit_prices import closed
from mediameter.sections.quantities import PRICED_UNITS
from mediameter.settings import Settings
from mediameter.store import days, fences, warehouse
from mediameter.store import prices as at_rest
from mediameter.store.acts import Repriced, done, repriced
from schemas.generations import CREDIT_PRICES, MODEL_PRICES
from schemas.prices import KEPT_PRICES, REPRICINGS
from schemas.rollups import BANDWIDTH_COST_DAILY, PRICES

_kept, _cards, _credit = (warehouse.tables[each.name] for each in (KEPT_PRICES, PRICES, CREDIT_PRICES))
_models, _cost = (warehouse.tables[each.name] for each in (MODEL_PRICES, BANDWIDTH_COST_DAILY))
FAMILY_OF = {"bandwidth": "traffic", "provider": "generations", "credit": "generations"}
BY_SETTINGS = ("bandwidth", "credit")
"""Kinds whose prices stand in the settings; those of providers are read from the system itself."""


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """``amount_micros`` of ``currency`` for so many ``units``, from ``first`` on; None: there was no price."""

    item: str
    currency: str
    first: date
    amount_micros: int | None
    units: int

    @property
    def of_one(self) -> Fraction | None:
        return None if self.amount_micros is None else Fraction(self.amount_micros, self.units)


Place = tuple[date, str]
"""A day and a source."""
Rates = dict[Place, tuple[Rate, ...]]
NO_PRICE = (Rate("", "", date(1970, 1, 1), None, 1),)


def is_same(one: tuple[Rate, ...], other: tuple[Rate, ...]) -> bool:
    """Whether both price alike: the same of each currency, whatever card says it."""

    def said(rates: tuple[Rate, ...]) -> set[tuple[str, Fraction | None]]:
        return {(rate.currency, rate.of_one) for rate in rates if rate.amount_micros is not None}

    return said(one) == said(other)


# --- what a day is computed with -----------------------------------------------------------------------


def cards_of_day(connection: sa.Connection, settings: Settings, day: date) -> list[Price]:
    """The price cards of a day: those that are in force, but of a source that keeps its price this one alone."""
    old = {source: rates for (_, source), rates in kept(connection, settings, "bandwidth", day).items()}
    found = [card for card in _in_force(connection) if card.source not in old]
    cards = (price_of(source, rate, day) for source, rates in old.items() for rate in rates)
    return found + [card for card in cards if card]


def model_prices_of_day(connection: sa.Connection, settings: Settings, day: date | None) -> pl.DataFrame:
    """What models cost, as MODEL_PRICES; on a ``day`` that keeps some of these, what they cost then."""
    found = warehouse.read(connection, MODEL_PRICES, _models.c.tenant == settings.tenant)
    rows = [
        (settings.tenant, source, rate.item, rate.first, rate.amount_micros, None, rate.currency)
        for (_, source), rates in (kept(connection, settings, "provider", day) if day else {}).items()
        for rate in rates
    ]
    old = warehouse.frame_of(rows, MODEL_PRICES)
    return pl.concat([found.join(old, on=["source", "model"], how="anti"), old])


def kept(connection: sa.Connection, settings: Settings, kind: str, day: date | None = None) -> Rates:
    """The prices of a kind that days keep; of one day, or of all."""
    which = [_kept.c.tenant == settings.tenant, _kept.c.kind == kind, *([_kept.c.day == day] if day else [])]
    rows = connection.execute(sa.select(_kept).where(*which)).mappings()
    found: dict[Place, list[Rate]] = {}
    for row in rows:
        rate = Rate(row["item"], row["currency"], row["valid_from_day"], row["amount_micros"], row["units"])
        found.setdefault((row["day"], row["source"]), []).append(rate)
    return {place: tuple(sorted(rates)) for place, rates in sorted(found.items())}


def _in_force(connection: sa.Connection) -> list[Price]:
    rows = connection.execute(sa.select(_cards).order_by(_cards.c.price_id)).mappings()
    return [
        Price(row["price_id"], row["source"], Decimal(row["amount"]), row["currency"], PRICED_UNITS[row["per"]],
              row["valid_from_day"], row["valid_to_day"])
        for row in rows
    ]  # fmt: skip


def price_of(source: str, rate: Rate, day: date) -> Price | None:
    """The rate as a price card of one day; None where there was no price."""
    if rate.amount_micros is None:
        return None
    amount = Decimal(rate.amount_micros).scaleb(-6)
    return Price(rate.item, source, amount, rate.currency, rate.units, day, day)


# --- which prices are to be kept -------------------------------------------------------------------------


def to_be_kept(connection: sa.Connection, settings: Settings, kind: str) -> Rates:
    """The prices of a kind that days keep under these settings: those of final days that the settings price otherwise
    than they were. Changes nothing."""
    have = kept(connection, settings, kind)
    if kind not in BY_SETTINGS:
        return have
    before, after = _BEFORE[kind](connection, settings), by_settings(connection, settings, kind)
    places = sorted({*have, *days.closed(connection, settings, FAMILY_OF[kind])})
    old = {place: have.get(place) or before(place) for place in places}
    return {place: rates for place, rates in old.items() if not is_same(rates, after(place))}


def by_settings(connection: sa.Connection, settings: Settings, kind: str) -> Callable[[Place], tuple[Rate, ...]]:
    """What the settings price a day and source with."""
    return _AFTER[kind](connection, settings)


def _bandwidth(cards: Iterable[Price]) -> Callable[[Place], tuple[Rate, ...]]:
    known = list(cards)

    def of(place: Place) -> tuple[Rate, ...]:
        day, source = place
        card = next((each for each in known if each.is_valid(source, day)), None)
        return (_rate(card),) if card else NO_PRICE

    return of


def _as_before(connection: sa.Connection, settings: Settings) -> Callable[[Place], tuple[Rate, ...]]:
    """What the warehouse's cards say. Where it has none of a source whose figures were made with one (an older version
    kept the cards of one tenant alone), nothing else is known than the settings."""
    cards = _in_force(connection)
    before, after = _bandwidth(cards), by_settings(connection, settings, "bandwidth")
    unknown = set(settings.sources) - {card.source for card in cards}
    query = sa.select(_cost.c.day, _cost.c.price_id).where(_cost.c.tenant == settings.tenant, _cost.c.price_id != "")
    rows = connection.execute(query.distinct()) if unknown else ()
    made = {(day, price_id.partition("/")[0]) for day, price_id in rows}
    return lambda place: after(place) if place[1] in unknown and place in made else before(place)


def _rate(card: Price) -> Rate:
    """As a ratio of whole numbers: a card of less than a millionth is told for more bytes."""
    more = max(0, -int(card.amount.normalize().as_tuple().exponent) - 6)
    amount = int(card.amount.scaleb(6 + more))
    return Rate(card.price_id, card.currency, card.first, amount, card.unit_bytes * 10**more)


def _credits(connection: sa.Connection, settings: Settings) -> Callable[[Place], tuple[Rate, ...]]:
    """What the settings say; of a source of which they say nothing, what was paid for the credits that were sold."""
    cards = {
        name: [
            (Rate("set", price.currency, price.valid_from, price.amount_micros, price.credits), last)
            for price, last in closed(prices)
        ]
        for name, prices in settings.credit_prices.items()
    }
    measured = _of_credits(connection, settings, "price_basis = 'measured'")

    def of(place: Place) -> tuple[Rate, ...]:
        day, source = place
        if not cards.get(source):
            return measured(place)
        valid = (rate for rate, last in cards[source] if rate.first <= day and (last is None or day <= last))
        return tuple(sorted(valid)) or NO_PRICE

    return of


def _of_credits(connection: sa.Connection, settings: Settings, which: str) -> Callable[[Place], tuple[Rate, ...]]:
    columns = "day, source, price_basis, currency, amount_micros, credits"
    query = sa.text(f"SELECT {columns} FROM credit_price_daily WHERE tenant = :tenant AND {which}")
    typed = query.columns(day=sa.Date())
    rows = [tuple(row) for row in connection.execute(typed, {"tenant": settings.tenant})]
    found = {
        place: tuple(
            sorted(Rate(basis, currency, day, int(amount), int(n)) for day, _, basis, currency, amount, n in of)
        )
        for place, of in groupby(sorted(rows), key=lambda row: (row[0], row[1]))
    }
    return lambda place: found.get(place, NO_PRICE)


_BEFORE: Mapping[str, Callable[[sa.Connection, Settings], Callable[[Place], tuple[Rate, ...]]]] = {
    "bandwidth": lambda connection, settings: _as_before(connection, settings),
    "credit": lambda connection, settings: _of_credits(connection, settings, "is_in_force = 1"),
}
_AFTER: Mapping[str, Callable[[sa.Connection, Settings], Callable[[Place], tuple[Rate, ...]]]] = {
    "bandwidth": lambda _, settings: _bandwidth(
        Price(c.price_id, c.source, c.amount, c.currency, c.unit_bytes, c.valid_from, c.valid_to)
        for c in settings.prices
    ),
    "credit": _credits,
}


# --- another price ---------------------------------------------------------------------------------------


def write_cards(connection: sa.Connection, settings: Settings) -> Repriced | None:
    """The price cards of the settings. Where they are others than before, final days keep the old ones, and all other
    days are dirty; returns the act where some day keeps, or keeps no longer, a price."""
    rows = [
        (c.price_id, c.source, c.measure, str(c.amount), c.currency, c.per, c.valid_from, c.valid_to, c.citation)
        for c in settings.prices
    ]
    cards = warehouse.frame_of(rows, PRICES).sort("price_id")
    before = warehouse.read(connection, PRICES, at_rest.of_sources(settings.sources)).sort("price_id")
    if cards.equals(before):
        return None
    act = _kept_from_now_on(connection, settings, "bandwidth")
    at_rest.replace_cards(connection, settings.sources, cards)
    if not cards.drop("citation").equals(before.drop("citation")):
        family = FAMILY_OF["bandwidth"]
        fences.mark_dirty(connection, family, _not_final(connection, settings, family))
    return act


def write_credit_prices(connection: sa.Connection, settings: Settings) -> Repriced | None:
    """The same of the prices of credits; no day is computed with them, what is listed is read from a view."""
    rows = [
        (settings.tenant, name, price.currency, price.valid_from, last, price.amount_micros, price.credits)
        for name, of_source in settings.credit_prices.items()
        for price, last in closed(of_source)
    ]
    of_tenant = _credit.c.tenant == settings.tenant
    prices = warehouse.frame_of(rows, CREDIT_PRICES).sort(CREDIT_PRICES.key)
    if prices.equals(warehouse.read(connection, CREDIT_PRICES, of_tenant).sort(CREDIT_PRICES.key)):
        return None
    act = _kept_from_now_on(connection, settings, "credit")
    at_rest.replace_credit_prices(connection, settings.tenant, prices)
    return act


def _kept_from_now_on(connection: sa.Connection, settings: Settings, kind: str) -> Repriced | None:
    have, wanted = kept(connection, settings, kind), to_be_kept(connection, settings, kind)
    fresh = {place: rates for place, rates in wanted.items() if place not in have}
    lifted = {place: rates for place, rates in have.items() if place not in wanted}
    if not fresh and not lifted:
        return None
    act = repriced(frame(settings, kind, lifted), frame(settings, kind, fresh), warehouse.empty(REPRICINGS), {})
    return done(act, connection, settings.reporting.zone)


def frame(settings: Settings, kind: str, rates: Rates) -> pl.DataFrame:
    """These prices as rows of `kept_prices`."""
    rows = [
        (settings.tenant, kind, day, source, rate.item, rate.currency, rate.first, rate.amount_micros, rate.units)
        for (day, source), of in rates.items()
        for rate in of
    ]
    return warehouse.frame_of(rows, KEPT_PRICES)


def _not_final(connection: sa.Connection, settings: Settings, family: str) -> set[date]:
    """Days of a family that some source of is open, or that were not computed yet."""
    found = days.closed(connection, settings, family)
    is_open = {day for day, _ in days.places(connection, settings, family) - found}
    return fences.fenced_days(connection, family) - ({day for day, _ in found} - is_open)
