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
from tests.worlds.quarter import BEGIN
from tests.worlds.quarter_logs import BROKEN, EDGES, GET, OK, SHAPE, Hour, Lot
from tests.worlds.quarter_palette import PaletteDay

REQUESTS = 1000  # of an hour: all but one in ten are GETs
USUAL_MS, USUAL_BYTES, USUAL_ADDRESSES, VIEWED = 100, 1_000_000, 40, 500
BUSY, GENERATIONS = range(13, 19), 120
AT = 15
"""The hour of the day at which something happens that does not last all day."""
_PAID = 39_990_000


@dataclass(frozen=True)
class Day:
    """What a day is like where it is not like the others; None: as ever.

    Of the day: ``sent``: bytes. ``errors``: share of the requests that are answered 500. ``slow_ms``: how long six in a
    hundred take. ``addresses``. ``rejected``: share of the lines. ``uncounted``: of the bytes, at
    most, in rejected lines. ``matched``: share of the views that can be told.
    ``late``: hours that its logs are late by. ``earned``: micros, in three purchases. ``is_sound``: whether the gate
    finds nothing. ``unread``, ``unlisted``, ``stuck``: hours from ``AT`` on in which no export gets through, in which
    nobody lists the logs, and in which one of them cannot be read.

    Of the hour from ``AT`` on: ``broken``: share of the requests that are answered 500. ``slow_hours_ms``: how long six
    in a hundred take, for three hours. ``unlogged``: views of which the storage writes no logs, nor of anything else.
    ``failures``, ``slow``, ``limited``: generations more that fail, take 31 s, or are turned away, within eight
    minutes. ``price``: times what a generation usually costs; ``climb``: times the hour before, in two hours on end.
    ``seconds``: that a generation takes.
    """

    sent: int | None = None
    errors: float = 0.0
    slow_ms: int | None = None
    addresses: int = 24 * USUAL_ADDRESSES
    rejected: float = 0.0
    uncounted: float = 0.0
    matched: float = 1.0
    late: float = 0.0
    earned: int = 3 * _PAID
    is_sound: bool = True
    unread: float = 0.0
    unlisted: float = 0.0
    stuck: float = 0.0
    broken: float = 0.0
    slow_hours_ms: int | None = None
    unlogged: int | None = None
    failures: int = 0
    slow: int = 0
    limited: int = 0
    price: float = 1.0
    climb: float = 1.0
    seconds: float = 8.0


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
        """As the driver asks: whether the gate fails, the exports do, or the logs are not listed or not read."""
        day, since = self.day((at - BEGIN) // timedelta(days=1)), at.hour + at.minute / 60 - AT
        kinds = {
            "quality_failed": not day.is_sound,
            "export_stopped": 0 <= since < day.unread,
            "unlisted": 0 <= since < day.unlisted,
            "stuck": 0 <= since < day.stuck,
        }
        return tuple(kind for kind, is_so in kinds.items() if is_so)

    def is_exported(self, at: datetime) -> bool:
        return "export_stopped" not in self.wrong(at)

    def hour(self, number: int) -> Hour:
        day, of_day = self.day(number // 24), number % 24
        if of_day == AT and day.unlogged is not None:
            return Hour((), np.array((day.unlogged, 0, 0)))
        failed = day.broken if of_day == AT and day.broken else day.errors
        slow_ms = day.slow_hours_ms if of_day in range(AT, AT + 3) and day.slow_hours_ms else day.slow_ms
        return Hour((_lot(number, day, round(REQUESTS * failed), slow_ms),), np.array((VIEWED, 0, 0)))

    def palette(self, number: int) -> PaletteDay:
        return _palette(BEGIN + timedelta(days=number), self.day(number))


_USUAL = Day()


def _lot(number: int, day: Day, failed: int, slow_ms: int | None) -> Lot:
    """The log of an hour: so many requests are answered 500, and six in a hundred take so long."""
    counts, deliveries, sent, ms = (np.zeros(SHAPE, np.int64) for _ in range(4))
    times = np.zeros((*SHAPE[:2], len(EDGES)), np.int64)
    served, slow = REQUESTS * 9 // 10 - failed, REQUESTS * 6 // 100 if slow_ms else 0
    counts[0, GET, OK], counts[0, GET, BROKEN], counts[0, 1, OK] = served, failed, REQUESTS // 10
    sent[0, GET, OK] = day.sent // 24 if day.sent else served * USUAL_BYTES
    times[0, GET, np.searchsorted(EDGES, USUAL_MS)] = REQUESTS * 9 // 10 - slow
    times[0, GET, np.searchsorted(EDGES, slow_ms or 0)] += slow
    times[0, 1, np.searchsorted(EDGES, USUAL_MS)] = REQUESTS // 10
    ms[0, GET, OK] = (REQUESTS - slow) * USUAL_MS + slow * (slow_ms or 0)
    deliveries[0, GET, OK] = served
    matched = round(VIEWED * day.matched)
    return Lot(
        number, 0, BEGIN + timedelta(hours=number + 2 + day.late), counts, deliveries, sent, ms, times,
        np.array((day.addresses / 24, 0, 0)), np.array((VIEWED, 0, 0)), np.array((matched, 0, 0)),
        np.zeros(3, np.int64), _rejected(day.rejected), 0, round(int(sent.sum()) * day.uncounted),
    )  # fmt: skip


def _rejected(share: float) -> int:
    """Lines, so that they are that share of all of them."""
    return round(REQUESTS * share / (1 - share))


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
        hour = int(minute // 60)
        times = case.climb ** {AT: 1, AT + 1: 2}.get(hour, 0) * (case.price if hour == AT else 1)
        yield _generation(day, minute, case.seconds if hour == AT else 8.0, cost_micros=round(100_000 * times))
    for minute in _spread(case.failures):
        yield _generation(day, minute, status="failed", outputs=0, message="provider: internal error", cost_micros=0)
    for minute in _spread(case.slow):
        yield _generation(day, minute, 31.0, cost_micros=0)
    for minute in _spread(case.limited):
        said = "provider: rate limit reached (429)"
        yield _generation(day, minute, status="failed", outputs=0, message=said, cost_micros=0)


def _spread(count: int) -> list[float]:
    """Minutes of the day: so many within eight minutes that lie in one of the windows of ten, from six past ``AT``."""
    return [AT * 60 + 6 + 8 * number / count for number in range(count)]


def _generation(day: datetime, minute: float, seconds: float = 8.0, **more: Any) -> dict[str, Any]:
    made = _event(day, f"made-{seconds}-{more.get('message', '')}", minute)
    return {
        **made, "generation_type": "image", "model": "flux-kontext", "status": "completed",
        "charge_id": made["event_id"], "outputs": 1, "duration_ms": round(seconds * 1000), "credits_charged": 8,
        "currency": "USD", "done_at": made["at"] + timedelta(seconds=seconds), **more,
    }  # fmt: skip


def _credits(day: datetime, case: Day) -> Iterator[dict[str, Any]]:
    for number in range(3):
        minute = BUSY[number] * 60 + 20
        said = {"transaction_type": "purchase", "credits": 1200, "paid_micros": case.earned // 3, "currency": "USD"}
        yield _event(day, f"bought-{number}", minute, **said)


def _event(day: datetime, what: str, minute: float, **more: Any) -> dict[str, Any]:
    at = day + timedelta(minutes=minute)
    return {"event_id": f"{what}-{at:%m%d%H%M%S%f}", "at": at, "user_id": "user-1", **more}
