"""The quality gate: every day that was written is held against the suites' rules before it may be final.

Each family of a day is judged for itself (`gates`). A verdict belongs to what it was given on, as it was written: what
writes that again makes it stale (the family's fence of verdicts), and without a verdict, or with a critical rule
broken, it stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mediameter import families
from mediameter.bulkheads import bulkhead
from mediameter.connect import reading, transact
from mediameter.errors import MediameterError, UserError
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
Tell = Callable[[MediameterError], None]


@dataclass(slots=True)
class QualityReport:
    """Days whose traffic, and whose generations, were judged; the rules that they break: day, suite, rule, severity,
    detail, family. ``others``: by family the days of those that have no list of their own."""

    days: list[str] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    generation_days: list[str] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    """What could not be judged, a line each; its days stay open. ``mistakes``: how many of these a suite's author
    mends."""
    mistakes: int = 0

    def fail(self, error: MediameterError) -> None:
        if str(error) not in self.failed:  # a mistake in a suite shows on every day
            self.failed.append(str(error))
            self.mistakes += isinstance(error, UserError)

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

    A suite that the warehouse or Great Expectations refuses for a day is told in ``failed``, and the day stays open; so
    are pages that cannot be written. Raises ``UserError`` for a file of suites that cannot be understood,
    ``WorldError`` when the warehouse fails.
    """
    report = QualityReport()
    with opened(settings) as made:
        basis = fingerprint(settings.folder)
        with reading(made) as connection:
            todo = {each: days_to_judge(connection, settings, each, basis) for each in families.judged()}
        if count := sum(map(len, todo.values())):
            with (progress or quiet()).task("judging", count, unit="days") as advance:
                for part in _judged(made, settings, todo, now, report.fail):
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
    made: sa.Engine, settings: Settings, todo: Mapping[Family, Sequence[date]], now: datetime, tell: Tell
) -> Iterator[_Part]:
    """The days part by part, their verdicts written; then the pages of all of it. ``tell`` hears of what fails."""
    from mediameter.quality.docs import publish
    from mediameter.quality.judging import judged, new_context

    basis, every, context = fingerprint(settings.folder), suites(settings.folder), new_context()
    for family, wanted in _portions(todo):
        of_family = [suite for suite in every if suite.family == family.name]
        epochs, seen = _look(made, settings, family, of_family, wanted, basis, tell)
        if not epochs:
            continue
        findings: list[Finding] = []
        for suite in of_family:
            found = _of_suite(partial(judged, context, suite, now=now), suite, seen[suite.name], tell)
            findings += found
            judged_days = {finding.day for finding in found} | (set() if suite.rules else set(epochs))
            epochs = {day: epoch for day, epoch in epochs.items() if day in judged_days}
        point("quality.judged")
        yield _write(made, settings, _Part(family, epochs, findings), of_family, basis)
    if settings.quality.docs:
        with bulkhead(tell, "the pages of the quality gate"):
            publish(context, settings.quality.docs)


def _of_suite(
    judge: Callable[[Sequence[Evidence]], list[Finding]], suite: Suite, seen: Sequence[Evidence], tell: Tell
) -> list[Finding]:
    """What a suite says of these days; of a day at which it breaks, nothing. ``judge`` is cheapest for many days."""
    errors: list[MediameterError] = []
    found: list[Finding] = []
    with bulkhead(errors.append, suite.place):
        found += judge(seen)
    if not errors:
        return found
    if len(seen) == 1 or isinstance(errors[0], UserError):  # a mistake in the suite breaks it on every day
        tell(errors[0])
        return []
    return [finding for each in seen for finding in _of_suite(judge, suite, [each], tell)]


def _portions(todo: Mapping[Family, Sequence[date]]) -> Iterator[tuple[Family, Sequence[date]]]:
    for family, wanted in todo.items():
        for number in range(0, len(wanted), DAYS_AT_ONCE):
            yield family, wanted[number : number + DAYS_AT_ONCE]


def _look(
    made: sa.Engine,
    settings: Settings,
    family: Family,
    every: Sequence[Suite],
    wanted: Sequence[date],
    basis: str,
    tell: Tell,
) -> tuple[dict[date, int], dict[str, list[Evidence]]]:
    """In one snapshot: the epochs of the days that are still to be judged, and what each suite's query says of them. A
    day of which a query fails is left out."""
    seen: dict[date, dict[str, Evidence]] = {}
    with reading(made) as connection:
        for day in days_to_judge(connection, settings, family, basis):
            # A statement that fails would end the transaction on PostgreSQL: the savepoint is all that goes.
            if day in wanted:
                with bulkhead(tell, f"{day} of {family.name}"), connection.begin_nested():
                    given = values(connection, settings, family, day)
                    seen[day] = {suite.name: evidence(connection, suite, day, given) for suite in every}
        epochs = {day: fences.epoch(connection, families.verdict_fence(family), day) for day in seen}
    return epochs, {suite.name: [of_day[suite.name] for of_day in seen.values()] for suite in every}


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
