"""The quality gate: every day that was written is held against the suites' rules before it may be final.

Each family of a day is judged for itself (`gates`). A verdict belongs to what it was given on, as it was written: what
writes that again makes it stale (the family's fence of verdicts), and without a verdict, or with a critical rule
broken, it stays open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mediameter import families
from mediameter.connect import reading, transact
from mediameter.families.family import Family
from mediameter.faults import point
from mediameter.opening.opened import opened
from mediameter.quality.evidence import Evidence, evidence
from mediameter.quality.suites import Suite, fingerprint, suites
from mediameter.settings import Settings
from mediameter.steps.gate.gates import days_to_judge, values
from mediameter.steps.progress import Progress, quiet
from mediameter.store import days, fences, quality_checks

if TYPE_CHECKING:
    from mediameter.quality.judging import Finding

DAYS_AT_ONCE = 31


@dataclass(slots=True)
class QualityReport:
    """Days whose traffic, and whose generations, were judged; the rules that they break: day, suite, rule, severity,
    detail, family. ``others``: by family the days of those that have no list of their own."""

    days: list[str] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    generation_days: list[str] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        told = asdict(self)
        return told if self.others else {name: value for name, value in told.items() if name != "others"}

    @property
    def suspect_days(self) -> list[str]:
        return sorted({each["day"] for each in self.broken if each["severity"] == "critical"})

    def add(self, part: _Part) -> None:
        days, name = [day.isoformat() for day in sorted(part.epochs)], families.judged()[part.family].reported_as
        judged = getattr(self, name) if name in self.__slots__ else self.others.setdefault(name, [])
        judged += days
        self.broken += [_told(finding, part.family) for finding in part.findings if not finding.is_met]


def quality(settings: Settings, *, now: datetime, progress: Progress | None = None) -> QualityReport:
    """Judges what was written of every day since it was last judged, or of all days when the suites have changed.

    Raises ``UserError`` for a suite that cannot be understood (days that were not judged stay open), ``WorldError``
    when a lake file is missing or the warehouse fails, and when the pages cannot be written.
    """
    report = QualityReport()
    with opened(settings) as made:
        basis = fingerprint(settings.folder)
        with reading(made) as connection:
            todo = {each: days_to_judge(connection, settings, each, basis) for each in families.judged()}
        if count := sum(map(len, todo.values())):
            with (progress or quiet()).task("judging", count, unit="days") as advance:
                for part in _judged(made, settings, todo, now):
                    report.add(part)
                    advance(len(part.epochs))
    return report


def _told(finding: Finding, family: Family) -> dict[str, Any]:
    told = asdict(finding)
    del told["is_met"]
    return {**told, "day": finding.day.isoformat(), "family": family.name}


@dataclass(frozen=True, slots=True)
class _Part:
    """Some days of one family, each with the epoch that its verdict can claim to know, and what was found of them."""

    family: Family
    epochs: dict[date, int]
    findings: list[Finding]


def _judged(
    made: sa.Engine, settings: Settings, todo: Mapping[Family, Sequence[date]], now: datetime
) -> Iterator[_Part]:
    """The days part by part, their verdicts written; then the pages of all of it."""
    from mediameter.quality.docs import publish
    from mediameter.quality.judging import judged, new_context

    basis, every, context = fingerprint(settings.folder), suites(settings.folder), new_context()
    for family, wanted in _portions(todo):
        of_family = [suite for suite in every if suite.family == family.name]
        epochs, seen = _look(made, settings, family, of_family, wanted, basis)
        if not epochs:
            continue
        findings = [finding for suite in of_family for finding in judged(context, suite, seen[suite.name], now=now)]
        point("quality.judged")
        yield _write(made, settings, _Part(family, epochs, findings), of_family, basis)
    if settings.quality.docs:
        publish(context, settings.quality.docs)


def _portions(todo: Mapping[Family, Sequence[date]]) -> Iterator[tuple[Family, Sequence[date]]]:
    for family, wanted in todo.items():
        for number in range(0, len(wanted), DAYS_AT_ONCE):
            yield family, wanted[number : number + DAYS_AT_ONCE]


def _look(
    made: sa.Engine, settings: Settings, family: Family, every: Sequence[Suite], wanted: Sequence[date], basis: str
) -> tuple[dict[date, int], dict[str, list[Evidence]]]:
    """In one snapshot: the epochs of the days that are still to be judged, and what each suite's query says of them."""
    seen: dict[str, list[Evidence]] = {suite.name: [] for suite in every}
    with reading(made) as connection:
        still = [day for day in days_to_judge(connection, settings, family, basis) if day in wanted]
        for day in still:
            given = values(connection, settings, family, day)
            for suite in every:
                seen[suite.name].append(evidence(connection, suite, day, given))
        return {day: fences.epoch(connection, families.verdict_fence(family), day) for day in still}, seen


def _write(made: sa.Engine, settings: Settings, part: _Part, every: Sequence[Suite], basis: str) -> _Part:
    """Writes the verdicts of the days that nobody has written or judged meanwhile; returns those."""
    family, fence = part.family, families.verdict_fence(part.family)

    def write(connection: sa.Connection) -> _Part:
        known = days.known(connection, settings, family.name)
        passed = {
            day: epoch for day, epoch in part.epochs.items() if fences.pass_fence(connection, fence, day, epoch, basis)
        }
        for day in passed:
            # Of a day that no source knows there is nothing to say, unless it should be known.
            of_day = [each for each in part.findings if each.day == day and (day in known or not each.is_met)]
            _replace(connection, settings, family.name, day, every, of_day)
        days.judge(connection, settings, family.name, fence, set(passed))
        point("quality.before_commit")
        return _Part(family, passed, [finding for finding in part.findings if finding.day in passed])

    return transact(made, write)


def _replace(
    connection: sa.Connection,
    settings: Settings,
    family: str,
    day: date,
    every: Sequence[Suite],
    findings: Sequence[Finding],
) -> None:
    rows = [(settings.tenant, f.day, f.suite, f.rule, family, f.severity, f.is_met, f.detail) for f in findings]
    quality_checks.replace_day(connection, settings.tenant, day, family, [suite.name for suite in every], rows)
