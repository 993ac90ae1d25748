"""From objects to distinct records: what each one is, whose, and when (docs/definitions.md, "Records" to "Days")."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from schemas.vocabulary import operation_class
from tests.reference.lines import Ignored, Parsed, Reading, Rejected, doubts, read, read_lines, unpacked
from tests.reference.raw_keys import dialect_of_object
from tests.reference.texts import begin_of, endpoint_of, host_of, kept_key, normalised_address, pseudonym, status_class

Row = dict[str, Any]
BESIDE = ("rejected_least_bytes", "rejected_most_bytes", "unsized_lines", "unsure_lines", "unsure_bytes")
UNITS = {
    "B": 1,
    **{f"{n}B": 1000**e for e, n in enumerate("KMGT", 1)},
    **{f"{n}iB": 1024**e for e, n in enumerate("KMGT", 1)},
}
DELIVERY_GAP = timedelta(seconds=60)
NOT_AVAILABLE = "not_available"
UNATTRIBUTED = "unattributed"


def _not_available(_address: str) -> str:
    return NOT_AVAILABLE


@dataclass(frozen=True, slots=True)
class PriceCard:
    """What one unit (``per``: GB, GiB, …) of a source's measure costs from its first to its last day, both included."""

    source: str
    amount: Decimal
    currency: str
    per: str
    valid_from: date
    valid_to: date | None = None
    measure: str = "bytes_sent"

    @property
    def price_id(self) -> str:
        return f"{self.source}/{self.measure}/{self.currency}/{self.valid_from}"

    def is_valid(self, source: str, day: date) -> bool:
        is_in_time = self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
        return source == self.source and self.measure == "bytes_sent" and is_in_time

    def micros(self, size: int) -> int:
        exact: Fraction = Fraction(self.amount) * size * 10**6 / UNITS[self.per]
        return round(exact)  # Python rounds halves to even


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the figures depend on besides the logs. ``country`` and ``edge`` get the normalised address text,
    or the empty text where a record has no address; ``agent`` what the door leaves of a user agent.
    ``budget``: that of a month, in millionths of its currency."""

    seed: int
    address_key: bytes
    tenant: str = "default"
    time_zone: str = "UTC"
    referers: dict[str, str] = field(default_factory=dict)
    prices: tuple[PriceCard, ...] = ()
    budget: tuple[int, str] | None = None
    log_buckets: dict[str, str] = field(default_factory=dict)
    country: Callable[[str], str] = _not_available
    edge: Callable[[str], str] = _not_available
    agent: Callable[[str], str] = str
    endpoint_cap: int = 200


class LogObject(NamedTuple):
    """An access log as it lies in the bucket, gzipped or not. One object a (source, key)."""

    source: str
    key: str
    data: bytes
    last_modified: datetime


@dataclass(slots=True)
class Record:
    """What the rollups need of a distinct record; ``is_delivery`` is set once all records are known."""

    source: str
    line_hash: int
    at: datetime
    hour_at: datetime
    day: date
    application: str  # "" until it is attributed
    bucket: str
    operation_class: str
    status_class: str
    key: str | None
    endpoint: str
    http_status: int | None
    error_code: str
    bytes_sent: int
    total_ms: int | None
    turn_around_ms: int | None
    user_agent: str | None
    address: str | None
    country: str
    edge: str
    is_request: bool
    referer_host: str | None
    begin_at: datetime
    is_delivery: bool = False
    delivery: Delivery | None = None
    media_file_id: str | None = None
    user_id: str | None = None
    match_basis: str = ""
    alone: str | None = None
    is_elsewhere: bool = False


@dataclass(slots=True)
class Delivery:
    """Its requests, the first of them first; where it is an event, how that is known and when the event was."""

    requests: list[Record]
    event_basis: str | None = None
    event_at: datetime | None = None

    @property
    def first(self) -> Record:
        return self.requests[0]

    @property
    def begin_at(self) -> datetime:
        return min(request.begin_at for request in self.requests)

    @property
    def last_at(self) -> datetime:
        return self.requests[-1].at

    @property
    def place(self) -> tuple[datetime, int]:
        """Among the deliveries of one client and object."""
        return self.first.at, self.first.line_hash


# --- from lines to distinct records ----------------------------------------------------------------


@dataclass(slots=True)
class DayCount:
    """Counts of one source and day; the names are those of the table ``days``."""

    objects: int = 0
    parsed: int = 0
    ignored: int = 0
    rejected: int = 0
    duplicates: int = 0
    bytes_sent: int = 0
    beside: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        return self.parsed + self.ignored + self.rejected


class Lookups:
    """What is derived from repeated texts, remembered, so that a million lines stay feasible."""

    def __init__(self, world: Settings) -> None:
        zone = ZoneInfo(world.time_zone)
        self.day: Callable[[datetime], date] = cache(lambda hour: hour.astimezone(zone).date())
        self.address = cache(normalised_address)
        self.pseudonym = cache(lambda text: pseudonym(text, world.address_key))
        self.country = cache(world.country)
        self.edge = cache(world.edge)
        self.agent = cache(world.agent)
        self.host: Callable[[str], str | None] = cache(host_of)
        self.endpoint: Callable[[str, str | None], str] = cache(endpoint_of)
        self.text: Callable[[str | None], str | None] = cache(lambda text: text)  # one copy of each text


def read_objects(objects: Iterable[LogObject], world: Settings) -> tuple[list[Record], list[Row]]:
    """The distinct records of each source, and how many lines of each day became what."""
    lookups = Lookups(world)
    counts: dict[tuple[str, date], DayCount] = defaultdict(DayCount)
    seen: dict[str, set[int]] = defaultdict(set)
    records: list[Record] = []
    for log in objects:
        records += _read_object(log, world, lookups, counts, seen[log.source])
    names = ("objects", "lines", "parsed", "ignored", "rejected", "duplicates", "bytes_sent")
    rows = [
        {"tenant": world.tenant, "source": source, "day": day}
        | {name: getattr(count, name) for name in names}
        | {name: count.beside[name] for name in BESIDE}
        for (source, day), count in sorted(counts.items(), key=lambda item: item[0])
    ]
    return records, rows


def _read_object(
    log: LogObject,
    world: Settings,
    lookups: Lookups,
    counts: dict[tuple[str, date], DayCount],
    seen: set[int],
) -> Iterator[Record]:
    touched: set[date] = set()
    first_at: datetime | None = None
    others, beside = Counter[type](), Counter[str]()
    for reading, dialect in _readings(log, world):
        parsed = reading.outcome
        beside.update(_beside(reading, dialect))
        if not isinstance(parsed, Parsed):
            others[type(parsed)] += 1
            continue
        day = lookups.day(_hour(parsed.at))
        touched.add(day)
        first_at = min(first_at or parsed.at, parsed.at)
        counts[log.source, day].parsed += 1
        if parsed.line_hash in seen:
            counts[log.source, day].duplicates += 1
        else:
            seen.add(parsed.line_hash)
            record = _record(log.source, parsed, world, lookups)
            counts[log.source, day].bytes_sent += record.bytes_sent if record.is_request else 0
            yield record
    if others or +beside:
        day = lookups.day(_hour(first_at or log.last_modified))
        touched.add(day)
        counts[log.source, day].ignored += others[Ignored]
        counts[log.source, day].rejected += others[Rejected]
        counts[log.source, day].beside.update(beside)
    for day in touched:
        counts[log.source, day].objects += 1


def _beside(reading: Reading, dialect: str) -> dict[str, int]:
    """What a line may stand for that is not counted."""
    outcome = reading.outcome
    if isinstance(outcome, Ignored):
        return {}
    if isinstance(outcome, Parsed):
        found = doubts(reading, outcome, dialect)
        names = {"unsure_lines": "lines", "unsure_bytes": "more_bytes", "unsized_lines": "unsized"}
        return {name: found[of] for name, of in names.items()}
    least, most = reading.bounds
    is_unsized = most is None or outcome.reason == "GLUED_LINES"
    return {"rejected_least_bytes": least or 0, "rejected_most_bytes": most or 0, "unsized_lines": int(is_unsized)}


def _readings(log: LogObject, world: Settings) -> Iterator[tuple[Reading, str]]:
    log_bucket = world.log_buckets.get(log.source, "")
    plain = unpacked(log.data)
    dialect = dialect_of_object(plain)
    for line in read_lines(plain):
        known = {"seed": world.seed, "last_modified": log.last_modified, "log_bucket": log_bucket, "dialect": dialect}
        yield read(line.raw, **known), dialect  # type: ignore[arg-type]


def _record(source: str, parsed: Parsed, world: Settings, lookups: Lookups) -> Record:
    hour_at = _hour(parsed.at)
    address = None if parsed.remote_ip is None else lookups.address(parsed.remote_ip)
    key = lookups.text(kept_key(parsed.key))
    kind = operation_class(parsed.operation)
    return Record(
        source=source,
        line_hash=parsed.line_hash,
        at=parsed.at,
        hour_at=hour_at,
        day=lookups.day(hour_at),
        application="",
        bucket=lookups.text(parsed.bucket) or "",
        operation_class=kind,
        status_class=status_class(parsed.http_status),
        key=key,
        endpoint=lookups.endpoint(kind, key),
        http_status=parsed.http_status,
        error_code=lookups.text(parsed.error_code) or "",
        bytes_sent=parsed.bytes_sent,
        total_ms=parsed.total_ms,
        turn_around_ms=parsed.turn_around_ms,
        user_agent=None if parsed.user_agent is None else lookups.agent(parsed.user_agent),
        address=None if address is None else lookups.pseudonym(address),
        country=lookups.country(address or ""),
        edge=lookups.edge(address or ""),
        is_request=kind not in ("lifecycle", "sub_record"),
        referer_host=lookups.host(parsed.referer or ""),
        begin_at=begin_of(parsed.at, parsed.request_id),
    )


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


# --- what a record is --------------------------------------------------------------------------------


def is_error(record: Record) -> bool:
    return record.http_status is not None and record.http_status >= 400


def mark_deliveries(records: list[Record]) -> list[Delivery]:
    """Sets ``is_delivery`` on the first of each run of GETs of one object, address and agent, gaps up to 60 s."""
    runs: dict[tuple[str | None, ...], list[Record]] = defaultdict(list)
    for record in records:
        if record.operation_class == "get_object" and record.http_status in (200, 206):
            runs[record.source, record.bucket, record.key, record.address, record.user_agent].append(record)
    deliveries: list[Delivery] = []
    for run in runs.values():
        run.sort(key=attrgetter("at", "line_hash"))
        before: datetime | None = None
        for record in run:
            record.is_delivery = before is None or record.at - before > DELIVERY_GAP
            if record.is_delivery:
                deliveries.append(Delivery([]))
            record.delivery = deliveries[-1]
            record.delivery.requests.append(record)
            before = record.at
    return deliveries


def cap_endpoints(requests: list[Record], cap: int) -> None:
    """Per day and application the endpoints with the most requests keep their name; the rest become ``other``."""
    counts: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
    for record in requests:
        counts[record.day, record.application][record.endpoint] += 1
    kept = {group: set(sorted(count, key=lambda name: (-count[name], name))[:cap]) for group, count in counts.items()}
    for record in requests:
        if record.endpoint not in kept[record.day, record.application]:
            record.endpoint = "other"
