"""What came when, and in which order, makes no difference."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mediameter.commands import backfill as command
from mediameter.commands.run import run
from mediameter.steps.export.export import export
from mediameter.steps.redo.backfill import Task, backfill, plan
from parsers.palette import credits
from schemas.frames import polars_schema
from schemas.palette import TRANSACTION_ROW
from tests.export.application import Application
from tests.generations.files import Box, generation, lines
from tests.generations.palette import DAY, NOON, NOW, palette, settings_for
from tests.generations.palette import generation as generated
from tests.generations.rolled_up import rows
from tests.trials.dump import FIGURES, dump

pytestmark = pytest.mark.in_turn
_DAY = 86_400
_ACTIVE = "SELECT day, window_days, active_users, new_users FROM active_users_trailing ORDER BY day, window_days"


def test_days_between_are_told_whenever_they_lie_between(tmp_path: Path) -> None:
    """Users of 1 November are active in the week before the 2nd, too, though nobody was there on that day: as soon as
    there is a 3rd, and no longer than there is one."""
    boxes = [Box(tmp_path / name) for name in ("in parts", "at once")]
    first, later, instead = (generation(days * _DAY, id=f"g{days}") for days in (-2, 0, -1))
    boxes[0].put("1", lines(first))
    boxes[0].run()
    boxes[0].put("2", lines(later))
    boxes[0].run()
    assert boxes[0].rows(_ACTIVE)[3:5] == [("2026-11-02", 7, 1, None), ("2026-11-02", 30, 1, None)]
    boxes[0].put("2", lines(instead))
    boxes[0].run()
    boxes[1].put("1", lines(first))
    boxes[1].put("2", lines(instead))
    boxes[1].run()
    assert boxes[0].rows(_ACTIVE) == boxes[1].rows(_ACTIVE)
    assert boxes[0].rows("SELECT MAX(day) FROM active_users_trailing") == [("2026-11-02",)]


def test_an_id_of_the_day_before_does_not_take_a_day_its_event(tmp_path: Path) -> None:
    """Else the day would rest on files that do not make it dirty: the older one may come later."""
    boxes = [Box(tmp_path / name) for name in ("older later", "at once")]
    older, newer = (generation(days * _DAY, id="twice") for days in (-1, 0))
    boxes[0].put("newer", lines(newer))
    boxes[0].run()
    for box in boxes:
        box.put("newer", lines(newer))
        box.put("older", lines(older))
        box.run()
    assert boxes[0].counts() == boxes[1].counts() == (2, 0, 0, 0)
    tables = tuple(each for each in FIGURES if each.name != "days")
    assert dump(boxes[0].settings().warehouse.url, tables) == dump(boxes[1].settings().warehouse.url, tables)


def test_a_day_whose_rows_are_all_rejected_says_so(system: Application, tmp_path: Path) -> None:
    said = "SELECT lines, parsed, rejected, is_suspect FROM days"
    system.insert("generation_events", generated(1, credits_cost=-1))
    run(settings_for(system.url, tmp_path), now=NOW)
    assert rows(tmp_path, said) == [(1, 0, 1, 1)]
    system.insert("generation_events", generated(2, credits_cost=-1))
    run(settings_for(system.url, tmp_path), now=NOW)
    assert rows(tmp_path, said) == [(2, 0, 2, 1)]
    system.execute("UPDATE generation_events SET credits_cost = 1")
    run(settings_for(system.url, tmp_path), now=NOW)
    assert rows(tmp_path, said) == [(2, 2, 0, 0)]


def test_times_west_of_greenwich_in_a_copy(tmp_path: Path) -> None:
    """Of a copy in SQLite, where the date of the text is not the day in UTC."""
    for system in palette("sqlite", tmp_path):
        spelled = {"created_at": f"{DAY}T22:30:00-05:00", "completed_at": f"{DAY}T22:30:04-05:00"}
        system.insert("generation_events", generated(1, **spelled))
        report = export(settings_for(system.url, tmp_path), now=NOW)
        assert (report.rows, report.events, report.days) == (1, 1, ["2026-11-04"])


def test_rows_of_one_id_and_instant_are_told_by_what_they_say() -> None:
    def taken(*of: dict[str, Any]) -> list[int]:
        frame = pl.DataFrame(of, schema=polars_schema(TRANSACTION_ROW))
        return credits().take(frame).events["credits"].to_list()

    row = {"id": "a", "user_id": "u", "type": "bonus", "metadata": json.dumps({}), "created_at": NOON}
    one, other = {**row, "amount": 5}, {**row, "amount": 7}
    assert taken(one, other) == taken(other, one) == [5]


def test_a_plan_of_a_backfill_tells_days_of_generations(system: Application, tmp_path: Path) -> None:
    settings = settings_for(system.url, tmp_path)
    system.insert("generation_events", generated(1), generated(2, after=-_DAY))
    run(settings, now=NOW)
    system.execute("UPDATE generation_events SET credits_cost = 7")
    before = dump(settings.warehouse.url)
    task = Task(DAY, DAY)
    told = plan(settings, task, now=NOW)
    assert told.generation_days == [DAY - timedelta(days=1), DAY]  # those that its UTC days were read of
    assert "2 days of generations would be computed." in command.lines(told)[-1]
    assert dump(settings.warehouse.url) == before
    assert backfill(settings, task, now=NOW).generation_days == told.generation_days
    assert rows(tmp_path, "SELECT SUM(credits_charged) FROM generations_daily") == [(14,)]
