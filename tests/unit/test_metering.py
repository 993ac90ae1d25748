"""Percentiles, histogram, cost, deliveries: small cases worked by hand, and two laws."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediameter.metering.cost import Price, cost_micros, costed
from mediameter.metering.deliveries import with_deliveries
from mediameter.metering.durations import bucketed, percentiles, trailing
from mediameter.metering.rollups import _refuse_overflow, distinct
from schemas.vocabulary import histogram_edge, histogram_edges, operation_class

NOON = datetime(2025, 10, 30, 12, tzinfo=UTC)


# --- durations ---------------------------------------------------------------------------------------
def counts(*values: int) -> pl.DataFrame:
    return pl.DataFrame({"ms": values, "count": [1] * len(values), "who": ["a"] * len(values)})


def test_percentiles_are_nearest_rank() -> None:
    row = percentiles(counts(*range(1, 21)), ["who"]).row(0, named=True)
    assert (row["p50_ms"], row["p90_ms"], row["p95_ms"], row["p99_ms"], row["max_ms"]) == (10, 18, 19, 20, 20)


@pytest.mark.parametrize(("values", "mean"), [((1, 2), 2), ((2, 3), 2), ((1, 2, 2), 2), ((0,), 0), ((3, 4), 4)])
def test_the_mean_is_rounded_half_even(values: tuple[int, ...], mean: int) -> None:
    assert percentiles(counts(*values), ["who"])["mean_ms"].item() == mean


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200))
def test_percentiles_agree_with_sorting(values: list[int]) -> None:
    row, ranked = percentiles(counts(*values), ["who"]).row(0, named=True), sorted(values)
    for percent in (50, 90, 95, 99):
        assert row[f"p{percent}_ms"] == ranked[ceil(percent * len(values) / 100) - 1]
    assert row["observations"] == len(values)


def test_zero_is_its_own_bucket_and_small_values_are_exact() -> None:
    assert histogram_edges()[:4] == (0, 1, 2, 3)
    assert bucketed(counts(0, 0, 1), ["who"])["observations"].to_list() == [2, 1]


@given(st.integers(0, 2**63 - 1))
def test_a_bucket_overstates_by_one_percent_at_most(value: int) -> None:
    upper = histogram_edge(value)
    assert value <= upper <= value * 101 // 100


def test_a_windows_percentiles_are_of_each_application_and_of_all() -> None:
    rows = [("a", 10, 10), ("a", 500, 1), ("b", 100, 5), ("c", 1, 0)]
    slowest = pl.DataFrame({"application": ["a", "b", "*"], "slowest_ms": [497, 100, 497]})
    histogram = pl.DataFrame(rows, schema=["application", "upper_ms", "observations"], orient="row")
    found = trailing(histogram, slowest)
    assert found.select("application", "observations", "p50_ms", "p95_ms", "p99_ms", "max_ms").rows() == [
        ("*", 16, 10, 497, 497, 497), ("a", 11, 10, 497, 497, 497), ("b", 5, 100, 100, 100, 100),
    ]  # fmt: skip


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200))
def test_a_windows_percentiles_are_at_most_one_percent_too_high(values: list[int]) -> None:
    histogram = bucketed(counts(*values), ["who"]).rename({"who": "application"})
    slowest = pl.DataFrame({"application": ["*"], "slowest_ms": [max(values)]})
    row, ranked = trailing(histogram, slowest).row(0, named=True), sorted(values)
    assert row["max_ms"] == max(values)
    for percent in (50, 95, 99):
        exact = ranked[ceil(percent * len(values) / 100) - 1]
        assert exact <= row[f"p{percent}_ms"] <= exact * 1.01


# --- cost --------------------------------------------------------------------------------------------
def price(amount: str, unit_bytes: int, first: date = date(2025, 1, 1), last: date | None = None) -> Price:
    return Price(f"ovh/{first}", "ovh", Decimal(amount), "USD", unit_bytes, first, last)


@pytest.mark.parametrize(
    ("bytes_sent", "amount", "unit", "micros"),
    [
        (10**9, "0.011", 10**9, 11_000),
        (2**30, "0.011", 10**9, 11_811),  # 11811.16
        (2**30, "0.011", 2**30, 11_000),
        (0, "0.011", 10**9, 0),
        (1, "0.5", 10**6, 0),  # half a micro goes to the even 0
        (3, "0.5", 10**6, 2),  # one and a half goes to the even 2
        (2**63 - 1, "0.011", 10**9, 101_457_092_405_403),  # …402.53
    ],
)
def test_cost_is_exact_and_rounded_half_even(bytes_sent: int, amount: str, unit: int, micros: int) -> None:
    assert cost_micros(bytes_sent, price(amount, unit)) == micros


def test_the_card_of_the_day_counts_and_none_is_not_zero() -> None:
    cards = [price("1", 1, last=date(2025, 6, 30)), price("2", 1, date(2025, 7, 1))]
    sent = pl.DataFrame({"source": ["ovh", "other"], "bytes_sent": [5, 7]})
    columns = ["price_id", "currency", "cost_micros"]
    assert costed(sent, date(2025, 6, 30), cards).select(columns).rows() == [
        ("ovh/2025-01-01", "USD", 5_000_000),
        ("", "", None),
    ]
    assert costed(sent, date(2025, 7, 1), cards)["cost_micros"].to_list() == [10_000_000, None]
    assert costed(sent, date(2024, 12, 31), cards)["cost_micros"].to_list() == [None, None]


# --- deliveries and duplicates -----------------------------------------------------------------------
def requests(*rows: tuple[int, str, str]) -> pl.DataFrame:
    """(seconds after noon, key, agent) of GETs that were answered."""
    return pl.DataFrame(
        {
            "line_hash": pl.Series(range(1, len(rows) + 1), dtype=pl.UInt128),
            "object_id": [1] * len(rows),
            "line_number": range(len(rows)),
            "at": [NOON + timedelta(seconds=seconds) for seconds, _, _ in rows],
            "bucket": ["media"] * len(rows),
            "key": [key for _, key, _ in rows],
            "address": pl.Series([None] * len(rows), dtype=pl.String),
            "user_agent": [agent for _, _, agent in rows],
            "is_delivery_candidate": [agent != "HEAD" for _, _, agent in rows],
        }
    )


def test_requests_up_to_sixty_seconds_apart_are_one_delivery() -> None:
    rows = requests((0, "a", "x"), (60, "a", "x"), (120, "a", "x"), (181, "a", "x"))
    assert with_deliveries(rows).sort("at")["deliveries"].to_list() == [1, 0, 0, 1]


def test_another_key_or_agent_is_another_delivery_and_what_delivers_nothing_is_none() -> None:
    rows = requests((0, "a", "x"), (1, "b", "x"), (2, "a", "y"), (3, "a", "HEAD"))
    assert with_deliveries(rows).sort("at")["deliveries"].to_list() == [1, 1, 1, 0]


def test_of_equal_lines_one_is_left_whatever_their_order() -> None:
    rows = requests((0, "a", "x"), (1, "b", "x"))
    twins = pl.concat([rows, rows.with_columns(object_id=pl.lit(0, pl.Int64))])
    kept = distinct(twins).sort("line_hash")
    assert kept.equals(distinct(twins.reverse()).sort("line_hash"))
    assert kept["object_id"].to_list() == [0, 0]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("REST.GET.OBJECT", "get_object"),
        ("REST.GET.ACL", "bucket"),
        ("S3.EXPIRE.OBJECT", "lifecycle"),
        ("BATCH.DELETE.OBJECT", "sub_record"),
        ("REST.COPY.OBJECT_GET", "sub_record"),
        ("SOAP.ListAllMyBuckets", "other"),
        ("REST.FROB.OBJECT", "other"),
    ],
)
def test_operation_classes(operation: str, expected: str) -> None:
    assert operation_class(operation) == expected


def test_a_sum_that_does_not_fit_is_refused_not_wrapped() -> None:
    _refuse_overflow(pl.DataFrame({"bytes_sent": [2**62, 2**62 - 1]}), "bytes_sent")
    with pytest.raises(OverflowError, match="9,223,372,036,854,775,808"):
        _refuse_overflow(pl.DataFrame({"bytes_sent": [2**62, 2**62]}), "bytes_sent")
