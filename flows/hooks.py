"""What Prefect calls when a flow run ends badly: one notification, by way of the plain steps.

``on_failure`` runs in the process of the flow. ``on_crashed`` runs there too, if the process lives to see its crash;
a killed one (SIGKILL, out of memory) does not, so there the worker, which sees the exit code, loads the flow anew in
a process of its own and runs the hook. When the worker dies with it, nobody is left to tell: that a day stays
incomplete is then the sign (``mediameter status --check``).
"""

from __future__ import annotations

import sys
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.utilities.urls import url_for

from mediameter.steps.notice import backfill_command, in_one_line, tell_failure


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
        )
    except Exception as error:  # Prefect would swallow it: a hook that breaks has to be seen in the log at least
        print(f"mediameter: the hook of {flow.name} failed: {in_one_line(error)}", file=sys.stderr)


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
    how = {name: bool(given.get(name)) for name in ("reparse", "every", "dry_run")}
    return backfill_command(given.get("settings_path"), given["first_day"], given.get("last_day"), **how)
