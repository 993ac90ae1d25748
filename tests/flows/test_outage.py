"""As in production: runs on a schedule, and a server that is killed under them and comes back.

Of two runs that are at work when it goes, one lives to see it come back; the other's process is gone by then, and the
worker too, so that nobody is left to tell how it ended.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, FlowRun, State
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.hourly import hourly
from mediameter.doctor import examine, scheduler
from mediameter.doctor.scheduler import Expected
from tests.flows.conftest import BLANK
from tests.flows.installation import CLONE, POOL, Installation, command, until
from tests.flows.places import SETTINGS, given, new_place, straight
from tests.trials.dump import difference, dump
from tests.worlds.month import FIRST, month
from tests.worlds.site import Site

# Minutes of real time, and a server of its own that is killed: `make trials`. What a run does without its server, and
# what schedules begin, `make test` tries in test_deployments.
pytestmark = [pytest.mark.trial, pytest.mark.timeout(1800)]

LIVES, DIES = "ingest.before_settle", "rollup.computed"
EARLIER, LATER = month(3)[:8], month(3)[8:]


@pytest.fixture(scope="module")
def doomed(server: str, prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With deployments of prefect.yaml, but none of their schedules: those must not begin anything by themselves."""
    home = tmp_path_factory.mktemp("doomed")
    shutil.copy(prefect_home / BLANK, home / "prefect.db")
    doomed = Installation(home)
    try:
        doomed.start_server()
        with temporary_settings({PREFECT_API_URL: doomed.url}):
            command(doomed, "deploy", "--name", "hourly", "--name", "backfill")
            with get_client(sync_client=True) as client:
                client.pause_deployment(named("hourly/hourly"))
            doomed.start_worker()
            yield doomed
    finally:
        doomed.end()


def named(name: str) -> UUID:
    with get_client(sync_client=True) as client:
        return client.read_deployment_by_name(name).id


def give(deployment: UUID, parameters: dict[str, Any]) -> None:
    """What its runs get when the schedule begins them."""
    with get_client(sync_client=True) as client:
        client.update_deployment(deployment, DeploymentUpdate(parameters=parameters))


def runs(deployment: UUID) -> list[FlowRun]:
    """All that are over or at work."""
    chosen = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(deployment_filter=chosen)
    return [run for run in found if run.state and not run.state.is_scheduled()]


def begun(*deployments: UUID) -> list[FlowRun]:
    """The next run of each, begun by a schedule that now, whatever it was, comes round each few seconds. Then it rests,
    or one run would follow the other."""
    before = {run.id for deployment in deployments for run in runs(deployment)}
    for deployment in deployments:
        shorten(deployment)
    return [first_of(deployment, before) for deployment in deployments]


def shorten(deployment: UUID) -> None:
    rule = IntervalSchedule(interval=timedelta(seconds=20), anchor_date=datetime.now(UTC) + timedelta(seconds=2))
    with get_client(sync_client=True) as client:
        for old in client.read_deployment_schedules(deployment):
            client.delete_deployment_schedule(deployment, old.id)
        client.create_deployment_schedules(deployment, [(rule, True)])
        client.resume_deployment(deployment)


def first_of(deployment: UUID, before: set[UUID]) -> FlowRun:
    """The first run that is none of those ``before``; the schedule makes no other."""
    assert until(lambda: any(run.id not in before for run in runs(deployment))), "the schedule began nothing"
    with get_client(sync_client=True) as client:
        client.pause_deployment(deployment)
    run = next(run for run in runs(deployment) if run.id not in before)
    assert run.auto_scheduled
    return run


def end_of(run: FlowRun) -> str | None:
    """How it ended, once it has."""

    def now() -> State[Any]:
        with get_client(sync_client=True) as client:
            return cast(State[Any], client.read_flow_run(run.id).state)

    assert until(lambda: now().is_final()), now()
    return now().name


