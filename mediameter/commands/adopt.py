"""`mediameter adopt`: what its report says, line by line."""

from __future__ import annotations

from mediameter.steps.redo.adopt import AdoptReport
from mediameter.steps.redo.forget import Forgotten

SHOWN_FILES, SHOWN_OBJECTS = 5, 10


def lines(report: AdoptReport) -> list[str]:
    would = "would be " if report.is_dry_run else ""
    lines = [f"{report.manifests:,} manifests of {report.lake} {would}done again in {report.warehouse}"]
    if not report.is_dry_run:
        lines.append(f"{report.files:,} lake files count, each held against its hash")
    if report.restored:
        lines.append(f"{report.restored:,} files {would}brought back from the lake's trash")
    if report.missing:
        lines.append(f"{len(report.missing):,} files are missing: {', '.join(report.missing[:SHOWN_FILES])}")
    lines += _of_the_forgotten(report.forgotten)
    if report.has_new_key:
        lines.append("another key from now on: addresses become new ones, and lines that come again count twice")
    lines.append("nothing was done" if report.is_dry_run else "`mediameter run` computes all days again")
    return lines


def _of_the_forgotten(report: Forgotten) -> list[str]:
    lines = []
    if report.objects:
        lines.append(f"{report.objects:,} objects forgotten: the next run reads those that the bucket still shows")
    if report.lost:
        named = ", ".join(report.lost[:SHOWN_OBJECTS]) + (" …" if len(report.lost) > SHOWN_OBJECTS else "")
        lines.append(
            f"LOST, since the bucket no longer shows them: {len(report.lost):,} objects with"
            f" {report.lost_lines:,} lines: {named}"
        )
    if report.export_days:
        lines.append(f"{report.export_days:,} exported days forgotten: the next run reads them again")
    return lines
