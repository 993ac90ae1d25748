"""The hourly flow through a real Prefect: it works, and when it does not, somebody is told."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactCollectionFilter, ArtifactCollectionFilterKey
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.states import Failed
from prefect.task_engine import TaskRunTimeoutError
from sqlalchemy.exc import OperationalError

from flows import hourly as module
from flows.hooks import _window, tell
from flows.hourly import hourly, main
from flows.pass_ import heals, task_of
from mediameter.errors import UserError, WorldError
from mediameter.scheduling.flow_news import tell_failure
from mediameter.scheduling.notice import perform
from mediameter.settings import Settings
from mediameter.steps.ingest.ingest import IngestReport
from mediameter.steps.pass_ import stations
from mediameter.steps.pass_.complaints import require_all_read
from mediameter.steps.pass_.stations import PASS, Station
from tests.flows.installation import CLONE, POOL, Installation, until
from tests.listener import Listener
from tests.worlds.log_lines import probe

NOW = "2026-01-03T05:10:00+00:00"
LINE = probe(datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC))


def test_brings_the_warehouse_up_to_date_and_leaves_a_table(server: str, site: Path, hook: Listener) -> None:
    _deliver(site.parent / "bucket" / "2026-01-02-11-00-00-0A1B2C3D4E5F6071")

    reports = hourly(str(site), NOW)

    assert {name: reports["ingest"][name] for name in ("objects", "lines", "parsed", "rejected")} == {
        "objects": 1,
        "lines": 1,
        "parsed": 1,
        "rejected": 0,
    }
    table = _latest_table()
    assert [(row["day"], row["requests"], row["bytes"], row["p95_ms"]) for row in table] == [
        ("2026-01-02", 1, 5000, 42)
    ]
    assert not hook.received


def test_a_failing_step_ends_in_a_notification(server: str, site: Path, hook: Listener) -> None:
    (site.parent / "bucket").rmdir()
    with pytest.raises(UserError):
        hourly(str(site), NOW)

    (message,) = hook.wait()
    assert message["type"] == "failure"
    assert message["title"].startswith("[critical] mediameter hourly failed")
    body = _fields(message)
    assert body["Window"].endswith(NOW)
    assert str(site.parent / "bucket") in body["Error"]
    assert body["Retry"] == f"mediameter run --settings {site}"


def test_a_day_that_breaks_a_rule_ends_in_a_notification(server: str, site: Path, hook: Listener) -> None:
    _deliver(site.parent / "bucket" / "2026-01-02-11-00-00-0A1B2C3D4E5F6071")
    (site.parent / "expectations").mkdir()
    (site.parent / "expectations" / "small.yaml").write_text(
        "table: traffic_daily\nexpectations:\n  - rule: small\n    type: expect_column_values_to_be_between\n"
        "    kwargs: {column: bytes_sent, max_value: 1}\n"
    )
    with pytest.raises(WorldError, match=r"small\.small on 2026-01-02"):
        hourly(str(site), NOW)

    incident, failure = hook.wait(2)
    contradiction = "a day's figures contradict each other: 1 rule of quality broken (limit 0)"
    assert incident["title"] == f"[critical] mediameter: small: {contradiction}"

    assert "2026-01-02: a quality rule is broken: small.small" in _fields(failure)["Error"]
    assert _latest_table()[0]["state"] == "open, suspect"


def refuse(settings: Settings, *, now: datetime) -> None:
    raise UserError("the new station refuses", "this is a test")


def test_a_new_station_is_a_task_and_its_error_is_raised_at_the_end(
    server: str, site: Path, hook: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands before the rollups: the logs come in all the same, and the table is published."""
    _deliver(site.parent / "bucket" / "2026-01-02-11-00-00-0A1B2C3D4E5F6071")
    row = Station("refuse", __name__, "refuse", "no report", takes=(), retries=0)
    monkeypatch.setattr(stations, "PASS", (*PASS[:2], row, *PASS[2:]))
    with pytest.raises(UserError, match="the new station refuses"):
        hourly(str(site), NOW)
    assert [(row["day"], row["requests"]) for row in _latest_table()] == [("2026-01-02", 1)]
    assert "the new station refuses" in _fields(hook.wait()[0])["Error"]


def test_a_killed_process_ends_in_a_notification(server: str, worker: Path, site: Path, hook: Listener) -> None:
    """Nothing of a killed process can tell; the worker does, from the exit code."""
    source = cast(Flow[..., Any], hourly.from_source(source=str(CLONE), entrypoint="tests/flows/killed.py:hourly"))
    deployment = cast(UUID, source.deploy("killed", work_pool_name=POOL, print_next_steps=False, build=False))
    parameters = {"settings_path": str(site)}
    run = cast(FlowRun, run_deployment(deployment, parameters=parameters, timeout=0, as_subflow=False))
    messages = hook.wait(timeout_s=90)
    assert len(messages) == 1, worker.read_text()
    assert "SIGKILL" in _fields(messages[0])["Error"]
    assert _fields(messages[0])["Retry"] == f"mediameter run --settings {site}"
    assert until(lambda: _has_crashed(run), timeout_s=10)


