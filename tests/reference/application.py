"""The application's side: whose a delivery is, what of a day agrees, and why not what does not (docs/definitions.md
from "Media files" to "Reconciliation")."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.vocabulary import BOT_WORDS, CRAWLER_WORDS
from tests.reference.caches import Deliveries
from tests.reference.records import UNATTRIBUTED, Delivery, Record, Settings
from tests.reference.texts import application_in

UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
FILE_ID = f"({UUID}|[A-Za-z0-9_-]{{21}})"
VARIANT_OF = re.compile(rf"media/[^/]+/[^/]+/variants/[^/]+/[0-9]+-{FILE_ID}-[^/]+", re.DOTALL)
UPLOAD_OF = re.compile(rf"files/(?:[^/]+/)+[0-9]+_{FILE_ID}\.[^/.]+", re.DOTALL)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class MediaFile:
    media_file_id: str
    object_key: str
    application_id: str | None = None
    uploaded_at: datetime | None = None
    is_deleted: bool = False
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """``address`` is the pseudonym, ``referer_host`` in lower case."""

    event_id: str
    at: datetime
    event_type: str
    media_file_id: str
    application_id: str | None = None
    user_id: str | None = None
    address: str | None = None
    referer_host: str | None = None
    app_bytes: int | None = None


@dataclass(slots=True)
class Database:
    """What the application's database holds. ``names``: applications by their ids."""

    files: list[MediaFile] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    tolerance: timedelta = timedelta(seconds=30)
    edge_tolerance: timedelta = timedelta(seconds=2)

    def name(self, application_id: str | None) -> str | None:
        named = self.names.get(application_id or "", application_id)
        return named if named and named != "*" and len(named) <= 128 else None

    def file(self, media_file_id: str | None) -> MediaFile | None:
        return next((file for file in self.files if file.media_file_id == media_file_id), None)

    def file_of_object(self, key: str) -> MediaFile | None:
        """Rule 1: of several the live one, then the last uploaded, then the least id."""

        def preference(file: MediaFile) -> tuple[bool, float, str]:
            uploaded = file.uploaded_at.timestamp() if file.uploaded_at else float("-inf")
            return file.is_deleted, -uploaded, file.media_file_id

        return min((file for file in self.files if file.object_key == key), key=preference, default=None)

    def file_of(self, key: str) -> MediaFile | None:
        found = self.file_of_object(key)
        if found or key.endswith(".meta.json"):
            return found
        named = VARIANT_OF.fullmatch(key) or UPLOAD_OF.fullmatch(key)
        return self.file(named[1]) if named else None


@dataclass(slots=True)
class Outcome:
    """What became of an event."""

    event: Event
    day: date
    application: str
    outcome: str
    reason: str


# --- attribution -------------------------------------------------------------------------------------


def attribute(records: list[Record], deliveries: list[Delivery], world: Settings, database: Database) -> list[Outcome]:
    """Sets whose each record is and what explains it; says what became of each event."""
    files: dict[str, MediaFile | None] = {}
    for record in records:
        if record.key is not None:
            if record.key not in files:
                files[record.key] = database.file_of(record.key)
            file = files[record.key]
            record.media_file_id = file.media_file_id if file else None
        _by_file_key_or_referer(record, world, database)
    events = {event.event_id: event for event in sorted(database.events, key=lambda event: event.at, reverse=True)}
    every = Deliveries(deliveries, ZoneInfo(world.time_zone), database.tolerance)
    met = dict(_met([*events.values()], every, database))
    for event_id, delivery in met.items():
        _give(events[event_id], delivery, world, database)
    for record in records:
        record.alone = every.seen(record.day).alone(record)
        record.is_elsewhere = _is_elsewhere(record, world)
    return [_outcome(event, met.get(event.event_id), every, world, database) for event in events.values()]


def _is_elsewhere(record: Record, world: Settings) -> bool:
    host = record.referer_host
    return host is not None and host not in world.referers and record.application in world.referers.values()


def _by_file_key_or_referer(record: Record, world: Settings, database: Database) -> None:
    file = database.file(record.media_file_id) if record.media_file_id else None
    by_file = database.name(file.application_id) if file else None
    by_key = database.name(application_in(record.key))
    by_referer = world.referers.get(record.referer_host or "")
    record.application = by_file or by_key or by_referer or UNATTRIBUTED
    record.match_basis = "media_file" if by_file else "key_pattern" if by_key else "referer" if by_referer else "none"


def _give(event: Event, delivery: Delivery, world: Settings, database: Database) -> None:
    """The event's viewer to the requests of the delivery, but not far beyond midnight."""
    application = _own_application(event, database)
    for record in delivery.requests:
        midnight = datetime.combine(record.day, datetime.min.time(), ZoneInfo(world.time_zone))
        if delivery.begin_at >= midnight - HOUR:
            record.user_id, record.match_basis = event.user_id, delivery.event_basis or ""
            record.application = application or record.application


