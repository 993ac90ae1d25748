"""What caches, players and other sites explain (docs/definitions.md, "Reconciliation"), delivery by delivery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.reference.records import Delivery, Record

HOUR = timedelta(hours=1)
CACHED, GOES_ON = 2 * HOUR, HOUR
LOOKS_BACK, LOOKS_AHEAD = 2 * HOUR, HOUR


@dataclass(frozen=True, slots=True)
class Window:
    """A reporting day, and what it looks at besides."""

    begin: datetime
    end: datetime

    @classmethod
    def of(cls, day: date, zone: ZoneInfo) -> Window:
        begin, end = (datetime.combine(each, datetime.min.time(), zone) for each in (day, day + timedelta(days=1)))
        return cls(begin.astimezone(UTC), end.astimezone(UTC))  # hours are added to instants, not to clocks

    def holds(self, at: datetime) -> bool:
        return self.begin - LOOKS_BACK <= at < self.end + LOOKS_AHEAD

    def is_inherited(self, delivery: Delivery) -> bool:
        return delivery.begin_at < self.begin - HOUR


@dataclass(slots=True)
class Deliveries:
    """All deliveries of media files. ``beside``: where one is no event, but a CDN's edge fetched it beside one: when
    that was."""

    every: list[Delivery]
    zone: ZoneInfo
    tolerance: timedelta
    beside: dict[int, datetime] = field(default_factory=dict)
    _seen: dict[date, Seen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.every = [each for each in self.every if each.first.media_file_id is not None]

    def seen(self, day: date) -> Seen:
        if day not in self._seen:
            window = Window.of(day, self.zone)
            self._seen[day] = Seen(window, [each for each in self.every if window.holds(each.begin_at)], self)
        return self._seen[day]

    def met_at(self, delivery: Delivery) -> datetime | None:
        """The time of the event that it is, or that it lies beside."""
        return delivery.event_at or self.beside.get(id(delivery))


class Seen:
    """What a day sees of the deliveries."""

    def __init__(self, window: Window, every: list[Delivery], of: Deliveries) -> None:
        self.window, self._of = window, of
        self.hours = {each.begin_at.replace(minute=0, second=0, microsecond=0) for each in every}
        self._by_file = _by(every, lambda each: each.first.media_file_id)
        self._by_client = _by(every, client)
        files = {each.first.media_file_id for each in every if is_edge(each)}
        direct = (each.first for each in every if not is_edge(each) and each.first.media_file_id in files)
        self.direct = {first.address for first in direct}

    def alone(self, record: Record) -> str | None:
        """Why a request needs no event, by the delivery that it is of."""
        delivery = record.delivery
        if delivery is None or delivery.first.media_file_id is None:
            return None
        if self.window.is_inherited(delivery):
            return "range"
        if id(delivery) in self._of.beside:
            return "edge"
        return "range" if self._goes_on(delivery) else None

    def _goes_on(self, delivery: Delivery) -> bool:
        earlier = [each for each in self._by_client[client(delivery)] if each.place < delivery.place]
        known = [each for each in earlier if (at := self._of.met_at(each)) and self.window.holds(at)]
        last = max(known, key=lambda each: each.place, default=None)
        return last is not None and delivery.first.at - last.last_at <= GOES_ON

    def cache(self, at: datetime, file: str, address: str | None) -> str | None:
        """Which cache may have answered a view, where no delivery is it. An hour without a log explains nothing."""
        if at.replace(minute=0, second=0, microsecond=0) not in self.hours:
            return None
        before = [each for each in self._by_file[file] if at - CACHED <= each.begin_at <= at + self._of.tolerance]
        if any(address is not None and each.first.address == address for each in before):
            return "own_cache"
        is_told = any(map(is_edge, before)) and address not in (self.direct - {None})
        return "edge_cache" if is_told else None


def is_edge(delivery: Delivery) -> bool:
    return delivery.first.edge == "edge"


def client(delivery: Delivery) -> tuple[str | None, ...]:
    first = delivery.first
    return first.source, first.bucket, first.key, first.address, first.user_agent


def _by(every: Iterable[Delivery], what: Callable[[Delivery], Hashable]) -> dict[Hashable, list[Delivery]]:
    found: dict[Hashable, list[Delivery]] = defaultdict(list)
    for each in every:
        found[what(each)].append(each)
    return found
