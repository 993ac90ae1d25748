"""How long after an hour its records have come, learned from what was delivered.

An hour of which nothing has come is not empty while its source usually takes longer. What comes much later than that
is late data, and changes what is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

HISTORY = timedelta(days=14)
LEARNED_DELIVERIES = 10
LONGEST = timedelta(hours=36)
"""What comes later is no rhythm: a source that delivers once a day needs 26 hours for a day's first hour."""
_HOUR = timedelta(hours=1)
_USUAL = 9  # of ten deliveries


def first_told(deliveries: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Of each hour its first delivery: where each one tells again what those before it told, as downloads of a table
    do, an hour has come with the first."""
    first: dict[datetime, datetime] = {}
    for delivered, hour in deliveries:
        first[hour] = min(first.get(hour, delivered), delivered)
    return [(delivered, hour) for hour, delivered in first.items()]


def delay(deliveries: Iterable[tuple[datetime, datetime]], *, now: datetime) -> timedelta | None:
    """After so long nine in ten deliveries had come, with the oldest hour that they were of; None: too few are known.

    ``deliveries``: pairs of when something was delivered, and an hour (its begin) that it is of, in any order. A
    delivery is all that came within one UTC hour, so a bucket that was copied in one go is one.
    """
    longest: dict[datetime, timedelta] = {}
    for delivered, hour in deliveries:
        passed = max(delivered - hour - _HOUR, timedelta(0))
        if now - HISTORY <= delivered <= now and passed <= LONGEST:
            at = delivered.replace(minute=0, second=0, microsecond=0)
            longest[at] = max(longest.get(at, passed), passed)
    if len(longest) < LEARNED_DELIVERIES:
        return None
    return sorted(longest.values())[-(-len(longest) * _USUAL // 10) - 1]
