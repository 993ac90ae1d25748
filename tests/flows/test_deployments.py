"""The deployments of prefect.yaml on a real server and worker; and what becomes of the work when the server goes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.backfill import backfill
from flows.hooks import _retry, _window
from flows.hourly import hourly
from flows.nightly import nightly
from mediameter import faults
from mediameter.commands.run import run
from mediameter.settings import load
from tests.flows.installation import CLONE, POOL, Installation, command, until
from tests.flows.places import given, new_place, straight
from tests.flows.relay import relayed
from tests.listener import Listener
from tests.trials.dump import difference, dump
from tests.worlds.month import FIRST, NOW, month
from tests.worlds.site import Site


def fill(settings: Path, days: int) -> Site:
    """The bucket beside the settings gets the objects of some days."""
    site = Site(settings.parent)
    site.deliver(month(days))
    return site


def deployment(name: str) -> DeploymentResponse:
    with get_client(sync_client=True) as client:
        return client.read_deployment_by_name(name)


# --- what is deployed --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "cron", "limit", "strategy"),
    [
        ("hourly", "10 * * * *", 1, ConcurrencyLimitStrategy.CANCEL_NEW),
        ("watch", "*/5 * * * *", 1, ConcurrencyLimitStrategy.CANCEL_NEW),
        ("nightly", "40 3 * * *", 1, ConcurrencyLimitStrategy.CANCEL_NEW),
        ("backfill", None, 2, ConcurrencyLimitStrategy.ENQUEUE),
    ],
)
def test_prefect_yaml_deploys(
    deployed: None, name: str, cron: str | None, limit: int, strategy: ConcurrencyLimitStrategy
) -> None:
    found = deployment(f"{name}/{name}")
    schedules = [(each.slug, each.active, each.schedule) for each in found.schedules]
    assert [(slug, active, rule.cron, rule.timezone) for slug, active, rule in schedules] == (  # type: ignore[union-attr]
        [(name, True, cron, "UTC")] if cron else []
    )
    assert found.work_pool_name == POOL and "mediameter" in found.tags and found.description
    assert found.parameters["settings_path"] is None
    assert found.global_concurrency_limit is not None and found.global_concurrency_limit.limit == limit
    assert found.concurrency_options is not None and found.concurrency_options.collision_strategy == strategy


def test_the_days_of_a_backfill_are_asked_for_in_a_form(deployed: None) -> None:
    schema = deployment("backfill/backfill").parameter_openapi_schema
    assert schema and schema["required"] == ["first_day", "last_day"]
    asked = schema["properties"]
    assert asked["first_day"]["format"] == "date" and asked["reparse"]["type"] == "boolean"
    assert all(each.get("description") for each in asked.values())


# --- runs --------------------------------------------------------------------------------------------
def test_hourly_runs_on_a_schedule_and_backfill_by_hand(
    deployed: None, worker: Path, installation: Installation, tmp_path: Path
) -> None:
    """The backfill ordered from the shell; side by side on the worker, at places of their own."""
    places = {name: new_place(tmp_path / name, month(2)) for name in ("hourly", "backfill")}
    scheduled = on_a_schedule(places["hourly"])
    days = {"first_day": FIRST.isoformat(), "last_day": "2025-10-03"}
    parameters = [f"--param={name}={value}" for name, value in {**given(places["backfill"]), **days}.items()]
    command(installation, "deployment", "run", "backfill/backfill", *parameters)
    for name, found in (("hourly", scheduled), ("backfill", deployment("backfill/backfill").id)):
        assert {run.state_name for run in until_over(found)} == {"Completed"}, worker.read_text()
        site = places[name]
        assert difference(straight(site, tmp_path / f"straight-{name}"), dump(site.url)) == []


def on_a_schedule(site: Site) -> UUID:
    """A deployment of the hourly flow whose schedule has begun a run there, and rests now."""
    source = cast(Flow[..., Any], hourly.from_source(source=str(CLONE), entrypoint="flows/hourly.py:hourly"))
    # Short, since a run whose instant passes before the scheduler looks is not made up for.
    rule = IntervalSchedule(interval=timedelta(seconds=15), anchor_date=datetime.now(UTC))
    made = cast(
        UUID,
        source.deploy(
            "scheduled", work_pool_name=POOL, parameters=given(site), schedule=rule, print_next_steps=False, build=False
        ),
    )
    assert until(lambda: any(not run.state.is_scheduled() for run in runs_of(made) if run.state)), "it began nothing"
    with get_client(sync_client=True) as client:
        client.pause_deployment(made)
    assert all(run.auto_scheduled for run in runs_of(made))
    return made


def runs_of(deployment_id: UUID) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])))


def test_a_long_range_becomes_runs_of_its_parts(
    deployed: None, worker: Path, site: Path, hook: Listener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the deployment itself would order them: two runs by hand, on the worker, side by side."""
    place = fill(site, days=9)
    own = deployment("backfill/backfill").id
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", str(own))
    assert backfill(FIRST, date(2025, 10, 10), settings_path=str(site), now=NOW.isoformat()) == []
    orders = [run for run in until_over(own) if run.idempotency_key]
    assert sorted(run.name for run in orders) == ["2025-10-01..2025-10-07", "2025-10-08..2025-10-10"]
    assert all(run.state and run.state.is_completed() for run in orders), worker.read_text()
    assert len({run.idempotency_key for run in orders}) == 2
    run(load(site), now=NOW)  # two at once leave the last word about completeness to the next run
    assert difference(straight(place, tmp_path / "straight"), dump(place.url)) == []
    assert not [message["title"] for message in hook.received if "mediameter backfill failed" in message["title"]]


