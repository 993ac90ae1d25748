"""The backfill flow: a range of days done again, one run a part of it.

A run of more than one part only orders one run of the same deployment for each, and ends; the deployment's limit says
how many of these are at work at a time. The key of an order holds the run that gave it, so that a run that is tried
again orders nothing twice. Without a deployment (called from Python) the parts are done one after the other.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

from prefect import flow, runtime, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.deployments import run_deployment
from prefect.tasks import exponential_backoff

from flows.hooks import tell
from flows.pass_ import Report, heals, present
from mediameter import terminal
from mediameter.scheduling.notice import change_table, partitions, perform_backfill, require_done

_HOURS = 3600


@task(
    name="days",
    retries=2,
    retry_delay_seconds=exponential_backoff(10),
    retry_jitter_factor=0.5,
    retry_condition_fn=heals,
    timeout_seconds=6 * _HOURS,
    cache_policy=NO_CACHE,
    persist_result=False,
    log_prints=True,
)
def do_days(
    settings_path: str | None,
    first: date,
    last: date,
    reparse: bool,
    every: bool,
    accept_fewer: list[str],
    reprice: bool,
    dry_run: bool,
    now: str,
) -> Report:
    """One part of the range. Its report holds sums, no records."""
    report = perform_backfill(
        settings_path, first, last, reparse=reparse, every=every, accept_fewer=accept_fewer, reprice=reprice,
        dry_run=dry_run, now=now,
    )  # fmt: skip
    terminal.say(f"{first}..{last}: {json.dumps(report, default=str)}")
    return report


@flow(name="backfill", persist_result=False, on_failure=[tell], on_crashed=[tell])
def backfill(
    first_day: date,
    last_day: date,
    reparse: bool = False,
    every: bool = False,
    accept_fewer: list[str] | None = None,
    reprice: bool = False,
    dry_run: bool = False,
    days_per_run: int = 7,
    settings_path: str | None = None,
    now: str | None = None,
) -> list[Report]:
    """Do days again: fetch what is missing of them, compute them anew.

    Args:
        first_day: First reporting day of the range.
        last_day: Last one, included.
        reparse: Read objects again that an older parser read.
        every: With reparse: whatever parser read it.
        accept_fewer: Sources to be believed although they show less than they did, or nothing.
        reprice: Apply today's prices to final days, too; both figures are kept.
        dry_run: Only tell, as a table a run, what would change day by day.
        days_per_run: How many days one run does.
        settings_path: As `mediameter run` finds them where it is empty.
        now: The instant to look from (ISO 8601 with offset); empty: the present.
    """
    parts = partitions(first_day, last_day, days_per_run)
    given: dict[str, Any] = {
        "reparse": reparse, "every": every, "accept_fewer": accept_fewer or [], "reprice": reprice,
        "dry_run": dry_run, "settings_path": settings_path, "now": now,
    }  # fmt: skip
    if len(parts) > 1 and runtime.deployment.id:
        for first, last in parts:
            _order(UUID(runtime.deployment.id), {**given, "first_day": first, "last_day": last})
        return []
    return _do_all(parts, {**given, "now": now or present()})


def _do_all(parts: list[tuple[date, date]], given: dict[str, Any]) -> list[Report]:
    """One part after the other; what one of them could not do is raised when all are published."""
    reports = [do_days(first=first, last=last, **given) for first, last in parts]
    for report in reports:
        _publish(report, given["dry_run"])
    for report in reports:
        require_done(report)
    return reports


def _order(deployment: UUID, parameters: dict[str, Any]) -> None:
    """A run of the same deployment for one part; nobody waits for it, and it tells of its own failure."""
    first, last = parameters["first_day"], parameters["last_day"]
    run_deployment(
        deployment,
        parameters={**parameters, "days_per_run": (last - first).days + 1},
        flow_run_name=f"{first}..{last}",
        idempotency_key=f"{runtime.flow_run.id}/{first}..{last}",
        timeout=0,
    )


def _publish(report: Report, dry_run: bool) -> None:
    """The table of one part in Prefect: the days that were computed, with their differences."""
    days, would = f"{report['task']['first']}..{report['task']['last']}", "would be " if dry_run else ""
    fetched, again = report["ingest"]["objects"] - report["ingest"]["again"], report["ingest"]["again"]
    description = f"{days}: {fetched} objects {would}fetched, {again} {would}read again."
    if report["refused"]:
        description += f" Refused, since frozen: {', '.join(report['refused'])}."
    create_table_artifact(key="backfill", table=change_table(report), description=description)
