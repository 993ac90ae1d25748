"""What the doctor sees of a real Prefect: what is missing of it, and that it is sound once all is there."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediameter.doctor import Finding, examine, scheduler
from tests.flows.conftest import CLONE

pytestmark = pytest.mark.xdist_group("prefect")


@pytest.fixture
def api(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)


def _said(site: Path) -> dict[str, Finding]:
    findings = examine(site, clock=lambda: datetime.now(UTC))
    return {finding.looked_at: finding for finding in findings if finding.check == "prefect"}


def test_what_is_missing_is_named(api: None, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "POOL", "absent")
    monkeypatch.setattr(scheduler, "DEPLOYMENTS", ("hourly/absent",))
    said = _said(site)
    assert said["API"].verdict == "ok"
    assert (said["work pool absent"].verdict, said["deployment hourly/absent"].verdict) == ("error", "error")
    assert said["work pool absent"].remedy == "prefect work-pool create absent --type process"
    assert "prefect deploy --all" in said["deployment hourly/absent"].remedy


def test_a_prefect_that_is_set_up_is_sound(
    api: None, worker: Path, command_environment: dict[str, str], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--name", "hourly"]
    subprocess.run(command, cwd=CLONE, env=command_environment, capture_output=True, timeout=120, check=True)
    deadline = time.monotonic() + 60
    while (said := _said(site))["worker of mediameter"].verdict != "ok" and time.monotonic() < deadline:
        time.sleep(0.5)
    assert {looked_at: finding.verdict for looked_at, finding in said.items()} == {
        "API": "ok",
        "work pool mediameter": "ok",
        "worker of mediameter": "ok",
        "deployment hourly/hourly": "ok",
    }, worker.read_text()
    assert said["deployment hourly/hourly"].found == "scheduled: 10 * * * * UTC"
    monkeypatch.setattr(scheduler, "SILENT_AFTER", -scheduler.SILENT_AFTER)
    assert "prefect worker start --pool mediameter" in _said(site)["worker of mediameter"].remedy
