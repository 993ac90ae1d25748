"""What is true of a demo world, the same figures read from a warehouse, and the comparison of the two."""

from __future__ import annotations

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediameter.demo.lines import Event
from schemas.vocabulary import DELIVERY_GAP_S, IGNORE_REASONS

if TYPE_CHECKING:
    from sqlalchemy import Connection

BLANK, LOG_BUCKET_OWN = IGNORE_REASONS
Outcome = date | str
"""Of a line: the day it counts on, when it is parsed; else why it was ignored or rejected."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One UTC day of one application. Times are nearest-rank percentiles of total_ms; None where nothing was timed."""

    requests: int
    deliveries: int
    bytes_sent: int
    errors: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    unique_addresses: int


@dataclass(frozen=True, slots=True)
class DayLines:
    """Lines of one UTC day that became records, and how many of them were there already."""

    parsed: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class DayRows:
    """Rows of the application's events by the UTC day of their event, and the events that they are."""

    rows_read: int
    events: int
    ignored: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Truth:
    """lines = parsed + ignored + rejected over settled objects; refused ones have no lines. Empty rows are absent."""

    applications: dict[tuple[date, str], Figures] = field(default_factory=dict)
    days: dict[date, DayLines] = field(default_factory=dict)
    bytes_by_application: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    parsed: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    exports: dict[date, DayRows] = field(default_factory=dict)
    events_by_application: dict[str, dict[str, int]] = field(default_factory=dict)
    """``delivered``, or the reason for which the application is alone. Where many ask for one file behind a CDN, nobody
    can tell one's delivery from another's: so ``compare`` leaves this to those who allow for it."""

    generations: dict[str, dict[str, int]] = field(default_factory=dict)
    """Of the generating system, by day (ISO 8601) and name of the figure: see ``palette.Counts``."""

    events: dict[str, dict[str, int]] = field(default_factory=dict)
    """The same of the system that is read from files: see ``event_file.Counts``."""

    def to_json(self) -> str:
        """Readable, and the same text for the same truth."""
        whole = asdict(self)
        whole["applications"] = [
            {"day": day.isoformat(), "application": application, **asdict(figures)}
            for (day, application), figures in self.applications.items()
        ]
        whole["days"] = {day.isoformat(): asdict(lines) for day, lines in self.days.items()}
        whole["exports"] = {day.isoformat(): asdict(counts) for day, counts in self.exports.items()}
        return json.dumps(whole, indent=1) + "\n"


def read_truth(path: Path) -> Truth:
    """The truth as ``build`` wrote it beside the bucket."""
    whole = json.loads(path.read_text("utf-8"))
    rows = whole.pop("applications")
    days, exports = whole.pop("days"), whole.pop("exports")
    return Truth(
        applications={(date.fromisoformat(row.pop("day")), row.pop("application")): Figures(**row) for row in rows},
        days={date.fromisoformat(day): DayLines(**lines) for day, lines in days.items()},
        exports={date.fromisoformat(day): DayRows(**counts) for day, counts in exports.items()},
        **whole,
    )


