"""What final days keep of prices that are others by now: by how much they would change, and the act that does it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from math import floor

import polars as pl
import sqlalchemy as sa

from mediameter.families.generations import at_prices_of_today
from mediameter.families.prices import FAMILY_OF, Place, Rates, by_settings, frame, kept, price_of, to_be_kept
from mediameter.faults import point
from mediameter.metering.cost import cost_micros
from mediameter.numbers import counted, told_apart
from mediameter.settings import Settings
from mediameter.store import days as completeness
from mediameter.store import warehouse
from mediameter.store.acts import Repriced, done, repriced, settled
from schemas.generations import GENERATIONS_DAILY
from schemas.prices import KEPT_PRICES, REPRICINGS
from schemas.rollups import BANDWIDTH_COST_DAILY, DAYS
from schemas.vocabulary import PRICE_KINDS

SHOWN = 10
WHAT = {
    "bandwidth": "cost of bandwidth",
    "provider": "cost of generations",
    "credit": "list price of generations",
}
_Micros = dict[str, int]
"""By currency."""
_Figures = dict[Place, tuple[_Micros, _Micros]]
"""Of each day and source, with the price that is kept, and with the one of today."""
_cost, _made, _days = (warehouse.tables[each.name] for each in (BANDWIDTH_COST_DAILY, GENERATIONS_DAILY, DAYS))


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A figure of a final day with the price that the day keeps, and with the one of today; None: not available."""

    kind: str
    source: str
    currency: str
    day: date
    old_micros: int | None
    new_micros: int | None

    def __str__(self) -> str:
        return f"{self.day}: {self.figures}"

    @property
    def told(self) -> tuple[str, str]:
        """Both, with as many digits as it takes to see that they differ."""
        old, new = (None if micros is None else micros / 1_000_000 for micros in (self.old_micros, self.new_micros))
        return told_apart(old, new, self.currency)

    @property
    def figures(self) -> str:
        return " → ".join(self.told)


def waiting(connection: sa.Connection, settings: Settings, only: Collection[date] | None = None) -> list[Waiting]:
    """What would change of which day (frozen ones apart: those are never made anew), as the settings are; of some days,
    or of all. Changes nothing."""
    frozen = completeness.frozen(connection, settings)
    found = []
    for kind in PRICE_KINDS:
        places = {
            place: rates
            for place, rates in to_be_kept(connection, settings, kind).items()
            if place[0] not in frozen and (only is None or place[0] in only)
        }
        found += _differences(connection, settings, kind, places) if places else []
    return sorted(found)


def lines(found: Sequence[Waiting]) -> list[str]:
    """For a person: what waits in all, then the newest days of each."""
    told: list[str] = []
    groups: dict[tuple[str, str, str], list[Waiting]] = defaultdict(list)
    for each in found:
        groups[each.kind, each.source, each.currency].append(each)
    for (kind, source, _), of in groups.items():
        first, last = min(each.day for each in of), max(each.day for each in of)
        span = str(first) if first == last else f"{first}..{last}"
        told.append(
            f"{source}: {counted(len(of), 'final day')} ({span}) would have another {WHAT[kind]},"
            f" {_sum(of).figures} in all: left as it was; `mediameter backfill {span} --reprice --dry-run` tells it"
            " day by day, without --dry-run it is done"
        )
        told += [f"  {source} {each}" for each in of[-SHOWN:]]
        told += [f"  and {len(of) - SHOWN:,} days before"] if len(of) > SHOWN else []
    return told


def reprice(made: sa.Engine, settings: Settings, days: Collection[date], now: datetime) -> list[Waiting]:
    """The act: these days keep no old price any longer and are dirty; both figures of each are kept as a receipt.

    One transaction: killed before it nothing has happened, killed after it the next run makes the days anew.
    """
    found: list[Waiting] = []

    def lift(connection: sa.Connection) -> Repriced | None:
        found[:] = waiting(connection, settings, days)
        act = _lifted(connection, settings, days, found, now)
        if act:
            point("reprice.before_commit")
        return act and done(act, connection, settings.reporting.zone)

    settled(made, settings.lake.path, lift)
    point("reprice.committed")
    return found


def _lifted(
    connection: sa.Connection, settings: Settings, days: Collection[date], found: list[Waiting], now: datetime
) -> Repriced | None:
    frames: list[pl.DataFrame] = []
    dirty: dict[str, set[date]] = {}
    for kind in PRICE_KINDS:
        rates = {place: of for place, of in kept(connection, settings, kind).items() if place[0] in days}
        if rates:
            frames.append(frame(settings, kind, rates))
            # What is listed is read from a view: only the rules about it are to be judged anew.
            family = FAMILY_OF[kind] if kind != "credit" else "checks"
            dirty[family] = dirty.get(family, set()) | {day for day, _ in rates}
    rows = [
        (settings.tenant, each.kind, each.day, each.source, each.currency, now, each.old_micros, each.new_micros)
        for each in found
    ]
    receipts = warehouse.frame_of(rows, REPRICINGS).sort(REPRICINGS.key)
    return repriced(pl.concat(frames), warehouse.empty(KEPT_PRICES), receipts, dirty) if frames else None


