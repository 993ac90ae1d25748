"""Rows put away in parts: all come back, once, and what is equal is in one part."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from mediameter.families.partitions import Partitions
from mediameter.store import lake

SCHEMA = {"name": pl.String(), "n": pl.Int64()}
ROWS = [(name, n) for n in range(30) for name in ("a", "b", "c", "é", None)]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_all_rows_come_back_once_and_equals_together(tmp_path: Path, count: int) -> None:
    with lake.scratch(tmp_path) as begin:
        parts = Partitions(begin, count, SCHEMA)
        for first in range(0, len(ROWS), 40):
            rows = pl.DataFrame(ROWS[first : first + 40], SCHEMA, orient="row")
            parts.put(rows.with_columns(by=pl.col("name")), by="by")
        taken = [parts.take(number) for number in range(count)]
        assert [part.columns for part in taken] == [list(SCHEMA)] * count
        assert sorted(pl.concat(taken).rows(), key=str) == sorted(ROWS, key=str)
        names = [set(part["name"]) for part in taken]
        assert sum(map(len, names)) == len(set().union(*names)) == 5
        assert not parts.take(0).height, "taken already"


def test_nothing_stays_of_what_was_put_away_for_a_while(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), lake.scratch(tmp_path) as begin:
        Partitions(begin, 3, SCHEMA).put(pl.DataFrame(ROWS, SCHEMA, orient="row"), by="name")
        assert list(tmp_path.iterdir())
        raise RuntimeError
    assert not list(tmp_path.iterdir())
