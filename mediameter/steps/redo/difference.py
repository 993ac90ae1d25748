"""What the figures of a day were and what they become: what a plan shows before it is carried out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.opening.opened import opened
from mediameter.settings import Settings
from mediameter.store import warehouse
from schemas.rollups import BANDWIDTH_COST_DAILY, RESPONSE_TIME_DAILY, TRAFFIC_DAILY
from schemas.vocabulary import ALL


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
        traffic = _rows(connection, settings, days, _REQUESTS)
        micros, unpriced = _costs(_rows(connection, settings, days, _COSTS))
        p95 = dict(_rows(connection, settings, days, _P95))
    return {
        day: DayFigures(int(requests), int(bytes_sent), micros[day], unpriced[day], p95.get(day))
        for day, requests, bytes_sent in traffic
    }


_traffic, _cost, _response = (
    warehouse.tables[contract.name] for contract in (TRAFFIC_DAILY, BANDWIDTH_COST_DAILY, RESPONSE_TIME_DAILY)
)
_REQUESTS = sa.select(_traffic.c.day, sa.func.sum(_traffic.c.requests), sa.func.sum(_traffic.c.bytes_sent)).group_by(
    _traffic.c.day
)
_COSTS = sa.select(_cost.c.day, _cost.c.currency, _cost.c.cost_micros, _cost.c.bytes_sent)
_P95 = sa.select(_response.c.day, _response.c.p95_ms).where(
    _response.c.application == ALL, _response.c.operation_class == ALL, _response.c.measure == "total"
)


def _rows(
    connection: sa.Connection, settings: Settings, days: Sequence[date], query: sa.Select[Any]
) -> list[tuple[Any, ...]]:
    """The query's rows of these days."""
    table = query.get_final_froms()[0]
    of_days = query.where(table.c.tenant == settings.tenant, table.c.day.in_(days))
    return [tuple(row) for row in connection.execute(of_days)]


def _costs(rows: Iterable[tuple[Any, ...]]) -> tuple[dict[date, dict[str, int]], dict[date, int]]:
    """Of each day: micros by currency, and the bytes that have no price."""
    micros: dict[date, dict[str, int]] = defaultdict(dict)
    unpriced: dict[date, int] = defaultdict(int)
    for day, currency, cost_micros, bytes_sent in sorted(rows, key=lambda row: row[:2]):
        if cost_micros is None:
            unpriced[day] += bytes_sent
        else:
            micros[day][currency] = micros[day].get(currency, 0) + cost_micros
    return micros, unpriced
