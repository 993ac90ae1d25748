"""An incident in one line: whose it is, what is wrong, by how much, and the limit. Pure."""

from __future__ import annotations

import string

from mediameter.alerts.rule import EVERYTHING, Rule
from mediameter.numbers import is_counted, told_apart

FIELDS = frozenset({"value", "limit"})
"""What a rule's headline may hold in braces: the value and its limit, each with its unit."""


def headline(rule: Rule | None, name: str, group: str, value: float | None, limit: float | None) -> str:
    """``castingly: 30 % of a day's requests failed (limit 1 %)``; of a rule that is known no more, its name alone."""
    unit = rule.unit if rule else ""
    shown, of = told_apart(value, limit, unit)
    if limit is not None and is_counted(unit):  # 20 requests (limit 10)
        of = of.partition(" ")[0]
    what = _words(rule, name).format(value=shown, limit=of)
    return what if group == EVERYTHING else f"{group}: {what}"


def _words(rule: Rule | None, name: str) -> str:
    if rule and rule.headline:
        return rule.headline
    title = (rule.title if rule else name).replace("{", "{{").replace("}", "}}")
    return f"{title}: {{value}} (limit {{limit}})"


def unknown_fields(words: str) -> set[str]:
    """Names in braces that a headline does not know. Raises ``ValueError`` for unpaired braces."""
    parts = string.Formatter().parse(words)
    named = {
        f"{field}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}"
        for _, field, form, conversion in parts
        if field is not None
    }
    return named - FIELDS
