"""What caches and players explain of a file where an event and its delivery cannot be told to be one
(docs/definitions.md, "Reconciliation"). Pure.

An edge of a CDN fetches a file once and answers many with it; a browser keeps what it has; a player fetches a film in
pieces. None of this is a loss, and none of it may hide one: an edge's fetch needs an event beside it, an event needs a
fetch before it, each of the same file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from mediameter.metering.matching import grouped, nearest, points_of_deliveries, points_of_events
from schemas.vocabulary import CACHED_S, DELIVERED_ON_S

CACHED, GOES_ON = timedelta(seconds=CACHED_S), timedelta(seconds=DELIVERED_ON_S)
EDGE, RANGE = "edge", "range"
OWN_CACHE, EDGE_CACHE = "own_cache", "edge_cache"


def explained(
    deliveries: pl.DataFrame, events: pl.DataFrame, pairs: pl.DataFrame, tolerance: timedelta
) -> pl.DataFrame:
    """Row numbers of the deliveries that are no event and need none (``delivery``), and why (``alone``).

    ``deliveries``: DELIVERY, ``source`` and ``file``. ``pairs``: those that are an event (matching.matched).
    """
    sent, told = points_of_deliveries(deliveries), points_of_events(events)
    fetched = sent.filter(pl.col("edge") == EDGE).join(pairs, left_on="row", right_on="delivery", how="anti")
    left = told.join(pairs, left_on="row", right_on="event", how="anti")
    beside = nearest(*grouped(fetched, left, ["file"]), tolerance).select("delivery", alone=pl.lit(EDGE))
    known = pl.concat([pairs.select("delivery"), beside.select("delivery")])
    return pl.concat([beside, _pieces(deliveries, known)])


def _pieces(deliveries: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Deliveries that follow upon one of ``known`` of the same client and file."""
    rows = deliveries.select("source", "who", "begin_at", "first_at", "last_at", "line_hash").with_row_index("delivery")
    rows = rows.join(known.with_columns(is_known=pl.lit(True)), on="delivery", how="left").sort(
        "source", "who", "first_at", "line_hash"
    )
    last = pl.when("is_known").then("last_at").forward_fill().over("source", "who")
    follows = pl.col("is_known").is_null() & (pl.col("first_at") - last <= GOES_ON)
    return rows.filter(follows.fill_null(False)).select("delivery", alone=pl.lit(RANGE))


def cached(deliveries: pl.DataFrame, events: pl.DataFrame, tolerance: timedelta) -> pl.Series:
    """Of each event which cache may have answered it, as far as the file's deliveries tell; null where none may."""
    own = _fetched_before(events, deliveries, ["file", "address"], tolerance)
    edge = _fetched_before(events, deliveries.filter(pl.col("edge") == EDGE), ["file"], tolerance)
    reason = pl.when(own).then(pl.lit(OWN_CACHE)).when(edge).then(pl.lit(EDGE_CACHE)).otherwise(None)
    return pl.select(reason.alias("cache"))["cache"]


def _fetched_before(
    events: pl.DataFrame, deliveries: pl.DataFrame, by: Sequence[str], tolerance: timedelta
) -> pl.Series:
    """Whether a delivery of the same began shortly before each event; clocks differ by the tolerance."""
    rows = events.select(*by, "at", until=pl.col("at") + tolerance).with_row_index("row").sort("until")
    found = rows.drop_nulls(by).join_asof(
        deliveries.select(*by, "begin_at").drop_nulls().sort("begin_at"),
        left_on="until", right_on="begin_at", by=list(by), check_sortedness=False,
    )  # fmt: skip
    is_so = found.filter(pl.col("at") - pl.col("begin_at") <= CACHED)["row"]
    return events.with_row_index("row")["row"].is_in(is_so.implode())


def direct_visitors(deliveries: pl.DataFrame) -> pl.DataFrame:
    """Addresses that fetch past the edges what edges fetch, too: such a visitor's view is no edge's to answer."""
    files = deliveries.filter(pl.col("edge") == EDGE).select("file").unique()
    seen = deliveries.filter(pl.col("edge") != EDGE).join(files, on="file", how="semi")
    return seen.select("address").drop_nulls().unique()
