"""Promise 3: every line has one outcome, whatever the object holds and however it comes in; and a frame holds nothing
but what its contract allows."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from parsers.access_log import Context, Refused, parse_object
from schemas.frames import polars_schema, validate
from schemas.records import RECORD
from tests.conftest import Trials
from tests.property.strategies import LAST, LOGGED, as_logged, frames, objects, records
from tests.trials.agreement import by_the_parser, disagreements
from tests.worlds.log_lines import line

CONTEXT = Context(seed=5, last_modified=LAST, log_bucket="logs")
_UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def lawful(count: int) -> settings:
    """So many examples, the same ones in every run."""
    return settings(
        max_examples=count, derandomize=True, deadline=None, database=None, suppress_health_check=_UNHURRIED
    )


# --- objects -----------------------------------------------------------------------------------------


def test_every_line_has_one_outcome_and_the_reference_agrees(trials: Trials) -> None:
    counts: Counter[str] = Counter()

    @lawful(trials(100, 5_000))
    @given(
        data=objects(), cuts=st.lists(st.integers(0, 4_000), max_size=8), block_bytes=st.sampled_from((1, 900, 1 << 25))
    )
    def holds(data: bytes, cuts: list[int], block_bytes: int) -> None:
        counts["objects"] += 1
        try:
            assert disagreements(data, CONTEXT, [min(cut, len(data)) for cut in cuts], block_bytes) == []
        except Refused as refused:
            counts[refused.reason] += 1

    holds()
    print(f"objects held against the reference: {dict(counts)}")
    assert counts.total() - counts["objects"] < counts["objects"] / 4, "too many are refused to show anything"


def test_arbitrary_bytes_are_conserved_or_refused(trials: Trials) -> None:
    counts: Counter[str] = Counter()

    @lawful(trials(100, 5_000))
    @given(data=st.binary(max_size=400) | st.binary(max_size=40).map(lambda data: b"\x1f\x8b\x08\0" + data))
    def holds(data: bytes) -> None:
        counts["objects"] += 1
        try:
            assert disagreements(data, CONTEXT) == []
        except Refused as refused:
            counts[refused.reason] += 1

    holds()
    print(f"arbitrary bytes: {dict(counts)}")


def test_what_is_logged_is_read(trials: Trials) -> None:
    @lawful(trials(100, 5_000))
    @given(st.lists(records(), min_size=1, max_size=5))
    def holds(written: list[dict[str, Any]]) -> None:
        frame = parse_object(b"".join(as_logged(record) + b"\n" for record in written), CONTEXT).frame
        read = frame.sort("line_number").select(LOGGED).to_dicts()
        assert read == [record | {"bytes_sent": record["bytes_sent"] or 0} for record in written]

    holds()


@pytest.mark.parametrize("block_bytes", [1, 1_000, 65_536, 65_537, 65_538, 65_539, 1 << 20])
@pytest.mark.parametrize("surplus", [-1, 0, 1, 2])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_the_longest_line_is_told_whatever_the_blocks(block_bytes: int, surplus: int, line_end: bytes) -> None:
    record = line(Random(1), "aws", int(datetime(2025, 10, 2, tzinfo=UTC).timestamp()))
    long = record + b" x" + b"y" * (65_536 + surplus - len(record) - 2)
    data = line_end.join([record, long, record, long + b"\rz", record, b""])
    told = by_the_parser(data, CONTEXT, range(0, len(data), 7_001), block_bytes)
    assert disagreements(data, CONTEXT, range(0, len(data), 7_001), block_bytes) == []
    assert not told.rejected and told.unsure["unsized"] == 1 + (surplus > 0)  # the fourth line is two bytes longer


# --- frames ------------------------------------------------------------------------------------------


def plantings() -> list[tuple[str, str, Any]]:
    """(column, what is wrong, the bad value) for every rule of the contract."""
    found: list[tuple[str, str, Any]] = []
    for column in RECORD:
        if not column.is_nullable:
            found.append((column.name, "null", None))
        if column.least is not None:
            found.append((column.name, "too small", column.least - 1))
        if column.among:
            found.append((column.name, "no such word", "6xx"))
    return found


def test_there_is_something_to_plant() -> None:
    planted = {(name, what) for name, what, _ in plantings()}
    assert {("status_class", "no such word"), ("line_hash", "null"), ("bytes_sent", "too small")} <= planted


@settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=_UNHURRIED)
@given(frames(RECORD))
def test_a_frame_that_keeps_its_contract_passes(frame: pl.DataFrame) -> None:
    assert validate(frame, RECORD).equals(frame)


@pytest.mark.parametrize("name, what, bad", plantings(), ids=lambda part: str(part))
@settings(max_examples=5, derandomize=True, deadline=None, database=None, suppress_health_check=_UNHURRIED)
@given(frame=frames(RECORD), place=st.integers(0, 3))
def test_a_planted_value_is_found(name: str, what: str, bad: Any, frame: pl.DataFrame, place: int) -> None:
    column = frame[name].to_list()
    column[place % len(column)] = bad
    with pytest.raises(SchemaErrors) as failure:
        validate(frame.with_columns(pl.Series(name, column, dtype=frame.schema[name])), RECORD)
    assert set(failure.value.failure_cases["column"]) == {name}


@pytest.mark.parametrize("change", ["cast", "drop", "rename", "reorder", "add"])
def test_other_columns_are_found(change: str) -> None:
    frame = pl.DataFrame(schema=polars_schema(RECORD))
    changed = {
        "cast": frame.with_columns(pl.col("bytes_sent").cast(pl.Int32)),
        "drop": frame.drop("edge"),
        "rename": frame.rename({"edge": "edges"}),
        "reorder": frame.select(frame.columns[::-1]),
        "add": frame.with_columns(remote_ip=pl.lit("192.0.2.1")),
    }
    with pytest.raises((TypeError, SchemaErrors), match="record"):
        validate(changed[change], RECORD)
