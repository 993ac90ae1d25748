"""Event files seen by all that is not a pass: replay, backfill, status, rejects, doctor; and on every engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter.commands.rejects import list_rejects, show_reject
from mediameter.commands.status import status
from mediameter.doctor import examine
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.steps.redo.replay import replay
from mediameter.systems import SYSTEMS
from parsers import palette_events
from schemas.generations import GENERATION_FAMILY
from schemas.internal import OBJECT_HOURS, OBJECTS, REJECTS
from schemas.rollups import DAYS
from tests.generations.files import (
    Box,
    app_error,
    generation,
    lines,
    purchase,
    sign_in,
)
from tests.generations.palette import NOON, NOW
from tests.trials.dump import dump


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_what_an_older_parser_rejected_is_read_again(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.put("file", lines(generation(), generation(1, status="pending"), sign_in(2)))
    with monkeypatch.context() as older:
        older.setitem(SYSTEMS, "palette_events", replace(SYSTEMS["palette_events"], parser_version=0))
        older.delitem(palette_events._SHAPES, "auth")
        box.run()
    assert box.counts() == (2, 0, 0, 0) and box.rejects() == [(3, "UNKNOWN_EVENT_TYPE")]
    found = replay(box.settings(), now=NOW)
    assert (found.objects, found.lines_back, found.rejected) == (1, 1, (1, 0))
    assert box.counts() == (2, 0, 1, 0) and box.days()[0][4:] == (3, 3, 0, 0, 0)
    assert replay(box.settings(), now=NOW).objects == 0


def test_a_backfill_reads_them_too(box: Box) -> None:
    box.put("file", lines(generation()), at=NOON + timedelta(hours=1))
    (box.folder / "events" / "none").write_bytes(b"")
    backfill(box.settings(), Task(NOON.date(), NOON.date()), now=NOW)
    assert box.counts()[0] == 1 and box.rows("SELECT object_key FROM objects") == [("file",)]


def test_status_and_rejects_show_them(box: Box) -> None:
    box.put("file", lines(generation(), generation(1, model_id="")))
    box.run()
    seen = status(box.settings(), now=NOW)
    assert [(each.source, each.objects, each.is_late) for each in seen.sources] == [("palette", 1, False)]
    assert seen.rejects == {"NO_MODEL": 1} and [each.rejected for each in seen.days] == [1]
    [reject] = list_rejects(box.settings(), "no_model").rejects
    assert (reject.object_key, reject.line_number) == ("file", 2) and reject.byte_offset > 0
    assert show_reject(box.settings(), "file", 2).parser_version == palette_events.PARSER_VERSION


@pytest.mark.parametrize(
    ("content", "verdict", "found"),
    [
        (lines(generation(), sign_in(1)), "ok", "1 generations, 1 sign ins"),
        (lines(generation(), sign_in(1, "")), "warning", "1 generations; of 2 rejected: 1 NO_TYPE"),
        (b"a,b\n", "error", "NOT_EVENTS"),
    ],
)
def test_doctor_looks_into_the_newest_file(content: bytes, verdict: str, found: str, box: Box) -> None:
    box.put("file", content)
    toml = box.folder / "mediameter.toml"
    toml.write_text('[sources.palette]\nkind = "palette_events"\npath = "events"\n[geo]\ncountries = "none"\n')
    findings = {each.check: each for each in examine(toml, clock=lambda: NOW)}
    newest = findings["sources.palette.newest"]
    assert newest.verdict == verdict and found in newest.found


def test_the_same_on_every_engine(made: sa.Engine, tmp_path: Path) -> None:
    url = made.url.render_as_string(hide_password=False)
    on_file, there = Box(tmp_path / "file"), Box(tmp_path / "there", url=url)
    for box in (on_file, there):
        box.put("file", lines(generation(), purchase(1), sign_in(2), app_error(3), generation(model_id="")))
        box.run()
        box.put(
            "file", lines(generation(), generation(5), purchase(1), app_error(3, error_message="a\0b \ud800")), at=NOW
        )
        box.run(NOW + timedelta(hours=1))
    tables = (*GENERATION_FAMILY, DAYS, OBJECTS, OBJECT_HOURS, REJECTS)
    assert dump(url, tables) == dump(on_file.settings().warehouse.url, tables)
