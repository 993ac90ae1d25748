"""What the quality gate has to know of each family of days: when a day may be judged, and what queries may ask for.

Each family has a fence of its own for verdicts: what is written of one makes no verdict on another stale, and what
waits to be computed there keeps none of these from being judged.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from mediameter import families
from mediameter.families.family import Family
from mediameter.metering.calendar import Day
from mediameter.settings import Settings
from mediameter.store import days, fences, warehouse


def days_to_judge(connection: sa.Connection, settings: Settings, family: Family, basis: str) -> list[date]:
    """Not the frozen ones, whose raw data has gone; nor those that are still to be computed, of the family or of one
    that trails it: they change. ``basis``: fingerprint of the suites."""
    waiting = days.frozen(connection, settings)
    for each in (family, *families.trailing(family)):
        waiting |= set(fences.dirty_days(connection, each.name, each.basis(settings)))
    written = fences.dirty_days(connection, families.verdict_fence(family), basis)
    return [day for day in written if day not in waiting]


def values(connection: sa.Connection, settings: Settings, family: Family, day: date) -> dict[str, Any]:
    """What queries may ask for of a day (``mediameter.quality.suites.parameters``)."""
    (begin, end), before = Day.of(day, settings.reporting.zone).bounds, day - timedelta(days=1)
    of = families.judged()[family]
    return {
        "tenant": settings.tenant,
        "day": day,
        "begin_at": warehouse.naive(begin),
        "end_at": warehouse.naive(end),
        "day_before": before,
        "day_before_at": warehouse.naive(Day.of(before, settings.reporting.zone).begin),
        "sources": list(of.sources(settings)),
        **of.in_lake(connection, settings, begin, end),
    }
