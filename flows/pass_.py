"""A whole pass as a flow runs it: one task for each station of PASS, then tables in Prefect, then complaints.

The flows ``hourly`` and ``nightly`` differ in how far they look and how long they may take; the table says both.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.flow_engine import FlowRunTimeoutError
from prefect.task_engine import TaskRunTimeoutError
from prefect.tasks import Task, exponential_backoff

from mediameter import terminal
from mediameter.bulkheads import bulkhead
from mediameter.scheduling.notice import alert_table, can_heal, day_table, perform
from mediameter.steps.pass_ import stations
from mediameter.steps.pass_.stations import Station, walk

Report = dict[str, Any]
_TIMEOUTS = (TaskRunTimeoutError, FlowRunTimeoutError)


def heals(task: Task[Any, Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task is tried again: not after a timeout, which three more tries would not beat."""
    error = state.data
    return isinstance(error, BaseException) and not isinstance(error, _TIMEOUTS) and can_heal(error)


def task_of(station: Station, *, at_night: bool = False) -> Task[[str | None, str], Report]:
    """A station as a task of (settings path, now). Its arguments go to Prefect's database: no frames, no secrets.

    Nothing is cached or persisted: whether there is anything to do stands in the ledger.
    """
    night = station.at_night if at_night else None
    name, minutes = (night.task, night.minutes) if night else (station.name, station.minutes)

    @task(
        name=name,
        retries=station.retries,
        retry_delay_seconds=exponential_backoff(10),  # 10, 20, 40 s
        retry_jitter_factor=0.5,
        retry_condition_fn=heals,
        timeout_seconds=minutes * 60,
        cache_policy=NO_CACHE,
        persist_result=False,
        log_prints=True,
    )
    def run(settings_path: str | None, now: str) -> Report:
        report = perform(name, settings_path, now)
        terminal.say(f"{name}: {json.dumps(report, default=str)}")
        return report

    return run


def whole_pass(flow: str, settings_path: str | None, now: str | None, *, at_night: bool = False) -> dict[str, Report]:
    """All stations as of ``now`` (default: the present), and the flow's tables. Returns the report of each station.

    Raises what stations raised and complain of, when all of them were called.
    """
    as_of = now or present()

    def call(station: Station) -> Report:
        at = (now or present()) if station.is_of_the_present else as_of
        return task_of(station, at_night=at_night)(settings_path, at)

    walked = walk(stations.PASS, call, fatal=FlowRunTimeoutError)
    with bulkhead(walked.errors.append, "the flow's tables"):
        publish(flow, settings_path, as_of, walked.reports.get("ingest", {}))
    stations.require_success(walked.reports, walked.errors)
    return walked.reports


def present() -> str:
    """The instant it is, as steps take it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def publish(flow: str, settings_path: str | None, now: str, ingested: Report) -> None:
    """A run's table in Prefect: the last days, and in its description what was taken in."""
    counts = {name: len(value) if isinstance(value, list) else value for name, value in ingested.items()}
    taken_in = ", ".join(f"{name} {count}" for name, count in counts.items())
    table = day_table(settings_path, now)
    create_table_artifact(key=flow, table=table, description=f"As of {now}. Ingest: {taken_in}.")
    alerts = alert_table(settings_path, now)
    firing = sum(row["state"] == "firing" for row in alerts)
    create_table_artifact(key="alerts", table=alerts, description=f"As of {now}: {firing} incidents fire.")