# --- figures -----------------------------------------------------------------------------------------


def _differences(connection: sa.Connection, settings: Settings, kind: str, places: Rates) -> list[Waiting]:
    of_kind = {"bandwidth": _of_bandwidth, "provider": _of_providers, "credit": _of_credits}
    found = []
    for (day, source), (old, new) in of_kind[kind](connection, settings, places).items():
        for currency in sorted({*old, *new}):
            each = Waiting(kind, source, currency, day, old.get(currency), new.get(currency))
            found += [each] if each.old_micros != each.new_micros else []
    return found


def _of_bandwidth(connection: sa.Connection, settings: Settings, places: Rates) -> _Figures:
    """Each stored row priced anew: the cost is rounded there, and nowhere else."""
    today, rows = by_settings(connection, settings, "bandwidth"), _by_source(connection, settings, places)
    found: _Figures = {}
    for place in places:
        old, new = found.setdefault(place, ({}, {}))
        cards = [card for rate in today(place) if (card := price_of(place[1], rate, place[0]))]
        for currency, micros, bytes_sent in rows.get(place, ()):
            _add(old, currency, micros)
            for card in cards:
                _add(new, card.currency, cost_micros(bytes_sent, card))
    return found


def _by_source(
    connection: sa.Connection, settings: Settings, places: Rates
) -> dict[Place, list[tuple[str, int | None, int]]]:
    """Currency, cost and bytes of the rows of each day and source. The card of a row names its source; a row without a
    price is of the one source that has none, and where there are more, each has its day's bytes in one."""
    found: dict[Place, list[tuple[str, int | None, int]]] = defaultdict(list)
    unpriced: dict[date, list[int]] = defaultdict(list)
    for row in _rows(connection, settings, _cost, places):
        source, _, is_priced = row["price_id"].partition("/")
        if is_priced:
            found[row["day"], source].append((row["currency"], row["cost_micros"], row["bytes_sent"]))
        else:
            unpriced[row["day"]].append(row["bytes_sent"])
    sources: dict[date, dict[str, int]] = defaultdict(dict)
    for row in _rows(connection, settings, _days, places):
        if row["family"] == FAMILY_OF["bandwidth"] and (row["day"], row["source"]) not in found:
            sources[row["day"]][row["source"]] = row["bytes_sent"]
    for day, of in sources.items():
        for source, sent in of.items():
            found[day, source] = [("", None, each) for each in (unpriced[day] if len(of) == 1 else [sent])]
    return found


def _of_providers(connection: sa.Connection, settings: Settings, places: Rates) -> _Figures:
    """Which charges a model's price is for is known in the lake alone: the day's events are read."""
    found: _Figures = {place: ({}, {}) for place in places}
    for row in _rows(connection, settings, _made, places):
        if (row["day"], row["source"]) in places:
            _add(found[row["day"], row["source"]][0], row["currency"], row["cost_micros"])
    for day in {day for day, _ in places}:
        made = at_prices_of_today(connection, settings, day)
        for source, currency, micros in made.select("source", "currency", "cost_micros").iter_rows():
            if (day, source) in places:
                _add(found[day, source][1], currency, micros)
    return found


def _of_credits(connection: sa.Connection, settings: Settings, places: Rates) -> _Figures:
    """As `list_price_daily` has it: rounded a model of an application."""
    today = by_settings(connection, settings, "credit")
    credits: dict[tuple[Place, str, str], int] = defaultdict(int)
    for row in _rows(connection, settings, _made, places):
        if row["status"] == "completed" and (row["day"], row["source"]) in places:
            credits[(row["day"], row["source"]), row["application"], row["model"]] += row["credits_charged"]
    found: _Figures = {}
    for (place, _, _), number in credits.items():
        for micros, rates in zip(found.setdefault(place, ({}, {})), (places[place], today(place)), strict=True):
            for rate in rates:
                one = rate.of_one
                _add(micros, rate.currency, None if one is None else floor(one * number + Fraction(1, 2)))
    return found


def _rows(connection: sa.Connection, settings: Settings, table: sa.Table, places: Rates) -> list[sa.RowMapping]:
    """Of the days of these places."""
    days = {day for day, _ in places}
    which = sa.and_(table.c.tenant == settings.tenant, table.c.day.between(min(days), max(days)))
    return [row for row in connection.execute(sa.select(table).where(which)).mappings() if row["day"] in days]


def _add(micros: _Micros, currency: str, more: int | None) -> None:
    if more is not None and currency:
        micros[currency] = micros.get(currency, 0) + more


def _sum(of: Sequence[Waiting]) -> Waiting:
    """All of them as one: what is not available adds nothing."""
    olds = [each.old_micros for each in of if each.old_micros is not None]
    news = [each.new_micros for each in of if each.new_micros is not None]
    first = of[0]
    total = (sum(olds) if olds else None, sum(news) if news else None)
    return Waiting(first.kind, first.source, first.currency, first.day, *total)
