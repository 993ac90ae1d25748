"""Whether Prefect will start the runs: its API, the work pool, a worker that polls it, the deployment.

Asked over Prefect's HTTP API: its client takes two seconds to import, and only flows know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from mediameter.doctor.case import Case
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.settings.environment import PrefectApi, prefect_api


@dataclass(frozen=True, slots=True)
class Expected:
    """A deployment of prefect.yaml; ``longest`` is the timeout of its flow, where it has one."""

    name: str
    is_scheduled: bool = True
    longest: timedelta | None = None


POOL = "mediameter"
DEPLOYMENTS = (
    Expected("hourly/hourly", longest=timedelta(minutes=50)),
    Expected("watch/watch", longest=timedelta(minutes=5)),
    Expected("nightly/nightly", longest=timedelta(hours=10)),
    Expected("backfill/backfill", is_scheduled=False),
)
SILENT_AFTER = timedelta(minutes=5)  # a worker polls each 15 s and says so each 30 s
PENDING_FOR = timedelta(minutes=15)  # a worker takes seconds to start a process
TIMEOUT_S = 4.0
_START_WORKER = f"prefect worker start --pool {POOL}, under a process supervisor"
_DEPLOY = "prefect deploy --all, in the clone"


def prefect(case: Case) -> Iterator[Finding]:
    """Everything of Prefect, in the order in which it has to be set up; the first thing that fails ends it."""
    api = prefect_api()
    if api is None:
        remedy = "cron and `mediameter run` need no Prefect; with Prefect: export PREFECT_API_URL=http://…:4200/api"
        yield skipped("Prefect", "PREFECT_API_URL is not set (Prefect's profiles are not looked into)", remedy)
        return
    try:
        with _client(api) as client:
            client.get("health").raise_for_status()
            yield ok("API", f"reachable at {client.base_url.host}")
            yield from _pool(client, case.clock())
            for expected in DEPLOYMENTS:
                yield _deployment(client, expected, case.clock())
    except httpx.HTTPStatusError as trouble:
        yield _refused(trouble.response)
    except (httpx.HTTPError, httpx.InvalidURL) as trouble:
        remedy = "start it (`prefect server start`), or correct or unset PREFECT_API_URL"
        yield error("API", f"not reachable: {trouble or type(trouble).__name__}", remedy)


def _client(api: PrefectApi) -> httpx.Client:
    headers = {"Authorization": f"Bearer {api.key}"} if api.key else {}
    user, _, password = api.auth_string.partition(":")
    auth = httpx.BasicAuth(user, password) if api.auth_string else None
    return httpx.Client(base_url=api.url, headers=headers, auth=auth, timeout=TIMEOUT_S)


def _refused(response: httpx.Response) -> Finding:
    found = f"{response.request.method} {response.request.url.path} answers {response.status_code}"
    if response.status_code in (401, 403):
        return error("API", found, "set PREFECT_API_KEY or PREFECT_API_AUTH_STRING as the server wants it")
    return error("API", found, "is PREFECT_API_URL that of a Prefect 3 server, with its /api?")


def _get(client: httpx.Client, path: str) -> dict[str, Any] | None:
    """What is there; None where nothing is."""
    response = client.get(path)
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    found: dict[str, Any] = response.raise_for_status().json()
    return found


def _pool(client: httpx.Client, now: datetime) -> Iterator[Finding]:
    looked_at = f"work pool {POOL}"
    pool = _get(client, f"work_pools/{POOL}")
    if pool is None:
        yield error(looked_at, "there is none", f"prefect work-pool create {POOL} --type process")
        return
    if pool["is_paused"]:
        yield warning(looked_at, "it is paused: no run starts", f"prefect work-pool resume {POOL}")
    else:
        yield ok(looked_at, f"there, of type {pool['type']}")
    workers = client.post(f"work_pools/{POOL}/workers/filter", json={}).raise_for_status().json()
    yield _worker(workers, now)


def _worker(workers: list[dict[str, Any]], now: datetime) -> Finding:
    looked_at = f"worker of {POOL}"
    heard = [
        datetime.fromisoformat(worker["last_heartbeat_time"]) for worker in workers if worker["last_heartbeat_time"]
    ]
    if not heard:
        return error(looked_at, "no worker has ever polled: no run starts", _START_WORKER)
    silence = max(now - max(heard), timedelta(0))
    found = f"last heard of {silence.total_seconds():,.0f} s ago"
    return (
        ok(looked_at, found) if silence <= SILENT_AFTER else error(looked_at, f"{found}: no run starts", _START_WORKER)
    )


def _deployment(client: httpx.Client, expected: Expected, now: datetime) -> Finding:
    looked_at = f"deployment {expected.name}"
    found = _get(client, f"deployments/name/{expected.name}")
    if found is None and expected.is_scheduled:
        return error(looked_at, "there is none: nothing runs by itself", _DEPLOY)
    if found is None:
        return warning(looked_at, "there is none: no run can be started from Prefect", _DEPLOY)
    if found["work_pool_name"] != POOL:
        other = f"it is of the work pool {found['work_pool_name']}"
        return warning(looked_at, other, f"see that a worker polls that one, or deploy it to {POOL}")
    orphan = _orphan(client, found, expected.longest, now)
    if orphan:
        held = f"its slot is held by {orphan['name']}, whose end was never reported: no other run starts"
        return warning(looked_at, held, f"if no process of it is left: prefect flow-run delete {orphan['id']}")
    if not expected.is_scheduled:
        return ok(looked_at, "there, for runs by hand")
    return _scheduled(looked_at, found)


def _orphan(
    client: httpx.Client, deployment: dict[str, Any], longest: timedelta | None, now: datetime
) -> dict[str, Any] | None:
    """A run that should be over by its flow's timeout, or that has not got from PENDING to RUNNING, while the
    deployment's slots are all taken: the server was gone when it ended, or the worker or the machine with it."""
    limit = deployment["global_concurrency_limit"]
    if longest is None or not limit or limit["active_slots"] < limit["limit"]:
        return None
    begun = {"RUNNING": now - longest, "PENDING": now - PENDING_FOR}
    runs = {"state": {"type": {"any_": list(begun)}}}
    asked = {"deployments": {"id": {"any_": [deployment["id"]]}}, "flow_runs": runs, "limit": limit["limit"] + 1}
    found: list[dict[str, Any]] = client.post("flow_runs/filter", json=asked).raise_for_status().json()
    since = [(run, datetime.fromisoformat(run["state"]["timestamp"])) for run in found]
    return next((run for run, at in since if at < begun[run["state"]["type"]]), None)


def _scheduled(looked_at: str, found: dict[str, Any]) -> Finding:
    schedules = [schedule for schedule in found["schedules"] if schedule["active"]]
    if found["paused"] or not schedules:
        why = "it is paused" if found["paused"] else "it has no active schedule"
        return warning(looked_at, f"{why}: nothing runs by itself", _DEPLOY)
    return ok(looked_at, "scheduled: " + ", ".join(_schedule(schedule["schedule"]) for schedule in schedules))


def _schedule(schedule: dict[str, Any]) -> str:
    words = schedule.get("cron") or schedule.get("rrule") or f"each {schedule.get('interval')} s"
    return f"{words} {schedule.get('timezone') or 'UTC'}"


SCHEDULER: tuple[Check[Case], ...] = (Check("prefect", prefect, limit_s=20),)
