"""`mediameter rejects replay`: what its report says, line by line."""

from __future__ import annotations

from mediameter.steps.pass_.words import of_quality
from mediameter.steps.redo.replay import ReplayReport
from parsers.access_log import PARSER_VERSION


def lines(report: ReplayReport) -> list[str]:
    if not report.objects:
        lines = [f"Nothing to replay: no object with rejects was read by a parser older than {PARSER_VERSION}."]
    else:
        lines = [
            f"{report.objects:,} objects read again: {report.lines_back:,} lines came back.",
            f"Rejected lines: {report.rejected[0]:,} before, {report.rejected[1]:,} now;"
            f" refused objects: {report.refused[0]:,} before, {report.refused[1]:,} now.",
            f"Days written: {', '.join(report.days) or 'none'}.",
        ]
    if report.vanished:
        lines.append(f"{report.vanished:,} more are gone from the bucket, or of frozen days: they stay as they are.")
    lines += of_quality(report.quality, "done")
    lines += [f"Fewer objects or rows than before, so nothing was changed: {why}" for why in report.doubted]
    return [*lines, *(f"Not read, still as before: {why}" for why in (*report.failed_sources, *report.failed))]
