"""From a failed check to one line: where it stands in the file, what is wrong, what mends it."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mediameter.sections.complaint import Complaint, Place, SettingsError, dotted
from mediameter.settings.models import Settings
from mediameter.systems import SYSTEMS


def settings_error(where: str, text: str, complaint: Complaint, place: Place) -> SettingsError:
    """The error with its file and, where the text shows it, its line."""
    line = line_of(text, place)
    at = f"{where} line {line}" if line else where
    return SettingsError(f"{at}: {dotted(place)}: {complaint.message}", complaint.remedy)


def explain(error: ValidationError) -> tuple[Complaint, Place]:
    """The first thing that is wrong; unknown names first, since a misspelt name is also a missing one."""
    details = error.errors(include_url=False, include_input=False)
    detail = min(details, key=lambda each: not _is_about_a_name(each))  # the first of the smallest
    loc: Place = tuple(part for part in detail["loc"] if part != "[key]")
    place = _without_kind(loc)
    raised = detail.get("ctx", {}).get("error")
    if isinstance(raised, Complaint):
        return raised, (*place, *raised.place)
    if _is_about_a_name(detail):
        return _unknown(place, loc[:-1]), place
    if detail["type"] == "union_tag_not_found":
        return Complaint("this setting is missing", "add it"), (*place, "kind")
    if detail["type"] == "union_tag_invalid":
        known = detail["ctx"]["expected_tags"]
        return Complaint(f"unknown kind of source; known: {known}", "correct the value"), (*place, "kind")
    if detail["type"] == "missing":
        return Complaint("this setting is missing", "add it"), place
    return Complaint(detail["msg"][0].lower() + detail["msg"][1:], "correct the value"), place


def _is_about_a_name(detail: ErrorDetails) -> bool:
    return detail["type"] == "extra_forbidden" or (detail["type"] == "literal_error" and "[key]" in detail["loc"])


def _without_kind(loc: Place) -> Place:
    """Pydantic tells the kind of a source between its name and its settings, where the file has none."""
    return (*loc[:2], *loc[3:]) if loc[:1] == ("sources",) else loc


def _unknown(place: Place, loc: Place) -> Complaint:
    *table, name = place
    valid = _names_at(loc)
    near = get_close_matches(str(name), valid, n=1, cutoff=0.5)
    remedy = f"did you mean {dotted((*table, near[0]))}?" if near else f"known here: {', '.join(valid)}"
    return Complaint("unknown setting", remedy)


def _names_at(loc: Place) -> list[str]:
    """The names that a table of the settings may hold. ``loc`` is as Pydantic has it: with the kind of a source."""
    kind: Any = Settings
    for part in loc:
        kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        section = section_of(kind)
        if section:
            kind = section.model_fields[str(part)].annotation
        elif part in SYSTEMS and get_origin(kind) in (UnionType, Union):
            kind = SYSTEMS[str(part)].section
        else:  # dict[name, kind], or tuple[kind, ...]
            kind = get_args(kind)[1 if isinstance(part, str) else 0]
    section = section_of(kind)
    if section is None:
        return list(get_args(get_args(kind)[0]))
    return [name for name in section.model_fields if name not in ("folder", "file")]


def section_of(kind: Any) -> type[BaseModel] | None:
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def line_of(text: str, place: Place) -> int | None:
    """The line of the setting, or of the nearest table above it; None where nothing of it stands in the text.

    TOML's parser keeps no lines, so this reads heads and names itself; it only serves to point.
    """
    table: Place = ()
    seen: dict[Place, int] = {}
    best: tuple[int, int | None] = (0, None)
    for number, line in enumerate(text.splitlines(), 1):
        head = line.split("#")[0].strip()
        if head.startswith("["):
            table = _table(head, seen)
            here = table
        elif "=" in head:
            here = (*table, *_keys(head.split("=")[0]))
        else:
            continue
        if here == place[: len(here)] and len(here) > best[0]:
            best = (len(here), number)
    return best[1]


def _table(head: str, seen: dict[Place, int]) -> Place:
    names = _keys(head.strip("[] "))
    if not head.startswith("[["):
        return names
    seen[names] = seen.get(names, -1) + 1
    return (*names, seen[names])


def _keys(dotted_name: str) -> tuple[str, ...]:
    try:
        inner: Any = tomllib.loads(f"{dotted_name} = 0")
    except tomllib.TOMLDecodeError:
        return ("?",)
    names = []
    while isinstance(inner, dict):
        name, inner = next(iter(inner.items()))
        names.append(name)
    return tuple(names)
