"""What the quality gate has to know of each family of days: when a day may be judged, and what queries may ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.steps.gate.lake_count import LakeCount, event_count, lake_count
from mediameter.steps.rollup import generations, rollup
from mediameter.store import days, ledger, warehouse
from schemas.vocabulary import LAKE_OF_FEED, VERDICT_FENCES


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one family (schemas.vocabulary.DAY_FAMILIES). Each family's verdicts have their own fence, so writing
    one family never invalidates or delays verdicts on the other.

    ``before``: fences of the day's figures. ``basis``: what they are computed with. ``counted``: counts of the lake
    between the day's begin and end, by the parameter names of the queries.
    """

    family: str
    before: tuple[str, ...]
    basis: Callable[[Settings], str]
    counted: Callable[[sa.Connection, Settings, datetime, datetime], dict[str, Any]]

    @property
    def fence(self) -> str:
        return VERDICT_FENCES[self.family]

    def days_to_judge(self, connection: sa.Connection, settings: Settings, basis: str) -> list[date]:
        """Not the frozen ones, whose raw data has gone; nor those that are still to be computed: they change.
        ``basis``: fingerprint of the suites."""
        waiting = days.frozen(connection, settings)
        for fence in self.before:
            waiting |= set(ledger.dirty_days(connection, fence, self.basis(settings)))
        return [day for day in ledger.dirty_days(connection, self.fence, basis) if day not in waiting]

    def values(self, connection: sa.Connection, settings: Settings, day: date) -> dict[str, Any]:
        """What queries may ask for of a day (``mediameter.quality.suites.PARAMETERS``)."""
        (begin, end), before = ledger.day_bounds(day, settings.reporting.zone), day - timedelta(days=1)
        return {
            "tenant": settings.tenant,
            "day": day,
            "begin_at": warehouse.naive(begin),
            "end_at": warehouse.naive(end),
            "day_before": before,
            "day_before_at": warehouse.naive(ledger.day_bounds(before, settings.reporting.zone)[0]),
            **self.counted(connection, settings, begin, end),
        }


def _traffic(connection: sa.Connection, settings: Settings, begin: datetime, end: datetime) -> dict[str, Any]:
    of_logs = lake_count(connection, settings, begin, end)
    return {
        "sources": list(settings.log_sources),
        "is_connected": int(ledger.knows_application(connection)),
        "lake_rows": of_logs.rows,
        "lake_records": of_logs.distinct,
    }


def _generations(connection: sa.Connection, settings: Settings, begin: datetime, end: datetime) -> dict[str, Any]:
    counts: dict[str, LakeCount] = {kind: event_count(connection, settings, kind, begin, end) for kind in LAKE_OF_FEED}
    files = settings.event_sources
    return {
        "sources": list(settings.generating_sources),
        "table_sources": [name for name in settings.generating_sources if name not in files],
        "event_sources": list(files),
        "lake_rows": sum(of_kind.rows for of_kind in counts.values()),
        "lake_records": sum(of_kind.distinct for of_kind in counts.values()),
        **{f"lake_{kind}": of_kind.distinct for kind, of_kind in counts.items()},
    }


GATES = (
    Gate("traffic", ("traffic", "audience"), rollup.basis, _traffic),
    Gate("generations", (generations.FAMILY, generations.ACTIVE), generations.basis, _generations),
)
