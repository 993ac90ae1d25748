"""Rules as files: the house's in `mediameter/alerts/rules`, a user's own in `alerts` beside the settings.

A rule of one's own with the name of a shipped one takes its place; a threshold alone is overridden in the settings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from mediameter.alerts import rule_parts as parts
from mediameter.alerts.rule import DAY_S, FINEST_S, HOUR_S, Needs, Rule
from mediameter.errors import UserError
from mediameter.yaml_lines import LINE, line_of, mapping, parsed, plain, readable, texts

OWN = "alerts"
EXAMPLES = "mediameter/alerts/rules"
_KEYS = (
    "title", "headline", "asked_in", "needs", "systems", "judged", "window", "every", "lag", "value", "over", "sample",
    "while", "already", "not_counted", "compare", "unit", "sample_unit", "above", "below", "only_grows", "share",
    "minimum_sample", "minimum_count", "for", "group_by", "tells_pseudonyms", "resolve_after", "reopen_within",
    "repeat", "seen_within", "runbook", "tests",
)  # fmt: skip
_NEEDS: tuple[Needs, ...] = ("logs", "application", "generations", "systems", "nothing")
_LAG_S = {"logs": 2 * HOUR_S}
"""Logs come an hour late, and now and then more."""


def rules(folder: Path) -> list[Rule]:
    """All rules by name, the house's with those of the user in their place. ``folder``: where the settings lie.

    Raises ``UserError`` that names file and line of what cannot be understood.
    """
    found, mistakes = understood(folder)
    if mistakes:
        raise mistakes[0]
    return found


def understood(folder: Path) -> tuple[list[Rule], list[UserError]]:
    """The rules that can be understood, by name, and a mistake of each that cannot: it costs that rule alone, or where
    the file as a whole cannot be read, that file's. What was to stand in a shipped one's place leaves that one there.
    """
    found: dict[str, Rule] = {}
    own: set[str] = set()
    mistakes: list[UserError] = []
    for rule in _each(folder, mistakes):
        is_own = not rule.place.startswith(EXAMPLES)
        if rule.name in found and (not is_own or rule.name in own):
            mistakes.append(UserError(f"{rule.place}: a rule {rule.name} exists already", "rename one of them"))
            continue
        own |= {rule.name} if is_own else set()
        found[rule.name] = rule
    return [found[name] for name in sorted(found)], mistakes


def _each(folder: Path, mistakes: list[UserError]) -> Iterator[Rule]:
    for place, text in _texts(folder, mistakes).items():
        try:
            contents = _contents(place, text)
        except UserError as mistake:
            mistakes.append(mistake)
            continue
        for name, value in contents:
            try:
                yield _rule(place, name, value)
            except UserError as mistake:
                mistakes.append(mistake)


def fingerprint(found: Sequence[Rule]) -> str:
    """SHA-256 (hex) of what rules say of a day: when it differs, days are judged anew. Not of titles and runbooks."""
    said = [replace(rule, title="", headline="", runbook="", asked_in="", place="", tests=()) for rule in found]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _texts(folder: Path, mistakes: list[UserError]) -> dict[str, str]:
    shipped = files("mediameter.alerts").joinpath("rules")
    found = texts(shipped, EXAMPLES, folder / "no folder of one's own")
    for path in sorted((folder / OWN).glob("*.y*ml")):
        try:
            found[str(path)] = readable(path)
        except UserError as mistake:
            mistakes.append(mistake)
    return found


def read(place: str, text: str) -> list[Rule]:
    """The rules of one file, in its order. Raises ``UserError`` with file and line."""
    return [_rule(place, name, value) for name, value in _contents(place, text)]


@lru_cache(maxsize=64)  # YAML takes a third of a second, and each judging asks several times
def _contents(place: str, text: str) -> tuple[tuple[Any, Any], ...]:
    """Names and what is written of them. Raises ``UserError`` with file and line."""
    content = parsed(place, text)
    if not isinstance(content, dict):
        raise UserError(f"{place}: this is not a mapping of rule names to rules", f"see {EXAMPLES} for examples")
    return tuple((name, value) for name, value in content.items() if name != LINE)


def _rule(place: str, name: Any, value: Any) -> Rule:
    if not isinstance(name, str) or not parts.NAME.fullmatch(name):
        raise UserError(
            f"{place}: {name!r} is not a valid rule name", "use lower-case letters, digits and _, 64 at most"
        )
    content = mapping(value, f"{place}: {name}", _KEYS, EXAMPLES)
    at = f"{line_of(place, content)}: {name}"
    with parts.told_at(at, place, content):
        title, unit = parts.text(content, "title"), parts.text(content, "unit")
        needs = parts.choice(content, "needs", _NEEDS)
        rule = Rule(
            name=name,
            title=title,
            headline=parts.headline(content),
            needs=needs,
            unit=unit,
            systems=parts.texts(content, "systems"),
            runbook=parts.text(content, "runbook", ""),
            asked_in=parts.text(content, "asked_in", ""),
            place=at,
            tests=tuple(plain(content.get("tests") or [])),
            **_measure(content, needs, unit),
            **_windows(content, needs),
        )
        parts.agree(rule)
    return rule


def _measure(content: Mapping[str, Any], needs: Needs, unit: str) -> dict[str, Any]:
    """What is counted, and beyond which numbers it fires."""
    value = content.get("value")
    if value is None:
        parts.missing("value")
    numbers = {"value": parts.aggregate(value, "value")} | {
        name: parts.aggregate(content[name], name, value) if name in content else None
        for name in ("over", "sample", "already", "not_counted")
    }
    if "while" in content:
        numbers["only_while"] = parts.lasting(content["while"])
    groups = (*(("source",) if needs == "generations" else ()), *parts.texts(content, "group_by"))
    return {
        **numbers,
        "sample_unit": parts.text(content, "sample_unit", ""),
        "compare": parts.compare(content.get("compare")),
        "bands": parts.bands(content, unit),
        "is_growing": parts.truth(content, "only_grows"),
        "is_share": parts.truth(content, "share"),
        "minimum_sample": parts.whole(content, "minimum_sample", 0),
        "minimum_count": parts.whole(content, "minimum_count", 0),
        "tells_pseudonyms": parts.truth(content, "tells_pseudonyms"),
        "group_by": parts.by_currency(groups, numbers.values()),
        "seen_s": parts.seconds(content, "seen_within", 0),
    }


def _windows(content: Mapping[str, Any], needs: Needs) -> dict[str, Any]:
    """Over which windows, when they are complete, and what a run of bad ones comes to."""
    is_now = parts.choice(content, "judged", ("windows", "now"), "windows") == "now"
    window_s = HOUR_S if is_now else parts.seconds(content, "window")
    step_s = FINEST_S if is_now else _step(content, window_s)
    is_daily = step_s == DAY_S
    return {
        "is_now": is_now,
        "step_s": step_s,
        "length": 1 if is_now else window_s // step_s,
        "lag_s": parts.seconds(content, "lag", 0 if is_daily else _LAG_S.get(needs, 0)),
        "hold_s": parts.seconds(content, "for", 0),
        "resolve_after": parts.whole(content, "resolve_after", 1 if is_daily else 2),
        "reopen_s": parts.seconds(content, "reopen_within", 0 if is_daily else 6 * window_s),
        "repeat_s": parts.seconds(content, "repeat", DAY_S),
    }


def _step(content: Mapping[str, Any], window_s: int) -> int:
    """The grid of a window: days by days, hours by hours, else every five minutes."""
    default = DAY_S if window_s % DAY_S == 0 else HOUR_S if window_s % HOUR_S == 0 else FINEST_S
    step_s = parts.seconds(content, "every", default)
    if step_s not in (DAY_S, HOUR_S, FINEST_S) or window_s <= 0 or window_s % step_s:
        raise parts.Mistake(
            "window, every: an impossible window", "whole days, whole hours, or five minutes as often as you like"
        )
    return step_s
