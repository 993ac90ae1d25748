"""What silence is ordinary of a source: a dozen rhythms, of which none cries wolf and each tells its death."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from mediameter.metering.rhythm import rhythm
from mediameter.metering.shrinking import expected_objects, gone_of_days, has_shrunk, purged_days

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
Hours = Callable[[Random, datetime], Iterable[float]]  # a day's deliveries, in hours from its begin
WEEKEND = (5, 6)


def on_weekdays(hours: Hours) -> Hours:
    return lambda rng, day: () if day.weekday() in WEEKEND else hours(rng, day)


def each(*hours: float, jitter: float = 0.9, share: float = 1.0) -> Hours:
    return lambda rng, day: [hour + rng.uniform(0, jitter) for hour in hours if rng.random() < share]


# What a delivery a day, an hour, … looks like, and within how many hours its death has to be told.
RHYTHMS: dict[str, tuple[Hours, int]] = {
    "one an hour": (each(*range(24)), 6),
    "one in five minutes": (each(*(n / 12 for n in range(288)), jitter=0), 6),
    "one a night": (each(2), 30),
    "one a night, around the hour": (each(1.5), 34),
    "one a night, but at weekends": (on_weekdays(each(2)), 100),
    "one each six hours": (each(0, 6, 12, 18), 14),
    "in the day": (each(*range(7, 22)), 20),
    "in the day, most hours": (each(*range(7, 22), share=0.8), 30),
    "in office hours": (on_weekdays(each(*range(8, 18))), 90),
    "in office hours, most of them": (on_weekdays(each(*range(8, 18), share=0.7)), 100),
    "less at night and at weekends": (
        lambda rng, day: [
            hour
            for hour in range(24)
            if rng.random() < (0.9 if 8 <= hour < 22 else 0.4) * (0.6 if day.weekday() in WEEKEND else 1)
        ],
        60,
    ),
    "a few at random": (lambda rng, day: [rng.uniform(0, 24) for _ in range(5)], 60),
}  # fmt: skip


def delivered(hours: Hours, days: int, seed: int) -> list[datetime]:
    rng = Random(seed)
    return sorted(
        day + hour * HOUR for day in (MONDAY + timedelta(days=n) for n in range(days)) for hour in hours(rng, day)
    )


@pytest.mark.parametrize("name", RHYTHMS)
@pytest.mark.parametrize("seed", [1, 2])
def test_it_never_cries_wolf_once_it_is_learned(name: str, seed: int) -> None:
    deliveries = delivered(RHYTHMS[name][0], 42, seed)
    learned = [at for at in deliveries if at > MONDAY + timedelta(days=30)]
    for at, after in list(pairwise(learned))[:: max(1, len(learned) // 20)]:
        found = rhythm([each for each in deliveries if each <= at], now=after)
        assert found and found.is_learned and after <= found.late_from, (at, after, found)


@pytest.mark.parametrize("name", RHYTHMS)
def test_its_death_is_told(name: str) -> None:
    hours, within = RHYTHMS[name]
    deliveries = delivered(hours, 40, 3)  # to a Friday
    found = rhythm(deliveries, now=deliveries[-1] + timedelta(days=30))
    assert found and found.late_from - deliveries[-1] <= within * HOUR
    assert found.last_at <= deliveries[-1] < found.expected_by < found.late_from


def test_a_weekend_costs_nothing_and_the_monday_after_it_does() -> None:
    deliveries = [at for at in delivered(RHYTHMS["in office hours"][0], 40, 4) if at < MONDAY + timedelta(days=33)]
    found = rhythm(deliveries, now=deliveries[-1] + timedelta(days=9))
    monday = MONDAY + timedelta(days=35)
    assert found and deliveries[-1].weekday() == 4
    assert monday + 8 * HOUR < found.late_from < monday + 18 * HOUR


@pytest.mark.parametrize("count", [1, 5, 30])
def test_before_it_is_learned_a_day_and_a_few_hours_are_told(count: int) -> None:
    deliveries = [MONDAY + n * HOUR for n in range(count)]
    found = rhythm(deliveries, now=MONDAY + timedelta(days=9))
    assert found and not found.is_learned and found.late_from - deliveries[-1] == 28 * HOUR


def test_one_outage_of_the_past_teaches_nothing() -> None:
    whole = delivered(RHYTHMS["one an hour"][0], 40, 5)
    broken = [at for at in whole if not MONDAY + timedelta(days=20) < at < MONDAY + timedelta(days=23)]
    assert rhythm(broken, now=whole[-1]) == rhythm(whole, now=whole[-1])


def test_nothing_delivered_has_no_rhythm_and_the_future_tells_nothing() -> None:
    assert rhythm([], now=MONDAY) is None and rhythm([MONDAY + HOUR], now=MONDAY) is None
    found = rhythm([MONDAY, MONDAY + 5 * HOUR], now=MONDAY + HOUR)
    assert found and found.last_at == MONDAY


def test_what_the_settings_say_goes_first() -> None:
    found = rhythm([MONDAY], now=MONDAY, ordinary=timedelta(days=10))
    assert found and found.expected_by == MONDAY + timedelta(days=10)


# --- how much less is too little ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("before", "there", "is_less"),
    [
        (0, 0, False),
        (1, 0, True),
        (10, 5, False),
        (10, 4, True),
        (11, 5, True),
        (6, 1, False),
        (100, 80, False),
        (100, 79, True),
    ],
)
def test_a_fall_to_nothing_or_by_much(before: int, there: int, is_less: bool) -> None:
    assert has_shrunk(before, there) is is_less


def test_what_is_cleared_away_for_its_age_is_no_loss() -> None:
    days = [date(2026, 11, n) for n in range(1, 8)]
    before = dict.fromkeys(days, 10)
    there = {days[2]: 4, **dict.fromkeys(days[3:], 10)}
    assert purged_days(before, there, days[2], days[4]) == set(days[:3])
    assert purged_days(before, {}, None, days[4]) == set()
    assert purged_days(before, there, days[2], days[1]) == {days[0]}
    assert gone_of_days({days[3]: 10}, {days[3]: 8, days[4]: 99}) == (10, 2)


def test_objects_that_have_to_be_listed_still() -> None:
    now = MONDAY + timedelta(days=30)
    delivered = {str(n): MONDAY + timedelta(days=n) for n in range(30)}
    asked = {"now": now, "kept": None, "since": None}
    assert expected_objects(delivered, **asked) == {str(n) for n in range(22, 30)}
    assert expected_objects(delivered, **{**asked, "kept": timedelta(days=3)}) == {"28", "29"}
    assert expected_objects(delivered, **{**asked, "since": MONDAY + timedelta(days=27)}) == {"28", "29"}
    assert expected_objects({}, **asked) == set()
