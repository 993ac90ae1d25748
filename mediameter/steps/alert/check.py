"""What the rules say of each day and window, and what becomes of it: verdicts, incidents, messages in the outbox.

A day that has changed is judged whole; of today and yesterday, windows of hours and minutes are judged until all of
them could be, since silence changes nothing and is what some rules are about. Verdicts and incidents are written in one
transaction; another writes messages and, into the incidents, that they have been told: who is killed in between has
told nothing, and the next run sees from the incidents what is still to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mediameter.alerts import book
from mediameter.alerts.catalogue import catalogue, mistakes
from mediameter.alerts.evaluate import FIRING, Judged
from mediameter.alerts.rule import HOUR_S, Rule
from mediameter.alerts.rule_files import fingerprint
from mediameter.bulkheads import bulkhead
from mediameter.connect import reading, transact
from mediameter.errors import MediameterError
from mediameter.families import traffic
from mediameter.faults import point
from mediameter.metering.calendar import Day, day_of
from mediameter.opening.opened import opened
from mediameter.settings import Settings
from mediameter.steps.alert.judge import Judge
from mediameter.steps.alert.messages import tell
from mediameter.store import days, fences, verdicts, warehouse
from mediameter.store.budgets import write_budgets
from schemas.rollups import ALERT_CHECKS_DAILY
from schemas.vocabulary import WORST_FIRST

FAMILY = "checks"


@dataclass(slots=True)
class CheckReport:
    """What was judged: one row a day, rule and group (as ``alert_checks_daily`` has it). ``messages``: how many were
    put into the outbox; ``firing``: incidents that fire now, a line each."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    messages: int = 0
    firing: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    """Rules of one's own that cannot be understood: all others were judged."""
    failed: list[str] = field(default_factory=list)
    """Rules that could not be judged, and days that could not, a line each; they are judged again by the next pass."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def fail(self, error: MediameterError) -> None:
        if str(error) not in self.failed:  # a rule that fails does so on every day
            self.failed.append(str(error))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What all of a check shares: under which settings, as of when, by which rules, and who hears of what fails."""

    settings: Settings
    now: datetime
    rules: Sequence[Rule]
    tell: Callable[[MediameterError], None]

    def others(self, judged: Sequence[Rule]) -> set[str]:
        """The rules beside these."""
        return {rule.name for rule in self.rules} - {rule.name for rule in judged}


def check(settings: Settings, *, now: datetime) -> CheckReport:
    """Judges every day whose figures or completeness have changed, and the last two days' windows up to ``now``.

    A rule or a day that cannot be judged is told in ``failed``, all others are judged. Raises ``UserError`` for an
    override in the settings that cannot be understood, ``WorldError`` when the warehouse fails.
    """
    rules = [rule for rule in catalogue(settings) if not rule.dormant]
    report, rests_on = CheckReport(mistakes=mistakes(settings)), checks_basis(settings, rules)
    asked = _Asked(settings, now, rules, report.fail)
    with opened(settings) as made:
        transact(made, lambda connection: write_budgets(connection, settings))
        with reading(made) as connection:
            outlived = _outlived(connection, settings, now)
        if outlived:
            transact(made, lambda connection: fences.mark_dirty(connection, FAMILY, outlived))
        with reading(made) as connection:
            dirty = fences.dirty_days(connection, FAMILY, rests_on)
        short, present = _apart([rule for rule in rules if rule.is_now or rule.step_s <= HOUR_S])
        recent = _recent(settings, now)
        for day in _in_order({*dirty, *recent}, now):
            with bulkhead(report.fail, f"the rules of {day}"):
                if day in dirty:
                    report.rows += _judge_dirty(made, asked, day, rests_on)
                elif day in recent:
                    _judge_rest(made, asked, short, day)
                else:
                    _judge_open(made, asked, day)
        with bulkhead(report.fail, "the rules about the present"):
            transact(made, lambda connection: _judge_present(connection, asked, present))
        _tell(made, settings, rules, now, report)
    return report


def check_now(settings: Settings, *, now: datetime) -> CheckReport:
    """The same for rules with windows under an hour and those about the present: cheap enough for every 5 minutes."""
    rules = [rule for rule in catalogue(settings) if not rule.dormant]
    report = CheckReport(mistakes=mistakes(settings))
    asked = _Asked(settings, now, rules, report.fail)
    with opened(settings) as made:
        short, present = _apart([rule for rule in rules if is_quick(rule)])

        def judge(connection: sa.Connection) -> None:
            for day in _recent(settings, now):
                _judge_day(connection, asked, short, day)
            _judge_present(connection, asked, present)

        transact(made, judge)
        _tell(made, settings, rules, now, report)
    return report


