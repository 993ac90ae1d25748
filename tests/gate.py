"""The house's rules held against rows in plain Python: the gate's verdicts without what Great Expectations costs.

A judgement by Great Expectations is a third of what a run in a test takes, and says the same each time. Tests whose
subject is another read its verdicts from here; the tests of the gate (`test_quality`) hold both against each other on
every planted fault. `make trials` has the real one everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter.quality.suites import Rule

_Row = Mapping[str, Any]
_TURNS = ("sqlite", "postgresql", "mysql")
is_on = False
"""Whether this process's gate is the plain one now: those that it forks are to have the same."""
_originals: dict[str, Any] = {}


def is_plain(config: pytest.Config) -> bool:
    """Not where promises are tried at their full counts."""
    return not os.environ.get("MEDIAMETER_TRIALS") and config.option.markexpr != "trial"


def has_turn(number: int, url: str) -> bool:
    """Whether this warehouse's engine is the ``number``-th in turn: what is the same on each is asked on one."""
    return _TURNS[number % len(_TURNS)] == sa.make_url(url).get_backend_name()


@contextmanager
def plainly(is_so: bool = True) -> Iterator[None]:
    """Within, the gate judges here, and makes no pages; or as in the field, wherever this stands."""
    from mediameter.quality import docs, judging  # imports Great Expectations

    global is_on
    was_on, is_on = is_on, is_so
    replaced = {"_results": (judging, _results), "new_context": (judging, lambda: None), "publish": (docs, _nothing)}
    for name, (module, _) in replaced.items():
        _originals.setdefault(name, getattr(module, name))
    with pytest.MonkeyPatch.context() as patch:
        for name, (module, plain) in replaced.items():
            patch.setattr(module, name, plain if is_so else _originals[name])
        try:
            yield
        finally:
            is_on = was_on


def _nothing(_context: object, _target: object) -> None:
    pass


def _results(
    _context: object, _name: str, _suite: object, pairs: Sequence[tuple[Rule, object]], frame: Any, _run: object
) -> list[tuple[Rule, Any]]:
    """In place of Great Expectations' own: each rule with its result, as far as the gate reads it."""
    from mediameter.quality.judging import _texts

    texts, rows = _texts(frame), frame.to_dict("records")
    return [(rule, _result(rule, rows, texts)) for rule, _ in pairs]


def _result(rule: Rule, rows: Sequence[_Row], texts: Sequence[str]) -> Any:
    columns, is_met = _ASKED[rule.type](rule.kwargs)
    asked = (row for row in rows if any(row[name] is not None for name in columns))
    broken = [{name: row[name] for name in (*columns, *texts)} for row in asked if not is_met(row)]
    return SimpleNamespace(success=not broken, result={"unexpected_index_list": broken})


_Asked = tuple[Sequence[str], Callable[[_Row], bool]]


def _at_least(kwargs: _Row) -> _Asked:
    greater, less = kwargs["column_A"], kwargs["column_B"]
    assert kwargs["or_equal"], "a house rule that the plain gate does not know"
    return (greater, less), lambda row: None not in (row[greater], row[less]) and row[greater] >= row[less]


def _equal(kwargs: _Row) -> _Asked:
    one, other = kwargs["column_A"], kwargs["column_B"]
    return (one, other), lambda row: row[one] == row[other]


def _among(kwargs: _Row) -> _Asked:
    return (kwargs["column"],), lambda row: row[kwargs["column"]] in kwargs["value_set"]


def _sum(kwargs: _Row) -> _Asked:
    columns = kwargs["column_list"]
    return (
        columns,
        lambda row: (
            all(row[name] is not None for name in columns) and sum(row[name] for name in columns) == kwargs["sum_total"]
        ),
    )


_ASKED: dict[str, Callable[[_Row], _Asked]] = {
    "expect_column_pair_values_a_to_be_greater_than_b": _at_least,
    "expect_column_pair_values_to_be_equal": _equal,
    "expect_column_values_to_be_in_set": _among,
    "expect_multicolumn_sum_to_equal": _sum,
}
