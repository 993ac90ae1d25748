"""How complete the days of generating systems are, and what they rest on (docs/definitions.md, "Generations")."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from tests.reference.charges import Settings, distinct, without_twins
from tests.reference.palette_files import File
from tests.reference.palette_rows import Event, Row, Taken
from tests.reference.records import LogObject

_COUNTS = ("objects", "lines", "parsed", "ignored", "rejected", "duplicates")


@dataclass(slots=True)
class _Held:
    events: list[Event] = field(default_factory=list)
    objects: set[Any] = field(default_factory=set)
    ignored: int = 0
    rejected: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """``through``: until when it is complete. ``days``: UTC days on which its tables were read, None of files."""

    name: str
    through: datetime
    days: frozenset[date] | None = None


def days_of_tables(source: Source, taken: Mapping[str, Taken], world: Settings) -> list[Row]:
    """What was rejected or left out counts on the day that is called as the UTC day of its row."""
    held: dict[date, _Held] = defaultdict(_Held)
    for each in taken.values():
        for event in each.events:
            held[world.day_of(event.at)].events.append(event)
        for day, reasons in each.rejected.items():
            held[day].rejected += reasons.total()
        for day, count in each.ignored.items():
            held[day].ignored += count
    for day, of_day in held.items():
        of_day.objects = set(taken) if day in (source.days or ()) else set()
    return _rows(source, held, world)


def days_of_files(source: Source, files: Iterable[tuple[File, Taken | None]], world: Settings) -> list[Row]:
    """What was rejected or left out counts in the hour of its file's first event, else of its last-modified; so does a
    file that was refused (None)."""
    held: dict[date, _Held] = defaultdict(_Held)
    for file, taken in files:
        events = taken.events if taken else []
        place = world.day_of(min((event.at for event in events), default=file.last_modified))
        for event in events:
            of_day = held[world.day_of(event.at)]
            of_day.events.append(event)
            of_day.objects.add(file.name)
        of_day = held[place]
        of_day.objects.add(file.name)
        of_day.refused += taken is None
        if taken:
            of_day.rejected += sum((reasons.total() for reasons in taken.rejected.values()), 0)
            of_day.ignored += taken.ignored.total()
    return _rows(source, held, world)


def due_of_files(files: Iterable[File | LogObject]) -> datetime:
    """When the next delivery was due, by the clock alone: behind the last hour with a delivery comes a silence of a day
    at least, or of twice the longest gap less the median one. Longer rhythms are not this reference's to know."""
    hours = sorted({file.last_modified.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for file in files})
    gaps = [(later - earlier) // timedelta(hours=1) for earlier, later in pairwise(hours)]
    assert hours[-1] - hours[0] < timedelta(weeks=2) and len(gaps) < 50
    ordinary = 2 * max(gaps) - median(gaps) if gaps else 0
    return hours[-1] + timedelta(hours=max(24, int(ordinary)) + 1)


def _rows(source: Source, held: Mapping[date, _Held], world: Settings) -> list[Row]:
    rows, counting = [], {id(event) for event in without_twins(e for of_day in held.values() for e in of_day.events)}
    for day, of_day in sorted(held.items()):
        lines = len(of_day.events) + of_day.ignored + of_day.rejected
        if not lines and not of_day.refused:
            continue
        end = world.begin_of(day + timedelta(days=1))
        duplicates = len(of_day.events) - len(distinct(e for e in of_day.events if id(e) in counting))
        counts = len(of_day.objects), lines, len(of_day.events), of_day.ignored, of_day.rejected, duplicates
        rows.append({
            "tenant": world.tenant, "source": source.name, "day": day, "family": "generations",
            "state": "final" if source.through >= end else "open",
            "is_suspect": of_day.refused > 0 or of_day.rejected * 100 > lines,
            "complete_through_at": min(source.through, end).astimezone(UTC), **dict(zip(_COUNTS, counts, strict=True)),
        })  # fmt: skip
    return rows


def rejects_by_reason(taken: Iterable[Taken]) -> Counter[tuple[Any, str]]:
    """(place, reason) → rows or events."""
    return Counter({
        (place, reason): count
        for each in taken
        for place, reasons in each.rejected.items()
        for reason, count in reasons.items()
    })  # fmt: skip