def is_quick(rule: Rule) -> bool:
    """Whether a rule cannot wait for the hour."""
    return rule.is_now or rule.length_s < HOUR_S


def checks_basis(settings: Settings, rules: Sequence[Rule]) -> str:
    """What verdicts rest on beside the tables: a day of another basis is judged anew."""
    return f"{traffic.FAMILY.basis(settings)}:{fingerprint(rules)}"[:255]


# --- one day ---------------------------------------------------------------------------------------------------


def _judge_dirty(made: sa.Engine, asked: _Asked, day: date, basis: str) -> list[dict[str, Any]]:
    def judge(connection: sa.Connection) -> list[Judged]:
        epoch = fences.epoch(connection, FAMILY, day)
        if not fences.pass_fence(connection, FAMILY, day, epoch, basis):
            return []
        found = _judge_day(connection, asked, _apart(asked.rules)[0], day, are_all=True)
        point("check.before_commit")
        return found

    units = {rule.name: rule.unit for rule in asked.rules}
    return [
        {"day": day.isoformat(), "rule": each.rule, "group": each.group, "value": each.value,
         "threshold": each.threshold, "unit": units[each.rule], "verdict": each.verdict, "sample": each.sample}
        for each in transact(made, judge)
    ]  # fmt: skip


def _judge_rest(made: sa.Engine, asked: _Asked, short: Sequence[Rule], day: date) -> None:
    """Judges, on an unchanged day, the rules whose last window could not be judged before."""
    settings = asked.settings

    def judge(connection: sa.Connection) -> None:
        known = book.windows(
            connection, settings.tenant, {rule.name for rule in short}, Day.of(day, settings.reporting.zone).bounds
        )
        judging = Judge(connection, settings, asked.now)
        rest = [rule for rule in short if not judging.is_settled(rule, day, known)]
        if rest:
            _judge_day(connection, asked, rest, day)

    transact(made, judge)


def _judge_open(made: sa.Engine, asked: _Asked, day: date) -> None:
    """Of a day that has not changed, the rules with a group that a day before it has shown to be bad."""
    windowed = _apart(asked.rules)[0]

    def judge(connection: sa.Connection) -> None:
        bounds = Day.of(day, asked.settings.reporting.zone).bounds
        names = book.unjudged(connection, asked.settings.tenant, windowed, bounds)
        rest = [rule for rule in windowed if rule.name in names]
        if rest:
            _judge_day(connection, asked, rest, day)

    transact(made, judge)


def _in_order(asked: Collection[date], now: datetime) -> list[date]:
    """These days, and those between them of which each window is remembered."""
    remembered = (now - book.KEPT).date()
    first, last = max(min(asked), remembered), max(asked)
    between = {first + timedelta(days=number) for number in range((last - first).days)}
    return sorted({*asked, *between})


def _outlived(connection: sa.Connection, settings: Settings, now: datetime) -> set[date]:
    """Days that were judged when less, or more, was complete than is now. What changes of one source changes what is
    known of the days of all others, though nothing of these days has changed."""
    table = warehouse.tables[ALERT_CHECKS_DAILY.name]
    judged = sa.select(table.c.day, table.c.complete_through_at).where(table.c.tenant == settings.tenant).distinct()
    through, recent, found = days.complete_through(connection, settings), _recent(settings, now), set()
    for day, judged_through in connection.execute(judged):
        known, end = days.of_day(through, settings, day), Day.of(day, settings.reporting.zone).end
        # Of today and yesterday more is complete with each run: they are judged anew when all is.
        if (known and warehouse.naive(known)) != judged_through and (day not in recent or known == end):
            found.add(day)
    return found & days.known_of_any(connection, settings) - days.frozen(connection, settings)


def _recent(settings: Settings, now: datetime) -> tuple[date, date]:
    """Yesterday and today."""
    today = day_of(now, settings.reporting.zone)
    return today - timedelta(days=1), today


