"""How long after an hour its records usually come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mediameter.metering.delay import delay, first_told

HOUR = timedelta(hours=1)
DAY = datetime(2026, 3, 4, tzinfo=UTC)


def usual(*hours: float, count: int = 24) -> timedelta | None:
    """Deliveries, an hour each, so many hours late one after the other."""
    late = [hours[number % len(hours)] for number in range(count)]
    pairs = [(DAY + (number + 1 + each) * HOUR, DAY + number * HOUR) for number, each in enumerate(late)]
    return delay(pairs, now=DAY + timedelta(days=7))


def test_how_late_is_usual() -> None:
    assert usual(4) == 4 * HOUR
    assert usual(1, count=9) is None
    assert usual(*[1] * 19, 30) == HOUR  # once in a while is late, not usual
    assert usual(1, 5) == 5 * HOUR
    assert usual(72) is None  # what was uploaded long after says nothing
    assert usual(-0.5) == timedelta(0)  # within its own hour


def test_a_copied_bucket_is_one_delivery() -> None:
    copied = [(DAY, DAY - number * HOUR) for number in range(1, 800)]
    assert delay(copied, now=DAY) is None
    fresh = [(DAY + (number + 2) * HOUR, DAY + number * HOUR) for number in range(20)]
    assert delay([*copied, *fresh], now=DAY + 30 * HOUR) == HOUR


def test_a_delivery_each_night_takes_a_day_for_its_first_hour() -> None:
    nights = [
        (DAY + timedelta(days=day + 1, hours=2), DAY + timedelta(days=day) + number * HOUR)
        for day in range(12)
        for number in range(24)
    ]
    assert delay(nights, now=DAY + timedelta(days=14)) == 25 * HOUR


def test_downloads_of_a_whole_table_are_as_late_as_what_is_new_in_them() -> None:
    hours = range(40)
    downloads = [(DAY + (of + 2) * HOUR, DAY + hour * HOUR) for of in hours for hour in range(of + 1)]
    now = DAY + 48 * HOUR
    assert delay(first_told(downloads), now=now) == HOUR
    assert delay(downloads, now=now) == 36 * HOUR
