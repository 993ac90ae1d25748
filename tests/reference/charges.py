"""Which generations count, which of them carry a charge, and what it cost (docs/definitions.md, "Generations")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference.palette_rows import GENERATION, Event, Rejected, Row, money

CHARGE_GAP, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PriceReading:
    """``model_pricing`` of a source, as it stood at an instant."""

    source: str
    read_at: datetime
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Settings:
    """``applications``: by source; ``apps``: by what an event names. ``redact``: what the door leaves of a message.
    ``without_usage``: sources that tell of credits only what was bought."""

    tenant: str
    time_zone: str
    applications: Mapping[str, str]
    redact: Callable[[str], str]
    prices: list[PriceReading] = field(default_factory=list)
    without_usage: frozenset[str] = frozenset()
    apps: Mapping[str, str] = field(default_factory=dict)

    def application_of(self, event: Event) -> str:
        """What the event names (or what that is called), else what its source is of."""
        return self.applications[event.source] if event.app is None else self.apps.get(event.app, event.app)

    def day_of(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def begin_of(self, day: date) -> datetime:
        return datetime.combine(day, datetime.min.time(), ZoneInfo(self.time_zone)).astimezone(UTC)


@dataclass(slots=True)
class Made:
    """A generation that counts, with what its charge comes to."""

    event: Event
    is_charge: bool
    cost: int | None = None
    currency: str = ""
    is_uncosted: bool = False


def distinct(events: Iterable[Event]) -> list[Event]:
    """One of each kind, source and id: one that is over before one that is pending, then what was written last, then
    the earliest, and of those at one instant what says something before what does not."""
    first: dict[tuple[str, str, str], Event] = {}
    for event in sorted(events, key=_order):
        first.setdefault((event.kind, event.source, event.event_id), event)
    return list(first.values())


def without_twins(events: Iterable[Event]) -> list[Event]:
    """Of event files, the versions that none knows better that lies less than a day away."""
    versions: dict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for event in events:
        versions[event.kind, event.source, event.event_id].append(event)
    found = []
    for of_id in versions.values():
        ranked = sorted(of_id, key=_order)
        found += [
            event
            for place, event in enumerate(ranked)
            if event.told_at is None or not any(abs(event.at - better.at) < DAY for better in ranked[:place])
        ]
    return found


def _order(event: Event) -> tuple[Any, ...]:
    is_pending = event.said.get("status") in ("pending", "stale")
    age = -event.told_at.timestamp() if event.told_at else 0.0
    return is_pending, age, event.at, [_rank(value) for value in (event.user_id, *_in_order(event))]


def _rank(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value


_ORDER = (
    "generation_type", "model", "status", "charge_id", "media_file_id", "duration_ms", "credits", "cost_micros",
    "message", "model_name",
)  # fmt: skip


def _in_order(event: Event) -> list[Any]:
    """The values of an event of any kind, in the order in which their contracts name them."""
    if event.kind == GENERATION:
        return [*(event.said[name] for name in _ORDER), event.app]
    return [*event.said.values(), event.app]


def charged(every: list[Event], of_day: list[Event], begin: datetime) -> list[Made]:
    """The day's generations; the hour before it tells which charges have begun already."""
    mine = [event for event in distinct(of_day) if event.kind == GENERATION]
    before = distinct(e for e in every if e.kind == GENERATION and begin - CHARGE_GAP <= e.at < begin)
    last: dict[tuple[Any, ...], datetime] = {}
    made = []
    for event in sorted([*before, *mine], key=lambda each: (each.at, each.event_id)):
        charge = event.source, event.user_id, event.said["charge_id"]
        known = last.get(charge) if event.said["charge_id"] is not None else None
        last[charge] = event.at
        if event.at >= begin:
            made.append(Made(event, known is None or event.at - known > CHARGE_GAP))
    return made


def costed(made: list[Made], world: Settings) -> list[Made]:
    for each in made:
        said, own = each.event.said, each.event.said["cost_micros"]
        is_billed = each.is_charge and said["status"] == "completed"
        if own is not None:
            each.currency = said["currency"]
            each.cost = own if each.is_charge else None
        elif is_billed:
            each.cost = _price(each.event, world)
            each.currency = "" if each.cost is None else "USD"
        each.is_uncosted = is_billed and each.cost is None
    return made


def _price(event: Event, world: Settings) -> int | None:
    """What the model cost on its UTC day: by the last reading of a day; the first that has it, for all days before."""
    known: dict[date, int | None] = {}
    for reading in sorted(world.prices, key=lambda each: each.read_at):
        for row in reading.rows:
            if reading.source == event.source and str(row["model_id"]).strip()[:128] == event.said["model"]:
                known[reading.read_at.astimezone(UTC).date()] = _cents(row["cost_cents"])
    held = [day for day in known if day <= event.at.date()]
    return known[max(held) if held else min(known)] if known else None


def _cents(value: Any) -> int | None:
    try:
        return money(value)[0]
    except Rejected:  # what is no amount says nothing
        return None
