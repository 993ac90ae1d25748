"""The gate's verdicts, then those of the rules, which rest on which days are final: the one order of every pass."""

from __future__ import annotations

from datetime import datetime

from mediameter.settings import Settings
from mediameter.steps.alert.check import CheckReport, check
from mediameter.steps.gate.quality import QualityReport, quality
from mediameter.steps.progress import Progress


def verdicts(settings: Settings, *, now: datetime, progress: Progress | None) -> tuple[QualityReport, CheckReport]:
    """Raises what both raise. A mistake in somebody's suite ends the pass, but silences no rule."""
    try:
        judged = quality(settings, now=now, progress=progress)
    finally:
        checked = check(settings, now=now)
    return judged, checked
