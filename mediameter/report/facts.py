"""What a report rests on: plain facts, without SQL, words or pictures, so that both outputs say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mediameter.report.budgets import Budgeted
    from mediameter.report.gate import Gate
    from mediameter.report.generated import Generated
    from mediameter.report.incidents import Incident
    from mediameter.report.merged import Merged


NO_OBJECTS = "no_objects"
"""What stands for the state of a day that nothing came of."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost in millionths per currency, and the bytes that no price card covers: those cost "not available", never 0."""

    micros: Mapping[str, int]
    unpriced_bytes: int = 0

    @property
    def is_available(self) -> bool:
        return bool(self.micros)

    @classmethod
    def total(cls, costs: Iterable[Cost]) -> Cost:
        micros: Counter[str] = Counter()
        unpriced = 0
        for cost in costs:
            micros.update(cost.micros)
            unpriced += cost.unpriced_bytes
        return cls(dict(sorted(micros.items())), unpriced)


@dataclass(frozen=True, slots=True)
class Response:
    """Exact percentiles of the total time of one day, in ms. They are never summed or averaged."""

    p50_ms: int
    p95_ms: int
    p99_ms: int


@dataclass(frozen=True, slots=True)
class Audience:
    """Distinct addresses of one day; behind a CDN they are edges. ``None``: no table of CDN ranges to tell."""

    unique_addresses: int
    is_behind_cdn: bool | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """One day of one application, or (application ``*``) of all."""

    day: date
    application: str
    requests: int
    deliveries: int
    bytes_sent: int
    errors: int
    cost: Cost
    response: Response | None
    audience: Audience | None


@dataclass(frozen=True, slots=True)
class Application:
    """The whole range of one application: sums of what may be summed, the highest day of what may not."""

    name: str
    requests: int
    deliveries: int
    bytes_sent: int
    errors: int
    cost: Cost
    highest_p95_ms: int | None
    most_addresses: int | None


@dataclass(frozen=True, slots=True)
class Day:
    """How complete one day of one source is. lines = parsed + ignored + rejected."""

    day: date
    source: str
    state: str
    is_suspect: bool
    complete_through_at: datetime | None
    objects: int
    lines: int
    parsed: int
    ignored: int
    rejected: int
    duplicates: int
    bytes_sent: int
    rejected_least_bytes: int
    rejected_most_bytes: int
    unsized_lines: int
    unsure_lines: int
    unsure_bytes: int


@dataclass(frozen=True, slots=True)
class Check:
    """What one rule said of one day."""

    day: date
    rule: str
    group: str
    value: float | None
    threshold: float | None
    unit: str
    verdict: str
    sample: int


@dataclass(frozen=True, slots=True)
class Reject:
    """Lines rejected for one reason, with one of them (redacted, cut) and its place. ``is_event``: not lines of logs,
    but events in the files of one generating system."""

    reason: str
    lines: int
    example: str
    object_key: str
    line_number: int
    is_event: bool = False

    @property
    def shown_reason(self) -> str:
        return f"{self.reason} (event file)" if self.is_event else self.reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Whole objects refused for one reason, with one of them."""

    reason: str
    objects: int
    object_key: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Price:
    """A price card that a cost of the range rests on."""

    price_id: str
    amount: str
    currency: str
    per: str
    valid_from_day: date
    valid_to_day: date | None
    citation: str


@dataclass(frozen=True, slots=True)
class MediaFile:
    application: str
    bucket: str
    object_key: str
    requests: int
    deliveries: int
    bytes_sent: int


@dataclass(frozen=True, slots=True)
class Country:
    country: str
    edge: str
    requests: int
    deliveries: int
    bytes_sent: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that had errors. ``causes``: (status, error code or empty, requests), most frequent first."""

    application: str
    endpoint: str
    requests: int
    errors: int
    server_errors: int
    client_aborts: int
    causes: tuple[tuple[int, str, int], ...]


