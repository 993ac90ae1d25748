"""One pass: ingest, export, roll up, check, judge, tell, write back: `mediameter run`, and cron without Prefect."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mediameter.alerts.catalogue import catalogue
from mediameter.commands.silence import late_sources
from mediameter.numbers import told, told_apart
from mediameter.opening.dry import untouched
from mediameter.opening.reader import reader
from mediameter.report.words import not_counted
from mediameter.settings import Settings
from mediameter.steps.alert.check import CheckReport
from mediameter.steps.alert.deliver import DeliverReport, deliver
from mediameter.steps.export.export import ExportReport, export
from mediameter.steps.gate.quality import QualityReport
from mediameter.steps.gate.verdicts import verdicts
from mediameter.steps.ingest.ingest import IngestReport, ingest
from mediameter.steps.progress import Progress
from mediameter.steps.rollup.rollup import RollupReport, rollup
from mediameter.steps.write_back.write_back import WriteBackReport, write_back
from schemas.vocabulary import ALL

FIRING = ("critical", "warning")
SHOWN_FAILURES = 10


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a pass did, for a person or a program."""

    ingest: IngestReport
    rollup: RollupReport
    check: CheckReport
    export: ExportReport = field(default_factory=ExportReport)
    quality: QualityReport = field(default_factory=QualityReport)
    deliver: DeliverReport = field(default_factory=DeliverReport)
    write_back: WriteBackReport = field(default_factory=WriteBackReport)
    is_dry_run: bool = False
    late: list[str] = field(default_factory=list)
    """Sources that have been silent for longer than is ordinary of them, a line each."""

    @property
    def is_idle(self) -> bool:
        """Nothing new was found and nothing had to be computed."""
        new = self.ingest.objects or self.ingest.pending or self._exported or self.ingest.doubted
        has_written = bool(self.write_back.days or self.write_back.failed or self.deliver.lines())
        has_computed = bool(self.rollup.days or self.rollup.generation_days)
        has_computed |= bool(self.quality.days or self.quality.generation_days)
        return not (new or has_computed or has_written)

    @property
    def has_failed(self) -> bool:
        """Some objects could not be read and stay pending, or the application could not be read or written; or a day
        breaks a rule."""
        unread = self.ingest.failed or self.ingest.doubted or self.export.failed
        return bool(unread or self.quality.suspect_days or self.write_back.failed)

    @property
    def _doubts(self) -> list[str]:
        """What shows less than it did, or nothing at all."""
        less = [f"fewer objects or rows than before; its days stay open: {each}" for each in self.ingest.doubted]
        nothing = [f"warning: {each}" for each in (*self.ingest.doubts, *self.export.doubts)]
        return [*less, *nothing, *(f"warning: {each}" for each in self.late)]

    @property
    def _exported(self) -> bool:
        return bool(self.export.days or self.export.failed or self.export.new_columns)

    def to_dict(self) -> dict[str, Any]:
        return {
            "is_idle": self.is_idle,
            "is_dry_run": self.is_dry_run,
            "ingest": self.ingest.to_dict(),
            "export": self.export.to_dict(),
            "rollup": self.rollup.to_dict(),
            "check": self.check.to_dict(),
            "quality": self.quality.to_dict(),
            "deliver": self.deliver.to_dict(),
            "write_back": self.write_back.to_dict(),
            "late": self.late,
        }

    @classmethod
    def from_dict(cls, reports: dict[str, Any]) -> RunSummary:
        """The summary of a pass that another process made, from the reports of its steps."""
        return cls(
            IngestReport(**reports["ingest"]),
            RollupReport(**reports["rollup"]),
            CheckReport(**reports["check"]),
            ExportReport(**reports["export"]),
            QualityReport(**reports["quality"]),
            DeliverReport(**reports["deliver"]),
            WriteBackReport(**reports["write_back"]),
            late=reports.get("late", []),
        )

    def lines(self) -> list[str]:
        """The summary in a few lines."""
        found = self.ingest
        if self.is_dry_run:
            would = f"{found.pending:,} would be read ({told(found.size_bytes, 'bytes')})"
            listed = f"{found.listed:,} objects listed, {would}; nothing was done"
            of_buckets = [*self._doubts, *self._unfinished()]
            return [listed, *of_buckets, *self._of_the_application(), *self._written_back()]
        if self.is_idle:
            nothing = f"nothing new: {found.listed:,} objects listed, all read before"
            not_swept = [found.not_swept] if found.not_swept else []
            return [nothing, *self._doubts, *not_swept, *self._unfinished(), *self.rollup.waiting, *self._fired()]
        lines = [
            f"{found.objects:,} of {found.listed:,} objects read: {found.lines:,} lines = {found.parsed:,} parsed"
            f" + {found.ignored:,} ignored + {found.rejected:,} rejected",
            *([f"not in the counted bytes: {more}"] if (more := not_counted(found)) else []),
            *self._doubts,
            *self._of_the_application(),
            f"days written: {', '.join(self.rollup.days) or 'none'}",
            *self._written_back(),
        ]
        if self.rollup.generation_days:
            lines.append(f"days of generations written: {', '.join(self.rollup.generation_days)}")
        if found.events:
            lines.append(f"{found.events:,} of the parsed lines are events of generating systems")
        if found.ignored_log_bucket:
            lines.append(f"{found.ignored_log_bucket:,} of the ignored lines are the log bucket's own records")
        if found.log_loop:
            lines.append(
                f"warning: of {len(found.log_loop):,} hours (the last: {found.log_loop[-1]}) most lines are the log"
                " bucket's own records: access logging is enabled on the log bucket itself, so every"
                " log makes another; disable it"
            )
        if found.refused:
            lines.append(f"{found.refused:,} objects refused as a whole: `mediameter rejects` says why")
        if found.not_swept:
            lines.append(found.not_swept)
        lines += self._unfinished()
        lines += [f"not read, will be tried again: {why}" for why in found.failed[:SHOWN_FAILURES]]
        if len(found.failed) > SHOWN_FAILURES:
            lines.append(f"not read, will be tried again: {len(found.failed) - SHOWN_FAILURES:,} more")
        lines += self.rollup.waiting
        lines += self.quality.lines()
        lines += self.deliver.lines()
        return lines + self._fired()

    def _unfinished(self) -> list[str]:
        """What was not read since it may not be whole yet."""
        found = self.ingest
        lines = [f"left to a later run, since it may still be written: {why}" for why in found.growing[:SHOWN_FAILURES]]
        if len(found.growing) > SHOWN_FAILURES:
            lines.append(
                f"left to a later run, since it may still be written: {len(found.growing) - SHOWN_FAILURES:,} more"
            )
        if found.temporary:
            programs = ", ".join(f"{program} {files:,}" for program, files in sorted(found.temporary.items()))
            total = sum(found.temporary.values())
            lines.append(f"{total:,} temporary files left out ({programs}): `mediameter rejects` names them")
        return lines

    def _fired(self) -> list[str]:
        """What fires now, and the days on which something did, of those that were judged."""
        of_days = [row for row in self.check.rows if row["verdict"] in FIRING]
        lines = [f"warning: an invalid rule was left out, all others judged: {each}" for each in self.check.mistakes]
        lines += [f"fires now: {each}" for each in self.check.firing]
        for row in of_days[-SHOWN_FAILURES:]:
            of = "" if row["group"] == ALL else f" ({row['group']})"
            value, limit = told_apart(row["value"], row["threshold"], row["unit"])
            lines.append(f"{row['verdict']}: {row['rule']}{of} on {row['day']}: {value}, threshold {limit}")
        more = len(of_days) - SHOWN_FAILURES
        return [*lines, f"and {more:,} verdicts of days before: `mediameter answer checks`"] if more > 0 else lines

    def _of_the_application(self) -> list[str]:
        found = self.export
        lines = [f"the application could not be read; its days stay open: {why}" for why in found.failed]
        if found.days_read:
            would = "would change" if self.is_dry_run else "changed"
            lines.append(
                f"{found.days_read:,} days of the application read: {found.rows:,} rows = {found.events:,} events +"
                f" {found.ignored:,} ignored + {found.rejected:,} rejected, some events in two rows;"
                f" {len(found.days):,} days {would}"
            )
        if found.rows_without_day:
            lines.append(f"{found.rows_without_day:,} more rows have no id or no time that can be read")
        lines += [f"new in the application, and not read: {column}" for column in found.new_columns]
        return lines

    def _written_back(self) -> list[str]:
        found = self.write_back
        lines = [f"the application could not be written; the next run tries again: {why}" for why in found.failed]
        if not found.days:
            return lines
        what = "would be written back" if self.is_dry_run else "written back"
        left_out = ", ".join(f"{reason} {requests:,}" for reason, requests in sorted(found.skipped.items()))
        lines.append(
            f"{what} to the application: {len(found.days):,} days, {found.requests:,} requests = {found.inserted:,} new"
            f" + {found.updated:,} changed + {found.unchanged:,} unchanged rows +"
            f" {sum(found.skipped.values()):,} left out"
            f" ({left_out or 'none'}); {found.removed:,} rows removed,"
            f" {found.without_application:,} without an application"
        )
        return lines


