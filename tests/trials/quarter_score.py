"""What a replay of a quarter is worth: false incidents a month, and which of the planted troubles were found.

An incident is false when nothing was planted that could have caused it. A planted trouble is found when an incident of
a rule that is meant for it opens between its begin and its end and the rule's latency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.trials.quarter import Quarter
from tests.trials.quarter_plants import Plant


@dataclass(frozen=True, slots=True)
class Opened:
    """An incident: who saw it, of what, and when it began to fire (aware)."""

    rule: str
    group: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """``false``: of a quarter in which nothing goes wrong. ``found``: kind, rule and how long after its begin."""

    quarter: Quarter
    false: Sequence[Opened]
    found: Mapping[Plant, Opened]
    missed: Sequence[Plant]

    @property
    def false_a_month(self) -> float:
        return len(self.false) / (self.quarter.days / 30)

    def __str__(self) -> str:
        false = ", ".join(f"{rule} {count}" for rule, count in Counter(each.rule for each in self.false).most_common())
        told = "".join(
            f"\n    {_told(plant)}: {opened.rule} after {_hours(opened.opened_at - plant.begin)}"
            for plant, opened in self.found.items()
        )
        missed = "".join(f"\n    {_told(plant)}: missed" for plant in self.missed)
        planted = len(self.found) + len(self.missed)
        return (
            f"seed {self.quarter.seed}, {self.quarter.days} days: {self.false_a_month:.1f} false incidents a month"
            f" ({false or 'none'}); {len(self.found)} of {planted} planted ones found{told}{missed}"
        )


def score(
    quarter: Quarter,
    of_quiet: Sequence[Opened],
    of_planted: Sequence[Opened],
    meant_for: Mapping[str, Mapping[str, timedelta]],
) -> Score:
    """``of_quiet``, ``of_planted``: incidents of the same seed's quarter without and with what goes wrong.
    ``meant_for``: by kind, the rules that are to notice it, and how late each may be."""
    found: dict[Plant, Opened] = {}
    for plant in quarter.plants:
        rules = meant_for[plant.kind]
        noticed = [
            each
            for each in of_planted
            if each.rule in rules and plant.begin <= each.opened_at <= plant.end + rules[each.rule]
        ]
        if noticed:
            found[plant] = min(noticed, key=lambda each: each.opened_at)
    return Score(quarter, of_quiet, found, [plant for plant in quarter.plants if plant not in found])


def _told(plant: Plant) -> str:
    return f"{plant.kind} of {plant.begin:%d %b %H:%M}"


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):.1f} h"
