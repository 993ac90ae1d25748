"""One event id on two days counts on one of them, whichever file comes first."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.generations.files import Box, app_error, generation, lines, purchase, sign_in
from tests.generations.palette import NOON, NOW

HOUR = 3600
MONDAY, TUESDAY = (str((NOON + timedelta(days=days)).date()) for days in (0, 1))
LATE, EARLY = 11 * HOUR, 13 * HOUR
"""Seconds from Monday's noon to an hour before its end, and to an hour after it."""
DAY = "SELECT day, SUM(generations), SUM(cost_micros) FROM generations_daily GROUP BY day ORDER BY day"


def made(after: float, **more: Any) -> dict[str, Any]:
    return generation(after, id="one", duration_ms=None, **more)


def test_an_id_on_both_sides_of_midnight_counts_once(tmp_path: Path) -> None:
    box = Box(tmp_path)
    twice = [{**each, "id": f"{number} id"} for number, each in enumerate((sign_in(), app_error(), purchase()))]
    told = [{**each, "timestamp": str(NOON + timedelta(seconds=at))} for each in twice for at in (LATE, EARLY)]
    box.put("a.ndjson", lines(made(LATE), made(EARLY), *told))
    box.run()
    assert box.counts() == (1, 1, 1, 1)
    assert box.rows(DAY) == [(MONDAY, 1, 200_000)]  # of one file the earliest
    assert [row[0] for row in box.days()] == [MONDAY, TUESDAY]
    assert [row[-1] for row in box.days()] == [0, 4]
    assert box.rows("SELECT COUNT(*) FROM quality_checks_daily WHERE NOT is_met") == [(0,)]


FILES = {
    "pending.ndjson": (lines(made(LATE, status="pending", cost_cents=None)), NOW - timedelta(hours=30)),
    "done.ndjson": (lines(made(EARLY, cost_cents=50)), NOW - timedelta(hours=20)),
    "done-later.ndjson": (lines(made(EARLY + HOUR, cost_cents=70)), NOW - timedelta(hours=10)),
}


@pytest.mark.parametrize("order", list(permutations(FILES)), ids=lambda names: " ".join(name[:-7] for name in names))
def test_the_version_that_knows_best_has_the_day_whatever_comes_first(order: tuple[str, ...], tmp_path: Path) -> None:
    box = Box(tmp_path)
    for name in order:
        content, at = FILES[name]
        box.put(name, content, at=at)
        box.run()
    assert box.rows(DAY) == [(TUESDAY, 1, 700_000)]
    assert box.rows("SELECT day, active_users FROM active_users_trailing WHERE window_days = 1") == [(TUESDAY, 1)]


def test_what_a_better_version_took_comes_back_when_that_has_gone(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.put("a.ndjson", lines(made(LATE)), at=NOW - timedelta(hours=30))
    box.put("b.ndjson", lines(made(EARLY, cost_cents=50)), at=NOW - timedelta(hours=20))
    box.run()
    assert box.rows(DAY) == [(TUESDAY, 1, 500_000)]
    box.put("b.ndjson", lines(generation(EARLY, id="another")), at=NOW - timedelta(hours=2))
    box.run()
    assert box.rows(DAY) == [(MONDAY, 1, 200_000), (TUESDAY, 1, 200_000)]


@pytest.mark.parametrize(("hours", "count"), [(23.999, 1), (24, 2)])
def test_a_day_apart_they_are_two(hours: float, count: int, tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.put("a.ndjson", lines(purchase(transaction_id="ch"), purchase(hours * HOUR, transaction_id="ch")))
    box.run()
    assert box.counts()[1] == count
