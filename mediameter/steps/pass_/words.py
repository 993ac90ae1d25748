"""What each station's report says in the summary of a run, line by line. Text only: the command prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mediameter.numbers import not_counted, told, told_apart
from schemas.vocabulary import ALL

if TYPE_CHECKING:
    from mediameter.steps.alert.check import CheckReport
    from mediameter.steps.alert.deliver import DeliverReport
    from mediameter.steps.export.report import ExportReport
    from mediameter.steps.gate.quality import QualityReport
    from mediameter.steps.ingest.ingest import IngestReport
    from mediameter.steps.pass_.stations import Occasion
    from mediameter.steps.rollup.rollup import RollupReport
    from mediameter.steps.write_back.write_back import WriteBackReport

FIRING = ("critical", "warning")
SHOWN = 10
"""So many lines of one sort at most; the others are counted."""


# --- ingest ------------------------------------------------------------------------------------------


def of_ingest(report: IngestReport, occasion: Occasion) -> list[str]:
    lines = [_of_objects(report, occasion)]
    if occasion == "done" and (more := not_counted(report)):
        lines.append(f"not in the counted bytes: {more}")
    lines += [f"a source could not be read; its days stay open: {why}" for why in report.failed_sources]
    lines += [f"fewer objects or rows than before; its days stay open: {source}" for source in report.doubted]
    lines += [f"warning: {doubt}" for doubt in report.doubts]
    if occasion == "done":
        lines += _of_lines(report)
    if occasion != "planned" and report.not_swept:
        lines.append(report.not_swept)
    lines += _unfinished(report)
    return lines + (
        _limited("could not be read; the next run tries again: ", report.failed) if occasion == "done" else []
    )


def _of_objects(report: IngestReport, occasion: Occasion) -> str:
    if occasion == "planned":
        would = f"{report.pending:,} would be read ({told(report.size_bytes, 'bytes')})"
        return f"{report.listed:,} objects listed, {would}; nothing was done"
    if occasion == "idle":
        return f"nothing new: {report.listed:,} objects listed, all read before"
    return (
        f"{report.objects:,} of {report.listed:,} objects read: {report.lines:,} lines = {report.parsed:,} parsed"
        f" + {report.ignored:,} ignored + {report.rejected:,} rejected"
    )


def _of_lines(report: IngestReport) -> Iterator[str]:
    if report.events:
        yield f"{report.events:,} of the parsed lines are events of generating systems"
    if report.ignored_log_bucket:
        yield f"{report.ignored_log_bucket:,} of the ignored lines are the log bucket's own records"
    if report.log_loop:
        yield (
            f"warning: of {len(report.log_loop):,} hours (the last: {report.log_loop[-1]}) most lines are the log"
            " bucket's own records: access logging is enabled on the log bucket itself, so every"
            " log makes another; disable it"
        )
    if report.refused:
        yield f"{report.refused:,} objects refused as a whole: `mediameter rejects` says why"


def _unfinished(report: IngestReport) -> list[str]:
    """What was not read since it may not be whole yet."""
    lines = _limited("left to a later run, since it may still be written: ", report.growing)
    if report.temporary:
        programs = ", ".join(f"{program} {files:,}" for program, files in sorted(report.temporary.items()))
        total = sum(report.temporary.values())
        lines.append(f"{total:,} temporary files or links left out ({programs}): `mediameter rejects` names them")
    return lines


def _limited(head: str, lines: list[str]) -> list[str]:
    more = [f"{head}{len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
    return [*(f"{head}{line}" for line in lines[:SHOWN]), *more]


# --- export ------------------------------------------------------------------------------------------


def of_export(report: ExportReport, occasion: Occasion) -> list[str]:
    lines = [f"warning: {doubt}" for doubt in report.doubts]
    if occasion == "idle":
        return lines
    lines += [f"the application could not be read; its days stay open: {why}" for why in report.failed]
    if report.days_read:
        would = "would change" if occasion == "planned" else "changed"
        lines.append(
            f"{report.days_read:,} days of the application read: {report.rows:,} rows = {report.events:,} events +"
            f" {report.ignored:,} ignored + {report.rejected:,} rejected, some events in two rows;"
            f" {len(report.days):,} days {would}"
        )
    if report.rows_without_day:
        lines.append(f"{report.rows_without_day:,} more rows have no id or no time that can be read")
    if report.rows_to_come:
        lines.append(f"{report.rows_to_come:,} more rows are of days to come, and are read then")
    return lines + [f"new in the application, and not read: {column}" for column in report.new_columns]


# --- rollup, gate, rules, messages ---------------------------------------------------------------------


def of_rollup(report: RollupReport, occasion: Occasion) -> list[str]:
    lines = [f"days written: {', '.join(report.days) or 'none'}"] if occasion == "done" else []
    if report.generation_days:
        lines.append(f"days of generations written: {', '.join(report.generation_days)}")
    return lines + _limited("could not be computed; it stays open: ", report.failed) + report.waiting


def of_quality(report: QualityReport, occasion: Occasion) -> list[str]:
    """What is broken, a line a rule and day."""
    states = {"critical": "suspect, not final", "warning": "warning"}
    broken = [
        f"{states[row['severity']]}: {row['day']} breaks {row['suite']}.{row['rule']}: {row['detail']}"
        for row in report.broken
    ]
    return broken + _limited("the gate could not judge; the day stays open: ", report.failed)


def of_check(report: CheckReport, occasion: Occasion) -> list[str]:
    """What fires now, and the days on which something did, of those that were judged."""
    lines = [f"warning: an invalid rule was left out, all others judged: {mistake}" for mistake in report.mistakes]
    lines += _limited("warning: could not be judged, all other rules were: ", report.failed)
    lines += [f"fires now: {incident}" for incident in report.firing]
    fired = [row for row in report.rows if row["verdict"] in FIRING]
    for row in fired[-SHOWN:]:
        of = "" if row["group"] == ALL else f" ({row['group']})"
        value, limit = told_apart(row["value"], row["threshold"], row["unit"])
        lines.append(f"{row['verdict']}: {row['rule']}{of} on {row['day']}: {value}, threshold {limit}")
    more = len(fired) - SHOWN
    return [*lines, f"and {more:,} verdicts of days before: `mediameter answer checks`"] if more > 0 else lines


def of_deliver(report: DeliverReport, occasion: Occasion) -> list[str]:
    lines = [f"{report.delivered:,} messages sent"] if report.delivered else []
    lines += [f"not sent; the next run tries again: {why}" for why in report.failed]
    if report.given_up:
        lines.append(f"{report.given_up:,} messages given up: nobody received them")
    return lines


# --- write back --------------------------------------------------------------------------------------


def of_write_back(report: WriteBackReport, occasion: Occasion) -> list[str]:
    lines = [f"the application could not be written; the next run tries again: {why}" for why in report.failed]
    if not report.days:
        return lines
    what = "would be written back" if occasion == "planned" else "written back"
    left_out = ", ".join(f"{reason} {requests:,}" for reason, requests in sorted(report.skipped.items()))
    lines.append(
        f"{what} to the application: {len(report.days):,} days, {report.requests:,} requests = {report.inserted:,} new"
        f" + {report.updated:,} changed + {report.unchanged:,} unchanged rows +"
        f" {sum(report.skipped.values()):,} left out"
        f" ({left_out or 'none'}); {report.removed:,} rows removed,"
        f" {report.without_application:,} without an application"
    )
    return lines
