"""The nightly flow: what the hourly one does, with patience. It lists all there is, so that whatever came late, however
late, is found; computes every day that is still dirty; and sweeps lake files that nothing refers to any more.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow

from flows.hooks import tell
from flows.hourly import Report, check, ingest, publish, rollup
from mediameter.steps.notice import require_all_read

_HOURS = 3600
patient_ingest = ingest.with_options(timeout_seconds=4 * _HOURS)
patient_rollup = rollup.with_options(timeout_seconds=4 * _HOURS)


@flow(
    name="nightly",
    timeout_seconds=10 * _HOURS,
    persist_result=False,
    on_failure=[tell],
    on_crashed=[tell],
)
def nightly(settings_path: str | None = None, now: str | None = None) -> dict[str, Report]:
    """Bring lake and warehouse up to ``now`` (ISO 8601 with offset; default: now). Returns each step's report."""
    now = now or datetime.now(UTC).isoformat(timespec="seconds")
    reports = {step.name: step(settings_path, now) for step in (patient_ingest, patient_rollup, check)}
    publish("nightly", settings_path, now, reports["ingest"])
    require_all_read(reports["ingest"])
    return reports