class Tally:
    """Counts a world while it is being written. Events of one delivery must come in the order of their time."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.refused: Counter[str] = Counter()
        self.objects = 0
        self._events: Counter[date] = Counter()
        self._sums: dict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self._times: dict[tuple[date, str], array[int]] = defaultdict(lambda: array("q"))
        self._addresses: dict[tuple[date, str], set[str]] = defaultdict(set)
        self._last_sent: dict[Hashable, int] = {}

    def event(self, event: Event) -> date:
        """Count one event, however often its line will be delivered; returns its day."""
        day = day_of(event.at)
        self._events[day] += 1
        if event.weight == "aside":
            return day
        group = day, event.application
        sums = self._sums[group]
        sums[0] += 1
        sums[1] += event.weight == "delivery" and self._is_new_delivery(event)
        sums[2] += event.bytes_sent or 0
        if event.status is not None:
            sums[3] += event.status >= 400
            if event.total_ms is not None:
                self._times[group].append(event.total_ms)
        if event.address != "-":
            self._addresses[group].add(event.address)
        return day

    def _is_new_delivery(self, event: Event) -> bool:
        what = event.bucket, event.key, event.address, event.agent
        before = self._last_sent.get(what)
        self._last_sent[what] = event.at
        return before is None or event.at - before > DELIVERY_GAP_S

    def forget_before(self, at: int) -> None:
        """All later events are at or after ``at``: what can no longer be continued need not be remembered."""
        self._last_sent = {what: last for what, last in self._last_sent.items() if last >= at - DELIVERY_GAP_S}

    def object(self, outcomes: Iterable[Outcome] = (), refused: str | None = None) -> None:
        """Count one object as delivered: the outcomes of its lines, or why it will be refused."""
        self.objects += 1
        self.outcomes.update(outcomes)
        if refused:
            self.refused[refused] += 1

    def truth(self) -> Truth:
        """What has been counted."""
        reasons = {name: count for name, count in sorted(self.outcomes.items(), key=str) if isinstance(name, str)}
        parsed = {day: count for day, count in self.outcomes.items() if isinstance(day, date)}
        figures = {group: self._figures(group) for group in sorted(self._sums)}
        sent: Counter[str] = Counter()
        for (_, application), row in figures.items():
            sent[application] += row.bytes_sent
        return Truth(
            applications=figures,
            days={day: DayLines(parsed[day], parsed[day] - self._events[day]) for day in sorted(parsed)},
            bytes_by_application=dict(sorted(sent.items())),
            lines=self.outcomes.total(),
            parsed=sum(parsed.values()),
            ignored={name: count for name, count in reasons.items() if name in IGNORE_REASONS},
            rejected={name: count for name, count in reasons.items() if name not in IGNORE_REASONS},
            refused=dict(sorted(self.refused.items())),
            objects=self.objects,
        )

    def _figures(self, group: tuple[date, str]) -> Figures:
        times = sorted(self._times[group])
        p50, p95, p99 = (_nearest_rank(times, percent) for percent in (50, 95, 99))
        requests, deliveries, bytes_sent, errors = self._sums[group]
        addresses = len(self._addresses[group])
        return Figures(requests, deliveries, bytes_sent, errors, p50, p95, p99, addresses)


def day_of(at: int) -> date:
    """The UTC day of a Unix second."""
    return datetime.fromtimestamp(at, UTC).date()


def _nearest_rank(ordered: list[int], percent: int) -> int | None:
    return ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None


Row = Figures | DayLines | DayRows


def compare(truth: Truth, observed: Truth) -> list[str]:
    """Each difference in words, in a fixed order; empty when the two agree."""
    rows = [(f"{day} {name}", figures) for (day, name), figures in truth.applications.items()]
    seen = {f"{day} {name}": figures for (day, name), figures in observed.applications.items()}
    differences = _table(dict(rows), seen)
    differences += _table(
        {f"{day} lines": lines for day, lines in truth.days.items()},
        {f"{day} lines": lines for day, lines in observed.days.items()},
    )
    differences += _table(
        {f"{day} of the application": counts for day, counts in truth.exports.items()},
        {f"{day} of the application": counts for day, counts in observed.exports.items()},
    )
    for name in ("bytes_by_application", "ignored", "rejected", "refused"):
        differences += _counts(name.replace("_", " "), getattr(truth, name), getattr(observed, name))
    for name in ("lines", "parsed", "objects"):
        differences += _value(name, getattr(truth, name), getattr(observed, name))
    return differences


def _table(meant: Mapping[str, Row], found: Mapping[str, Row]) -> list[str]:
    differences = []
    for name in sorted({*meant, *found}):
        if name not in found:
            differences.append(f"{name}: meant {asdict(meant[name])}, found nothing")
        elif name not in meant:
            differences.append(f"{name}: meant nothing, found {asdict(found[name])}")
        else:
            there = asdict(found[name])
            for measure, value in asdict(meant[name]).items():
                differences += _value(f"{name}: {measure}", value, there[measure])
    return differences


def _counts(what: str, meant: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    names = sorted({*meant, *found})
    return [line for name in names for line in _value(f"{what} {name}", meant.get(name, 0), found.get(name, 0))]


def _value(what: str, meant: int | None, found: int | None) -> list[str]:
    return [] if meant == found else [f"{what}: meant {meant}, found {found}"]


_FIGURES = """
WITH traffic AS (
    SELECT day, application, SUM(requests) AS requests, SUM(deliveries) AS deliveries, SUM(bytes_sent) AS bytes_sent
    FROM traffic_daily GROUP BY day, application
), failed AS (
    SELECT day, application, SUM(errors) AS errors FROM endpoints_daily GROUP BY day, application
)
SELECT traffic.day, traffic.application, traffic.requests, traffic.deliveries, traffic.bytes_sent, failed.errors,
       times.p50_ms, times.p95_ms, times.p99_ms, audience.unique_addresses
