"""The nightly flow: what the hourly one does, with patience. It lists all there is, so that whatever came late, however
late, is found; computes every day that is still dirty; and sweeps lake files that nothing refers to any more.
"""

from __future__ import annotations

from prefect import flow

from flows.hooks import recover, tell
from flows.pass_ import Report, whole_pass


@flow(
    name="nightly",
    timeout_seconds=10 * 3600,
    persist_result=False,
    on_failure=[tell],
    on_crashed=[tell],
    on_completion=[recover],
)
def nightly(settings_path: str | None = None, now: str | None = None) -> dict[str, Report]:
    """Bring lake and warehouse up to ``now`` (ISO 8601 with offset; default: now). Returns each step's report."""
    return whole_pass("nightly", settings_path, now, at_night=True)
