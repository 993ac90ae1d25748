"""`mediameter migrate --from`: what the report of a move says, line by line."""

from __future__ import annotations

from mediameter.steps.redo.moving import MoveReport


def lines(report: MoveReport) -> list[str]:
    would = "would be " if report.is_dry_run else ""
    count = f"{sum(report.rows.values()):,} rows of {len(report.rows)} tables"
    lines = [f"{count} {would}carried over from {report.origin} to {report.target}"]
    if report.was_there:
        lines = [f"{report.target} holds all of {report.origin} already"]
    if report.key_at:
        lines.append(f"the key of the pseudonyms {would}copied to {report.key_at}: keep a copy of it elsewhere, too")
    lines.append("nothing was done" if report.is_dry_run else f"{report.origin} is marked as moved: no run uses it now")
    return lines
