"""The hourly flow: fetch what is new, read the application, roll up the days it touches, check and judge them, tell.

Each run takes in everything that the listing shows and the ledger does not, so a run that fails or never starts is
made good by the next. ``python -m flows.hourly`` runs it once on a Prefect server of its own and prints the reports
as one line of JSON; the demo is built on it.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from flows.embedded import embedded_server
from flows.hooks import recover, tell
from flows.pass_ import Report, whole_pass
from mediameter import terminal
from mediameter.scheduling.notice import in_one_line
from mediameter.steps.pass_ import stations


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
    return whole_pass("hourly", settings_path, now)


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
    for station in stations.PASS:
        importlib.import_module(station.module)


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
        terminal.complain(f"mediameter: the hourly flow failed: {in_one_line(error)}")
        return 1
    terminal.say_json(reports, indent=None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
