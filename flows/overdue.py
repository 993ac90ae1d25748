"""The flow that tells that another one does not run. An automation orders it (``flows.automations``), nobody else."""

from __future__ import annotations

from prefect import flow
from prefect.runtime import flow_run

from mediameter.scheduling.flow_news import require_told, tell_overdue


@flow(name="overdue", retries=3, retry_delay_seconds=60, timeout_seconds=300, persist_result=False)
def overdue(deployment: str, grace: str, settings_path: str | None = None) -> None:
    """Tell the channels that no run of a deployment has ended for so long; fails when no channel could be notified.

    Args:
        deployment: The one that does not run.
        grace: For how long, in words.
        settings_path: The settings that name the channels.
    """
    require_told(tell_overdue(settings_path, deployment, grace, key=f"flow-run-{flow_run.id}"))