def test_the_module_runs_the_flow_by_itself(installation: Installation, site: Path) -> None:
    """As the demo starts it, on a server of its own: one line of JSON, nothing else, on stdout."""
    command = [installation.python, "-m", "flows.hourly", "--settings", str(site), "--now", NOW]
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"ingest", "export", "rollup", "check", "quality", "deliver", "write_back"}


def test_the_module_says_in_one_line_what_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(settings_path: str | None, now: str | None) -> dict[str, Any]:
        raise WorldError("sqlite:////srv/w.db?key=S3CR3T: the disk\nis full", "make room")

    monkeypatch.setattr(module, "run_flow", failing)
    assert main([]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1 and "the disk is full: make room" in said.err and "S3CR3T" not in said.err


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (WorldError("the bucket answers 503"), True),
        (ConnectionResetError("reset"), True),
        (TimeoutError("no answer"), True),
        (OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked")), True),
        (OperationalError("SELECT", {}, Exception("no such table: objects")), False),
        (UserError("bucket: there is no such folder"), False),
        (PermissionError("bucket"), False),
        (ValueError("a bug"), False),
        (TaskRunTimeoutError("40 minutes"), False),
    ],
)
def test_only_what_can_heal_is_retried(error: Exception, is_retried: bool) -> None:
    assert heals(task_of(PASS[0]), None, Failed(data=error)) is is_retried  # type: ignore[arg-type]


def test_a_hook_that_breaks_is_seen_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    tell(hourly, None, Failed(message="x"))  # type: ignore[arg-type]
    assert "the hook of hourly failed: AttributeError" in capsys.readouterr().err


def test_a_notice_that_cannot_be_told_stands_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The settings hold the channels, so when they are what failed, nobody can be told."""
    missing = tmp_path / "mediameter.toml"
    assert tell_failure(str(missing), "hourly", f"up to {NOW}", "WorldError: the disk is full") == []
    said = capsys.readouterr().err
    assert f"{missing}: there is no such settings file" in said
    assert "Error: WorldError: the disk is full" in said


def test_it_is_told_with_the_warehouse_down(site: Path, hook: Listener) -> None:
    (site.parent / "warehouse.sqlite").mkdir()  # so that no connection can be had
    with pytest.raises(WorldError, match="cannot be opened"):
        perform("rollup", str(site), NOW)
    tell_failure(str(site), "hourly", f"up to {NOW}", "WorldError: the warehouse cannot be opened")
    (message,) = hook.wait()
    assert "cannot be opened" in _fields(message)["Error"]


def test_the_window_is_what_the_run_looked_at() -> None:
    run = FlowRun.model_construct(parameters={"now": NOW})
    assert _window(run) == f"all that was delivered up to {NOW}"
    started = FlowRun.model_construct(parameters={}, start_time=datetime.fromisoformat(NOW))
    assert _window(started) == f"all that was delivered up to {NOW}"


def test_objects_that_cannot_be_read_are_no_success() -> None:
    with pytest.raises(WorldError, match="2 objects could not be read, the first: a: reset"):
        require_all_read(IngestReport(failed=["a: reset", "b: reset"]).to_dict())
    require_all_read(IngestReport().to_dict())


def test_a_listing_that_is_not_believed_is_no_success() -> None:
    with pytest.raises(WorldError, match="logs: 3 objects are missing: nothing of it was read"):
        require_all_read(IngestReport(doubted=["logs: 3 objects are missing"]).to_dict())


def test_retries_wait_longer_each_time_and_not_all_at_once() -> None:
    ingest = task_of(PASS[0])
    assert ingest.retries == 3
    assert ingest.retry_delay_seconds == [10, 20, 40]
    assert ingest.retry_jitter_factor


def _deliver(log: Path) -> None:
    """A log object of one line, as old as its name says."""
    log.write_text(LINE + "\n")
    written_at = datetime.fromisoformat("2026-01-02T11:00:00+00:00").timestamp()
    os.utime(log, (written_at, written_at))


def _fields(message: dict[str, Any]) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in message["message"].splitlines())


def _latest_table() -> list[dict[str, Any]]:
    of_the_flow = ArtifactCollectionFilter(key=ArtifactCollectionFilterKey(any_=["hourly"]))
    with get_client(sync_client=True) as client:
        (artifact,) = client.read_latest_artifacts(artifact_filter=of_the_flow)
    rows: list[dict[str, Any]] = json.loads(str(artifact.data))
    return rows


def _has_crashed(run: FlowRun) -> bool:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state
    return state is not None and state.is_crashed()
