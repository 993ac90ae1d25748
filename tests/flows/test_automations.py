"""A deployment that does not run is noticed, by a real server and worker; and one that works again is told."""

from __future__ import annotations

import asyncio
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
from prefect.events.actions import RunDeployment

from flows.automations import GRACE, main, watch
from tests.flows.conftest import copy
from tests.flows.installation import Installation, until
from tests.flows.judged import database, ended, fired
from tests.listener import Listener

pytestmark = pytest.mark.usefixtures("deployed", "worker")

HOURLY, WATCH = "hourly/hourly", "watch/watch"
SHORT = timedelta(seconds=15)  # Prefect takes no less than ten
LONG = timedelta(minutes=45)  # no automation acts by itself while a test lasts


@pytest.fixture(autouse=True)
def as_deployed(deployed: None) -> Iterator[None]:
    """The deployments work at no test's site afterwards."""
    yield
    for name in (HOURLY, WATCH):
        works_at(None, name)


def works_at(site: Path | None, name: str = HOURLY) -> UUID:
    """The deployment, at this site from now on; it runs again if it was paused."""
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(name).id
        client.update_deployment(found, DeploymentUpdate(parameters={"settings_path": site and str(site)}))
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


def test_it_acts_when_no_run_has_ended_in_the_grace_time_and_not_before(
    installation: Installation, prefect_home: Path, unwatched: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As Prefect judges it at instants of our own, with the grace time that is meant; the same on real time is below,
    for `make trials`."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(HOURLY).id
        other = client.read_deployment_by_name(WATCH).id
        automation = watch(client, HOURLY, GRACE[HOURLY])
    copy(prefect_home / "prefect.db", tmp_path / "prefect.db")
    begin = datetime.now(UTC)

    def at(hours: float) -> datetime:
        return begin + timedelta(hours=hours)

    silent = [at(0), at(1.9), at(2.1), at(2.2), at(4.1), at(4.4)]
    running = [at(10), ended(deployment, at(11)), at(12.5), ended(deployment, at(12.9), "Failed"), at(14.8), at(15)]
    # What another deployment does, and a run that was sent away, is no end of a run of this one.
    away = [at(20), ended(other, at(21)), ended(deployment, at(21), "Cancelled"), at(21.9), at(22.1)]
    with database(tmp_path / "prefect.db"):
        acted = asyncio.run(fired(automation, [*silent, *running, *away], monkeypatch))
    assert acted == [at(2.1), at(4.4), at(15), at(22.1)]


def test_the_run_that_an_automation_orders_tells(
    installation: Installation, site: Path, hook: Listener, unwatched: None
) -> None:
    """The order that it would give, given by hand."""
    works_at(site)
    with get_client(sync_client=True) as client:
        [order] = client.read_automation(watch(client, HOURLY, LONG)).actions  # type: ignore[union-attr]
        assert watch(client, HOURLY, LONG)  # idempotent
        assert len(client.read_automations_by_name(f"mediameter: {HOURLY} does not run")) == 1
    assert isinstance(order, RunDeployment) and order.deployment_id
    run: Any = run_deployment(
        order.deployment_id, parameters=order.parameters, timeout=120, poll_interval=0.5, as_subflow=False
    )
    assert run.state_name == "Completed", installation.home_log()
    [message] = hook.received
    assert message["title"] == f"[critical] mediameter {HOURLY} does not run"
    assert "no run of hourly/hourly has ended for 45 minutes" in message["message"]


@pytest.mark.trial
@pytest.mark.timeout(900)
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


@pytest.mark.trial
@pytest.mark.timeout(900)
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


@pytest.mark.trial
@pytest.mark.timeout(900)
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
    assert recovered["title"].startswith("[resolved] mediameter hourly works again")
    assert recovered["type"] == "success"
    keys = [message["message"].splitlines()[-1] for message in (failed, recovered)]
    assert all(key.startswith("Key: flow-run-") for key in keys) and len(set(keys)) == 2
    assert run_once() == "Completed"
    assert len(hook.received) == 2  # once: hooks run before the run is over


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
    assert recovered["title"].startswith("[resolved] mediameter watch works again")
    assert len(hook.received) == 2