FROM traffic
LEFT JOIN failed ON failed.day = traffic.day AND failed.application = traffic.application
LEFT JOIN response_time_daily AS times ON times.day = traffic.day AND times.application = traffic.application
     AND times.operation_class = '*' AND times.measure = 'total'
LEFT JOIN audience_trailing AS audience ON audience.day = traffic.day
     AND audience.application = traffic.application AND audience.window_days = 1
WHERE traffic.requests > 0 ORDER BY traffic.day, traffic.application
"""
_DAYS = """
SELECT day, SUM(parsed), SUM(duplicates) FROM days WHERE family = 'traffic' GROUP BY day HAVING SUM(parsed) > 0
"""
_EXPORTS = """
SELECT export_day, rows_read, events, ignored, rejected FROM exports
WHERE rows_read > 0 AND table_name = 'media_analytics' ORDER BY export_day
"""
_OBJECTS = """
SELECT COUNT(*), COALESCE(SUM(lines), 0), COALESCE(SUM(parsed), 0), COALESCE(SUM(ignored), 0),
       COALESCE(SUM(ignored_log_bucket), 0) FROM objects
WHERE (state <> 'superseded' OR (whole_id IS NOT NULL AND reason IS NOT NULL)) AND source <> 'storyboard'
"""
_REFUSED = """
SELECT reason, COUNT(*) FROM objects
WHERE state = 'refused' OR (whole_id IS NOT NULL AND reason IS NOT NULL)  -- refused until the whole one came
GROUP BY reason ORDER BY reason
"""
_REJECTED = """
SELECT rejects.reason, COUNT(*) FROM rejects JOIN objects ON objects.object_id = rejects.object_id
WHERE objects.state = 'settled' AND rejects.line_number > 0 AND objects.source <> 'storyboard'
GROUP BY rejects.reason ORDER BY rejects.reason
"""


def observe(connection: Connection) -> Truth:
    """The same figures, read from the tables of a warehouse. Expects one tenant."""
    from sqlalchemy import text

    def rows(query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.execute(text(query))]

    objects, lines, parsed, ignored, ignored_log_bucket = (int(value) for value in rows(_OBJECTS)[0])
    figures = {(_day(row[0]), str(row[1])): _figures_of(row[2:]) for row in rows(_FIGURES)}
    sent: Counter[str] = Counter()
    for (_, application), row in figures.items():
        sent[application] += row.bytes_sent
    of_reason = {BLANK: ignored - ignored_log_bucket, LOG_BUCKET_OWN: ignored_log_bucket}
    return Truth(
        applications=figures,
        days={_day(row[0]): DayLines(int(row[1]), int(row[2])) for row in rows(_DAYS)},
        bytes_by_application=dict(sorted(sent.items())),
        lines=lines,
        parsed=parsed,
        ignored={name: count for name, count in of_reason.items() if count},
        rejected={row[0]: int(row[1]) for row in rows(_REJECTED)},
        refused={row[0]: int(row[1]) for row in rows(_REFUSED)},
        objects=objects,
        exports={_day(row[0]): DayRows(*(int(count) for count in row[1:])) for row in rows(_EXPORTS)},
    )


def _day(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value  # SQLite has no type for days


def _figures_of(row: tuple[Any, ...]) -> Figures:
    # Servers sum to decimals. A row that a table does not have is 0, but no time is none.
    requests, deliveries, bytes_sent, errors, p50, p95, p99, addresses = (None if n is None else int(n) for n in row)
    return Figures(requests or 0, deliveries or 0, bytes_sent or 0, errors or 0, p50, p95, p99, addresses or 0)
