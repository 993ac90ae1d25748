"""The rules under these settings: with overridden thresholds, and disabled where their source is not connected."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from mediameter.alerts import rule_parts as parts
from mediameter.alerts.row_sources import BUDGET_COSTS
from mediameter.alerts.rule import Aggregate, Bands, Condition, Rule
from mediameter.alerts.rule_files import understood
from mediameter.errors import UserError
from mediameter.sections.quantities import Money
from mediameter.settings import Settings
from mediameter.settings.budgets import MONTHLY, Budget
from mediameter.systems import SYSTEMS
from schemas.currencies import CURRENCY

TEMPLATE = "budget"
"""Stands for each budget of the settings, which is a rule of its own name."""


def catalogue(settings: Settings) -> list[Rule]:
    """All rules by name; disabled ones carry the reason. The user's own rules that are invalid are left out: see
    ``mistakes``.

    Raises ``UserError`` for an override in the settings that cannot be understood.
    """
    found, wrong = understood(settings.folder)
    known = {rule.name: rule for each in found for rule in _of_budgets(settings, each)}
    for name in settings.alerts.rules:
        if not wrong:  # else it may be of a rule that could not be read
            _require(name, known, f"[alerts.rules.{name}]: there is no such rule")
    return [_as_set(settings, rule) for rule in known.values()]


def mistakes(settings: Settings) -> list[str]:
    """The user's own rules that are invalid: file, line, what is wrong, and the remedy."""
    return [str(each) for each in understood(settings.folder)[1]]


def find(settings: Settings, name: str) -> Rule:
    """The rule of that name; an unknown one is a ``UserError`` that says which ones are near."""
    known = {rule.name: rule for rule in catalogue(settings)}
    _require(name, known, f"there is no rule {name!r}")
    return known[name]


def _require(name: str, known: Collection[str], otherwise: str) -> None:
    if name not in known:
        near = get_close_matches(name, known, cutoff=0.5) or sorted(known)
        raise UserError(otherwise, f"did you mean {', '.join(near)}?")


def sources_of(settings: Settings, rule: Rule) -> list[str]:
    """The generating systems that the rule judges, each by itself."""
    kinds = rule.systems or tuple({each.kind for each in settings.generating_sources.values()})
    return sorted(name for name, each in settings.generating_sources.items() if each.kind in kinds)


def _of_budgets(settings: Settings, rule: Rule) -> list[Rule]:
    """The rule itself; for the template, one rule for each budget."""
    if rule.name != TEMPLATE or not settings.budgets:
        return [rule]
    return [_of_budget(rule, name, budget) for name, budget in sorted(settings.budgets.items())]


def _of_budget(rule: Rule, name: str, budget: Budget) -> Rule:
    wanted = Condition("budget_name", "in", (name,))
    parts_of: dict[str, Any] = {
        each: replace(part, where=(*part.where, wanted)) if (part := getattr(rule, each)) else None
        for each in ("value", "over", "sample", "already", "not_counted")
    }
    of = f"{budget.costs} of {'each ' + budget.each if budget.each else 'all'}, {budget.amount} a {budget.per}"
    return replace(
        rule,
        name=f"{TEMPLATE}_{name}",
        title=f"More will be spent than the budget {name} allows, at the pace so far ({of})",
        headline=f"the budget {name} will cost {{value}} a {budget.per} at this pace (limit {{limit}})",
        needs="logs" if budget.costs == "bandwidth" else "systems",
        group_by=("subject",) if budget.each else (),
        tests=(),
        **parts_of,
    )


def _as_set(settings: Settings, rule: Rule) -> Rule:
    if rule.value.source == BUDGET_COSTS.name:
        rule = _within(rule, settings.every_budget.get(rule.name.removeprefix(f"{TEMPLATE}_")))
    own = settings.alerts.rules.get(rule.name)
    if own:
        with parts.told_at(f"[alerts.rules.{rule.name}]"):
            rule = _overridden(rule, own.model_dump(exclude_none=True))
    return replace(rule, dormant=rule.dormant or _why_dormant(settings, rule))


