"""A deployment that does not run is noticed, by a real server and worker; and one that works again is told."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.automations import GRACE, main, watch
from tests.flows.conftest import BLANK
from tests.flows.installation import Installation, command, until
from tests.listener import Listener

pytestmark = pytest.mark.xdist_group("prefect")

HOURLY, WATCH = "hourly/hourly", "watch/watch"
SHORT = timedelta(seconds=15)  # Prefect takes no less than ten


@pytest.fixture(scope="module")
def installation(server: str, prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With the deployments, but nothing that a schedule would begin."""
    home = tmp_path_factory.mktemp("installation")
    shutil.copy(prefect_home / BLANK, home / "prefect.db")
    installation = Installation(home)
    try:
        installation.start_server()
        with temporary_settings({PREFECT_API_URL: installation.url}):
            command(installation.environment, "deploy", "--all")
            with get_client(sync_client=True) as client:
                for name in GRACE:
                    client.pause_deployment(client.read_deployment_by_name(name).id)
            installation.start_worker()
            yield installation
    finally:
        installation.end()


def works_at(site: Path, name: str = HOURLY) -> UUID:
    """The deployment, at this site from now on; it runs again if it was paused."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(name).id
        client.update_deployment(found, DeploymentUpdate(parameters={"settings_path": str(site)}))
    return found


def run_once(name: str = HOURLY) -> str:
    """How a run of it on the worker ends; it is ordered by hand, since the schedule is paused."""
    with get_client(sync_client=True) as client:
        client.resume_deployment(client.read_deployment_by_name(name).id)
    try:
        run: Any = run_deployment(name, timeout=120, poll_interval=0.5, as_subflow=False)
    finally:
        with get_client(sync_client=True) as client:
            client.pause_deployment(client.read_deployment_by_name(name).id)
    return str(run.state_name)


@pytest.fixture
def unwatched(installation: Installation) -> Iterator[None]:
    """No automation is left behind."""
    yield
    with get_client(sync_client=True) as client:
        for each in client.read_automations():
            client.delete_automation(each.id)


def test_a_deployment_that_does_not_run_is_noticed_in_its_grace_time(
    installation: Installation, site: Path, hook: Listener, unwatched: None
) -> None:
    works_at(site)
    with get_client(sync_client=True) as client:
        first = watch(client, HOURLY, SHORT)
        assert watch(client, HOURLY, SHORT) == first  # idempotent
        assert len(client.read_automations_by_name(f"mediameter: {HOURLY} does not run")) == 1
    (message,) = hook.wait(timeout_s=120)[:1] or [{}]
    assert message.get("title") == f"[critical] mediameter {HOURLY} does not run", installation.home_log()
    assert "no run of hourly/hourly has ended for 15 seconds" in message["message"]


def test_with_the_end_of_each_run_the_time_begins_anew(
    installation: Installation, site: Path, hook: Listener, unwatched: None
) -> None:
    """The end of a run on the worker, told again and again: runs that begin in time no loaded machine can promise."""
    deployment = works_at(site)
    assert run_once() == "Completed"
    with get_client(sync_client=True) as client:
        end = last_end(client, deployment)
        watch(client, HOURLY, SHORT)
        until_s = time.monotonic() + 3 * SHORT.total_seconds()
        while time.monotonic() < until_s:
            again = end | {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat()}
            client.request("POST", "/events", json=[again]).raise_for_status()
            time.sleep(3)
        assert not hook.received
    assert hook.wait(timeout_s=120), installation.home_log()


def last_end(client: Any, deployment: UUID) -> dict[str, Any]:
    """The event of a completed run of the deployment, once it is there."""
    asked = {"filter": {"event": {"name": ["prefect.flow-run.Completed"]}}, "limit": 50}
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        events = client.request("POST", "/events/filter", json=asked).raise_for_status().json()["events"]
        its = {"prefect.resource.id": f"prefect.deployment.{deployment}"}
        found.extend(event for event in events if any(its.items() <= each.items() for each in event["related"]))
        return bool(found)

    assert until(is_there, timeout_s=60)
    return {name: found[0][name] for name in ("event", "resource", "related", "payload")}


def test_the_server_tells_by_a_block_when_the_worker_has_gone(
    installation: Installation, site: Path, hook: Listener, unwatched: None
) -> None:
    works_at(site)
    block = CustomWebhookNotificationBlock(
        name="ops", url=hook.url("http"), json_data={"title": "{{subject}}", "message": "{{body}}"}
    )
    asyncio.run(_saved(block))
    installation.kill_worker()
    try:
        with get_client(sync_client=True) as client:
            watch(client, HOURLY, SHORT, block="custom-webhook/ops")
        told = hook.wait(2, timeout_s=120)  # and again, as long as it does not run
        assert [message["title"] for message in told] == [f"[critical] mediameter {HOURLY} does not run"] * 2
    finally:
        installation.start_worker()


async def _saved(block: CustomWebhookNotificationBlock) -> None:
    await block.save("ops", overwrite=True)  # type: ignore[misc]


def test_a_run_after_a_failure_tells_that_it_works_again(
    installation: Installation, site: Path, hook: Listener
) -> None:
    works_at(site)
    bucket = site.parent / "bucket"
    bucket.rmdir()
    assert run_once() == "Failed"
    assert len(hook.wait()) == 1
    bucket.mkdir()
    assert run_once() == "Completed"
    failed, recovered = hook.wait(2)
    assert failed["title"].startswith("[critical] mediameter hourly failed") and failed["type"] == "failure"
    assert recovered["title"].startswith("[recovered] mediameter hourly works again")
    assert recovered["type"] == "success"
    keys = [message["message"].splitlines()[-1] for message in (failed, recovered)]
    assert all(key.startswith("Key: flow-run-") for key in keys) and len(set(keys)) == 2
    assert run_once() == "Completed"
    time.sleep(2)
    assert len(hook.received) == 2  # once


def test_the_module_makes_them_all(
    installation: Installation, unwatched: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "watch/watch: told when no run has ended for 30 minutes",
        "hourly/hourly: told when no run has ended for 2 hours",
        "nightly/nightly: told when no run has ended for 36 hours",
    ]
    assert main(["--block", "slack-webhook/none"]) == 1
    assert "watch/watch is not watched" in capsys.readouterr().err
    with get_client(sync_client=True) as client:
        found = client.read_automations()
    assert len(found) == len(GRACE) and all(each.enabled for each in found)


def test_a_watch_that_fails_every_five_minutes_is_told_once(
    installation: Installation, site: Path, hook: Listener
) -> None:
    works_at(site, WATCH)
    own = site.parent / "alerts"
    own.mkdir()
    (own / "mine.yaml").write_text("mine: {title: a rule that says nothing}\n")
    assert [run_once(WATCH), run_once(WATCH)] == ["Failed", "Failed"]
    (own / "mine.yaml").unlink()
    assert run_once(WATCH) == "Completed"
    failed, recovered = hook.wait(2)
    assert failed["title"].startswith("[critical] mediameter watch failed")
    assert "mine: unit is missing" in failed["message"]
    assert recovered["title"].startswith("[recovered] mediameter watch works again")
    assert len(hook.received) == 2
