"""What the quality gate said last: how many rules each suite holds each day to, and those that are broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Boolean, Date, Text
from sqlalchemy.sql.selectable import TextualSelect

from mediameter.report import words
from mediameter.report.columns import WHERE, Whole, by_day
from mediameter.report.markup import Markup, element
from mediameter.report.tables import code, folded, pill, table

MOST_BROKEN = 100
LEAD = (
    "Each day is held to rules that its figures keep when they are right: sums that agree between tables, no gaps, no "
    "impossible values. A day that breaks a critical one is suspect, and never final."
)
NOT_JUDGED = "The quality gate has judged no day of this range."


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite over the range. ``rules``: verdicts, one a rule and day; of these ``met``."""

    suite: str
    family: str
    days: int
    rules: int
    met: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a day breaks, and the figures that break it."""

    day: date
    suite: str
    rule: str
    severity: str
    detail: str


@dataclass(frozen=True, slots=True)
class Gate:
    """``broken`` newest first, at most ``MOST_BROKEN``. ``pages``: where Great Expectations' own pages lie, as a link
    of the report; empty where there are none."""

    suites: tuple[Suite, ...]
    broken: tuple[Broken, ...]
    pages: str = ""


_SUITES = by_day(
    f"""SELECT suite, MIN(family) AS family, COUNT(DISTINCT day) AS days, COUNT(*) AS rules,
        SUM(CASE WHEN is_met THEN 1 ELSE 0 END) AS met
    FROM quality_checks_daily {WHERE} GROUP BY suite""",
    suite=Text, family=Text, days=Whole, rules=Whole, met=Whole,
)  # fmt: skip
_BROKEN = by_day(
    f"""SELECT day, suite, rule, severity, COALESCE(detail, '') AS detail, is_met FROM quality_checks_daily {WHERE}
        AND NOT is_met ORDER BY day DESC, suite, rule LIMIT {MOST_BROKEN}""",
    day=Date, suite=Text, rule=Text, severity=Text, detail=Text, is_met=Boolean,
)  # fmt: skip


def read(rows: Callable[[TextualSelect], Sequence[Any]]) -> Gate:
    """The verdicts of the days that ``rows`` is bound to."""
    suites = sorted((Suite(*row) for row in rows(_SUITES)), key=lambda row: (row.family, row.suite))
    broken = (Broken(row.day, row.suite, row.rule, row.severity, row.detail) for row in rows(_BROKEN))
    return Gate(tuple(suites), tuple(broken))


def parts(gate: Gate) -> list[Markup]:
    rules, met = (sum(getattr(row, name) for row in gate.suites) for name in ("rules", "met"))
    verdict = f"{met:,} of {words.counted(rules, 'verdict')} are good ({words.rate(met, rules)})."
    found = [element("p", verdict)]
    if gate.broken:
        found.append(_broken(gate))
    found.append(folded(f"All {words.counted(len(gate.suites), 'suite')}", _suites(gate)))
    if gate.pages:
        link = element("a", "Great Expectations' own pages of the last judgement", href=gate.pages)
        found.append(element("p", link, class_="soft"))
    return found


def _broken(gate: Gate) -> Markup:
    rows = [
        [str(row.day), pill(row.severity), f"{row.suite}.{row.rule}", code(row.detail or words.ABSENT)]
        for row in gate.broken
    ]
    return table("Broken rules, newest first", ("day", "severity", "rule", "figures found"), rows)


def _suites(gate: Gate) -> Markup:
    rows = [
        [row.suite, row.family, words.count(row.days), words.count(row.rules), words.count(row.rules - row.met)]
        for row in gate.suites
    ]
    return table("Verdicts by suite, one a rule and day", ("suite", "of", "#days", "#verdicts", "#broken"), rows)
