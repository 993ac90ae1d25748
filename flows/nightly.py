"""The nightly flow: what the hourly one does, with patience. It lists all there is, so that whatever came late, however
late, is found; computes every day that is still dirty; and sweeps lake files that nothing refers to any more.
"""

from __future__ import annotations

from prefect import flow

from flows.hooks import recover, tell
from flows.hourly import Report, attempted, judged, present, publish, rollup, step_task, write_back
from mediameter.scheduling.notice import (
    require_all_exported,
    require_all_read,
    require_all_sound,
    require_all_written_back,
    require_rules_understood,
)

_HOURS = 3600
patient_ingest = step_task("ingest_all", retries=3, minutes=4 * 60)
patient_export = step_task("export_all", retries=1, minutes=2 * 60)
patient_rollup = rollup.with_options(timeout_seconds=4 * _HOURS)


@flow(
    name="nightly",
    timeout_seconds=10 * _HOURS,
    persist_result=False,
    on_failure=[tell],
    on_crashed=[tell],
    on_completion=[recover],
)
def nightly(settings_path: str | None = None, now: str | None = None) -> dict[str, Report]:
    """Bring lake and warehouse up to ``now`` (ISO 8601 with offset; default: now). Returns each step's report."""
    given, now = now, now or present()
    reports = {"ingest": patient_ingest(settings_path, now), "export": attempted(patient_export, settings_path, now)}
    reports |= {"rollup": patient_rollup(settings_path, now), **judged(settings_path, now, given or present())}
    reports["write_back"] = attempted(write_back.with_options(timeout_seconds=2 * _HOURS), settings_path, now)
    publish("nightly", settings_path, now, reports["ingest"])
    require_all_read(reports["ingest"])
    require_all_exported(reports["export"])
    require_all_sound(reports["quality"])
    require_all_written_back(reports["write_back"])
    require_rules_understood(reports["check"])
    return reports