def _overridden(rule: Rule, own: dict[str, Any]) -> Rule:
    if own.pop("enabled", True) is False:
        rule = replace(rule, dormant="disabled in the settings")
    for side in ("above", "below"):
        if side in own and (side == "above") != rule.bands.is_above:
            other = "above" if rule.bands.is_above else "below"
            raise parts.Mistake(f"{side}: this rule fires {other} its threshold", f"write {other}")
        if side in own and rule.name != MONTHLY and rule.value.source == BUDGET_COSTS.name:
            raise parts.Mistake(f"{side}: the amount of a budget stands in [budgets]", "change it there")
        if side in own and not isinstance(own[side], Money):  # the budget is in place by now
            rule = _in_currency_of(rule, own[side])
            rule = replace(rule, bands=_banded(rule, own[side]))
    changes: dict[str, Any] = {
        name: parts.whole(own, name, 0) for name in ("minimum_sample", "minimum_count") if name in own
    }
    if "ignore" in own:
        changes["ignored"] = _ignored(rule, own)
    changes |= {field: parts.seconds(own, name) for name, field in _SPANS.items() if name in own}
    return replace(rule, **changes)


def _within(rule: Rule, budget: Budget | None) -> Rule:
    """The rule with the budget's amount as its threshold, if there is one."""
    limit = None if budget is None else float(budget.amount.amount)
    return replace(rule, bands=_scaled(rule.bands, limit), unit=budget.amount.currency if budget else "currency")


def _ignored(rule: Rule, own: dict[str, Any]) -> tuple[str, ...]:
    found = parts.texts(own, "ignore")
    if not rule.group_by or not all(each.strip() for each in found):
        raise parts.Mistake("ignore: there is nothing to ignore", "rules with groups take parts of their names")
    return found


def _in_currency_of(rule: Rule, value: Any) -> Rule:
    """A rule about money judges the currency of its threshold: "50.00 EUR" judges euros."""
    amounts = value.values() if isinstance(value, dict) else (value,)
    named = {found[1] for each in amounts if isinstance(each, str) and (found := _AMOUNT.fullmatch(each.strip()))}
    if len(named) != 1 or not _CURRENCY.fullmatch(rule.unit):
        return rule
    [unit] = named
    told: dict[str, Any] = {name: _of_currency(getattr(rule, name), unit) for name in ("value", "over", "sample")}
    return replace(rule, unit=unit, **told)


def _of_currency(part: Aggregate | None, unit: str) -> Aggregate | None:
    if part is None:
        return None
    where = tuple(each._replace(values=(unit,)) if each.column == CURRENCY else each for each in part.where)
    return replace(part, where=where)


_CURRENCY = re.compile("[A-Z]{3}")
_AMOUNT = re.compile(r"\d+(?:\.\d+)? +([A-Z]{3})")
_SPANS = {"hold": "hold_s", "repeat": "repeat_s"}


def _banded(rule: Rule, value: Any) -> Bands:
    """A single number sets the rule's gravest band; the warning scales with it."""
    if isinstance(value, dict):
        return parts.bands_of(rule.bands.is_above, value, rule.unit)
    return _scaled(rule.bands, parts.number(value, rule.unit, "above" if rule.bands.is_above else "below"))


def _scaled(bands: Bands, limit: float | None) -> Bands:
    if bands.critical is None and bands.warning is not None:
        return Bands(bands.is_above, None, limit)
    share = bands.warning / bands.critical if bands.warning and bands.critical else None
    if bands.critical is None and bands.is_above:  # the budget's: the shipped rule has no number of its own
        share = 0.8
    warning = None if share is None or limit is None else limit * share
    return Bands(bands.is_above, limit, warning)


def _why_dormant(settings: Settings, rule: Rule) -> str:
    if rule.needs == "logs" and not settings.log_sources:
        return "no source of access logs is set"
    if rule.needs == "application" and not (settings.app_sources and settings.log_sources):
        return "no application is set beside the access logs"
    if rule.name == TEMPLATE:
        return "no budget is set: [budgets.NAME]"
    if rule.needs in ("generations", "systems") and not sources_of(settings, rule):
        if rule.systems and not SYSTEMS.keys() & set(rule.systems):
            return f"this version reads no source of kind {' or '.join(rule.systems)} yet"
        wanted = " or ".join(rule.systems) or "that generates"
        return f"no source of kind {wanted} is set"
    if rule.bands.threshold is None and rule.name != MONTHLY:
        return f"no threshold is set: [alerts.rules.{rule.name}] {'above' if rule.bands.is_above else 'below'}"
    return ""
