"""From requests to deliveries: GETs of one object by one viewer that follow each other count once.

Folding is associative: what slices of a day yield is folded again, so that a delivery may reach over any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import polars as pl
import polars_hash as plh

from schemas.begins import Begins
from schemas.vocabulary import DELIVERY_GAP_S, LONGEST_REQUEST_S

GAP = timedelta(seconds=DELIVERY_GAP_S)
LONGEST_REQUEST = timedelta(seconds=LONGEST_REQUEST_S)
# What is read of a record (schemas.records.RECORD) in any case, for `requests_of`; `reads` says what else.
READS = (
    "line_hash", "at", "bucket", "request_id", "key", "user_agent", "address", "edge", "is_delivery_candidate",
)  # fmt: skip
DELIVERY = {
    "who": pl.UInt128(),  # hash of bucket, key, address and agent
    "first_at": pl.Datetime("us", "UTC"),  # as logged, of its first record
    "line_hash": pl.UInt128(),  # of its first record
    "last_at": pl.Datetime("us", "UTC"),
    "begin_at": pl.Datetime("us", "UTC"),  # when its first request began
    "key": pl.String(),
    "address": pl.String(),
    "edge": pl.String(),
}


def who() -> pl.Expr:
    """What the requests of one delivery have in common, as a 128-bit hash."""
    parts = [pl.col(name).fill_null("\0") for name in ("bucket", "key", "address", "user_agent")]
    return plh.concat_str(parts, separator="\x1f").nchash.xxh3_128().alias("who")


def with_deliveries(records: pl.DataFrame) -> pl.DataFrame:
    """Adds ``deliveries``: 1 on the first of the candidates that are one delivery, else 0 (docs/definitions.md)."""
    seen = (
        records.lazy()
        .with_row_index("row")
        .filter("is_delivery_candidate")
        .select("row", "at", "line_hash", who())
        .sort("who", "at", "line_hash")
    )
    goes_on = (pl.col("who") == pl.col("who").shift()) & (pl.col("at") - pl.col("at").shift() <= GAP)
    begins = seen.filter(~goes_on.fill_null(False)).select("row").collect()["row"]
    deliveries = pl.zeros(records.height, pl.Int64, eager=True).scatter(begins, 1)
    return records.with_columns(deliveries.alias("deliveries"))


def reads(begins: Mapping[str, Begins]) -> tuple[str, ...]:
    """The columns that `requests_of` needs where dialects tell begins in these ways."""
    ways = set(begins.values())
    is_told_apart, is_end_logged = len(ways) > 1, any(way.is_end_logged for way in ways)
    return (*READS, *(["dialect"] if is_told_apart else []), *(["total_ms"] if is_end_logged else []))


def begun_at(begins: Mapping[str, Begins]) -> pl.Expr:
    """When a request began, in the way of its dialect; as a rule all dialects have the same."""
    ways = list(dict.fromkeys(begins.values()))
    if len(ways) == 1:
        return _begun_at(ways[0])
    dialect, begun = pl.col("dialect"), pl.col("at")
    for way in ways:
        is_told_so = dialect.is_in([name for name, its_way in begins.items() if its_way == way])
        begun = pl.when(is_told_so).then(_begun_at(way)).otherwise(begun)
    return begun


def _begun_at(way: Begins) -> pl.Expr:
    """The second that the id tells, else the line's time, less the time taken where that is the end.

    Whether a line's time is a request's begin or its end, providers say differently (docs/decisions.md): the id does
    not depend on that. What is told is believed for an hour at most, so that nothing absurd reaches into another day.
    """
    at = pl.col("at")
    begun = at
    if way.is_end_logged:
        taken = pl.duration(milliseconds=pl.col("total_ms").fill_null(0))
        begun = pl.when(taken <= LONGEST_REQUEST).then(at - taken).otherwise(at)
    if way.in_id:
        seconds = pl.col("request_id").str.extract(way.in_id).str.to_integer(base=way.base, strict=False)
        told = (seconds.cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us", "UTC"))
        begun = pl.when(told.is_between(at - LONGEST_REQUEST, at)).then(told).otherwise(begun)
    return begun


def requests_of(records: pl.DataFrame, begins: Mapping[str, Begins]) -> pl.LazyFrame:
    """Each candidate as a delivery of its own (DELIVERY), still to be folded. ``records``: the columns `reads`."""
    each = records.lazy().filter("is_delivery_candidate")
    return each.select(
        who(), "line_hash", "key", "address", "edge", first_at="at", last_at="at", begin_at=begun_at(begins)
    ).select(DELIVERY.keys())


def folded(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The deliveries that requests, or deliveries that slices have cut, are together; equal lines may come twice."""
    ordered = pl.concat([pl.DataFrame(schema=DELIVERY), *parts]).sort("who", "first_at", "line_hash")
    who, at = pl.col("who"), pl.col("first_at")
    goes_on = (who == who.shift()) & (at - pl.col("last_at").shift() <= GAP)
    begins = ordered.select((~goes_on.fill_null(False)).alias("begins"))["begins"]
    numbered = ordered.select("last_at", "begin_at", delivery=begins.cum_sum())
    spans = numbered.group_by("delivery").agg(pl.col("last_at").max(), pl.col("begin_at").min())
    spans = spans.sort("delivery").drop("delivery")
    first = ordered.filter(begins).drop("last_at", "begin_at")
    return pl.concat([first, spans], how="horizontal").select(DELIVERY.keys())
