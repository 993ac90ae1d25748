"""What fires, since when, and what has ended: the incidents of a report, or of a scheduler's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, TextualSelect, text

from mediameter.report import words

MOST = 100
SQL = text(
    """SELECT rule, check_group, state, severity, begin_at, last_bad_at, worst_value, threshold, bad_windows, told,
        note, (SELECT MAX(judged.unit) FROM alert_checks_daily AS judged
        WHERE judged.tenant = incidents.tenant AND judged.rule = incidents.rule) AS unit
    FROM incidents
    WHERE tenant = :tenant AND state <> 'pending' AND (state = 'firing' OR last_bad_at >= :begin)
    ORDER BY CASE state WHEN 'firing' THEN 0 ELSE 1 END, last_bad_at DESC, rule, check_group"""
).columns(begin_at=DateTime, last_bad_at=DateTime)
HEADS = ("rule", "group", "state", "severity", "since", "last bad", "#at worst", "#limit", "#windows", "told", "note")


@dataclass(frozen=True, slots=True)
class Incident:
    """One that fires, or ended within the report's days. Values are in ``unit``; where the rule judges no days, it is
    not known here, and empty."""

    rule: str
    group: str
    state: str
    severity: str
    begin_at: datetime
    last_bad_at: datetime
    worst_value: float | None
    threshold: float | None
    bad_windows: int
    told: str
    note: str
    unit: str = ""


def read(ask: Callable[[TextualSelect], Sequence[Any]]) -> tuple[Incident, ...]:
    """Those that fire first, then the newest. ``ask`` binds ``tenant`` and ``begin``."""
    return tuple(
        Incident(
            row.rule, row.check_group, row.state, row.severity, row.begin_at.replace(tzinfo=UTC),
            row.last_bad_at.replace(tzinfo=UTC), row.worst_value, row.threshold, int(row.bad_windows), row.told,
            row.note, row.unit or "",
        )
        for row in ask(SQL)[:MOST]
    )  # fmt: skip


def cells(each: Incident) -> list[str]:
    """One as the texts of a row, under ``HEADS`` without their marks."""
    return [
        each.rule, "" if each.group == "*" else each.group, each.state, each.severity, words.instant(each.begin_at),
        words.instant(each.last_bad_at), *words.beside(each.worst_value, each.threshold, each.unit),
        words.count(each.bad_windows), each.told or "nobody yet", each.note,
    ]  # fmt: skip
