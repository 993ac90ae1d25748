"""How long a source is usually silent, learned from when it delivered: what tells silence from quiet.

Time is counted in whole UTC hours. A source's week has 168 hours, and each has a share: in how many of the last weeks
something was delivered in that hour. The silence between two deliveries is worth the sum of the shares of the hours
that passed without one, so a night or a weekend without deliveries costs nothing where nights and weekends are always
so. A silence is ordinary up to twice the longest one less the usual one, both by that measure and by the clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

HISTORY_HOURS = 35 * 24
LEARNED_HOURS = 14 * 24
"""Two weeks: before, nobody can know which hours of a week are quiet."""
LEARNED_GAPS = 20
UNKNOWN_HOURS = 24
"""What is ordinary of a source whose rhythm is not learned yet, at least."""
GRACE_HOURS = 3
_WEEK = 7 * 24
_SLACK = 0.5  # of a delivery: an hour that saw one in two of the last weeks


@dataclass(frozen=True, slots=True)
class Rhythm:
    """``last_at``: the last delivery, to the hour. ``expected_by``: when the next one should have come; what lies
    behind it may be missing. ``late_from``: a while later, from when on somebody should look."""

    last_at: datetime
    expected_by: datetime
    late_from: datetime
    is_learned: bool


def rhythm(deliveries: Collection[datetime], *, now: datetime, ordinary: timedelta | None = None) -> Rhythm | None:
    """None where nothing was ever delivered. ``deliveries`` in any order, as often as they like; those after ``now``
    tell nothing. ``ordinary``: how long a silence may be, where the settings say it."""
    hours = sorted({_hour(at) for at in deliveries if at <= now})
    if not hours:
        return None
    last = hours[-1]
    if ordinary is not None:
        span, is_learned = max(1, -(-ordinary // timedelta(hours=1))), True
    else:
        span, is_learned = _ordinary(hours)
    grace = max(GRACE_HOURS, span // 10)
    return Rhythm(_at(last), _at(last + span), _at(last + span + grace), is_learned)


def _ordinary(hours: Sequence[int]) -> tuple[int, bool]:
    """How many hours after its last delivery the next one is due, and whether that is learned."""
    recent = [hour for hour in hours if hour > hours[-1] - HISTORY_HOURS]
    if recent[-1] - recent[0] < LEARNED_HOURS or len(recent) <= LEARNED_GAPS:
        by_clock = _limit([float(gap) for gap in _gaps(hours)])
        return max(UNKNOWN_HOURS, int(by_clock)) + 1, False
    by_clock = int(_limit([float(gap) for gap in _gaps(recent)])) + 1
    return min(by_clock, _by_shares(recent, by_clock)), True


def _by_shares(hours: Sequence[int], at_most: int) -> int:
    """The same by the shares of the hours that pass; the clock's answer where that is earlier."""
    share = _shares(hours)
    silences = [sum(share[h % _WEEK] for h in range(a + 1, b)) for a, b in pairwise(hours)]
    limit, passed, last = _limit(silences) + _SLACK, 0.0, hours[-1]
    for hour in range(last + 1, last + at_most):
        passed += share[hour % _WEEK]
        if passed > limit:
            return hour + 1 - last
    return at_most


def _shares(hours: Sequence[int]) -> list[float]:
    """Of each hour of the week, how often something was delivered in it, of all times that it came round."""
    there, seen = [0] * _WEEK, [0] * _WEEK
    for hour in range(hours[0], hours[-1] + 1):
        there[hour % _WEEK] += 1
    for hour in hours:
        seen[hour % _WEEK] += 1
    return [s / t if t else 0.0 for s, t in zip(seen, there, strict=True)]


def _limit(silences: Sequence[float]) -> float:
    """Twice the longest one less the usual one. Of many, the longest may have been an outage, and is left out."""
    if not silences:
        return 0.0
    ordered = sorted(silences)
    longest = ordered[-2] if len(ordered) >= 50 else ordered[-1]
    return 2 * longest - median(ordered)


def _gaps(hours: Sequence[int]) -> list[int]:
    return [b - a for a, b in pairwise(hours)]


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600


def _at(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)