@dataclass(frozen=True)
class Figures:
    """Everything that a report shows of one tenant and range of days, each tuple in the order it is shown.

    ``endpoint_count`` and ``media_file_count`` say how many there are, of which the tuples hold the first.
    ``merged``: what log and application say together, None while no application is connected; ``generated``: what
    generating systems made, None where there are none. ``why_suspect``: of each suspect day, as far as anybody said.
    ``days_with_kept_prices``: days whose traffic keeps another price than the cards say.
    ``countries_label`` and ``edges_label`` name the data sets behind country and edge; None: there was none.
    """

    zone: str
    totals: tuple[Traffic, ...]
    traffic: tuple[Traffic, ...]
    statuses: Mapping[date, Mapping[str, int]]
    days: tuple[Day, ...]
    checks: tuple[Check, ...]
    rejects: tuple[Reject, ...]
    refusals: tuple[Refusal, ...]
    ignored_log_bucket: int
    prices: tuple[Price, ...]
    days_with_kept_prices: int
    media_files: tuple[MediaFile, ...]
    media_file_count: int
    countries: tuple[Country, ...]
    endpoints: tuple[Endpoint, ...]
    endpoint_count: int
    merged: Merged | None
    generated: Generated | None
    incidents: tuple[Incident, ...]
    gate: Gate
    countries_label: str | None
    edges_label: str | None
    why_suspect: Mapping[date, Sequence[str]] = field(default_factory=dict)
    budgets: tuple[Budgeted, ...] = ()

    @cached_property
    def known_days(self) -> tuple[date, ...]:
        """Days the warehouse says anything of, ascending."""
        return tuple(sorted({row.day for row in self.totals} | {row.day for row in self.days}))

    @cached_property
    def spine(self) -> tuple[date, ...]:
        """Every day from the first to the last known one, gaps included."""
        if not self.known_days:
            return ()
        first, last = self.known_days[0], self.known_days[-1]
        return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))

    @cached_property
    def completeness(self) -> tuple[Day, ...]:
        """The days of each source, and those between them of which it has no object: they are no quiet days, as far as
        anyone knows."""
        found = list(self.days)
        for source in sorted({row.source for row in self.days}):
            there = sorted(row.day for row in self.days if row.source == source)
            every = (there[0] + timedelta(days=n) for n in range((there[-1] - there[0]).days + 1))
            gaps = sorted(set(every) - set(there))
            found += [Day(day, source, NO_OBJECTS, False, None, *[0] * 12) for day in gaps]
        return tuple(sorted(found, key=lambda row: (row.day, row.source)))

    @cached_property
    def open_days(self) -> frozenset[date]:
        """Days that some source has not completed, or that no source vouches for."""
        vouched = {row.day for row in self.days}
        is_open = {row.day for row in self.days if row.state == "open"}
        return frozenset(is_open | {row.day for row in self.totals if row.day not in vouched})

    @cached_property
    def suspect_days(self) -> frozenset[date]:
        return frozenset(row.day for row in self.days if row.is_suspect)

    @cached_property
    def complete_through_at(self) -> datetime | None:
        """Until when every source of the range is complete; None where one has nothing listed yet."""
        latest: dict[str, datetime | None] = {}
        for row in self.days:
            known = [at for at in (latest.get(row.source), row.complete_through_at) if at]
            latest[row.source] = max(known, default=None)
        instants = [at for at in latest.values() if at]
        return min(instants) if instants and len(instants) == len(latest) else None

    @cached_property
    def currencies(self) -> tuple[str, ...]:
        return tuple(Cost.total(row.cost for row in self.totals).micros)

    @cached_property
    def applications(self) -> tuple[Application, ...]:
        """Most bytes first; then most requests, then by name."""
        by_name: dict[str, list[Traffic]] = {}
        for row in self.traffic:
            by_name.setdefault(row.application, []).append(row)
        rows = [_application(name, days) for name, days in by_name.items()]
        return tuple(sorted(rows, key=lambda row: (-row.bytes_sent, -row.requests, row.name)))

    @cached_property
    def whole(self) -> Application:
        """All applications over the whole range."""
        return _application("*", self.totals)

    def state_of(self, day: date) -> str:
        """The state of the least complete source: open, final or frozen; empty for a day nobody knows."""
        if day in self.open_days:
            return "open"
        states = {row.state for row in self.days if row.day == day}
        return next((state for state in ("final", "frozen") if state in states), "")


def _application(name: str, days: Iterable[Traffic]) -> Application:
    rows = list(days)
    return Application(
        name=name,
        requests=sum(row.requests for row in rows),
        deliveries=sum(row.deliveries for row in rows),
        bytes_sent=sum(row.bytes_sent for row in rows),
        errors=sum(row.errors for row in rows),
        cost=Cost.total(row.cost for row in rows),
        highest_p95_ms=max((row.response.p95_ms for row in rows if row.response), default=None),
        most_addresses=max((row.audience.unique_addresses for row in rows if row.audience), default=None),
    )
