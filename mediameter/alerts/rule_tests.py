"""The tests that stand in a rule's file: rows in, verdict out. Pure, so that a rule is tried without any data.

A test has ``about``, ``rows`` (by the names that the rule measures) and ``verdict``; and where they matter ``group``
(without it, the gravest verdict of any group is meant), ``is_complete`` (default: yes) and ``threshold`` (for a rule
that has none of its own). A row holds the columns that matter; beside them ``times`` (so many of it),
``minutes_before_end``, ``windows_before`` and ``days_before`` say when it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from mediameter.alerts.evaluate import Window, bounds, evaluate, step_of
from mediameter.alerts.row_sources import ANSWER, frame_contract, row_source
from mediameter.alerts.rule import EVERYTHING, Bands, Rule
from mediameter.errors import UserError
from schemas.contract import Column
from schemas.frames import POLARS_TYPES
from schemas.outcomes import is_slow
from schemas.vocabulary import WORST_FIRST

_NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
_KEYS = {"about", "rows", "verdict", "group", "is_complete", "threshold"}
_SYSTEM = "palette"
_OF_TIME = {"times", "minutes_before_end", "windows_before", "days_before"}
_EMPTY = {"text": "", "int": 0, "float": 0.0, "bool": False}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test asked and got; ``got`` is the verdict of the group that it is about."""

    rule: str
    about: str
    wanted: str
    got: str

    @property
    def is_passed(self) -> bool:
        return self.wanted == self.got


def outcomes(rule: Rule) -> list[Outcome]:
    """All tests of a rule. Raises ``UserError`` for one that cannot be understood."""
    return [_outcome(rule, test) for test in rule.tests]


def _outcome(rule: Rule, test: Any) -> Outcome:
    if not isinstance(test, dict) or not set(test) <= _KEYS or "verdict" not in test:
        raise UserError(f"{rule.place}: a test is invalid", f"it has {', '.join(sorted(_KEYS))}")
    zone = ZoneInfo("UTC")
    if "threshold" in test:
        rule = replace(rule, bands=_with(rule.bands, float(test["threshold"])))
    index = step_of(rule, _NOON, zone)
    begin, end = bounds(rule, index, zone)
    window = Window(index, begin, end, bool(test.get("is_complete", True)))
    group = test.get("group")
    frames = {each.source: _frame(rule, each.source, test.get("rows") or {}, end) for each in rule.aggregates}
    everything = _SYSTEM if rule.needs == "generations" else EVERYTHING
    judged = evaluate(rule, frames, [window], zone, {group} if group else _only_group(rule), everything)
    verdicts = [each.verdict for each in judged if group in (None, each.group)]
    got = next((each for each in WORST_FIRST if each in verdicts), "nothing")
    return Outcome(rule.name, str(test.get("about", "")), str(test["verdict"]), got)


def _with(bands: Bands, threshold: float) -> Bands:
    """A threshold that else the settings give, with the share that warns of the budget."""
    warning = threshold * 0.8 if bands.is_above else None
    return Bands(bands.is_above, threshold, warning)


def _only_group(rule: Rule) -> set[str]:
    return {_SYSTEM} if rule.group_by == ("source",) and rule.needs == "generations" else set()


# --- rows ------------------------------------------------------------------------------------------------------


def _frame(rule: Rule, name: str, rows: dict[str, Any], end: datetime) -> pl.DataFrame:
    if set(rows) - {each.source for each in rule.aggregates}:
        unknown = sorted(set(rows) - {each.source for each in rule.aggregates})[0]
        raise UserError(f"{rule.place}: a test has rows of {unknown}, which the rule does not measure", "name others")
    given = list(_times(rows.get(name) or []))
    if name.startswith(ANSWER):
        return pl.DataFrame([{"day": _at(rule, row, end).date(), **_values(row)} for row in given])
    contract = frame_contract(name)
    built = [_row(rule, name, row, end) for row in given]
    for row in built:
        if unknown_columns := sorted(set(row) - set(contract.names)):
            raise UserError(f"{rule.place}: a test's row has {unknown_columns[0]}", f"{name} has {contract.names}")
    schema = {column.name: POLARS_TYPES.get(column.type, pl.Float64()) for column in contract}
    values = [[_value(row, column) for column in contract] for row in built]
    frame = pl.DataFrame(values, schema=schema, orient="row")
    return frame.with_columns(is_slow=is_slow()) if "is_slow" in schema else frame


def _times(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        for _ in range(row.get("times", 1)):
            yield row


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _OF_TIME}


def _row(rule: Rule, name: str, row: dict[str, Any], end: datetime) -> dict[str, Any]:
    rows, at = row_source(name), _at(rule, row, end)
    assert rows and rows.columns
    times: dict[str, Any] = {}
    if rows.time == "day":
        times = {rows.at: at.date()}
    elif rows.at == "hour_at":
        times = {"hour_at": at.replace(minute=0, second=0, microsecond=0)}
    elif rows.time == "instant":
        times = {each: at for each in ("at", "finished_at") if each in rows.columns}
    source = {"source": _SYSTEM} if rule.needs == "generations" else {}
    return times | source | _values(row)


def _at(rule: Rule, row: dict[str, Any], end: datetime) -> datetime:
    before = timedelta(minutes=int(row.get("minutes_before_end", 1)))
    before += timedelta(days=int(row.get("days_before", 0)))
    return end - before - timedelta(seconds=rule.length_s * int(row.get("windows_before", 0)))


def _value(row: dict[str, Any], column: Column) -> Any:
    if column.name in row:
        return row[column.name]
    return None if column.is_nullable else _EMPTY.get(column.type, _NOON if column.type == "instant" else None)
