"""What the figures of a day were and what they become: what a plan shows before it is carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rich.table import Table

from mediameter.connect import reading
from mediameter.opening.opened import opened
from mediameter.report import figures, words
from mediameter.report.facts import Cost, Traffic
from mediameter.settings import Settings


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A day's totals over all applications. ``cost_micros`` by currency; ``unpriced_bytes`` have no price."""

    requests: int
    bytes_sent: int
    cost_micros: dict[str, int]
    unpriced_bytes: int
    p95_ms: int | None


@dataclass(frozen=True, slots=True)
class DayChange:
    """A day that is computed, and its figures before and after; None: no traffic."""

    day: date
    before: DayFigures | None
    after: DayFigures | None

    @property
    def is_different(self) -> bool:
        return self.before != self.after


def figures_of(settings: Settings, days: Sequence[date]) -> dict[date, DayFigures]:
    """What the warehouse says of these days, given in order; those without traffic are left out."""
    if not days:
        return {}
    with opened(settings, dry_run=True) as made, reading(made) as connection:
        found = figures.totals(connection, first=days[0], last=days[-1], tenant=settings.tenant)
    return {day: _of(found[day]) for day in days if day in found}


def _of(traffic: Traffic) -> DayFigures:
    p95 = traffic.response.p95_ms if traffic.response else None
    cost = traffic.cost
    return DayFigures(traffic.requests, traffic.bytes_sent, dict(cost.micros), cost.unpriced_bytes, p95)


def table(changes: Sequence[DayChange]) -> Table:
    """One row a day."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("day", no_wrap=True)
    for name in ("requests", "bytes", "cost", "p95 ms"):
        made.add_column(name, justify="right", no_wrap=True)
    for change in changes:
        pairs = zip(_words(change.before), _words(change.after), strict=True)
        made.add_row(str(change.day), *(old if old == new else f"{old} → {new}" for old, new in pairs))
    return made


def _words(of_day: DayFigures | None) -> tuple[str, str, str, str]:
    if of_day is None:
        return (words.ABSENT,) * 4
    cost = words.cost(Cost(of_day.cost_micros, of_day.unpriced_bytes))
    return words.count(of_day.requests), words.count(of_day.bytes_sent), cost, words.count(of_day.p95_ms)
