"""What fires, since when, and what has ended: the incidents of a report, or of a scheduler's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, TextualSelect, text

from mediameter.report import words

MOST = 100
Say = Callable[[str, str, float | None, float | None], str]
"""Rule, group, value and limit in one line of words: the rules know them, and lie in another room."""
SQL = text(
    """SELECT rule, check_group, state, severity, begin_at, last_bad_at,
        CASE state WHEN 'firing' THEN value ELSE worst_value END AS shown_value, threshold, bad_windows, told, note
    FROM incidents
    WHERE tenant = :tenant AND state <> 'pending' AND (state = 'firing' OR last_bad_at >= :begin)
    ORDER BY CASE state WHEN 'firing' THEN 0 ELSE 1 END, last_bad_at DESC, rule, check_group"""
).columns(begin_at=DateTime, last_bad_at=DateTime)
HEADS = ("what", "state", "severity", "since", "last bad", "#windows", "told", "note", "rule")


@dataclass(frozen=True, slots=True)
class Incident:
    """One that fires, or ended within the report's days. ``what``: in words, with the value that it has
    now, or of what has ended the worst, beside the limit."""

    rule: str
    what: str
    state: str
    severity: str
    begin_at: datetime
    last_bad_at: datetime
    bad_windows: int
    told: str
    note: str


def read(ask: Callable[[TextualSelect], Sequence[Any]], say: Say) -> tuple[Incident, ...]:
    """Those that fire first, then the newest. ``ask`` binds ``tenant`` and ``begin``."""
    return tuple(
        Incident(
            row.rule, say(row.rule, row.check_group, row.shown_value, row.threshold), row.state, row.severity,
            row.begin_at.replace(tzinfo=UTC), row.last_bad_at.replace(tzinfo=UTC), int(row.bad_windows), row.told,
            row.note,
        )
        for row in ask(SQL)[:MOST]
    )  # fmt: skip


def plainly(rule: str, group: str, value: float | None, limit: float | None) -> str:
    """Of rules that nobody has words for: names and bare numbers."""
    shown, of = words.beside(value, limit, "")
    return f"{rule} ({group}): {shown} (limit {of})"


def cells(each: Incident) -> list[str]:
    """One as the texts of a row, under ``HEADS`` without their marks."""
    return [
        each.what, each.state, each.severity, words.instant(each.begin_at), words.instant(each.last_bad_at),
        words.count(each.bad_windows), each.told or "nobody yet", each.note, each.rule,
    ]  # fmt: skip
