"""The quality gate: every day that was written is held against the suites' rules before it may be final.

A verdict belongs to the day as it was written: what writes it again makes it stale (`ledger`, family `quality`), and a
day without a verdict, or with a critical rule broken, stays open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

from mediameter import ledger, warehouse
from mediameter.connect import engine, reading, transact
from mediameter.faults import point
from mediameter.quality.evidence import Evidence, evidence
from mediameter.quality.suites import Suite, fingerprint, suites
from mediameter.settings import Settings
from mediameter.steps import days
from mediameter.steps.lake_count import lake_count
from mediameter.steps.progress import Progress, quiet
from mediameter.steps.rollup import basis as rollup_basis
from schemas.rollups import QUALITY_CHECKS_DAILY

if TYPE_CHECKING:
    from mediameter.quality.judging import Finding

DAYS_AT_ONCE = 31
_BEFORE = ("traffic", "audience")  # what a day's figures are made of


@dataclass(slots=True)
class QualityReport:
    """Days that were judged, and the rules that they break: day, suite, rule, severity, detail."""

    days: list[str] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def suspect_days(self) -> list[str]:
        return sorted({each["day"] for each in self.broken if each["severity"] == "critical"})

    def lines(self) -> list[str]:
        """What is broken, a line a rule and day."""
        words = {"critical": "suspect, not final", "warning": "warning"}
        return [
            f"{words[each['severity']]}: {each['day']} breaks {each['suite']}.{each['rule']}: {each['detail']}"
            for each in self.broken
        ]


def quality(settings: Settings, *, now: datetime, progress: Progress | None = None) -> QualityReport:
    """Judges every day that was written since it was last judged, or all days when the suites have changed.

    Raises ``UserError`` for a suite that cannot be understood (days that were not judged stay open), ``WorldError``
    when a lake file is missing or the warehouse fails, and when the pages cannot be written.
    """
    report, made = QualityReport(), engine(settings.warehouse.url)
    try:
        warehouse.ready(made)
        with reading(made) as connection:
            todo = _days_to_judge(connection, settings, fingerprint(settings.folder))
        if todo:
            with (progress or quiet()).task("judging", len(todo), unit="days") as advance:
                for part in _judged(made, settings, todo, now):
                    report.days += [day.isoformat() for day in sorted(part.epochs)]
                    report.broken += [_told(finding) for finding in part.findings if not finding.is_met]
                    advance(len(part.epochs))
    finally:
        made.dispose()
    return report


def _told(finding: Finding) -> dict[str, Any]:
    told = asdict(finding)
    del told["is_met"]
    return {**told, "day": finding.day.isoformat()}


def _days_to_judge(connection: sa.Connection, settings: Settings, basis: str) -> list[date]:
    """Not the frozen ones, whose raw data has gone; nor those that are still to be computed: they change."""
    waiting = days.frozen(connection, settings)
    for family in _BEFORE:
        waiting |= set(ledger.dirty_days(connection, family, rollup_basis(settings)))
    return [day for day in ledger.dirty_days(connection, "quality", basis) if day not in waiting]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some days, each with the epoch that its verdict can claim to know, and what was found of them."""

    epochs: dict[date, int]
    findings: list[Finding]


def _judged(made: sa.Engine, settings: Settings, todo: list[date], now: datetime) -> Iterator[_Part]:
    """The days part by part, their verdicts written; then the pages of all of it."""
    from mediameter.quality.docs import publish
    from mediameter.quality.judging import judged, new_context

    basis, every, context = fingerprint(settings.folder), suites(settings.folder), new_context()
    for number in range(0, len(todo), DAYS_AT_ONCE):
        epochs, seen = _look(made, settings, every, todo[number : number + DAYS_AT_ONCE], basis)
        if not epochs:
            continue
        findings = [finding for suite in every for finding in judged(context, suite, seen[suite.name], now=now)]
        point("quality.judged")
        yield _write(made, settings, _Part(epochs, findings), basis)
    if settings.quality.docs:
        publish(context, settings.quality.docs)


def _look(
    made: sa.Engine, settings: Settings, every: Sequence[Suite], wanted: list[date], basis: str
) -> tuple[dict[date, int], dict[str, list[Evidence]]]:
    """In one snapshot: the epochs of the days that are still to be judged, and what each suite's query says of them."""
    seen: dict[str, list[Evidence]] = {suite.name: [] for suite in every}
    with reading(made) as connection:
        still = [day for day in _days_to_judge(connection, settings, basis) if day in wanted]
        for day in still:
            values = _values(connection, settings, day)
            for suite in every:
                seen[suite.name].append(evidence(connection, suite, day, values))
        return {day: ledger.epoch(connection, "quality", day) for day in still}, seen


def _values(connection: sa.Connection, settings: Settings, day: date) -> dict[str, Any]:
    """What queries may ask for (``mediameter.quality.suites.PARAMETERS``)."""
    (begin, end), before = ledger.day_bounds(day, settings.reporting.zone), day - timedelta(days=1)
    lake_rows, lake_records = lake_count(connection, settings, begin, end)
    return {
        "tenant": settings.tenant,
        "day": day,
        "begin_at": warehouse.naive(begin),
        "end_at": warehouse.naive(end),
        "day_before": before,
        "day_before_at": warehouse.naive(ledger.day_bounds(before, settings.reporting.zone)[0]),
        "sources": list(settings.log_sources),
        "is_connected": int(ledger.knows_application(connection)),
        "lake_rows": lake_rows,
        "lake_records": lake_records,
    }


def _write(made: sa.Engine, settings: Settings, part: _Part, basis: str) -> _Part:
    """Writes the verdicts of the days that nobody has written or judged meanwhile; returns those."""

    def write(connection: sa.Connection) -> _Part:
        known = days.known(connection, settings)
        passed = {
            day: epoch
            for day, epoch in part.epochs.items()
            if ledger.pass_fence(connection, "quality", day, epoch, basis)
        }
        for day in passed:
            # Of a day that no source knows there is nothing to say, unless it should be known.
            of_day = [each for each in part.findings if each.day == day and (day in known or not each.is_met)]
            bounds = ledger.day_bounds(day, settings.reporting.zone)
            frames = {QUALITY_CHECKS_DAILY: _frame(settings, of_day)}
            warehouse.replace_day(connection, settings.tenant, day, bounds, frames)
        days.judge(connection, settings, set(passed))
        point("quality.before_commit")
        return _Part(passed, [finding for finding in part.findings if finding.day in passed])

    return transact(made, write)


def _frame(settings: Settings, findings: Sequence[Finding]) -> pl.DataFrame:
    rows = [(settings.tenant, f.day, f.suite, f.rule, f.severity, f.is_met, f.detail) for f in findings]
    return warehouse.frame_of(rows, QUALITY_CHECKS_DAILY)
