"""When a small team's app is busy: days, weeks, holidays, growth, and the days on which a post goes round.

The busiest usual hour of a working day is 1; everything else is told in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

_OF_A_DAY = (
    0.22, 0.12, 0.05, 0.03, 0.02, 0.03, 0.08, 0.20, 0.42, 0.60, 0.70, 0.76,
    0.82, 0.78, 0.72, 0.70, 0.74, 0.82, 0.92, 1.00, 0.98, 0.86, 0.62, 0.40,
)  # fmt: skip
_OF_A_WEEK = (1.0, 1.02, 1.0, 0.98, 0.90, 0.62, 0.66)  # from Monday
_HOLIDAY = 0.06
_GROWTH = 0.18  # over 90 days
_BURSTS_A_DAY = 0.11
_BURST_HOURS = 2


@dataclass(frozen=True, slots=True)
class Rhythm:
    """``hours``: how busy each hour is meant to be, before chance. ``holidays``, ``bursts``: days, and hours (of the
    quarter) in which one begins."""

    begin: datetime
    hours: np.ndarray
    holidays: tuple[int, ...]
    bursts: tuple[int, ...]

    def at(self, hour: int) -> float:
        return float(self.hours[hour])

    def is_holiday(self, day: int) -> bool:
        return day in self.holidays


def rhythm(seed: int, begin: datetime, days: int) -> Rhythm:
    """Of so many days from a midnight in UTC."""
    rng = np.random.default_rng((seed, 1))
    holidays = tuple(int(day) for day in np.nonzero(rng.random(days) < 4 / 90)[0])
    hours = np.array([_usual(begin + timedelta(hours=n), n / 24) for n in range(days * 24)])
    hours *= np.repeat(rng.lognormal(0, 0.12, days), 24)
    for day in holidays:
        hours[day * 24 : day * 24 + 24] *= _HOLIDAY
    bursts = []
    for day in np.nonzero(rng.random(days) < _BURSTS_A_DAY)[0]:
        first, factor = int(day) * 24 + int(rng.integers(8, 21)), rng.uniform(1.8, 3.0)
        bursts.append(first)
        hours[first : first + _BURST_HOURS] *= factor
        fading = hours[first + _BURST_HOURS : first + _BURST_HOURS + 3]
        fading *= (1 + (factor - 1) * np.array((0.5, 0.25, 0.1)))[: len(fading)]
    return Rhythm(begin, hours, holidays, tuple(bursts))


def _usual(at: datetime, day: float) -> float:
    return _OF_A_DAY[at.hour] * _OF_A_WEEK[at.weekday()] * (1 + _GROWTH * day / 90)
