"""Quantities as people read them, one spelling everywhere; programs get the raw figure."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediameter import numbers
from mediameter.answers import Result, catalogue, write
from mediameter.answers.asking import kind_of
from mediameter.answers.writing import OF_THE_ROW
from mediameter.commands.run import RunSummary
from mediameter.report import words
from mediameter.steps.alert.check import CheckReport
from mediameter.steps.ingest.ingest import IngestReport
from schemas import TABLES, VIEWS


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (None, "bytes", "not available"),
        (229_940_000_000, "bytes", "229.9 GB"),
        (1.2e15, "bytes", "1.2 PB"),
        (999_999_743, "bytes", "1.0 GB"),
        (812, "bytes", "812 B"),
        (0, "bytes", "0 B"),
        (0.069928, "ratio", "7.0 %"),
        (0.01, "ratio", "1 %"),
        (0.0034, "ratio", "0.34 %"),
        (0.00001, "ratio", "<0.01 %"),
        (10777.977419355, "ms", "10.8 s"),
        (842, "ms", "842 ms"),
        (1000, "ms", "1 s"),
        (45, "s", "45 s"),
        (5_400, "s", "90 min"),
        (129_600, "s", "36 h"),
        (864_000, "s", "10 days"),
        (0.3277, "USD", "0.3277 USD"),
        (0.00001, "USD", "<0.0001 USD"),
        (4256.98, "EUR", "4,256.98 EUR"),
        (-9.99, "USD", "-9.99 USD"),
        (100_000, "JPY", "100,000 JPY"),
        (1.5, "KWD", "1.500 KWD"),
        (19_980_000, "micros", "19.98"),
        (1, "requests", "1 request"),
        (1, "addresses", "1 address"),
        (22_994, "events", "22,994 events"),
        (1.5, "times", "1.50 times"),
        (1, "times", "1 times"),
        (2_500_000.25, "", "2,500,000.2"),
    ],
)
def test_a_quantity_is_told_as_people_read_it(value: float | None, unit: str, told: str) -> None:
    assert numbers.told(value, unit) == told == words.measured(value, unit)


@given(st.floats(0, 1e18), st.sampled_from(["bytes", "ratio", "ms", "s", "USD", "requests", ""]))
def test_no_quantity_is_told_with_an_exponent_or_as_nothing(value: float, unit: str) -> None:
    told = numbers.told(value, unit)
    assert "e+" not in told and "e-" not in told
    assert value == 0 or unit in ("bytes", "ms", "s") or any(digit in told for digit in "123456789")


@pytest.mark.parametrize(
    ("value", "limit", "unit", "both"),
    [
        (0.0104, 0.01, "ratio", ("1.04 %", "1 %")),
        (0.07002, 0.07001, "ratio", ("7.002 %", "7.001 %")),
        (107_380_000_000, 107_374_182_400, "bytes", ("107.38 GB", "107.37 GB")),
        (5, 5, "events", ("5 events", "5 events")),
    ],
)
def test_what_is_beyond_a_limit_does_not_look_like_it(
    value: float, limit: float, unit: str, both: tuple[str, str]
) -> None:
    assert numbers.told_apart(value, limit, unit) == both


def _written(format: str, result: Result) -> str:
    out = io.StringIO()
    write(result, format, out)
    return out.getvalue()


MIXED = Result(
    ("application", "requests", "bytes_sent", "error_rate", "average_ms", "cost", "currency", "http_status"),
    (("studio", 12345, 229_940_000_000, 0.069928, 10777.977419355, Decimal("0.327712"), "USD", 1404),),
)


def test_an_answers_table_is_for_people_and_all_else_is_raw() -> None:
    _, line = _written("table", MIXED).splitlines()
    assert line.split() == ["studio", "12,345", "229.9", "GB", "7.0", "%", "10.8", "s", "0.3277", "USD", "1404"]
    assert "studio,12345,229940000000,0.069928,10777.977419355,0.327712,USD,1404" in _written("csv", MIXED)
    [row] = json.loads(_written("json", MIXED))
    assert (row["bytes_sent"], row["error_rate"], row["average_ms"]) == (229_940_000_000, 0.069928, 10777.977419355)


def test_a_value_is_told_in_the_unit_of_its_row() -> None:
    checks = Result(
        ("rule", "value", "threshold", "unit"), (("a", 2.2994e11, 1e11, "bytes"), ("b", 0.3, 0.01, "ratio"))
    )
    told = _written("table", checks)
    assert "229.9 GB" in told and "100 GB" in told and "30 %" in told and "e+11" not in told


def test_every_quotient_of_an_answer_has_a_unit() -> None:
    """Else a table shows nine digits of it. A new one ends in what it is: _rate, _share, _ratio, _ms."""
    asked = {word for answer in catalogue() for word in answer.sql.replace(",", " ").split() if word.isidentifier()}
    known = {column.name for contract in (*TABLES, *VIEWS) for column in contract if column.type == "float"}
    quotients = {word for word in asked if (word in known or _is_computed_float(word))} - OF_THE_ROW
    assert len(quotients) > 5
    assert [word for word in quotients if not numbers.unit_of(word)] == []


def _is_computed_float(word: str) -> bool:
    try:
        return kind_of(word) == "float"
    except KeyError:
        return False


def test_a_run_tells_what_fired_as_people_read_it() -> None:
    row = {"day": "2026-11-02", "rule": "daily_bandwidth", "group": "*", "value": 2.2994e11, "threshold": 2e11,
           "unit": "bytes", "verdict": "critical", "sample": 3}  # fmt: skip
    summary = RunSummary({"ingest": IngestReport(objects=1), "check": CheckReport(rows=[row])})
    assert "critical: daily_bandwidth on 2026-11-02: 229.9 GB, threshold 200 GB" in summary.lines()
