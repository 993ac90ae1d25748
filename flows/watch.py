"""The watch flow, every five minutes: what cannot wait for the hour is exported and judged, and what waits is told.

A source that is down does not fail it: that is what its rules are about. A run that fails is told once: the runs that
fail after it, every five minutes, say nothing new.
"""

from __future__ import annotations

from prefect import flow

from flows.hooks import recover, tell_first
from flows.pass_ import Report, present, task_of
from mediameter.steps.pass_.complaints import require_rules_understood
from mediameter.steps.pass_.stations import WATCH

watching = task_of(WATCH)


@flow(
    name="watch",
    timeout_seconds=5 * 60,
    persist_result=False,
    on_failure=[tell_first],
    on_crashed=[tell_first],
    on_completion=[recover],
)
def watch(settings_path: str | None = None, now: str | None = None) -> Report:
    """Judge what is new as of ``now`` (ISO 8601 with offset; default: the present). Returns the step's report."""
    report = watching(settings_path, now or present())
    require_rules_understood(report["check"])
    return report
