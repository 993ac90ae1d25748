"""What is shown is not obeyed: escapes, C1 controls and marks of direction, on one line, on several, and in JSON."""

from __future__ import annotations

import json

import pytest

from mediameter.printable import shown, shown_json, shown_lines

STEERING = (
    "\x00\x07\x08\t\r\x1b\x7f\x80\x85\x9b\x9d\u200b\u200e\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067"
    "\u2068\u2069\ufeff\U000e0001"
)


@pytest.mark.parametrize("character", STEERING)
def test_nothing_steers(character: str) -> None:
    for escaped in (shown(f"a{character}b"), shown_lines(f"a{character}b\nc"), shown_json(f'"a{character}b"')):
        assert character not in escaped and "\\" in escaped
    assert "\n" not in shown("a\nb") and shown_lines("a\nb") == "a\nb"


@pytest.mark.parametrize("text", ["Ærø ☕ 東京", "a\u00a0b\u202fc", "e\u0301", "🙂"])
def test_text_of_any_language_stays(text: str) -> None:
    assert shown(text) == shown_lines(text) == shown_json(text) == text


def test_json_says_the_same() -> None:
    value = {STEERING: [STEERING, "line\nend", "🙂"]}
    told = shown_json(json.dumps(value, indent=2, ensure_ascii=False))
    assert json.loads(told) == value and not set(STEERING) & set(told)
