"""Great Expectations at its work: each rule of each suite held against the rows of each day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context import AbstractDataContext
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.exceptions import ExpectationNotFoundError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.registry import get_expectation_impl

from mediameter.errors import UserError
from mediameter.quality.evidence import Evidence
from mediameter.quality.suites import Rule, Suite

# Says of a row the same whatever the others are; "unique" or "increasing" do not.
_ROW_BY_ROW = {
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
    "expect_column_values_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_not_be_null",
    "expect_multicolumn_sum_to_equal",
}
_COLUMNS = ("column", "column_A", "column_B", "column_list", "column_set")
_SOURCE, _ROWS = "warehouse", "rows"
_DAY = "day"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one day; ``detail`` where it is broken."""

    day: date
    suite: str
    rule: str
    severity: str
    is_met: bool
    detail: str | None


def new_context() -> AbstractDataContext:
    """A context that lives in memory, tells nobody anything and shows no bars."""
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        data_docs_sites={},
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.data_sources.add_pandas(_SOURCE).add_dataframe_asset(_ROWS).add_batch_definition_whole_dataframe(_ROWS)
    return context


def judged(context: AbstractDataContext, suite: Suite, found: Sequence[Evidence], *, now: datetime) -> list[Finding]:
    """One finding a rule and day, in that order. ``found``: what the suite's query says of each day, one at least.

    What is expected row by row is judged for all days at once; what is expected of all rows together, day by day.
    Raises ``UserError`` that names file, line and rule of an expectation that is not known, cannot be made so, or
    speaks of a column that is not there.
    """
    frame, findings = _frame(found), list[Finding]()
    pairs = [(rule, _expectation(rule, frame)) for rule in suite.rules]
    by_row = [pair for pair in pairs if _is_row_by_row(pair[0])]
    of_all = [pair for pair in pairs if not _is_row_by_row(pair[0])]
    run_id = gx.RunIdentifier(run_name="gate", run_time=now)  # no day in it: the pages would read it as an instant
    days = [each.day for each in found]
    if by_row:
        name = f"{suite.name} {days[0]} to {days[-1]}"
        for rule, result in _results(context, name, suite, by_row, frame, run_id):
            findings += _by_row(suite, rule, result, frame, days)
    for day in days if of_all else []:
        of_day = frame[frame[_DAY] == day.isoformat()]
        for rule, result in _results(context, f"{suite.name} {day}", suite, of_all, of_day, run_id):
            findings.append(_of_all(suite, rule, result, day))
    order = {rule.name: number for number, rule in enumerate(suite.rules)}
    return sorted(findings, key=lambda finding: (order[finding.rule], finding.day))


def _frame(found: Sequence[Evidence]) -> pd.DataFrame:
    columns = [_DAY, *(name for name in found[0].columns if name != _DAY)]
    rows = [
        {**dict(zip(each.columns, row, strict=True)), _DAY: each.day.isoformat()} for each in found for row in each.rows
    ]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    # A column with a NULL stays as it is: pandas would make floats of its whole numbers.
    whole = [name for name in columns if {type(value) for value in frame[name]} == {int}]
    return frame.astype(dict.fromkeys(whole, "int64"))


# --- expectations ------------------------------------------------------------------------------------


def _expectation(rule: Rule, frame: pd.DataFrame) -> Expectation:
    try:
        implementation = get_expectation_impl(rule.type)
    except ExpectationNotFoundError:
        raise UserError(
            f"{rule.place}: there is no expectation {rule.type!r}", "Great Expectations names them expect_…"
        ) from None
    try:
        expectation: Expectation = implementation(**rule.kwargs, severity=rule.severity, notes=rule.name)
    except (ValueError, TypeError) as error:  # pydantic's are ValueErrors
        words = " ".join(str(error).split())
        raise UserError(f"{rule.place}: {rule.type} cannot be created: {words[:300]}", "correct its kwargs") from None
    named = [rule.kwargs[key] for key in _COLUMNS if key in rule.kwargs]
    for column in (each for value in named for each in (value if isinstance(value, list) else [value])):
        if column not in frame.columns:
            known = ", ".join(frame.columns)
            raise UserError(f"{rule.place}: there is no column {column!r}", f"the query's are {known}")
    return expectation


