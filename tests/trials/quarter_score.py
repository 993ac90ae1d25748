"""What a replay of a quarter is worth: false incidents a month, and which of the planted troubles were found.

An incident that is told is false when nothing was planted that could have caused it. A planted trouble is found when
an incident of a rule that is meant for it is told between its begin and its end and the rule's latency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.trials.replay import Told
from tests.worlds.quarter import Quarter
from tests.worlds.quarter_plants import Plant

_HOUR = timedelta(hours=1)
_FINAL = 32 * _HOUR  # the rest of the day, six hours to settle, and one to the next run
_SOON = 2 * _HOUR
MEANT_FOR: Mapping[str, Mapping[str, timedelta]] = {
    "bandwidth_flood": {"daily_bandwidth": _FINAL},
    "error_storm": {"error_rate": _FINAL, "server_errors": 8 * _HOUR},
    "slow_storage": {"response_time_p95": _FINAL, "slow_hours": 8 * _HOUR},
    "scraping": {"unique_addresses": _FINAL},
    "budget_overrun": {"monthly_budget": _FINAL},
    "provider_down": {"generation_failures": _SOON},
    "slow_models": {"slow_generations": _SOON, "slow_model": 3 * _HOUR},
    "revenue_collapse": {"revenue_drop": _FINAL, "revenue_below_expected": _FINAL},
    "rate_limits": {"provider_rate_limited": _SOON},
    "cost_up": {"cost_spike": 3 * _HOUR, "cost_per_generation": 3 * _HOUR},
    "log_dead": {"logs_missing": 8 * _HOUR},
    "export_stopped": {"export_stopped": _SOON},
    "delivery_late": {"logs_missing": 8 * _HOUR, "delivery_late": 8 * _HOUR},
    "rejects": {"rejects_over_budget": _FINAL},
    "reconciliation_broken": {"reconciliation_broken": _FINAL},
    "quality_failed": {"quality_gate": _FINAL},
}
"""By kind, the rules that are to notice it, and how late each may be after its end."""
_BEGINS = ("firing", "over")


@dataclass(frozen=True, slots=True)
class Score:
    """``false``: of a quarter in which nothing goes wrong. ``found``: what told each planted trouble first."""

    quarter: Quarter
    false: Sequence[Told]
    found: Mapping[Plant, Told]
    missed: Sequence[Plant]

    @property
    def false_a_month(self) -> float:
        return len(self.false) / (self.quarter.days / 30)

    def __str__(self) -> str:
        false = ", ".join(f"{rule} {count}" for rule, count in Counter(each.rule for each in self.false).most_common())
        told = "".join(
            f"\n    {_said(plant)}: {first.rule} after {(first.at - plant.begin) / _HOUR:.1f} h"
            for plant, first in self.found.items()
        )
        missed = "".join(f"\n    {_said(plant)}: missed" for plant in self.missed)
        planted = len(self.found) + len(self.missed)
        return (
            f"seed {self.quarter.seed}, {self.quarter.days} days: {self.false_a_month:.1f} false incidents a month"
            f" ({false or 'none'}); {len(self.found)} of {planted} planted ones found{told}{missed}"
        )


def begun(told: Sequence[Told]) -> list[Told]:
    """The first message of each incident."""
    first: dict[str, Told] = {}
    for each in told:
        if each.change in _BEGINS:
            first.setdefault(each.incident_id, each)
    return list(first.values())


def score(quarter: Quarter, of_quiet: Sequence[Told], of_planted: Sequence[Told], every: timedelta) -> Score:
    """``of_quiet``, ``of_planted``: what was told of the same seed's quarter without and with what goes wrong, judged
    ``every`` so often."""
    found: dict[Plant, Told] = {}
    for plant in quarter.plants:
        rules = MEANT_FOR[plant.kind]
        noticed = [each for each in begun(of_planted) if each.rule in rules and plant.begin <= each.at]
        noticed = [each for each in noticed if each.at <= plant.end + rules[each.rule] + every]
        if noticed:
            found[plant] = min(noticed, key=lambda each: each.at)
    return Score(quarter, begun(of_quiet), found, [plant for plant in quarter.plants if plant not in found])


def _said(plant: Plant) -> str:
    return f"{plant.kind} of {plant.begin:%d %b %H:%M}"
