"""The table of stations: each row fits its step, an error holds up no other, and a new station is a row."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mediameter.cli import main
from mediameter.commands.run import RunSummary, run
from mediameter.demo.oddities import SEED_AT, SEED_LINE
from mediameter.errors import Unavailable, UserError, WorldError
from mediameter.scheduling.notice import perform
from mediameter.settings import Settings, load
from mediameter.steps.pass_ import stations
from mediameter.steps.pass_.stations import PASS, WATCH, Occasion, Station, walk

NOW = datetime(2025, 11, 4, tzinfo=UTC)
FAULTY = """table: traffic_daily
expectations:
  - rule: impossible
    type: expect_there_to_be_no_such_expectation
    kwargs: {}
"""
pytestmark = pytest.mark.usefixtures("plain_gate")


def test_the_gate_comes_before_the_rules_and_messages_after_both() -> None:
    names = [station.name for station in PASS]
    assert names == ["ingest", "export", "rollup", "quality", "check", "deliver", "write_back"]


@pytest.mark.parametrize("station", [*PASS, WATCH], ids=lambda station: station.name)
def test_a_row_fits_its_step(station: Station) -> None:
    module = importlib.import_module(station.module)
    taken = inspect.signature(getattr(module, station.function)).parameters
    report = getattr(module, station.report)
    assert {"settings", "now", *station.takes} <= set(taken)
    assert set(station.news) <= {each.name for each in fields(report)}
    if station.at_night and station.at_night.window:
        assert "window" in station.takes and getattr(module, station.at_night.window) > 0


@pytest.mark.parametrize("station", PASS, ids=lambda station: station.name)
def test_an_empty_report_is_no_news_and_no_complaint(station: Station) -> None:
    report = station.report_of()
    assert station.report_of(report.to_dict()) == report
    assert not any(getattr(report, name) for name in station.news)
    station.complains(report.to_dict())


# --- what an error holds up ----------------------------------------------------------------------------
def walked(failing: Mapping[str, Exception]) -> tuple[list[str], list[Exception]]:
    called = []

    def call(station: Station) -> str:
        called.append(station.name)
        if station.name in failing:
            raise failing[station.name]
        return station.name

    return called, walk(PASS, call).errors


def test_several_errors_are_one_that_names_them_all() -> None:
    """So that a broken suite does not hide an application that is down."""
    with pytest.raises(WorldError, match=r"^2 errors: no rights: grant them; ValueError: 3: this is a bug"):
        walk(PASS, _failing({"export": UserError("no rights", "grant them"), "quality": ValueError("3")})).require_all()
    mine = {station.name: UserError(station.name) for station in PASS}
    with pytest.raises(UserError, match=r"^7 errors: ingest; export; rollup; quality; check; deliver; write_back$"):
        walk(PASS, _failing(mine)).require_all()


def test_what_every_station_says_is_said_once() -> None:
    same = {station.name: UserError("the key is another") for station in PASS}
    with pytest.raises(UserError, match=r"^the key is another$"):
        walk(PASS, _failing(same)).require_all()


def _failing(errors: Mapping[str, Exception]) -> Callable[[Station], None]:
    def call(station: Station) -> None:
        if station.name in errors:
            raise errors[station.name]

    return call


def test_every_complaint_is_heard() -> None:
    reports = {station.name: station.report_of().to_dict() for station in PASS}
    reports["ingest"]["failed"] = ["a: cut off"]
    reports["check"]["mistakes"] = ["mine.yaml line 3"]
    with pytest.raises(WorldError, match=r"^2 errors: 1 object could not be read.*; mine\.yaml line 3: "):
        stations.require_success(reports)
    with pytest.raises(WorldError, match=r"^3 errors: the disk is gone; 1 object .*; mine\.yaml line 3: "):
        stations.require_success(reports, [WorldError("the disk is gone")])


@pytest.mark.parametrize("name", [station.name for station in PASS])
def test_an_error_of_one_station_keeps_no_other_from_its_work(name: str) -> None:
    error = WorldError("down")
    called, errors = walked({name: error})
    assert called == [station.name for station in PASS] and errors == [error]


@pytest.mark.parametrize("name", ["ingest", "rollup", "check"])
def test_what_breaks_everything_ends_the_pass(name: str) -> None:
    with pytest.raises(Unavailable, match="down"):
        walked({name: Unavailable("down")})


def test_one_error_is_raised_as_it_is() -> None:
    result, alone = walk(PASS[:2], lambda station: station.name), UserError("the first")
    result.errors.append(alone)
    with pytest.raises(UserError) as raised:
        result.require_all()
    assert raised.value is alone
    result.errors.append(WorldError("the second"))
    with pytest.raises(WorldError, match="2 errors: the first; the second"):
        result.require_all()


def test_a_fatal_error_ends_the_walk_at_any_station() -> None:
    def call(station: Station) -> None:
        if station.name == "export":
            raise TimeoutError

    with pytest.raises(TimeoutError):
        walk(PASS, call, fatal=TimeoutError)


def test_a_broken_suite_keeps_no_rule_from_being_judged(site: Path) -> None:
    (site / "expectations").mkdir()
    (site / "expectations" / "faulty.yaml").write_text(FAULTY)
    settings = load(site / "mediameter.toml")
    with pytest.raises(UserError, match="faulty"):
        run(settings, now=NOW).require_success()
    with sqlite3.connect(site / "warehouse.sqlite") as connection:
        judged = connection.execute("SELECT COUNT(*) FROM alert_checks_daily WHERE rule = 'daily_bandwidth'").fetchone()
        verdicts = connection.execute("SELECT COUNT(*) FROM quality_checks_daily").fetchone()
    assert (judged, verdicts) == ((1,), (0,))


# --- a new station ---------------------------------------------------------------------------------------
@dataclass(slots=True)
class FilesReport:
    """What the station of these tests returns."""

    files: int = 0
    failed: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def count_files(settings: Settings, *, now: datetime) -> FilesReport:
    files = sum(path.is_file() for path in (settings.folder / "bucket").iterdir())
    return FilesReport(files, ["there is a file"] if (settings.folder / "complain").exists() else [])


def says(report: FilesReport, occasion: Occasion) -> list[str]:
    return [f"{report.files} files in the bucket ({occasion})"]


def complains(report: Mapping[str, Any]) -> None:
    if report["failed"]:
        raise WorldError(report["failed"][0])


ROW = Station(
    "files", __name__, "count_files", "FilesReport", takes=(), news=("failed",), says=says, complains=complains
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of one line in a folder, and its settings."""
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "bucket" / "2025-10-30-22-00-00-ABCDEF"
    log.parent.mkdir()
    log.write_text(SEED_LINE + "\n")
    os.utime(log, (SEED_AT + 1732, SEED_AT + 1732))
    (tmp_path / "mediameter.toml").write_text(
        '[sources.ovh]\nkind = "s3_access_log"\npath = "bucket"\n[geo]\ncountries = "none"\n'
    )
    return tmp_path