def _is_row_by_row(rule: Rule) -> bool:
    return rule.type in _ROW_BY_ROW and "mostly" not in rule.kwargs


def _results(
    context: AbstractDataContext,
    name: str,
    suite: Suite,
    pairs: Sequence[tuple[Rule, Expectation]],
    frame: pd.DataFrame,
    run_id: gx.RunIdentifier,
) -> list[tuple[Rule, Any]]:
    """Each rule with its result, which is kept in the context, too: for the pages."""
    batch = context.data_sources.get(_SOURCE).get_asset(_ROWS).get_batch_definition(_ROWS)
    expected = gx.ExpectationSuite(name=name, expectations=[copy(each) for _, each in pairs], notes=suite.about)
    definition = gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add(expected))
    told = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": _texts(frame),
            "include_unexpected_rows": False,
        },
        run_id=run_id,
    )
    results = {result.expectation_config.notes: result for result in told.results}
    for rule, _ in pairs:
        _refuse_exception(rule, results[rule.name])
    return [(rule, results[rule.name]) for rule, _ in pairs]


def _texts(frame: pd.DataFrame) -> list[str]:
    """The day and the columns of words: what a row is called by in a detail."""
    return [name for name in frame.columns if name == _DAY or all(isinstance(each, str) for each in frame[name])]


def _refuse_exception(rule: Rule, result: Any) -> None:
    """Great Expectations counts what it could not even ask as not met; we do not."""
    info = result.exception_info
    raised = [info] if "raised_exception" in info else list(info.values())
    words = [each["exception_message"] for each in raised if each["raised_exception"]]
    if words:
        told = " ".join(str(words[0]).split())
        raise UserError(f"{rule.place}: {rule.type} cannot judge these rows: {told[:300]}", "correct its kwargs")


# --- what they found ---------------------------------------------------------------------------------


def _by_row(suite: Suite, rule: Rule, result: Any, frame: pd.DataFrame, days: Sequence[date]) -> list[Finding]:
    texts = [name for name in _texts(frame) if name != _DAY]
    rows: dict[str, list[str]] = {}
    for row in result.result.get("unexpected_index_list") or []:
        rows.setdefault(row[_DAY], []).append(_row_in_words(row, texts))
    if not rows and not result.success:  # whatever it is that it does not tell the rows of: no day passes
        return [_of_all(suite, rule, result, day) for day in days]
    return [_finding(suite, rule, day, sorted(rows.get(day.isoformat(), []))) for day in days]


def _of_all(suite: Suite, rule: Rule, result: Any, day: date) -> Finding:
    if result.success:
        return _finding(suite, rule, day, [])
    observed = result.result.get("observed_value")
    if observed is None:
        observed = f"{result.result.get('unexpected_count')} of {result.result.get('element_count')} rows"
    return _finding(suite, rule, day, [f"found {observed}"])


def _row_in_words(row: Mapping[str, Any], texts: Sequence[str]) -> str:
    named = " ".join(row[name] for name in texts if row[name])
    figures = ", ".join(f"{name} {row[name]}" for name in sorted(row) if name not in (_DAY, *texts))
    return ": ".join(part for part in (named, figures) if part)


def _finding(suite: Suite, rule: Rule, day: date, broken: Sequence[str]) -> Finding:
    detail = "; ".join(broken[:_SHOWN]) + (f"; {len(broken) - _SHOWN:,} more" if len(broken) > _SHOWN else "")
    return Finding(day, suite.name, rule.name, rule.severity, not broken, detail or None)