def _apart(rules: Sequence[Rule]) -> tuple[list[Rule], list[Rule]]:
    """Rules about windows, and those about the present."""
    return [rule for rule in rules if not rule.is_now], [rule for rule in rules if rule.is_now]


def _judge_day(
    connection: sa.Connection, asked: _Asked, rules: Sequence[Rule], day: date, *, are_all: bool = False
) -> list[Judged]:
    """Verdicts of the windows that end on the day; returns the day's of each rule and group. Of rules that are judged
    another time (unless ``are_all``), and of those that cannot be judged now, what stands stays."""
    settings, now = asked.settings, asked.now
    tenant, zone = settings.tenant, settings.reporting.zone
    _, end = bounds = Day.of(day, zone).bounds
    known = book.windows(connection, tenant, {rule.name for rule in rules}, bounds)
    judging = Judge(connection, settings, now)
    found = judging.day(rules, day, known)
    others = set() if are_all else asked.others(rules)
    if judging.failed:
        for error in judging.failed.values():
            asked.tell(error)
        others |= judging.failed.keys()
        rules = [rule for rule in rules if rule.name not in judging.failed]
        known = [each for each in known if each.rule not in judging.failed]
        fences.mark_dirty(connection, FAMILY, {day})  # the next pass judges it again
    if end > now - book.KEPT:  # of older days only the verdict is kept
        changed = book.replace_windows(connection, tenant, zone, known, found)
        book.fold(connection, rules, tenant, changed, now)
    daily = [_worst(rule, windows) for rule in rules for windows in _by_group(rule, found)]
    if day in days.known_of_any(connection, settings):
        _write_day(connection, settings, rules, day, daily, others)
    return daily


def _judge_present(connection: sa.Connection, asked: _Asked, rules: Sequence[Rule]) -> None:
    """What is about the present has no past: its last verdict replaces the one before. Verdicts too old go."""
    settings, now = asked.settings, asked.now
    tenant, zone = settings.tenant, settings.reporting.zone
    judging = Judge(connection, settings, now)
    known = book.windows(connection, tenant, {rule.name for rule in rules})
    found = judging.present(rules, known)
    for error in judging.failed.values():
        asked.tell(error)
    rules = [rule for rule in rules if rule.name not in judging.failed]
    known = [each for each in known if each.rule not in judging.failed]
    changed = book.replace_windows(connection, tenant, zone, known, found)
    book.fold(connection, rules, tenant, changed, now)
    book.forget(connection, tenant, now)
    point("check.before_commit")


def _by_group(rule: Rule, found: Sequence[Judged]) -> Iterator[list[Judged]]:
    """The windows of each group; of several groups those alone that fired: which others were asked for is history."""
    of_rule = [each for each in found if each.rule == rule.name]
    for group in sorted({each.group for each in of_rule}):
        windows = [each for each in of_rule if each.group == group]
        if not book.is_one_of_many(rule, group) or any(each.verdict in FIRING for each in windows):
            yield windows


def _worst(rule: Rule, windows: Sequence[Judged]) -> Judged:
    """The one that stands for a day: the gravest verdict, of these the worst value, of these the first."""

    def order(each: Judged) -> tuple[int, float, datetime]:
        value = each.value or 0.0
        return WORST_FIRST.index(each.verdict), -value if rule.bands.is_above else value, each.end

    return min(windows, key=order)


def _write_day(
    connection: sa.Connection,
    settings: Settings,
    rules: Sequence[Rule],
    day: date,
    daily: Sequence[Judged],
    others: Collection[str],
) -> None:
    """Replaces the day's rows of these rules; rows of rules that are no more go with them."""
    names = {rule.name: rule for rule in rules}
    through = days.of_day(days.complete_through(connection, settings), settings, day)
    rows = [
        (settings.tenant, day, each.rule, each.group, each.value, each.threshold, names[each.rule].unit, each.verdict,
         each.sample, through)
        for each in daily
    ]  # fmt: skip
    verdicts.replace_day(connection, settings.tenant, day, rows, others)


# --- messages --------------------------------------------------------------------------------------------------


def _tell(made: sa.Engine, settings: Settings, rules: Sequence[Rule], now: datetime, report: CheckReport) -> None:
    def write(connection: sa.Connection) -> tuple[int, list[str]]:
        found = tell(connection, settings, rules, now)
        point("check.before_telling")
        return found

    report.messages, report.firing = transact(made, write)
    point("check.told")
