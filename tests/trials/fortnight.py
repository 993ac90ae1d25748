"""A fortnight without chance: every hour is like every other, but for what a case says of a day. So a rule's value can
be put just above its threshold, or just below it.

Thirteen o'clock to before nineteen the generating system is busy, a generation every half a minute; in three of these
hours somebody buys. What the logs tell of an hour has come when the next one is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from schemas.frames import polars_schema
from schemas.palette import APP_ERROR, CREDIT, GENERATION
from tests.trials.quarter import BEGIN
from tests.trials.quarter_logs import BROKEN, EDGES, GET, OK, SHAPE, Hour, Lot
from tests.trials.quarter_palette import PaletteDay

REQUESTS = 1000  # of an hour: all but one in ten are GETs
USUAL_MS, USUAL_BYTES, USUAL_ADDRESSES, VIEWED = 100, 1_000_000, 40, 500
BUSY, GENERATIONS = range(13, 19), 120
AT = 15
"""The hour of the day at which something happens to the generating system."""
_PAID = 9_990_000


@dataclass(frozen=True)
class Day:
    """What a day is like where it is not like the others; None: as ever.

    ``sent``: bytes of the day. ``errors``: share of the requests that are answered 500. ``slow_ms``: how long six in a
    hundred take. ``addresses``: of the day. ``rejected``: share of the lines. ``matched``: share of the views that can
    be told. ``is_logged``: whether the storage writes logs. ``late``: hours that they are late by. ``failures``,
    ``slow``, ``limited``: generations that fail, take ``slow_s`` seconds, or are turned away, within ten minutes.
    ``cost``: times the hour before, in two hours on end. ``refunded``: credits, in the hour. ``purchases``: of the day.
    ``is_sound``: whether the gate finds nothing. ``unread``, ``unlisted``: hours from ``AT`` on in which no export gets
    through, and in which no run looks at logs and application.
    """

    sent: int | None = None
    errors: float | None = None
    slow_ms: int | None = None
    addresses: int | None = None
    rejected: float | None = None
    matched: float | None = None
    is_logged: bool = True
    late: float = 0.0
    failures: int = 0
    slow: int = 0
    slow_s: float = 31.0
    limited: int = 0
    cost: float = 1.0
    refunded: int = 0
    purchases: int = 3
    is_sound: bool = True
    unread: float = 0.0
    unlisted: float = 0.0


@dataclass(frozen=True)
class Fortnight:
    """What ``Quarter`` is to the driver. ``cases``: the days (from 0) that are not like the others."""

    cases: Mapping[int, Day] = field(default_factory=dict)
    days: int = 14

    @property
    def end(self) -> datetime:
        return BEGIN + timedelta(days=self.days)

    def day(self, number: int) -> Day:
        return self.cases.get(number, _USUAL)

    def wrong(self, at: datetime) -> tuple[str, ...]:
        """As the driver asks: whether the gate fails, the exports do, or nobody looks at the logs."""
        day, since = self.day((at - BEGIN) // timedelta(days=1)), at.hour + at.minute / 60 - AT
        kinds = {
            "quality_failed": not day.is_sound,
            "export_stopped": 0 <= since < day.unread,
            "unlisted": 0 <= since < day.unlisted,
        }
        return tuple(kind for kind, is_so in kinds.items() if is_so)

    def is_exported(self, at: datetime) -> bool:
        return "export_stopped" not in self.wrong(at)

    def hour(self, number: int) -> Hour:
        """The same for every hour of a day."""
        day, at = self.day(number // 24), BEGIN + timedelta(hours=number + 2)
        if not day.is_logged:
            return Hour((), np.array((VIEWED, 0, 0)))
        counts, sent, ms = (np.zeros(SHAPE, np.int64) for _ in range(3))
        times = np.zeros((*SHAPE[:2], len(EDGES)), np.int64)
        failed = round(REQUESTS * (day.errors or 0))
        counts[0, GET, OK], counts[0, 1, OK] = REQUESTS * 9 // 10 - failed, REQUESTS // 10
        counts[0, GET, BROKEN] = failed
        sent[0, GET, OK] = (day.sent // 24) if day.sent else counts[0, GET, OK] * USUAL_BYTES
        slow = REQUESTS * 6 // 100 if day.slow_ms else 0
        times[0, GET, np.searchsorted(EDGES, USUAL_MS)] = REQUESTS * 9 // 10 - slow
        times[0, GET, np.searchsorted(EDGES, day.slow_ms or 0)] += slow
        times[0, 1, np.searchsorted(EDGES, USUAL_MS)] = REQUESTS // 10
        ms[0, GET, OK] = (REQUESTS - slow) * USUAL_MS + slow * (day.slow_ms or 0)
        deliveries = np.zeros_like(counts)
        deliveries[0, GET, OK] = counts[0, GET, OK]
        matched = VIEWED if day.matched is None else round(VIEWED * day.matched)
        lot = Lot(
            number, 0, at + timedelta(hours=day.late), counts, deliveries, sent, ms, times,
            np.array(((day.addresses or USUAL_ADDRESSES * 24) / 24, 0, 0)), np.array((VIEWED, 0, 0)),
            np.array((matched, 0, 0)), np.zeros(3, np.int64),
            _rejected(day.rejected, number),
        )  # fmt: skip
        return Hour((lot,), np.array((VIEWED, 0, 0)))

    def palette(self, number: int) -> PaletteDay:
        return _palette(BEGIN + timedelta(days=number), self.day(number))


_USUAL = Day()


def _rejected(share: float | None, number: int) -> int:
    """Of lines, so that it is that share of all of them."""
    return round(REQUESTS * share / (1 - share)) if share else 0


@cache
def _palette(day: datetime, case: Day) -> PaletteDay:
    rows = list(_generations(day, case))
    credits = list(_credits(day, case))
    errors = [
        _event(day, "error", minute, severity="error", error_type="RATE_LIMIT") for minute in _spread(case.limited)
    ]
    generations = {**polars_schema(GENERATION), "done_at": pl.Datetime("us", "UTC")}
    return PaletteDay(
        pl.DataFrame(rows, schema=generations).sort("at", "event_id"),
        pl.DataFrame(credits, schema=polars_schema(CREDIT)).sort("at", "event_id"),
        pl.DataFrame(errors, schema=polars_schema(APP_ERROR)).sort("at", "event_id"),
    )


def _generations(day: datetime, case: Day) -> Iterator[dict[str, Any]]:
    for number in range(len(BUSY) * GENERATIONS):
        minute = BUSY.start * 60 + 60 * number / GENERATIONS
        times = case.cost ** {AT: 1, AT + 1: 2}.get(int(minute // 60), 0)
        yield _generation(day, minute, cost_micros=round(100_000 * times))
    for minute in _spread(case.failures):
        yield _generation(day, minute, status="failed", outputs=0, message="provider: internal error", cost_micros=0)
    for minute in _spread(case.slow):
        yield _generation(day, minute, seconds=case.slow_s, cost_micros=0)
    for minute in _spread(case.limited):
        said = "provider: rate limit reached (429)"
        yield _generation(day, minute, status="failed", outputs=0, message=said, cost_micros=0)


def _spread(count: int) -> list[float]:
    """Minutes of the day: so many within ten minutes, from seven past ``AT`` on."""
    return [AT * 60 + 7 + 10 * number / count for number in range(count)]


def _generation(day: datetime, minute: float, *, seconds: float = 8.0, **more: Any) -> dict[str, Any]:
    made = _event(day, f"made-{seconds}-{more.get('message', '')}", minute)
    return {
        **made, "generation_type": "image", "model": "flux-kontext", "status": "completed",
        "charge_id": made["event_id"], "outputs": 1, "duration_ms": round(seconds * 1000), "credits_charged": 8,
        "currency": "USD", "done_at": made["at"] + timedelta(seconds=seconds), **more,
    }  # fmt: skip


def _credits(day: datetime, case: Day) -> Iterator[dict[str, Any]]:
    for number in range(case.purchases):
        minute = BUSY[number % len(BUSY)] * 60 + 20
        said = {"transaction_type": "purchase", "credits": 1200, "paid_micros": _PAID, "currency": "USD"}
        yield _event(day, f"bought-{number}", minute, **said)
    if case.refunded:
        for number in range(10):
            said = {"transaction_type": "refund", "credits": case.refunded // 10 + (number < case.refunded % 10)}
            yield _event(day, f"refund-{number}", AT * 60 + 5 * number, **said)


def _event(day: datetime, what: str, minute: float, **more: Any) -> dict[str, Any]:
    at = day + timedelta(minutes=minute)
    return {"event_id": f"{what}-{at:%m%d%H%M%S%f}", "at": at, "user_id": "user-1", **more}
