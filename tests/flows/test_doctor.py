"""What the doctor sees of a real Prefect: what is missing of it, and that it is sound once all is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Pending

from flows.automations import GRACE
from flows.backfill import backfill
from flows.hourly import hourly
from flows.nightly import nightly
from flows.watch import watch
from mediameter.doctor import Finding, examine, scheduler
from mediameter.doctor.scheduler import Expected
from tests.flows.installation import until


@pytest.fixture
def api(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)


def _said(site: Path, after_minutes: int = 0) -> dict[str, Finding]:
    findings = examine(site, clock=lambda: datetime.now(UTC) + timedelta(minutes=after_minutes))
    return {finding.looked_at: finding for finding in findings if finding.check == "prefect"}


def test_what_is_missing_is_named(api: None, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = (Expected("hourly/absent"), Expected("backfill/absent", is_scheduled=False))
    monkeypatch.setattr(scheduler, "POOL", "absent")
    monkeypatch.setattr(scheduler, "DEPLOYMENTS", absent)
    said = _said(site)
    assert {looked_at: finding.verdict for looked_at, finding in said.items()} == {
        "API": "ok",
        "work pool absent": "error",
        "deployment hourly/absent": "error",
        "deployment backfill/absent": "warning",
    }
    assert said["work pool absent"].remedy == "prefect work-pool create absent --type process"
    assert "prefect deploy --all" in said["deployment hourly/absent"].remedy


@pytest.fixture
def scheduled(deployed: None) -> Iterator[None]:
    """The schedules are at work for the length of a test."""
    with get_client(sync_client=True) as client:
        names = [client.read_deployment_by_name(name).id for name in GRACE]
        for each in names:
            client.resume_deployment(each)
        yield
        for each in names:
            client.pause_deployment(each)


def test_a_prefect_that_is_set_up_is_sound(
    api: None, scheduled: None, worker: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: _said(site)["worker of mediameter"].verdict == "ok")
    said = _said(site)
    assert {looked_at: finding.verdict for looked_at, finding in said.items()} == {
        "API": "ok",
        "work pool mediameter": "ok",
        "worker of mediameter": "ok",
        "deployment hourly/hourly": "ok",
        "deployment watch/watch": "ok",
        "deployment nightly/nightly": "ok",
        "deployment backfill/backfill": "ok",
    }, worker.read_text()
    assert said["deployment hourly/hourly"].found == "scheduled: 10 * * * * UTC"
    assert said["deployment backfill/backfill"].found == "there, for runs by hand"
    monkeypatch.setattr(scheduler, "SILENT_AFTER", -scheduler.SILENT_AFTER)
    assert "prefect worker start --pool mediameter" in _said(site)["worker of mediameter"].remedy


def test_a_schedule_that_rests_is_seen(api: None, scheduled: None, site: Path) -> None:
    with get_client(sync_client=True) as client:
        nightly = client.read_deployment_by_name("nightly/nightly")
        client.pause_deployment(nightly.id)
        said = _said(site)["deployment nightly/nightly"]
    assert (said.verdict, said.found) == ("warning", "it is paused: nothing runs by itself")
    assert said.remedy == "prefect deploy --all, in the clone"  # which resumes it


def test_a_run_that_never_begins_is_seen(api: None, deployed: None, site: Path) -> None:
    """Its worker was killed between taking it and starting it. It holds the slot, and every other run is cancelled."""
    with get_client(sync_client=True) as client:
        nightly = client.read_deployment_by_name("nightly/nightly")
        stuck = client.create_flow_run_from_deployment(nightly.id)
        assert client.set_flow_run_state(stuck.id, Pending()).status == SetStateStatus.ACCEPT
        try:
            early, later = (_said(site, after)["deployment nightly/nightly"] for after in (0, 20))
        finally:
            client.delete_flow_run(stuck.id)
    assert "whose end was never reported" not in early.found
    assert later.verdict == "warning" and f"its slot is held by {stuck.name}" in later.found
    assert later.remedy == f"if no process of it is left: prefect flow-run delete {stuck.id}"


def test_the_flows_end_when_the_doctor_expects_it() -> None:
    assert {expected.name: expected.longest for expected in scheduler.DEPLOYMENTS} == {
        f"{flow.name}/{flow.name}": timedelta(seconds=flow.timeout_seconds) if flow.timeout_seconds else None
        for flow in (hourly, watch, nightly, backfill)
    }
