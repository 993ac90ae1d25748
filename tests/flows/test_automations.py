"""A deployment that does not run is noticed, by a real server and worker; and one that works again is told."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

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

HOURLY = "hourly/hourly"
SHORT = timedelta(seconds=15)


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


def works_at(site: Path) -> UUID:
    """The hourly deployment, at this site from now on; it runs again if it was paused."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(HOURLY).id
        client.update_deployment(found, DeploymentUpdate(parameters={"settings_path": str(site)}))
    return found


def run_once() -> str:
    """How a run of it on the worker ends; it is ordered by hand, since the schedule is paused."""
    with get_client(sync_client=True) as client:
        client.resume_deployment(client.read_deployment_by_name(HOURLY).id)
    try:
        run: Any = run_deployment(HOURLY, timeout=120, poll_interval=0.5, as_subflow=False)
    finally:
        with get_client(sync_client=True) as client:
            client.pause_deployment(client.read_deployment_by_name(HOURLY).id)
    return str(run.state_name)


def test_a_deployment_that_does_not_run_is_noticed_in_its_grace_time(
    installation: Installation, site: Path, hook: Listener
) -> None:
    works_at(site)
    with get_client(sync_client=True) as client:
        first = watch(client, HOURLY, SHORT)
        assert watch(client, HOURLY, SHORT) == first  # idempotent
        assert len(client.read_automations_by_name(f"mediameter: {HOURLY} does not run")) == 1
    (message,) = hook.wait(timeout_s=120)[:1] or [{}]
    assert message.get("title") == f"[critical] mediameter {HOURLY} does not run", installation.home_log()
    assert "no run of hourly/hourly has ended for 15 seconds" in message["message"]


def test_after_a_run_the_time_begins_anew(installation: Installation, site: Path, hook: Listener) -> None:
    works_at(site)
    with get_client(sync_client=True) as client:
        watch(client, HOURLY, timedelta(seconds=45))
    assert run_once() == "Completed"
    ended = time.monotonic()
    assert hook.wait(timeout_s=150), installation.home_log()
    assert time.monotonic() - ended > 35  # not when 45 s after it was first watched were over
    with get_client(sync_client=True) as client:
        for each in client.read_automations():
            client.delete_automation(each.id)


def test_the_server_tells_by_a_block_when_the_worker_has_gone(
    installation: Installation, site: Path, hook: Listener
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
        with get_client(sync_client=True) as client:
            for each in client.read_automations():
                client.delete_automation(each.id)


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


def test_the_module_makes_them_all(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "hourly/hourly: told when no run has ended for 2 hours",
        "nightly/nightly: told when no run has ended for 36 hours",
    ]
    assert main(["--block", "slack-webhook/none"]) == 1
    assert "hourly/hourly is not watched" in capsys.readouterr().err
    with get_client(sync_client=True) as client:
        found = client.read_automations()
        assert len(found) == len(GRACE)
        assert until(lambda: all(each.enabled for each in client.read_automations()), 5)
        for each in found:
            client.delete_automation(each.id)
