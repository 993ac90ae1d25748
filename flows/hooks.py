"""What Prefect calls when a flow run ends: a message when it ended badly, and one when it is the first to end well
after that; by way of the plain steps.

``on_failure`` runs in the process of the flow. ``on_crashed`` runs there too, if the process lives to see its crash;
a killed one (SIGKILL, out of memory) does not, so there the worker, which sees the exit code, loads the flow anew in
a process of its own and runs the hook. When the worker dies with it, nobody is left to tell: then the automations of
``flows.automations`` do, or, from outside, ``mediameter status --check``.
"""

from __future__ import annotations

from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.utilities.urls import url_for

from mediameter import terminal
from mediameter.scheduling.flow_news import tell_failure, tell_recovery
from mediameter.scheduling.notice import backfill_command, in_one_line

# Not CANCELLED: a run that was sent away, since another held the slot, says nothing of how things are.
_ENDS = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED]


def tell(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The hook for ``on_failure`` and ``on_crashed``."""
    try:
        tell_failure(
            settings_path=flow_run.parameters.get("settings_path"),
            flow=flow.name,
            window=_window(flow_run),
            error=state.message or state.name or "no message",
            run_url=url_for(flow_run),
            retry=_retry(flow_run),
            key=_key(flow_run),
        )
    except Exception as error:  # Prefect would swallow it: a hook that breaks has to be seen in the log at least
        terminal.complain(f"mediameter: the hook of {flow.name} failed: {in_one_line(error)}")


def tell_first(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The same for a flow that runs every few minutes: tells of the first failure in a row, and of each where Prefect
    cannot say what was before."""
    try:
        is_known = _follows_a_failure(flow_run)
    except Exception:
        is_known = False
    if not is_known:
        tell(flow, flow_run, state)


def recover(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The hook for ``on_completion``: tells that a deployment works again, when its last run before this one failed.

    What the last run was, Prefect knows; where it cannot be asked, nothing is told.
    """
    try:
        if _follows_a_failure(flow_run):
            path = flow_run.parameters.get("settings_path")
            tell_recovery(path, flow.name, _window(flow_run), run_url=url_for(flow_run), key=_key(flow_run))
    except Exception as error:
        terminal.complain(f"mediameter: whether {flow.name} had failed is not known: {in_one_line(error)}")


def _follows_a_failure(flow_run: FlowRun) -> bool:
    if flow_run.deployment_id is None or flow_run.start_time is None:
        return False  # a run by hand: of other settings, perhaps
    ended_before = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_ENDS)),
        start_time=FlowRunFilterStartTime(before_=flow_run.start_time),
    )
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[flow_run.deployment_id])),
            flow_run_filter=ended_before,
            sort=FlowRunSort.START_TIME_DESC,
            limit=2,  # this one may be among them already
        )
    last = next((run for run in runs if run.id != flow_run.id), None)
    return last is not None and last.state_type in (StateType.FAILED, StateType.CRASHED)


def _key(flow_run: FlowRun) -> str:
    """A run has one end, so its id is the key of what is told of it."""
    return f"flow-run-{flow_run.id}"


def _window(flow_run: FlowRun) -> str:
    """The days that the run was to do again; else up to which instant it was to look: its parameter, else when it
    started, else when it should have."""
    if "first_day" in flow_run.parameters:
        return f"{flow_run.parameters['first_day']}..{flow_run.parameters.get('last_day')}"
    until = flow_run.parameters.get("now")
    if until is None:
        started_at = flow_run.start_time or flow_run.expected_start_time
        until = started_at.isoformat(timespec="seconds") if started_at else "an unknown instant"
    return f"all that was delivered up to {until}"


def _retry(flow_run: FlowRun) -> str | None:
    """The command for a backfill; all other flows have the same one."""
    given = flow_run.parameters
    if "first_day" not in given:
        return None
    how = {name: bool(given.get(name)) for name in ("reparse", "every", "reprice", "dry_run")}
    return backfill_command(given.get("settings_path"), given["first_day"], given.get("last_day"), **how)
