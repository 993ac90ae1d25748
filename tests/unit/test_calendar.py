"""Reporting days: 23, 24 or 25 hours, without a gap between them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from mediameter.metering.calendar import Day, day_of, days_around, touched_days

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("day", "begin", "hours"),
    [
        (date(2026, 11, 1), datetime(2026, 10, 31, 23, tzinfo=UTC), 24),
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
    ],
)
def test_a_day_has_the_hours_of_its_zone(day: date, begin: datetime, hours: int) -> None:
    known = Day.of(day, BERLIN)
    assert known.begin == begin and known.bounds == (begin, begin + timedelta(hours=hours))
    assert known.hours == [begin + timedelta(hours=n) for n in range(hours)]
    assert {day_of(hour, BERLIN) for hour in known.hours} == {day}


def test_days_leave_no_gap() -> None:
    days = [Day.of(date(2026, 1, 1) + timedelta(days=n), BERLIN) for n in range(366)]
    assert all(before.end == after.begin for before, after in pairwise(days))


def test_an_instant_is_of_the_day_of_its_zone() -> None:
    late = datetime(2026, 11, 1, 23, 30, tzinfo=UTC)
    assert day_of(late, BERLIN) == date(2026, 11, 2) and touched_days([late, late], ZoneInfo("UTC")) == {
        date(2026, 11, 1)
    }


def test_what_lies_near_midnight_reaches_the_day_beside_it() -> None:
    hour = datetime(2026, 11, 1, 22, tzinfo=UTC)  # the last of its day in Berlin
    assert days_around([hour], BERLIN, timedelta(0), timedelta(0)) == {date(2026, 11, 1)}
    assert days_around([hour], BERLIN, timedelta(0), timedelta(seconds=60)) == {date(2026, 11, 1), date(2026, 11, 2)}
