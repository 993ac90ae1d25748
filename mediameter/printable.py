"""Texts of unknown origin, for whatever obeys what it is shown: a terminal, a program that reads JSON on one."""

from __future__ import annotations

import re
import unicodedata

_JSON = re.compile(r"[^\x20-\x7e\n]")


def shown(text: str) -> str:
    """The text on one line: escapes, line ends, C1 controls and what turns the direction of writing (all that Unicode
    calls not printable, but for spaces) are shown, not obeyed."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _is_harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def shown_lines(text: str) -> str:
    """The same, but for line ends."""
    return "\n".join(map(shown, text.split("\n")))


def shown_json(text: str) -> str:
    """JSON that says the same with every character that is not printable escaped as JSON does: ``json.dumps`` itself
    leaves C1 controls and marks of direction as they are."""
    return _JSON.sub(lambda found: found[0] if _is_harmless(found[0]) else _unit(found[0]), text)


def _escaped(character: str) -> str:
    return character if _is_harmless(character) else character.encode("unicode_escape").decode()


def _unit(character: str) -> str:
    """One escape, or two where the character lies beyond the first plane."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