def _own_application(event: Event, database: Database) -> str | None:
    file = database.file(event.media_file_id)
    return database.name(event.application_id) or (database.name(file.application_id) if file else None)


def _met(events: list[Event], every: Deliveries, database: Database) -> Iterator[tuple[str, Delivery]]:
    objects: dict[str, MediaFile | None] = {}
    for event in events:
        file = database.file(event.media_file_id)
        objects[event.event_id] = database.file_of_object(file.object_key) if file else None
    fetched = [event for event in events if event.event_type in ("view", "download") and objects[event.event_id]]
    by_file: dict[str, list[Event]] = defaultdict(list)
    for event in fetched:
        file = objects[event.event_id]
        by_file[file.media_file_id if file else ""].append(event)

    def within(tolerance: timedelta, suits: Callable[[Delivery, Event], bool]) -> list[tuple[Delivery, Event]]:
        return [
            (delivery, event)
            for delivery in every.every
            for event in by_file.get(delivery.first.media_file_id or "", [])
            if abs(delivery.begin_at - event.at) <= tolerance and suits(delivery, event)
        ]

    def same_address(delivery: Delivery, event: Event) -> bool:
        return event.address is not None and delivery.first.address == event.address

    taken: set[str] = set()
    for delivery, event in sorted(within(database.tolerance, same_address), key=_nearest_first):
        if delivery.event_basis is None and event.event_id not in taken:
            delivery.event_basis, delivery.event_at = "event_address", event.at
            taken.add(event.event_id)
            yield event.event_id, delivery

    def is_left(delivery: Delivery, event: Event) -> bool:
        return delivery.event_basis is None and event.event_id not in taken and delivery.first.edge == "edge"

    left = within(database.edge_tolerance, is_left)
    for delivery, event in left:
        if sum(one is delivery for one, _ in left) == 1 and sum(other is event for _, other in left) == 1:
            delivery.event_basis, delivery.event_at = "event_edge", event.at
            taken.add(event.event_id)
            yield event.event_id, delivery
    for delivery, event in sorted(within(database.tolerance, is_left), key=_nearest_first):
        if id(delivery) not in every.beside and event.event_id not in taken:
            every.beside[id(delivery)] = event.at
            taken.add(event.event_id)


def _nearest_first(pair: tuple[Delivery, Event]) -> tuple[timedelta, int, str, str]:
    delivery, event = pair
    distance = abs(delivery.begin_at - event.at)
    return distance, delivery.first.line_hash, delivery.first.source, event.event_id


# --- reconciliation ----------------------------------------------------------------------------------


def _outcome(
    event: Event, delivery: Delivery | None, every: Deliveries, world: Settings, database: Database
) -> Outcome:
    file = database.file(event.media_file_id)
    by_key = database.name(application_in(file.object_key)) if file else None
    application = _own_application(event, database) or by_key or world.referers.get(event.referer_host or "")
    day = event.at.astimezone(ZoneInfo(world.time_zone)).date()
    if delivery:
        outcome, reason = "matched", delivery.event_basis or ""
    else:
        object_ = database.file_of_object(file.object_key) if file else None
        cache = every.seen(day).cache(event.at, object_.media_file_id, event.address) if object_ else None
        outcome, reason = "app_only", _why_not_in_the_log(event, file, cache)
    return Outcome(event, day, application or UNATTRIBUTED, outcome, reason)


def _why_not_in_the_log(event: Event, file: MediaFile | None, cache: str | None) -> str:
    if event.event_type in ("share", "transform"):
        return "no_fetch"
    if file is None:
        return "unknown_file"
    if file.is_deleted and file.deleted_at and file.deleted_at < event.at:
        return "deleted_file"
    return cache or "no_delivery"


def outcome_of(record: Record) -> tuple[str, str]:
    """Outcome and reason of a request."""
    if record.match_basis.startswith("event_"):
        return "matched", record.match_basis
    return "log_only", _why_not_an_event(record)


def _why_not_an_event(record: Record) -> str:
    if record.http_status is None or record.http_status >= 400:
        return "failed"
    if record.operation_class != "get_object":
        return "no_delivery"
    if record.media_file_id is None:
        return "sidecar" if (record.key or "").endswith(".meta.json") else "unknown_key"
    if is_bot(record.user_agent):
        return "bot"
    if record.http_status == 304:
        return "not_modified"
    if record.alone == "edge" or (record.alone == "range" and record.http_status == 206):
        return record.alone
    return "elsewhere" if record.is_elsewhere else "other_client"


def is_bot(agent: str | None) -> bool:
    return _names((agent or "").lower().replace("cubot", ""), BOT_WORDS)


def is_crawler(agent: str | None) -> bool:
    return _names((agent or "").lower().replace("cubot", "").replace("boto", ""), CRAWLER_WORDS)


def _names(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
