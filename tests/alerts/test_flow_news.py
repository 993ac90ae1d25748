"""What is told at once, by whom and to whom; and what ``status`` says of what was not told."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mediameter import connect
from mediameter.alerts import outbox
from mediameter.alerts.message import Message
from mediameter.cli import main
from mediameter.commands.run import run
from mediameter.commands.status import status
from mediameter.errors import WorldError
from mediameter.scheduling.flow_news import require_told, tell_failure, tell_overdue, tell_recovery
from mediameter.scheduling.notice import backfill_command, retry_command
from mediameter.settings import Settings, load
from mediameter.steps.alert.deliver import deliver
from mediameter.steps.pass_.words import of_deliver
from mediameter.store import tenancy
from tests.listener import Listener, listening

NOW = datetime.now(UTC).replace(microsecond=0)


def settings_file(folder: Path, hook: Listener, severities: str = '"critical"') -> Path:
    (folder / "bucket").mkdir(exist_ok=True)
    file = folder / "mediameter.toml"
    file.write_text(
        '[sources.logs]\nkind = "s3_access_log"\npath = "bucket"\n[alerts]\nallow_private_channels = true\n'
        f'[[alerts.channels]]\nurl = "{hook.url("http")}"\nname = "ops"\nseverities = [{severities}]\n'
        'signing_key = "0123456789abcdef"\n'
    )
    return file


def test_a_failed_flow_its_recovery_and_one_that_does_not_run_reach_a_signed_webhook(tmp_path: Path) -> None:
    with listening() as hook:
        file = str(settings_file(tmp_path, hook))
        tell_failure(file, "hourly", "all", "Error: password=S3CR3T for jane@acme.example", key="flow-run-1")
        tell_recovery(file, "hourly", "all", key="flow-run-2")
        tell_overdue(file, "hourly/hourly", "2 hours", key="flow-run-3")
    failed, recovered, overdue = hook.received
    assert [headers["idempotency-key"] for headers in hook.headers] == ["flow-run-1", "flow-run-2", "flow-run-3"]
    assert all("x-mediameter-signature" in headers for headers in hook.headers)
    assert (failed["severity"], failed["type"], failed["is_resolved"]) == ("critical", "failure", False)
    assert (recovered["severity"], recovered["type"], recovered["is_resolved"]) == ("critical", "success", True)
    assert failed["fingerprint"] == recovered["fingerprint"] == "flow-hourly"
    assert overdue["title"] == "[critical] mediameter hourly/hourly does not run"
    assert "S3CR3T" not in json.dumps(hook.received) and "jane" not in json.dumps(hook.received)
    assert ["Retry", f"mediameter run --settings {file}"] in failed["lines"]


@pytest.mark.parametrize("named_by", ["the environment", "the folder"])
def test_the_command_to_retry_always_names_the_settings(
    named_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the message stands elsewhere, without the environment of the run."""
    file = tmp_path / "mediameter.toml"
    monkeypatch.delenv("MEDIAMETER_TOML", raising=False)
    if named_by == "the folder":
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.setenv("MEDIAMETER_TOML", str(file))
    assert retry_command(None) == f"mediameter run --settings {file}"
    how = {"reparse": False, "every": False, "dry_run": False}
    of_days = backfill_command(None, "2025-10-01", "2025-10-02", **how)
    assert of_days == f"mediameter backfill 2025-10-01..2025-10-02 --settings {file}"


def test_who_does_not_want_it_is_not_told_and_the_log_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening() as hook:
        file = settings_file(tmp_path, hook, '"warning", "info"')
        assert tell_failure(str(file), "hourly", "all", "Error: x") == []
        with pytest.raises(WorldError, match="no channel could be notified"):
            require_told(tell_overdue(str(file), "hourly/hourly", "2 hours"))
    assert not hook.received
    said = capsys.readouterr().err
    assert "names no channel for what is critical" in said and "Error: Error: x" in said


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a place that has run, and whose channel answers nothing: there is nobody at its port any more."""
    with listening() as hook:
        settings_file(tmp_path, hook)
    monkeypatch.chdir(tmp_path)
    given = load()
    delivered = given.log_sources["logs"].path / "2026-01-01-00-00-00-0123456789ABCDEF"
    delivered.write_bytes(b"")  # an hour without a request: all is well
    os.utime(delivered, (NOW.timestamp() - 600,) * 2)
    run(given, now=NOW)
    return given


def enqueue(settings: Settings, at: datetime) -> None:
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.writing(made) as connection:
        outbox.enqueue(connection, Message("k", "critical", "t"), settings.alerts, at)
    made.dispose()


def test_status_names_what_was_not_told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert not status(settings, now=NOW).is_late
    enqueue(settings, NOW - timedelta(hours=2))
    told = deliver(settings, now=NOW)
    assert told.waiting == 1 and of_deliver(told, "done")[0].startswith(
        "not sent; the next run tries again: ops: ConnectionRefused"
    )
    found = status(settings, now=NOW)
    assert found.is_late
    (complaint,) = found.complaints
    assert complaint.startswith("messages to ops: 1 wait, the oldest of ") and "refused" in complaint
    assert main(["status", "--check"]) == 1
    assert "messages to ops: 1 wait" in capsys.readouterr().out
    assert main(["status", "--json"]) == 0
    (unsent,) = json.loads(capsys.readouterr().out)["unsent"]
    assert (unsent["channel_id"], unsent["waiting"], unsent["given_up"]) == ("ops", 1, 0)


def test_status_names_the_schedule_that_does_not_run(settings: Settings) -> None:
    (complaint,) = status(settings, now=NOW + timedelta(hours=5)).complaints
    assert complaint.startswith("logs: no run has listed it for 5 h. Check the schedule")
    (settings.folder / "mediameter.toml").write_text('[sources.new]\nkind = "s3_access_log"\npath = "bucket"\n')
    (complaint,) = status(load(), now=NOW).complaints
    assert complaint.startswith("new: no run has listed it yet")


def test_a_run_tells_what_waits(settings: Settings) -> None:
    enqueue(settings, NOW)
    summary = run(settings, now=NOW)
    assert summary.deliver.waiting == 1 and not summary.has_failed and not summary.is_idle
    assert any(line.startswith("not sent; the next run tries again: ops") for line in summary.lines())
