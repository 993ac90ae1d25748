"""Tests that are asked on each engine though another thing is their subject: `make test` asks each on one of them in
turn, `make trials` on all.

A file or a test says so with the marker ``in_turn``. The first test of a file is asked on its first engine, the next
one (or the same with other parameters) on the second, and so on: each file is on all engines, and each case on one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import pytest

_ENGINES = frozenset(("sqlite", "postgres", "postgresql", "mariadb", "mysql"))


def take(items: Iterable[pytest.Item], *, is_trial: bool) -> None:
    """Marks as trials what has no turn; among trials, all of them. What is asked on no engine stays as it is."""
    mine = [item for item in items if isinstance(item, pytest.Function) and item.get_closest_marker("in_turn")]
    for _, of_file in groupby(mine, key=lambda item: item.path):
        cases: dict[object, list[pytest.Function]] = {}
        for item in of_file:
            cases.setdefault(_case(item), []).append(item)
        asked = [case for case in cases.values() if len(case) > 1]
        for number, case in enumerate(asked):
            for place, item in enumerate(case):
                if is_trial or place != number % len(case):
                    item.add_marker("trial")


def _case(item: pytest.Function) -> object:
    """What is the same on each engine: the test and its other parameters."""
    call = getattr(item, "callspec", None)
    if not call:
        return item.originalname
    engines = {name for name, value in call.params.items() if isinstance(value, str) and value in _ENGINES}
    return item.originalname, tuple(
        sorted((name, id(value)) for name, value in call.params.items() if name not in engines)
    )
