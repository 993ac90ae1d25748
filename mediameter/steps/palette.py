"""What a generating system knows beside its events: prices of models, and how many credits people have left.

Both are seen as they are now. A price holds from the day on which it was first read so; the balances are counted in
bands, once for each hour of an export: nothing can tell them later.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import sqlalchemy as sa

from mediameter import ledger, warehouse
from mediameter.acts import Remembered, remembered, settled
from mediameter.faults import point
from mediameter.steps.places import Place
from schemas.currencies import micros_of_smallest_unit
from schemas.frames import polars_schema
from schemas.generations import GAUGES_HOURLY, MODEL_PRICES
from schemas.palette import MODEL_PRICING, USER_CREDITS
from schemas.vocabulary import GAUGE_BANDS

BALANCE = "credit_balance"
_CURRENCY = "USD"
"""Of the table's prices: they are in US cents."""


def read_prices_and_balances(place: Place) -> None:
    """One transaction: prices that differ from the last ones that were read, and the hour's balances."""
    with place.database.snapshot() as seen:
        pages = [*seen.whole(MODEL_PRICING)]
        prices = pl.concat(pages) if pages else pl.DataFrame(schema=polars_schema(MODEL_PRICING.contract))
        bands = [_bands(page) for page in seen.whole(USER_CREDITS)]
    found, gauges = _prices(place, prices), _gauges(place, bands)

    def settle(connection: sa.Connection) -> Remembered | None:
        changed = {MODEL_PRICES: _settle_prices(connection, place, found), GAUGES_HOURLY: gauges}
        if not _replace_hour(connection, place, gauges):
            del changed[GAUGES_HOURLY]
        point("export.in_settle")
        changed = {contract: rows for contract, rows in changed.items() if rows.height}
        return remembered(changed) if changed else None

    settled(place.made, place.settings.lake.path, settle)


def _prices(place: Place, rows: pl.DataFrame) -> pl.DataFrame:
    """model, cost_micros, price_micros: cents there, half-even to whole millionths."""

    def micros(name: str) -> pl.Expr:
        cents = pl.when((pl.col(name) >= 0) & pl.col(name).is_finite()).then(pl.col(name))
        return (cents * micros_of_smallest_unit(_CURRENCY)).round(0, mode="half_to_even").cast(pl.Int64)

    model = pl.col("model_id").str.strip_chars().str.slice(0, 128).alias("model")
    named = rows.select(model, cost_micros=micros("cost_cents"), price_micros=micros("price_cents"))
    return named.drop_nulls("model").unique("model", keep="first", maintain_order=True).sort("model")


def _settle_prices(connection: sa.Connection, place: Place, found: pl.DataFrame) -> pl.DataFrame:
    """A price that differs from the newest one is a row of its own, from today (UTC) on; returns these rows."""
    table, tenant = warehouse.tables[MODEL_PRICES.name], place.settings.tenant
    mine = sa.and_(table.c.tenant == tenant, table.c.source == place.name)
    known = warehouse.read(connection, MODEL_PRICES, mine).sort("valid_from_day").unique("model", keep="last")
    names = ("model", "cost_micros", "price_micros")
    changed = found.join(known.select(names), on=names, how="anti", nulls_equal=True)
    if not changed.height:
        return warehouse.empty(MODEL_PRICES)
    today = place.now.astimezone(UTC).date()
    of_today = sa.and_(mine, table.c.valid_from_day == today, table.c.model.in_(changed["model"].to_list()))
    connection.execute(table.delete().where(of_today))
    rows = changed.select(
        pl.lit(tenant).alias("tenant"), pl.lit(place.name).alias("source"), "model",
        pl.lit(today).alias("valid_from_day"), "cost_micros", "price_micros", pl.lit(_CURRENCY).alias("currency"),
    )  # fmt: skip
    warehouse.insert(connection, MODEL_PRICES, rows)
    # A model without a price before has this one on all days; else only the days from here on are others.
    is_new = bool(set(changed["model"]) - set(known["model"]))
    fenced = ledger.fenced_days(connection, "generations")
    ledger.mark_dirty(connection, "generations", {day for day in fenced if is_new or day >= today - timedelta(days=1)})
    return rows


def _bands(page: pl.DataFrame) -> pl.DataFrame:
    """Users by the upper end of the band that their balance is in; -1 is a debt, null is above the last."""
    balance = pl.col("balance")
    upper = pl.when(balance < 0).then(-1)
    for edge in GAUGE_BANDS:
        upper = upper.when(balance <= edge).then(edge)  # type: ignore[assignment]
    known = page.filter(balance.is_not_null() & pl.col("user_id").is_not_null())
    return known.select(upper.cast(pl.Int64).alias("upper")).group_by("upper").agg(value=pl.len().cast(pl.Int64))


def _gauges(place: Place, bands: list[pl.DataFrame]) -> pl.DataFrame:
    counted = dict.fromkeys((-1, *GAUGE_BANDS, None), 0)
    for upper, value in (row for each in bands for row in each.iter_rows()):
        counted[upper] += value
    hour = _hour(place.now)
    rows = [
        (place.settings.tenant, hour, place.name, BALANCE, _label(upper), value) for upper, value in counted.items()
    ]
    return warehouse.frame_of(rows, GAUGES_HOURLY)


def _label(upper: int | None) -> str:
    if upper is None:
        return f"{GAUGE_BANDS[-1] + 1}-"
    if upper <= 0:
        return "0" if upper == 0 else "below 0"
    below = GAUGE_BANDS[GAUGE_BANDS.index(upper) - 1]
    return f"{below + 1}-{upper}"


def _replace_hour(connection: sa.Connection, place: Place, gauges: pl.DataFrame) -> bool:
    """False when the hour's balances stood there as they are."""
    table = warehouse.tables[GAUGES_HOURLY.name]
    which = (
        table.c.tenant == place.settings.tenant, table.c.source == place.name,
        table.c.hour_at == warehouse.naive(_hour(place.now)),
    )  # fmt: skip
    if (
        warehouse.read(connection, GAUGES_HOURLY, sa.and_(*which))
        .sort(GAUGES_HOURLY.key)
        .equals(gauges.sort(GAUGES_HOURLY.key))
    ):
        return False
    connection.execute(table.delete().where(*which))
    warehouse.insert(connection, GAUGES_HOURLY, gauges)
    return True


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