@pytest.fixture
def with_a_new_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass with one more station, after the rollups."""
    monkeypatch.setattr(stations, "PASS", (*PASS[:3], ROW, *PASS[3:]))


@pytest.mark.usefixtures("with_a_new_row")
def test_a_new_station_is_a_row(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`run`, its summary as text and JSON, its exit code, a flow's task, `backfill` and `replay`: all know it."""
    assert main(["run"]) == 0
    assert "1 files in the bucket (done)" in capsys.readouterr().out
    assert main(["run"]) == 0
    assert "1 files in the bucket (idle)" in capsys.readouterr().out
    assert main(["run", "--dry-run"]) == 0
    assert "in the bucket (" not in capsys.readouterr().out, "it does not say what it would do"
    assert perform("files", str(site / "mediameter.toml"), NOW.isoformat()) == {"files": 1, "failed": []}
    for words in (["run"], ["backfill", "2025-10-30"], ["rejects", "replay"]):
        assert main([*words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["files"] == {"files": 1, "failed": []}
    (site / "complain").touch()
    for words in (["run"], ["backfill", "2025-10-30"], ["rejects", "replay"]):
        assert main(words) == 1
        assert "there is a file" in capsys.readouterr().err


@pytest.mark.usefixtures("with_a_new_row")
def test_a_summary_survives_the_way_through_a_flow() -> None:
    summary = RunSummary({"files": FilesReport(3, ["one"])})
    again = RunSummary.from_dict(json.loads(json.dumps(summary.to_dict())))
    assert again.files == FilesReport(3, ["one"]) and again.lines() == summary.lines()
    assert again.has_failed and not again.is_idle
