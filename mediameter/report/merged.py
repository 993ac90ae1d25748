"""What the log and the application say together: read only where an application is connected.

All of it is additive over days and applications but the highest number of users of one day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from sqlalchemy import Boolean, Date, Float, Row, Text
from sqlalchemy.sql.selectable import TextualSelect

from mediameter.report.columns import WHERE, Whole, by_day
from schemas.vocabulary import ALL, OUTCOMES, RECONCILIATION_REASONS

MATCHED, LOG_ONLY, APP_ONLY = OUTCOMES


@dataclass(frozen=True, slots=True)
class Agreed:
    """How log and application agree on one day, all applications; ``is_reconciled`` is None while the day is open."""

    day: date
    log_requests: int
    matched_requests: int
    app_events: int
    matched_events: int
    log_bytes: int
    app_bytes: int
    unexplained_share: float | None
    is_reconciled: bool | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Requests and events of one outcome for one reason, of one application over the whole range."""

    application: str
    outcome: str
    reason: str
    requests: int
    events: int
    log_bytes: int
    app_bytes: int


@dataclass(frozen=True, slots=True)
class Basis:
    """What the attribution of that many requests rests on."""

    match_basis: str
    match_confidence: str
    requests: int
    deliveries: int
    bytes_sent: int


@dataclass(frozen=True, slots=True)
class Viewers:
    """Deliveries of one application, or (``*``) of all, to users that an event names; most users of one day."""

    application: str
    authenticated_deliveries: int
    most_users: int


@dataclass(frozen=True)
class Merged:
    """The merged view of the range: ``days`` ascending, ``bases`` the surest first."""

    days: tuple[Agreed, ...]
    reasons: tuple[Reason, ...]
    bases: tuple[Basis, ...]
    viewers: tuple[Viewers, ...]

    @cached_property
    def by_reason(self) -> tuple[Reason, ...]:
        """Over all applications, in the order of the rules."""
        return tuple(
            _sum((ALL, outcome, reason), found)
            for outcome, reasons in RECONCILIATION_REASONS.items()
            for reason in reasons
            if (found := [row for row in self.reasons if (row.outcome, row.reason) == (outcome, reason)])
        )

    @cached_property
    def newest(self) -> Agreed | None:
        """The newest day that can be judged; while there is none, the newest one."""
        judged = [row for row in self.days if row.is_reconciled is not None]
        return next(reversed(judged or self.days), None)

    def of_outcome(self, application: str, *outcomes: str) -> Reason:
        """The sum of these outcomes (none named: of all), of one application or of all (``*``)."""
        asked = outcomes or OUTCOMES
        found = [row for row in self.reasons if row.outcome in asked and application in (ALL, row.application)]
        return _sum((application, " ".join(asked), ""), found)

    def viewers_of(self, application: str) -> Viewers | None:
        return next((row for row in self.viewers if row.application == application), None)

    @cached_property
    def applications(self) -> tuple[str, ...]:
        """Most requests first, then most events, then by name."""
        counts: Counter[str] = Counter()
        events: Counter[str] = Counter()
        for row in self.reasons:
            counts[row.application] += row.requests
            events[row.application] += row.events
        return tuple(sorted(counts, key=lambda name: (-counts[name], -events[name], name)))


def _sum(grain: tuple[str, str, str], rows: Iterable[Reason]) -> Reason:
    known = list(rows)
    measures = ("requests", "events", "log_bytes", "app_bytes")
    return Reason(*grain, *(sum(getattr(row, name) for row in known) for name in measures))


# --- reading -----------------------------------------------------------------------------------------
_AGREED = by_day(
    f"""SELECT day, log_requests, matched_requests, app_events, matched_events, log_bytes, app_bytes,
        unexplained_share, is_reconciled, sentence
    FROM reconciliation_summary {WHERE} AND application = '{ALL}'""",
    day=Date, log_requests=Whole, matched_requests=Whole, app_events=Whole, matched_events=Whole, log_bytes=Whole,
    app_bytes=Whole, unexplained_share=Float, is_reconciled=Boolean, sentence=Text,
)  # fmt: skip
_REASONS = by_day(
    f"""SELECT application, outcome, reason, SUM(requests) AS requests, SUM(events) AS events,
        SUM(log_bytes) AS log_bytes, SUM(app_bytes) AS app_bytes
    FROM reconciliation_daily {WHERE} GROUP BY application, outcome, reason""",
    application=Text, outcome=Text, reason=Text, requests=Whole, events=Whole, log_bytes=Whole, app_bytes=Whole,
)  # fmt: skip
_BASES = by_day(
    f"""SELECT match_basis, match_confidence, SUM(requests) AS requests, SUM(deliveries) AS deliveries,
        SUM(bytes_sent) AS bytes_sent
    FROM attribution_daily {WHERE} GROUP BY match_basis, match_confidence""",
    match_basis=Text, match_confidence=Text, requests=Whole, deliveries=Whole, bytes_sent=Whole,
)  # fmt: skip
_VIEWERS = by_day(
    f"""SELECT application, SUM(authenticated_deliveries) AS authenticated_deliveries, MAX(unique_users) AS most_users
    FROM audience_trailing {WHERE} AND window_days = 1 AND unique_users IS NOT NULL GROUP BY application""",
    application=Text, authenticated_deliveries=Whole, most_users=Whole,
)  # fmt: skip
_SUREST_FIRST = {"high": 0, "medium": 1, "low": 2, "none": 3}


def read(rows: Callable[[TextualSelect], list[Row[Any]]]) -> Merged | None:
    """The merged view from the rows of each query; None while no application is connected."""
    reasons = [Reason(*row) for row in rows(_REASONS)]
    if not reasons:
        return None
    bases = [Basis(*row) for row in rows(_BASES)]
    return Merged(
        days=tuple(sorted((Agreed(*row) for row in rows(_AGREED)), key=lambda row: row.day)),
        reasons=tuple(sorted(reasons, key=lambda row: (row.application, row.outcome, row.reason))),
        bases=tuple(sorted(bases, key=lambda row: (_SUREST_FIRST[row.match_confidence], -row.requests))),
        viewers=tuple(sorted((Viewers(*row) for row in rows(_VIEWERS)), key=lambda row: row.application)),
    )
