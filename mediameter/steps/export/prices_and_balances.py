"""What a generating system knows beside its events: prices of models, and how many credits people have left.

Both are seen as they are now. A price holds from the day on which it was first read so; the balances are counted in
bands, once for each hour of an export: nothing can tell them later.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import sqlalchemy as sa

from mediameter.families import generations
from mediameter.families.prices import Rate, Rates, frame, kept
from mediameter.faults import point
from mediameter.sources.postgrest import RestTables
from mediameter.sources.tables import Snapshot
from mediameter.steps.export.places import Place
from mediameter.steps.export.reference_tables import Read
from mediameter.store import days, fences, prices, warehouse
from mediameter.store.acts import Remembered, remembered, settled
from mediameter.store.balances import replace_hour
from schemas.currencies import MOST_MICROS, micros_of_smallest_unit
from schemas.frames import polars_schema
from schemas.generations import GAUGES_HOURLY, GENERATIONS_DAILY, MODEL_PRICES
from schemas.palette import MODEL_PRICING, USER_CREDITS
from schemas.prices import KEPT_PRICES
from schemas.vocabulary import GAUGE_BANDS

_made = warehouse.tables[GENERATIONS_DAILY.name]
BALANCE = "credit_balance"
_CURRENCY = "USD"
"""Of the table's prices: they are in US cents."""


def read_prices_and_balances(place: Place, since: datetime | None) -> Read:
    """One transaction: prices that differ from the last ones that were read, and the hour's balances."""

    def read(seen: Snapshot | RestTables) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        pages = [pl.DataFrame(schema=polars_schema(MODEL_PRICING.contract)), *seen.whole(MODEL_PRICING)]
        return pl.concat(pages), [_bands(page) for page in seen.whole(USER_CREDITS)]

    rows, bands = place.database.read(read)
    found, gauges = _prices(place, rows), _gauges(place, bands)

    def settle(connection: sa.Connection) -> Remembered | None:
        fresh, keeping = _settle_prices(connection, place, found)
        changed = {MODEL_PRICES: fresh, KEPT_PRICES: keeping, GAUGES_HOURLY: gauges}
        if not replace_hour(connection, place.settings.tenant, place.name, _hour(place.now), gauges):
            del changed[GAUGES_HOURLY]
        point("export.in_settle")
        changed = {contract: rows for contract, rows in changed.items() if rows.height}
        return remembered(changed) if changed else None

    settled(place.made, place.settings.lake.path, settle)
    return Read()


def _prices(place: Place, rows: pl.DataFrame) -> pl.DataFrame:
    """model, cost_micros, price_micros: cents there, half-even to whole millionths. An amount that is none, or larger
    than any, is not known."""
    most = MOST_MICROS / micros_of_smallest_unit(_CURRENCY)

    def micros(name: str) -> pl.Expr:
        cents = pl.when(pl.col(name).is_between(0, most)).then(pl.col(name))
        return (cents * micros_of_smallest_unit(_CURRENCY)).round(0, mode="half_to_even").cast(pl.Int64)

    model = pl.col("model_id").str.strip_chars().str.slice(0, 128).alias("model")
    named = rows.select(model, cost_micros=micros("cost_cents"), price_micros=micros("price_cents"))
    return named.drop_nulls("model").unique("model", keep="first", maintain_order=True).sort("model")


def _settle_prices(connection: sa.Connection, place: Place, found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A price that differs from the newest one is a row of its own, from today (UTC) on; returns these rows, and what
    final days keep of the prices before."""
    table, tenant = warehouse.tables[MODEL_PRICES.name], place.settings.tenant
    mine = sa.and_(table.c.tenant == tenant, table.c.source == place.name)
    history = warehouse.read(connection, MODEL_PRICES, mine).sort("valid_from_day")
    known = history.unique("model", keep="last")
    names = ("model", "cost_micros", "price_micros")
    changed = found.join(known.select(names), on=names, how="anti", nulls_equal=True)
    if not changed.height:
        return warehouse.empty(MODEL_PRICES), warehouse.empty(KEPT_PRICES)
    today = place.now.astimezone(UTC).date()
    rates = _to_keep(connection, place, set(changed["model"]), history, today)
    keeping = frame(place.settings, "provider", rates)
    prices.keep(connection, keeping)
    rows = changed.select(
        pl.lit(tenant).alias("tenant"), pl.lit(place.name).alias("source"), "model",
        pl.lit(today).alias("valid_from_day"), "cost_micros", "price_micros", pl.lit(_CURRENCY).alias("currency"),
    )  # fmt: skip
    prices.replace_model_prices(connection, tenant, place.name, today, rows)
    # A model without a price before has this one on all days; else only the days from here on are others.
    is_new = bool(set(changed["model"]) - set(known["model"]))
    final = {day for day, source in days.closed(connection, place.settings, generations.NAME) if source == place.name}
    fenced = fences.fenced_days(connection, generations.NAME) - final
    fences.mark_dirty(connection, generations.NAME, {day for day in fenced if is_new or day >= _first_reached(today)})
    return rows, keeping


def _first_reached(today: date) -> date:
    """The first reporting day, wherever it begins, that a price from this UTC day on reaches."""
    return today - timedelta(days=1)


def _to_keep(connection: sa.Connection, place: Place, changed: set[str], history: pl.DataFrame, today: date) -> Rates:
    """What these models cost before, for each final day that made something with one of them and that the other price
    would reach. What such a day keeps already stays as it is."""
    tenant, of_day = place.settings.tenant, _made.c
    query = sa.select(of_day.day, of_day.model).distinct()
    query = query.where(of_day.tenant == tenant, of_day.source == place.name, of_day.status == "completed")
    closed = days.closed(connection, place.settings, generations.NAME)
    have = kept(connection, place.settings, "provider")
    before = {
        model: tuple(Rate(model, row["currency"], row["valid_from_day"], row["cost_micros"], 1) for row in of)
        for (model,), part in history.group_by("model")
        if (of := part.to_dicts())
    }
    found: dict[tuple[date, str], tuple[Rate, ...]] = {}
    for day, model in sorted(tuple(row) for row in connection.execute(query)):
        at = (day, place.name)
        is_kept = any(rate.item == model for rate in have.get(at, ()))
        is_reached = model not in before or day >= _first_reached(today)
        if model in changed and at in closed and is_reached and not is_kept:
            found[at] = found.get(at, ()) + before.get(model, (Rate(model, "", day, None, 1),))
    return found


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


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