def run(
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    dry_run: bool = False,
    sweep_all: bool = False,
) -> RunSummary:
    """All steps. Raises what they raise; each step may run again, and so may the whole.

    An application that cannot be read or written is told in the summary: what the logs say is taken in all the same.
    """
    catalogue(settings)  # a mistake in the settings' thresholds is told before anything is done
    if dry_run:
        with untouched(settings) as looking:
            return _planned(looking, now, progress)
    found = ingest(settings, now=now, progress=progress, sweep_all=sweep_all)
    exported = export(settings, now=now, progress=progress)
    rolled_up = rollup(settings, now=now, progress=progress)
    try:
        judged, checked = verdicts(settings, now=now, progress=progress)
    finally:  # whatever ends the run, what the rules have said is told
        told = deliver(settings, now=now)
    written = write_back(settings, now=now, progress=progress)
    with reader(settings) as connection:
        late = list(late_sources(connection, settings, now).values())
    return RunSummary(found, rolled_up, checked, exported, judged, told, written, late=late)


def _planned(settings: Settings, now: datetime, progress: Progress | None) -> RunSummary:
    found = ingest(settings, now=now, progress=progress, dry_run=True)
    exported = export(settings, now=now, progress=progress, dry_run=True)
    would = write_back(settings, now=now, progress=progress, dry_run=True)
    return RunSummary(found, RollupReport(), CheckReport(), exported, write_back=would, is_dry_run=True)
