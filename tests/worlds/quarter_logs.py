"""An hour of the storage's log: requests one by one, then counted; each front writes its own object, some of them late.

A lot is what one object tells of one hour. What the app recorded of the hour is told beside it, since it comes by
another way.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from schemas.vocabulary import histogram_edges

APPLICATIONS = ("studio", "castingly", "unattributed")
OPERATIONS = ("get_object", "head_object", "put_object", "list")
STATUSES = (200, 206, 304, 403, 404, 499, 500, 503)
EDGES = np.array(histogram_edges(3_600_000))
GET, OK, MISSING, ABORTED, BROKEN = 0, 0, 4, 5, 6
SHAPE = (len(APPLICATIONS), len(OPERATIONS), len(STATUSES))
FRONTS = 2
_REQUESTS = 2400  # of the busiest usual hour
_USUAL_STATUS = (0.80, 0.1469, 0.05, 0.0004, 0.0012, 0.0008, 0.0004, 0.0003)


@dataclass(slots=True)
class Lot:
    """``counts``, ``deliveries``, ``sent``, ``ms``: requests, deliveries, bytes, and the sum of their times, by
    application, operation and status. ``times``: requests by application, operation and edge. ``addresses``: of them,
    those that were not seen in another hour of the day, by application. ``viewed``: deliveries that the app recorded as
    a view; ``matched``: those that can be told to be one; ``strangers``: GETs of people whom it does not know."""

    hour: int
    front: int
    arrived_at: datetime | None
    counts: np.ndarray
    deliveries: np.ndarray
    sent: np.ndarray
    ms: np.ndarray
    times: np.ndarray
    addresses: np.ndarray
    viewed: np.ndarray
    matched: np.ndarray
    strangers: np.ndarray
    rejected: int
    misses: int  # 404 that crawlers of the first application got, of ``counts``
    rejected_bytes: int = 0

    @property
    def requests(self) -> int:
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True)
class Hour:
    """``recorded``: views that the app recorded, by application."""

    lots: tuple[Lot, ...]
    recorded: np.ndarray


def hour_of_logs(rng: np.random.Generator, number: int, at: datetime, busy: float, wrong: Collection[str]) -> Hour:
    """``busy`` is what the rhythm means to be; ``wrong``: kinds of what goes wrong in this hour."""
    # The same slow hour for both fronts: it is one storage.
    slowness = rng.uniform(1.5, 2.3) if rng.random() < 0.02 else 1.0
    slowness *= 5 if "slow_storage" in wrong else 1
    meant = busy * _REQUESTS * rng.gamma(8, 1 / 8)
    lots = tuple(_lot(rng, number, front, at, busy, meant / FRONTS, slowness, wrong) for front in range(FRONTS))
    viewed = sum(lot.viewed for lot in lots)
    # What a browser has is seen by the app alone.
    return Hour(lots, viewed + rng.poisson(viewed * rng.lognormal(-3.2, 0.5)))


def _lot(
    rng: np.random.Generator, number: int, front: int, at: datetime, busy: float, meant: float, slowness: float,
    wrong: Collection[str],
) -> Lot:  # fmt: skip
    asked = _Requests(rng, rng.poisson(meant))
    asked.go_astray(wrong)
    times = asked.times(busy, slowness)
    people = np.bincount(asked.application, minlength=SHAPE[0])
    addresses = people / rng.uniform(4.0, 5.0)
    if "bandwidth_flood" in wrong:
        asked.add(rng.poisson(140), 40_000_000)
    if "scraping" in wrong:
        extra = asked.add(rng.poisson(75_000 / 8 / FRONTS * 1.5), 150_000)
        addresses[0] += extra / 1.5
    if "budget_overrun" in wrong:
        asked.sent = asked.sent * 13 // 5
    times = np.concatenate([times, asked.times(busy, slowness, only_added=True)])
    code = (asked.application * SHAPE[1] + asked.operation) * SHAPE[2] + asked.status
    counts = np.bincount(code, minlength=np.prod(SHAPE)).reshape(SHAPE)
    place = np.searchsorted(EDGES, times)
    cell = (asked.application * SHAPE[1] + asked.operation) * len(EDGES) + place
    deliveries = np.zeros_like(counts)
    deliveries[:, GET, :2] = rng.binomial(counts[:, GET, :2], 0.88)
    viewed = rng.binomial(people, (0.55, 0.48, 0.0))
    matched = rng.binomial(viewed, 0.1) if "reconciliation_broken" in wrong else viewed
    strangers = rng.binomial(people, min(rng.lognormal(-4.6, 0.6), 0.1))
    return Lot(
        number, front, _arrival(rng, at, wrong), counts, deliveries, _summed(code, asked.sent), _summed(code, times),
        np.bincount(cell, minlength=SHAPE[0] * SHAPE[1] * len(EDGES)).reshape(*SHAPE[:2], len(EDGES)),
        addresses, viewed, matched, strangers, _rejected(rng, len(code), wrong), asked.misses,
    )  # fmt: skip


class _Requests:
    """Requests, a column each. A class for its state: what goes wrong changes some and adds others."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.rng = rng
        self.application = rng.choice(len(APPLICATIONS), count, p=(0.55, 0.33, 0.12))
        self.operation = rng.choice(len(OPERATIONS), count, p=(0.86, 0.07, 0.05, 0.02))
        self.status = rng.choice(len(STATUSES), count, p=_USUAL_STATUS)
        size = rng.lognormal(13.2, 1.1, count).astype(np.int64)
        has_body = (self.operation == GET) & (self.status < 2)
        self.sent = np.where(has_body, size, np.where(self.status >= 3, 300, 0))
        self.usual, self.misses = count, 0

    def go_astray(self, wrong: Collection[str]) -> None:
        """Crawlers ask for what is not there, the storage stumbles: in lumps, as it is."""
        rng = self.rng
        if rng.random() < 0.05:
            self.add(int(rng.negative_binomial(2, 2 / 27)), 300, MISSING)
        if rng.random() < 0.015:
            self._fail(rng.uniform(0.004, 0.02))
        if "error_storm" in wrong:
            self._fail(1 / 12)
        self.misses = int((self.status[self.usual :] == MISSING).sum())
        self.usual = len(self.status)

    def _fail(self, share: float) -> None:
        hit = self.rng.random(len(self.status)) < share
        self.status = np.where(hit, BROKEN + self.rng.integers(0, 2, len(hit)), self.status)
        self.sent = np.where(hit, 300, self.sent)

    def add(self, count: int, size: int, status: int = OK) -> int:
        """GETs of the first application, whose bytes are about ``size``; returns how many."""
        more = np.zeros(count, dtype=self.status.dtype)
        self.application, self.operation = (
            np.concatenate([self.application, more]),
            np.concatenate([self.operation, more]),
        )
        self.status = np.concatenate([self.status, more + status])
        self.sent = np.concatenate([self.sent, self.rng.integers(size * 2 // 3, size * 4 // 3, count)])
        return count

    def times(self, busy: float, slowness: float, *, only_added: bool = False) -> np.ndarray:
        """Of the usual requests, or of those added since, in ms: the busier, the heavier the tail."""
        operation = self.operation[self.usual :] if only_added else self.operation[: self.usual]
        rng, count = self.rng, len(operation)
        middle = np.array((62, 18, 240, 45))[operation]
        waits = rng.random(count) < 0.015 + 0.02 * min(busy, 2.5)
        times = middle * rng.lognormal(0, 0.85, count) + waits * rng.lognormal(6.6, 0.8, count)
        return np.minimum(times * slowness, 3_500_000).astype(np.int64)


def _summed(code: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Whole numbers: floats hold those of an hour exactly."""
    return np.bincount(code, weights=values, minlength=int(np.prod(SHAPE))).astype(np.int64).reshape(SHAPE)


def _arrival(rng: np.random.Generator, at: datetime, wrong: Collection[str]) -> datetime | None:
    """An hour after the hour's end, give or take; now and then up to three hours. None: never."""
    minutes = 60 + rng.gamma(2, 8) + (rng.uniform(0, 120) if rng.random() < 0.06 else 0)
    if "delivery_late" in wrong:
        minutes += rng.uniform(14, 20) * 60
    return None if "log_dead" in wrong else at + timedelta(hours=1, minutes=min(minutes, 1500))


def _rejected(rng: np.random.Generator, lines: int, wrong: Collection[str]) -> int:
    share = 0.04 if "rejects" in wrong else 0.0002 if rng.random() < 0.1 else 0.0
    return int(rng.binomial(lines, share))
