"""The command as a person meets it: what it prints, its exit codes, and one line for what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from typer.main import get_command

from mediameter import connect
from mediameter.answers import catalogue
from mediameter.cli import app, main
from mediameter.commands.status import status
from mediameter.settings import Settings, load
from mediameter.store import tenancy, warehouse

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = '[sources.logs]\nkind = "s3_access_log"\npath = "bucket"\n'
_COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
COMMANDS = sorted(_COMMANDS)
WITH_THEIR_OWN = [[name] for name in COMMANDS] + [["rejects", name] for name in _COMMANDS["rejects"].commands]
NOW = datetime(2025, 11, 3, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every command runs in a folder of its own, without the settings of whoever runs the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEDIAMETER_TOML", raising=False)
    monkeypatch.delenv("MEDIAMETER_TRACEBACK", raising=False)
    yield tmp_path


@pytest.fixture
def settings(empty_folder: Path) -> Settings:
    """A warehouse with a final day, an open one, one rejected line, and one of an object that was overwritten."""
    Path("mediameter.toml").write_text(SETTINGS)
    loaded = load()
    engine = tenancy.engine(loaded.warehouse.url, loaded.tenant)
    warehouse.ready(engine)
    with connect.writing(engine) as connection:
        for name, rows in _content().items():
            connection.execute(insert(warehouse.tables[name]), rows)
    engine.dispose()
    return loaded


def _content() -> dict[str, list[dict[str, object]]]:
    listed = NOW.replace(tzinfo=None)
    counts = {"lines": 10, "parsed": 8, "ignored": 1, "rejected": 1}
    day = {
        **counts,
        "tenant": "default",
        "source": "logs",
        "is_suspect": False,
        "revision": 1,
        "objects": 1,
        "duplicates": 2,
        "complete_through_at": listed - timedelta(hours=6),
    }
    version = {
        **counts,
        "source": "logs",
        "object_key": "access-logs/one",
        "etag": "e",
        "version_id": "",
        "size_bytes": 9,
        "sha256": "0",
        "parser_version": 1,
        "ignored_log_bucket": 0,
        "last_modified_at": listed,
        **dict.fromkeys(("reason", "detail", "first_at", "last_at")),
    }
    reject = {"line_number": 3, "byte_offset": 512, "reason": "SHORT_LINE", "line": "too \x1b[31mshort"}
    reject |= {"least_bytes": 5, "most_bytes": 70}
    return {
        "days": [
            {**day, "day": date(2025, 11, 1), "state": "final"},
            {**day, "day": date(2025, 11, 2), "state": "open"},
        ],
        "listings": [
            {"source": "logs", "listed_at": listed, "objects": 2, "pending": 0, "complete_through_at": listed},
        ],
        "objects": [
            {**version, "object_id": 1, "state": "settled"},
            {**version, "object_id": 2, "state": "superseded"},
        ],
        "rejects": [{**reject, "object_id": 1}, {**reject, "object_id": 2}],
    }


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on stderr: one line, and nothing on stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mediameter: ") and captured.err.count("\n") == 1, captured.err
    return captured.err


# --- help --------------------------------------------------------------------------------------------
def test_the_commands_are_these() -> None:
    reading = ["alerts", "answer", "doctor", "rejects", "report", "status"]
    assert sorted([*reading, "adopt", "backfill", "demo", "init", "migrate", "run"]) == COMMANDS


@pytest.mark.parametrize("command", WITH_THEIR_OWN, ids=" ".join)
def test_every_help_has_an_example_that_names_the_command(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == 0
    _, examples = capsys.readouterr().out.split("Examples:\n")
    assert f"mediameter {' '.join(command)}" in examples.splitlines()[0]


def test_bare_it_prints_its_help_and_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    bare = capsys.readouterr()
    assert main(["--help"]) == 0
    assert bare.out.rstrip() == capsys.readouterr().out.rstrip() and bare.err == ""


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert (
        capsys.readouterr().out
        == f"mediameter {tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['version']}\n"
    )


def test_a_shell_completes_the_commands() -> None:
    asked = {"_MEDIAMETER_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "mediameter ans"}
    code = "import sys; from mediameter.cli import main; sys.exit(main([]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=asked, capture_output=True, text=True, check=False
    )
    assert '"answer"' in done.stdout and '"alerts"' not in done.stdout


@pytest.mark.parametrize("group", [[], ["alerts"], ["rejects"]], ids=str)
def test_no_line_of_the_commands_is_cut(
    group: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*group, "--help"]) == 0
    commands = capsys.readouterr().out.split("Commands:\n")[1]
    assert "..." not in commands


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'polars', 'prefect', 'sqlalchemy', 'pandera', 'pydantic', 'great_expectations', 'rich.console'}"
    code = f"import sys; from mediameter.cli import main; main(['--help']); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- what the user can mend: 2 -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "no such settings file: `mediameter init` writes one"),
        (["status", "--settings", "absent.toml"], "absent.toml: there is no such settings file"),
        (["statsu"], "No such command 'statsu'"),
        (["run", "--dry"], "No such option"),
        (["rejects", "--limit", "0"], "--limit"),
        (["status", "yesterday"], "'yesterday' is not a day"),
        (["backfill"], "Missing argument 'RANGE'"),
        (["backfill", "2025-10-01", "--all"], "add --reparse"),
        (["rejects", "--json", "list"], "put options after the subcommand"),
    ],
)
def test_a_wrong_word_is_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in one_line(capsys)


def test_a_wrong_setting_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mediameter.toml").write_text(SETTINGS + "[reporting]\nzone = 'UTC'\n")
    assert main(["status"]) == 2
    assert "mediameter.toml line 5: reporting.zone: unknown setting: did you mean reporting.time_zone?" in one_line(
        capsys
    )


@pytest.mark.parametrize("arguments", [["status"], ["report"], ["answer", "checks"], ["rejects"]])
def test_reading_before_the_first_run_is_2_and_makes_nothing(
    arguments: list[str], capsys: pytest.CaptureFixture[str], empty_folder: Path
) -> None:
    Path("mediameter.toml").write_text(SETTINGS)
    assert main(arguments) == 2
    assert "there is no warehouse yet: `mediameter run` creates it" in one_line(capsys)
    assert [path.name for path in empty_folder.iterdir()] == ["mediameter.toml"]


# --- what the world has to mend: 1 -------------------------------------------------------------------
def test_a_broken_warehouse_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mediameter.toml").write_text(SETTINGS)
    Path("warehouse.sqlite").write_text("this is no database, however long one looks at it")
    assert main(["status"]) == 1
    assert "file is not a database" in one_line(capsys)


def test_a_report_into_no_folder_is_1(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--out", "absent/report.html"]) == 1
    assert "No such file or directory" in one_line(capsys)


def test_a_traceback_shows_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIAMETER_TRACEBACK", "1")
    assert main(["run"]) == 2
    assert "Traceback" in capsys.readouterr().err


# --- whose packages these are ------------------------------------------------------------------------
def test_another_package_of_our_name_is_named(tmp_path: Path) -> None:
    intruder = tmp_path / "elsewhere" / "parsers"
    intruder.mkdir(parents=True)
    (intruder / "__init__.py").write_text("")
    path = os.pathsep.join([str(intruder.parent), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mediameter", "status"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert f"another package named parsers stands in the way: {intruder}: remove it" in done.stderr
    assert done.stderr.count("\n") == 1


# --- init --------------------------------------------------------------------------------------------
def test_init_writes_settings_that_load_and_never_overwrites(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    written = Path("mediameter.toml").read_text()
    assert load().sources["logs"].is_folder
    capsys.readouterr()
    assert main(["init"]) == 2
    assert "exists already" in one_line(capsys)
    assert Path("mediameter.toml").read_text() == written


# --- status ------------------------------------------------------------------------------------------
def test_status_tells_days_and_sources(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(day["day"], day["state"], day["lines"]) for day in told["days"] if day["objects"]] == [
        ("2025-11-01", "final", 10),
        ("2025-11-02", "open", 10),
    ]
    assert told["sources"][0]["listed_at"] == "2025-11-03T09:00:00Z"
    assert told["objects"] == {"settled": 1, "superseded": 1}
    assert told["rejects"] == {"SHORT_LINE": 1}


def test_status_shows_the_same_to_a_person(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "2025-11-01"]) == 0
    shown = capsys.readouterr().out
    assert "2025-11-01" in shown and "2025-11-02" not in shown and "1 SHORT_LINE" in shown


@pytest.mark.parametrize(
    ("now", "day", "is_late"),
    [
        (NOW - timedelta(hours=1), None, False),  # the open day still has its 6 hours, and our patience of 3
        (NOW + timedelta(hours=1), None, True),  # now it should be final
        (NOW + timedelta(hours=1), date(2025, 11, 1), False),  # the final day does not mind
        (NOW + timedelta(hours=4), date(2025, 11, 1), True),  # but nobody has listed for 4 hours
        (NOW, date(2025, 10, 1), True),  # asked for, and unknown
    ],
)
def test_what_is_late(settings: Settings, now: datetime, day: date | None, is_late: bool) -> None:
    assert status(settings, day, now=now).is_late is is_late


def test_status_check_is_1_when_something_is_late(settings: Settings) -> None:
    assert main(["status"]) == 0
    assert main(["status", "--check"]) == 1  # nobody has listed since November 2025


def test_a_source_that_was_never_listed_is_late(settings: Settings) -> None:
    Path("mediameter.toml").write_text(SETTINGS + '[sources.second]\nkind = "s3_access_log"\npath = "b"\n')
    found = status(load(), now=NOW)
    assert [(source.source, source.is_late) for source in found.sources] == [("logs", False), ("second", True)]


# --- report, answer, rejects -------------------------------------------------------------------------
def test_report_prints_where_it_lies(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 0
    written = Path(capsys.readouterr().out.strip())
    assert written == Path.cwd() / "report.html"
    assert written.read_text().startswith("<!DOCTYPE html>")


def test_answer_lists_the_questions_without_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["answer"]) == 0
    assert "cost_by_application" in capsys.readouterr().out


def test_the_questions_stand_by_document_and_theme(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["answer"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "OVH S3 ANALYTICS SETUP GUIDE"
    assert lines.index("DIRECTOR'S PALETTE'S GUIDE") > lines.index("  Key Metrics to Monitor") > 0
    listed = [line.split()[0] for line in lines if line.startswith("    ")]
    assert sorted(listed) == [answer.name for answer in catalogue()], "each once"


@pytest.mark.parametrize(
    ("last", "days"),
    [
        ("all", ["2025-11-02", "2025-11-01"]),
        ("today", []),
        ("24h", ["2025-11-02"]),
        ("30d", ["2025-11-02", "2025-11-01"]),
    ],
)
def test_windows_in_words(last: str, days: list[str], settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["answer", "completeness", "--last", last, "--format", "json"]) == 0
    said = capsys.readouterr()
    assert [row["day"] for row in json.loads(said.out)] == days
    told = {"today": "the newest day is 2025-11-0", "24h": "kept by the day: all of "}.get(last, "")
    assert told in said.err


def test_a_limit_holds_for_every_answer(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["answer", "completeness", "--format", "json"]) == 0
    whole = capsys.readouterr()
    assert len(json.loads(whole.out)) == 2 and whole.err == "", "without a limit, nothing is left out in silence"
    assert main(["answer", "completeness", "--limit", "1", "--format", "json"]) == 0
    cut = capsys.readouterr()
    assert json.loads(cut.out) == json.loads(whole.out)[:1]
    assert cut.err == "mediameter: the first row; there are more: --limit\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bandwidth_by_day", "--application", "castngly"], "no application is called 'castngly'"),
        (["generations_by_model", "--model", "fox"], "no model is called 'fox'"),
        (["usage_by_user", "--user", "ann"], "no user is called 'ann': there are 0, and none is near"),
    ],
)
def test_a_name_that_there_is_not_is_2(
    arguments: list[str], said: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """No rows would say: nothing was served."""
    assert main(["answer", *arguments]) == 2
    assert said in one_line(capsys)


def test_answer_writes_every_format(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for format, begin in (("table", b"day"), ("csv", b"day"), ("json", b"["), ("parquet", b"PAR1")):
        assert main(["answer", "completeness", "--format", format, "--out", f"answer.{format}"]) == 0
        assert Path(f"answer.{format}").read_bytes().startswith(begin), format
    assert main(["answer", "completeness", "--last", "2025-11-01", "--format", "json"]) == 0
    assert [row["day"] for row in json.loads(capsys.readouterr().out)] == ["2025-11-01"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cost"], "no answer is called 'cost'"),
        (["checks", "--last", "week"], "'week' is no window"),
        (["checks", "--format", "xml"], "there is no format 'xml': choose table, csv, json, parquet"),
    ],
)
def test_a_wrong_question_is_2(
    arguments: list[str], said: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["answer", *arguments]) == 2
    assert said in one_line(capsys)


def test_rejects_show_what_stands_and_obey_no_escape(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rejects"]) == 0
    shown = capsys.readouterr().out
    assert "SHORT_LINE  logs:access-logs/one line 3" in shown and "1 of 1 rejects" in shown
    assert "\x1b" not in shown and r"\x1b[31mshort" in shown


def _shown(capsys: pytest.CaptureFixture[str], *place: str) -> str:
    assert main(["rejects", "show", *place, "--json"]) == 0
    return capsys.readouterr().out


def test_a_reject_is_shown_with_all_that_is_kept(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rejects", "show", "access-logs/one", "3"]) == 0
    shown = capsys.readouterr().out
    assert "parser_version    1" in shown and r"\x1b[31mshort" in shown and "byte_offset       512" in shown
    assert main(["rejects", "show", "access-logs/one", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["last_modified_at"] == "2025-11-03T09:00:00Z"
    assert json.loads(_shown(capsys, "access-logs/one", "3"))["reason"] == "SHORT_LINE"
    assert main(["rejects", "show", "access-logs/one"]) == 2
    assert "it has rejects at line 3" in one_line(capsys)
    assert main(["rejects", "show", "access-logs/two", "1"]) == 2
    assert "`mediameter rejects list` has them all" in one_line(capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["2025-10-30..2025-10-01"], "ends before it begins"),
        (["2025-02-30"], "names a day that does not exist"),
        (["last", "week"], "'week' is no window"),
        (["0001-01-01..2025-01-01"], "is not a valid range of log days"),
        (["last", "99999d"], "is not a valid range of log days"),
    ],
)
def test_an_impossible_range_is_2(
    words: list[str], said: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backfill", *words]) == 2
    assert said in one_line(capsys)


def test_rejects_of_one_reason_as_json(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rejects", "--reason", "short_line", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["total"] == 1 and told["rejects"][0]["byte_offset"] == 512
    assert main(["rejects", "--reason", "SHRT_LINE"]) == 2
    assert "did you mean SHORT_LINE?" in one_line(capsys)


def test_a_typo_in_a_rule_of_ones_own_stops_no_metering(capsys: pytest.CaptureFixture[str]) -> None:
    """All is done, all other rules are judged; the command still fails, so that somebody mends it."""
    Path("mediameter.toml").write_text(SETTINGS)
    Path("bucket").mkdir()
    Path("alerts").mkdir()
    Path("alerts/mine.yaml").write_text("mine:\n  title: Mine\n  neds: logs\n")
    assert main(["run"]) == 2
    said = capsys.readouterr()
    assert "mine.yaml: mine line 3: unknown key 'neds': did you mean needs?" in said.err
    assert "everything else was done" in said.err and "nothing new: 0 objects listed" in said.out
    assert main(["alerts", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["mistakes"]) == 1 and any(rule["rule"] == "error_rate" for rule in told["rules"])
