"""When a generation of an event file was asked for: the document writes its timestamp when it is done."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from parsers.access_log import Context
from parsers.palette_events import read_event
from tests.generations.files import Box, generation, lines, row
from tests.generations.palette import NOON

MIDNIGHT = NOON.replace(hour=0)
BEFORE = -12 * 3600
"""Seconds from noon to the midnight before it."""


def read(event: dict[str, Any], timestamp: str) -> dict[str, Any]:
    _, found = read_event(event, Context(seed=1, last_modified=NOON + timedelta(days=1), timestamp=timestamp))
    return found


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"duration_ms": 4500}, -4.5),
        ({"duration_ms": "4500.4", "status": "failed"}, -4.5),
        ({"duration_ms": None}, 0),  # nobody says how long it took
        ({"duration_ms": 4500, "status": "pending"}, 0),  # it is not done
        ({"duration_ms": 86_400_000}, -86_400),
        ({"duration_ms": 86_400_001}, 0),  # nothing takes so long
        ({"duration_ms": None, "completed_at": "2999-01-01T00:00:00Z"}, 0),
    ],
)
def test_asked_for_is_as_much_earlier_as_it_took(more: dict[str, Any], seconds: float) -> None:
    assert read(generation(**more), "finished")["at"] == NOON + timedelta(seconds=seconds)
    assert read(generation(**more), "asked")["at"] == NOON


def test_a_row_of_the_table_says_itself_when_it_was_asked_for() -> None:
    found = read(row(), "finished")
    assert (found["at"], found["duration_ms"]) == (NOON + timedelta(milliseconds=120), 6000)


def test_what_began_before_midnight_is_of_the_day_before(tmp_path: Path) -> None:
    box = Box(tmp_path)
    two = (generation(BEFORE + 2, id=name, duration_ms=lasted) for name, lasted in (("a", 3000), ("b", 1000)))
    box.put("a.ndjson", lines(*two))
    box.run()
    asked = "SELECT day, SUM(generations), SUM(duration_ms_sum) FROM generations_daily GROUP BY day ORDER BY day"
    day = MIDNIGHT.date()
    assert box.rows(asked) == [(str(day - timedelta(days=1)), 1, 3000), (str(day), 1, 1000)]