def until_over(deployment_id: UUID) -> list[FlowRun]:
    """The runs of a deployment that have begun, or were ordered, once none of them is at work. Of a schedule that
    rests, the server may leave a run that was to come."""

    def begun() -> list[FlowRun]:
        return [run for run in runs_of(deployment_id) if run.state and not (run.auto_scheduled and _waits(run))]

    until(lambda: all(run.state and run.state.is_final() for run in begun()), timeout_s=240)
    return begun()


def _waits(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_scheduled()


def test_a_backfill_tells_its_days_and_how_to_do_them_again(server: str, site: Path, hook: Listener) -> None:
    place = fill(site, days=2)
    planned = backfill(FIRST, FIRST, dry_run=True, settings_path=str(site), now=NOW.isoformat())
    assert planned[0]["is_dry_run"] and planned[0]["ingest"]["objects"] == 5
    assert not (place.folder / "warehouse.sqlite").exists()  # it makes nothing
    place.bucket.rename(place.folder / "elsewhere")
    with pytest.raises(Exception, match="does not exist"):
        backfill(FIRST, FIRST, reparse=True, settings_path=str(site), now=NOW.isoformat())
    (message,) = hook.wait()
    body = message["message"]
    assert "Window: 2025-10-01..2025-10-01" in body
    assert f"Retry: mediameter backfill 2025-10-01..2025-10-01 --reparse --settings {site}" in body


def test_what_a_hook_says_of_a_backfill() -> None:
    given: dict[str, Any] = {"first_day": "2025-10-01", "last_day": "2025-10-03", "every": True, "dry_run": True}
    of = FlowRun.model_construct(parameters=given)
    assert _window(of) == "2025-10-01..2025-10-03"
    assert _retry(of).startswith("mediameter backfill 2025-10-01..2025-10-03 --dry-run --settings ")
    assert _retry(FlowRun.model_construct(parameters={})) is None


def test_the_nightly_flow_brings_the_warehouse_up_to_date(server: str, site: Path, hook: Listener) -> None:
    fill(site, days=1)
    reports = nightly(str(site), NOW.isoformat())
    assert reports["ingest"]["objects"] == 4 and len(reports["rollup"]["days"]) == 2


@pytest.mark.parametrize("point", ["ingest.before_settle", "rollup.computed"])
def test_a_server_that_goes_in_mid_run_harms_nothing(
    server: str, site: Path, hook: Listener, tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fill(site, days=2)
    with relayed(server) as (relay, url):
        monkeypatch.setitem(faults.at, point, relay.stop)
        with temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}), pytest.raises(Exception):  # noqa: B017
            hourly(str(site), NOW.isoformat())
    monkeypatch.delitem(faults.at, point)
    hourly(str(site), NOW.isoformat())
    assert difference(straight(place, tmp_path / "straight"), dump(place.url)) == []
