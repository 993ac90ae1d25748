"""Automations of Prefect that notice a deployment which does not run: no worker, a slot that is held, a schedule that
was paused. ``python -m flows.automations`` makes them, or makes them anew; it may run again.

Each waits, from the end of a run on (at first from when it was made), for the end of the next one; when the grace time
is over it acts, and again after about twice that time, as long as no run ends. By default it orders a run of
``overdue/overdue``, which knows the channels from the settings: no secret lies in Prefect's database. That needs a
worker. With ``--block`` Prefect's server itself sends, by a notification block that is there: also when it is the
worker that has gone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.actions import RunDeployment, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from mediameter import terminal
from mediameter.scheduling.notice import in_one_line

# The time between two ends of runs: the schedule's, and what a run may take at the longest.
GRACE = {
    "watch/watch": timedelta(minutes=30),
    "hourly/hourly": timedelta(hours=2),
    "nightly/nightly": timedelta(hours=36),
}
TELLER = "overdue/overdue"
# Not Cancelled: a run that is sent away, since another one holds the slot, is none.
_ENDS = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Crashed", "TimedOut")}


def watch(client: SyncPrefectClient, name: str, grace: timedelta, block: str | None = None) -> UUID:
    """Make the automation for a deployment, or make it anew. Returns its id.

    ``block`` is TYPE/NAME of a notification block, like slack-webhook/ops. Raises ``ObjectNotFound`` where the
    deployment, the one that tells, or the block is not there.
    """
    deployment = client.read_deployment_by_name(name)
    automation = AutomationCore(
        name=f"mediameter: {name} does not run",
        description=f"No run of it has ended for {_words(grace)}.",
        trigger=_trigger(deployment, grace),
        actions=[_notification(client, name, grace, block) if block else _run(client, deployment, name, grace)],
    )
    known = client.read_automations_by_name(automation.name)
    for each in known:
        client.update_automation(each.id, automation)
    return known[0].id if known else client.create_automation(automation)


def _trigger(deployment: DeploymentResponse, grace: timedelta) -> EventTrigger:
    """An end is waited for, and begins the waiting anew: only of a trigger that has the same events as ``after`` and as
    ``expect`` does Prefect begin its window with each of them, and not every so often."""
    related: Any = {"prefect.resource.id": f"prefect.deployment.{deployment.id}"}
    return EventTrigger(
        posture=Posture.Proactive,
        match_related=related,
        after=_ENDS,
        expect=_ENDS,
        threshold=1,
        within=grace,
    )


def _run(client: SyncPrefectClient, deployment: DeploymentResponse, name: str, grace: timedelta) -> RunDeployment:
    teller = client.read_deployment_by_name(TELLER)
    its_settings = (deployment.parameters or {}).get("settings_path")
    parameters = {"deployment": name, "grace": _words(grace), "settings_path": its_settings}
    return RunDeployment(source="selected", deployment_id=teller.id, parameters=parameters, job_variables=None)


def _notification(client: SyncPrefectClient, name: str, grace: timedelta, block: str) -> SendNotification:
    kind, _, block_name = block.partition("/")
    document = client.read_block_document_by_name(block_name, kind)
    body = f"No run of {name} has ended for {_words(grace)}. Look: mediameter doctor. Retry: mediameter run."
    return SendNotification(
        block_document_id=document.id, subject=f"[critical] mediameter {name} does not run", body=body
    )


def _words(grace: timedelta) -> str:
    seconds = round(grace.total_seconds())
    size, name = next(
        (size, name) for size, name in ((3600, "hours"), (60, "minutes"), (1, "seconds")) if seconds >= size
    )
    return f"{seconds // size} {name}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m flows.automations", description="Have Prefect notice deployments that do not run."
    )
    parser.add_argument("--block", metavar="TYPE/NAME", help="a notification block, like slack-webhook/ops")
    options = parser.parse_args(arguments)
    with get_client(sync_client=True) as client:
        for name, grace in GRACE.items():
            try:
                watch(client, name, grace, options.block)
            except ObjectNotFound as error:
                terminal.complain(f"mediameter: {name} is not watched: {in_one_line(error)}")
                return 1
            terminal.say(f"{name}: told when no run has ended for {_words(grace)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
