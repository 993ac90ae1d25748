"""What goes wrong in a quarter on purpose: kind, begin and end, so that it can be said what was found.

The places are the seed's; two never overlap, and none begins before there is something to compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from tests.worlds.quarter_rhythm import Rhythm


@dataclass(frozen=True, slots=True)
class Kind:
    """``hours`` it lasts, from an hour of the day between ``from_hour`` and ``to_hour``; ``on_a_weekday`` where a
    week-end would have too little of what it spoils."""

    hours: float
    from_hour: int
    to_hour: int
    what: str
    on_a_weekday: bool = True


KINDS = {
    "bandwidth_flood": Kind(12, 6, 10, "somebody embeds a video: 130 GB more than usual", False),
    "error_storm": Kind(3, 9, 18, "one request in twelve is answered 500 or 503"),
    "slow_storage": Kind(5, 9, 16, "everything takes five times as long"),
    "scraping": Kind(8, 4, 12, "75,000 new addresses fetch a file or two each", False),
    "budget_overrun": Kind(216, 0, 1, "2.6 times the usual bytes for nine days", False),
    "provider_down": Kind(1.5, 9, 19, "85 % of the generations fail, and people try again"),
    "slow_models": Kind(1, 10, 19, "every model takes six times as long"),
    "revenue_collapse": Kind(60, 0, 1, "nobody can pay, everything else goes on"),
    "rate_limits": Kind(2, 10, 18, "the provider turns a quarter of the generations away (429)"),
    "cost_up": Kind(8, 9, 11, "the same work costs the provider's price and 80 %"),
    "refund_wave": Kind(1, 10, 18, "somebody gives back credits by hand: 60 refunds"),
    "log_dead": Kind(30, 6, 10, "the storage writes no logs, and never will; the app sees deliveries"),
    "export_stopped": Kind(5, 9, 15, "the generating system's database cannot be reached"),
    "delivery_late": Kind(12, 6, 10, "the logs come 14 to 20 hours late"),
    "rejects": Kind(12, 8, 11, "one line in twenty-five is broken"),
    "reconciliation_broken": Kind(48, 0, 1, "the app's events name files that nobody fetches", False),
    "quality_failed": Kind(24, 0, 1, "a day's hours no longer add up to its figures", False),
}
ASLEEP = ("refund_wave",)
"""What only a rule of the pose generator is about, and that sleeps while no such system is connected."""
OFTEN = (
    *(kind for kind in KINDS if kind not in ASLEEP), "error_storm", "slow_storage", "provider_down", "slow_models",
)  # fmt: skip
"""The twenty of a quarter."""
_SETTLING_DAYS = 14


@dataclass(frozen=True, slots=True)
class Plant:
    """From ``begin`` to before ``end``, both aware."""

    kind: str
    begin: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        return self.begin <= at < self.end


def plants(seed: int, of: Rhythm, days: int, kinds: Sequence[str], settling_days: int = _SETTLING_DAYS) -> list[Plant]:
    """These kinds in an order of the seed's, one after the other, as far apart as the days allow. Raises
    ``ValueError`` when they do not fit."""
    rng = np.random.default_rng((seed, 2))
    order = [kinds[int(number)] for number in rng.permutation(len(kinds))]
    needed = sum(_days(kind) for kind in order)
    spare = days - settling_days - needed
    if spare < 0:
        raise ValueError(f"{len(kinds)} kinds need {needed} days, there are {days - settling_days}")
    gaps = np.bincount(rng.integers(0, len(order) + 1, spare), minlength=len(order) + 1)
    found, day = [], settling_days
    for kind, gap in zip(order, gaps, strict=False):
        found.append(_placed(rng, kind, of, range(day, day + int(gap) + 1)))
        day += _days(kind) + int(gap)
    return found


def _days(kind: str) -> int:
    """How many days a kind is given: its own, and a day in which what it leaves behind is noticed."""
    return int(-(-KINDS[kind].hours // 24)) + 1


def _placed(rng: np.random.Generator, kind: str, of: Rhythm, days: range) -> Plant:
    """On one of the days; if there is one, on a weekday that is no holiday: when nobody is there, nothing breaks."""
    wants = KINDS[kind]
    working = [day for day in days if not of.is_holiday(day)] or list(days)
    weekdays = [day for day in working if (of.begin + timedelta(days=day)).weekday() < 5]
    wanted = weekdays if wants.on_a_weekday and weekdays else working
    day = wanted[int(rng.integers(len(wanted)))]
    first = of.begin + timedelta(days=day, hours=int(rng.integers(wants.from_hour, wants.to_hour)))
    return Plant(kind, first, first + timedelta(hours=wants.hours))