# --- schedules ---------------------------------------------------------------------------------------
def test_hourly_and_backfill_run_on_a_schedule(doomed: Installation, tmp_path: Path) -> None:
    days = {"first_day": FIRST.isoformat(), "last_day": date(2025, 10, 3).isoformat()}
    places = {name: new_place(tmp_path / name, EARLIER) for name in ("hourly", "backfill")}
    for name, more in (("hourly", {}), ("backfill", days)):
        give(named(f"{name}/{name}"), given(places[name]) | more)
    for run in begun(*(named(f"{name}/{name}") for name in places)):
        assert end_of(run) == "Completed"
    for name, site in places.items():
        assert difference(straight(site, tmp_path / f"straight-{name}"), dump(site.url)) == []


# --- the server goes and comes back ------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Held:
    """A run that waits at a named point of its work, and where it works."""

    run: FlowRun
    deployment: UUID
    site: Site
    signs: Path

    def process(self) -> int:
        assert until((self.signs / "held").exists), f"{self.run.name} did not come to its point"
        return int((self.signs / "held").read_text())


@pytest.fixture(scope="module")
def outage(doomed: Installation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Held]:
    """The runs at whose points the server was killed, by point. What they had begun they did without it: their tasks
    ask nothing of it, and that they are done stands in the ledger. Now it is back."""
    held = hold({point: tmp_path_factory.mktemp("held") for point in (LIVES, DIES)})
    processes = {point: each.process() for point, each in held.items()}
    doomed.kill_server()
    for point, each in held.items():
        (each.signs / "let-go").touch()
        meant, url = straight(each.site, each.signs / "straight"), each.site.url
        assert until(lambda meant=meant, url=url: difference(meant, dump(url)) == []), point  # type: ignore[misc]
    doomed.kill_worker()  # else it would tell
    os.kill(processes[DIES], signal.SIGKILL)
    doomed.start_server()
    doomed.start_worker()
    return held


def hold(points: dict[str, Path]) -> dict[str, Held]:
    """A run on a schedule for each point, which will wait there; its signs in the folder."""
    sites = {point: new_place(signs / "place", EARLIER) for point, signs in points.items()}
    deployments = {point: deploy(point, signs, sites[point]) for point, signs in points.items()}
    first = dict(zip(points, begun(*deployments.values()), strict=True))
    return {point: Held(first[point], deployments[point], sites[point], signs) for point, signs in points.items()}


def deploy(point: str, signs: Path, site: Site) -> UUID:
    """With the limit of the hourly deployment."""
    source = cast(Flow[..., Any], hourly.from_source(source=str(CLONE), entrypoint="tests/flows/held.py:hourly"))
    deployed = source.deploy(
        point.replace(".", "-"),
        work_pool_name=POOL,
        parameters=given(site),
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        job_variables={"env": {"HELD_AT": point, "HELD_SIGNS": str(signs)}},
        print_next_steps=False,
        build=False,
    )
    return cast(UUID, deployed)


def test_a_run_that_lives_to_see_it_come_back_completes(outage: dict[str, Held], tmp_path: Path) -> None:
    held = outage[LIVES]
    assert end_of(held.run) == "Completed"
    held.site.deliver(LATER)
    assert end_of(*begun(held.deployment)) == "Completed"
    assert difference(straight(held.site, tmp_path / "straight"), dump(held.site.url)) == []


def test_a_run_of_whose_end_nobody_told_holds_its_slot_until_it_is_deleted(
    outage: dict[str, Held], doomed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = outage[DIES]
    held.site.deliver(LATER)
    assert end_of(*begun(held.deployment)) == "Cancelled"
    remedy = seen_by_the_doctor(held, monkeypatch)
    assert remedy == f"if no process of it is left: prefect flow-run delete {held.run.id}"
    command(doomed, "flow-run", "delete", str(held.run.id))
    assert end_of(*begun(held.deployment)) == "Completed"
    assert difference(straight(held.site, tmp_path / "straight"), dump(held.site.url)) == []


def seen_by_the_doctor(held: Held, monkeypatch: pytest.MonkeyPatch) -> str:
    """What it advises about the deployment of this run an hour from now, when the run should be over."""
    name = f"hourly/{DIES.replace('.', '-')}"
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    monkeypatch.setattr(scheduler, "DEPLOYMENTS", (Expected(name, longest=timedelta(minutes=50)),))
    findings = examine(held.site.folder / SETTINGS, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
    (found,) = [each for each in findings if each.looked_at == f"deployment {name}"]
    return found.remedy
