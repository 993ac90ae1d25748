"""Prices that final days keep although others hold by now, and the receipts of days that were made with these."""

from schemas.contract import Column, Contract, key
from schemas.vocabulary import PRICE_KINDS

_TENANT = key("tenant", "text", "Boundary of isolation.", length=64)
_KIND = Column(
    "kind", "text", "What is priced: bandwidth, provider (a model's generations), credit.", role="key",
    among=PRICE_KINDS, length=16,
)  # fmt: skip
_DAY = key("day", "day", "Day in the reporting time zone.")
_SOURCE = key("source", "text", "Source in the settings.", length=64)
_CURRENCY = key("currency", "text", "ISO currency; empty where there was no price.", length=8)

KEPT_PRICES = Contract(
    "kept_prices",
    "tenant, kind, day, source, item, currency, first day",
    "Prices that days keep which were final when another price came to reach back to them. They are what the day's "
    "figures are made with until `mediameter backfill RANGE --reprice`.",
    (
        _TENANT,
        _KIND,
        _DAY,
        _SOURCE,
        key("item", "text", "The card's price_id; the model; of credits `set` or `measured`.", length=128),
        _CURRENCY,
        key("valid_from_day", "day", "First day of the price."),
        Column("amount_micros", "int", "Price of so many units.", null="there was no price", least=0, unit="micros"),
        Column("units", "int", "How many bytes, generations or credits that is for.", least=1),
    ),
    kind="reference",
)
REPRICINGS = Contract(
    "repricings",
    "tenant, kind, day, source, currency, instant",
    "Receipts: final days whose money was made anew with other prices, by `mediameter backfill RANGE --reprice`, with "
    "both figures. Of bandwidth and provider their cost, of credits the list price of completed charges.",
    (
        _TENANT,
        _KIND,
        _DAY,
        _SOURCE,
        key("currency", "text", "ISO currency.", length=8),
        key("repriced_at", "instant", "When."),
        Column("old_micros", "int", "Figure with the old price.", null="not available", unit="micros"),
        Column("new_micros", "int", "Figure with the new price.", null="not available", unit="micros"),
    ),
    kind="reference",
)
