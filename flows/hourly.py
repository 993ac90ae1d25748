"""The hourly flow: fetch what is new, read the application, roll up the days it touches, check and judge them, tell.

Each run takes in everything that the listing shows and the ledger does not, so a run that fails or never starts is
made good by the next. ``python -m flows.hourly`` runs it once on a Prefect server of its own and prints the reports
as one line of JSON; the demo is built on it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)
from prefect.task_engine import TaskRunTimeoutError
from prefect.tasks import Task, exponential_backoff

from flows.embedded import embedded_server
from flows.hooks import recover, tell
from mediameter.scheduling.notice import (
    StepName,
    alert_table,
    can_heal,
    day_table,
    in_one_line,
    perform,
    require_all_exported,
    require_all_read,
    require_all_sound,
    require_all_written_back,
    require_rules_understood,
)

Report = dict[str, Any]


def heals(task: Task[Any, Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task is tried again: not after its timeout, which three more tries would not beat."""
    error = state.data
    return isinstance(error, BaseException) and not isinstance(error, TaskRunTimeoutError) and can_heal(error)


def step_task(step: StepName, *, retries: int, minutes: int) -> Task[[str | None, str], Report]:
    """A step as a task of (settings path, now). Its arguments go to Prefect's database: no frames, no secrets.

    Nothing is cached or persisted: whether there is anything to do stands in the ledger.
    """

    @task(
        name=step,
        retries=retries,
        retry_delay_seconds=exponential_backoff(10),  # 10, 20, 40 s
        retry_jitter_factor=0.5,
        retry_condition_fn=heals,
        timeout_seconds=minutes * 60,
        cache_policy=NO_CACHE,
        persist_result=False,
        log_prints=True,
    )
    def run(settings_path: str | None, now: str) -> Report:
        report = perform(step, settings_path, now)
        print(f"{step}: {json.dumps(report, default=str)}")
        return report

    return run


ingest = step_task("ingest", retries=3, minutes=40)
export = step_task("export", retries=1, minutes=20)
rollup = step_task("rollup", retries=2, minutes=40)
check = step_task("check", retries=2, minutes=5)
quality = step_task("quality", retries=2, minutes=20)
deliver = step_task("deliver", retries=2, minutes=5)
write_back = step_task("write_back", retries=1, minutes=20)


# Shorter than the hour, so that a run that hangs is told before it costs the next one its slot.
@flow(
    name="hourly",
    timeout_seconds=50 * 60,
    persist_result=False,
    on_failure=[tell],
    on_crashed=[tell],
    on_completion=[recover],
)
def hourly(settings_path: str | None = None, now: str | None = None) -> dict[str, Report]:
    """Bring lake and warehouse up to ``now`` (ISO 8601 with offset; default: the present). Returns each step's report.

    A late run looks at the present too, not at the hour it was meant for: then the next one has nothing to do.
    Objects that cannot be read, an application that is down, and a day that breaks a rule of quality hold up
    nothing else; in the end they fail the run.
    """
    given, now = now, now or present()
    reports = {"ingest": ingest(settings_path, now), "export": attempted(export, settings_path, now)}
    reports["rollup"] = rollup(settings_path, now)
    reports |= judged(settings_path, now, given or present())
    reports["write_back"] = attempted(write_back, settings_path, now)  # of days that are final, and so judged
    publish("hourly", settings_path, now, reports["ingest"])
    require_all_read(reports["ingest"])
    require_all_exported(reports["export"])
    require_all_sound(reports["quality"])
    require_all_written_back(reports["write_back"])
    require_rules_understood(reports["check"])
    return reports


def judged(settings_path: str | None, now: str, told_at: str) -> dict[str, Report]:
    """The gate, the rules, and what they have to tell. A mistake in a suite fails the run, but silences no rule.

    ``told_at``: the present, also for a run that looks from an hour ago: leases are told by it.
    """
    gate = quality(settings_path, now, return_state=True)
    reports = {"check": check(settings_path, now), "deliver": deliver(settings_path, told_at)}
    return {**reports, "quality": gate.result()}


def present() -> str:
    """The instant it is, as steps take it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def attempted(step: Task[[str | None, str], Report], settings_path: str | None, now: str) -> Report:
    """The report of a step whose failure must not keep those after it from running: it is told there."""
    state = step(settings_path, now, return_state=True)
    found = state.result(raise_on_failure=False)
    return {"failed": [in_one_line(found)]} if isinstance(found, BaseException) else found


def publish(flow: str, settings_path: str | None, now: str, ingested: Report) -> None:
    """A run's table in Prefect: the last days, and in its description what was taken in."""
    counts = {name: len(value) if isinstance(value, list) else value for name, value in ingested.items()}
    taken_in = ", ".join(f"{name} {count}" for name, count in counts.items())
    table = day_table(settings_path, now)
    create_table_artifact(key=flow, table=table, description=f"As of {now}. Ingest: {taken_in}.")
    alerts = alert_table(settings_path, now)
    firing = sum(row["state"] == "firing" for row in alerts)
    create_table_artifact(key="alerts", table=alerts, description=f"As of {now}: {firing} incidents fire.")


def run_flow(settings_path: str | None, now: str | None = None) -> dict[str, Report]:
    """The flow on a server of its own, gone afterwards with all its records; raises what the flow raises.

    Prefect stays silent meanwhile, tracebacks included: the caller gets the exception itself.
    """
    for name in ("prefect", "prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory(prefix="mediameter-prefect-") as home,
        embedded_server(Path(home), meanwhile=_import_steps) as url,
        temporary_settings(_client(url, Path(home))),
    ):
        return hourly(settings_path, now)


def _import_steps() -> None:
    for module in (
        "ingest.ingest",
        "export.export",
        "rollup.rollup",
        "gate.quality",
        "alert.check",
        "alert.deliver",
        "write_back.write_back",
    ):
        importlib.import_module(f"mediameter.steps.{module}")


def _client(url: str, home: Path) -> dict[Any, Any]:
    """Settings of a client of the embedded server, whatever the user's own Prefect is."""
    return {
        PREFECT_API_URL: url,
        PREFECT_API_KEY: None,
        PREFECT_API_AUTH_STRING: None,
        PREFECT_HOME: home,
        PREFECT_LOGGING_TO_API_ENABLED: False,
        # The heartbeat lets a server notice dead runs and costs a second: this server ends with the run.
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.hourly", description="Run the hourly flow once, by itself.")
    parser.add_argument("--settings", metavar="FILE", help="the settings (default: as `mediameter run` finds them)")
    parser.add_argument("--now", metavar="ISO", help="the instant the run looks from (default: the present)")
    options = parser.parse_args(arguments)
    try:
        reports = run_flow(options.settings, options.now)
    except Exception as error:  # of whatever kind: one line and the exit code
        print(f"mediameter: the hourly flow failed: {in_one_line(error)}", file=sys.stderr)
        return 1
    print(json.dumps(reports, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
