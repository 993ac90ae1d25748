"""Which event is which delivery: one to one, the nearest first (docs/definitions.md, "Attribution"). Pure.

Pairs of one file and address are found without listing all candidates, of which a busy client could make any number:
what lies within the tolerance of each other is a cluster; most clusters hold one of each, the others are matched along
the time axis, where the nearest pair of those that are left are always neighbours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

_ROUNDS = 4
PAIRS = {"delivery": pl.UInt32(), "event": pl.UInt32()}


def matched(
    deliveries: pl.DataFrame, events: pl.DataFrame, tolerance: timedelta, edge_tolerance: timedelta
) -> pl.DataFrame:
    """Row numbers of deliveries and events that are one, with ``match_basis``; no row number comes twice.

    ``deliveries``: source, line_hash, begin_at, file, address, edge. ``events``: event_id, at, file, address. A null
    file or address matches nothing.
    """
    sent, told = points_of_deliveries(deliveries), points_of_events(events)
    by_address = nearest(*grouped(sent, told, ["file", "address"]), tolerance)
    hidden = sent.filter(pl.col("edge") == "edge").join(by_address, left_on="row", right_on="delivery", how="anti")
    left = told.join(by_address, left_on="row", right_on="event", how="anti")
    by_edge = unmistakable(*grouped(hidden, left, ["file"]), edge_tolerance)
    basis = {"event_address": by_address, "event_edge": by_edge}
    return pl.concat(pairs.with_columns(match_basis=pl.lit(name)) for name, pairs in basis.items())


def points_of_deliveries(deliveries: pl.DataFrame) -> pl.DataFrame:
    """What pairs are looked for in: ``row`` and ``order`` of each beside its time, file and address."""
    order = _order(deliveries, "line_hash", "source")
    return deliveries.select("file", "address", "edge", at="begin_at", order=order).with_row_index("row")


def points_of_events(events: pl.DataFrame) -> pl.DataFrame:
    return events.select("file", "address", "at", order=_order(events, "event_id")).with_row_index("row")


def _order(frame: pl.DataFrame, *names: str) -> pl.Series:
    """Rank of each row by these columns: what decides between two that are equally near."""
    ranked = frame.select(names).with_row_index("row").sort(*names, "row").with_row_index("order").sort("row")
    return ranked["order"]


def grouped(deliveries: pl.DataFrame, events: pl.DataFrame, names: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both with ``group``: only rows of one group may be one. Rows whose group the other side does not have go."""
    groups = events.select(names).drop_nulls().unique(maintain_order=True).with_row_index("group")
    columns = ["group", "at", "order", "row"]
    return tuple(frame.join(groups, on=names).select(columns) for frame in (deliveries, events))  # type: ignore[return-value]


# --- the nearest first -------------------------------------------------------------------------------


def nearest(deliveries: pl.DataFrame, events: pl.DataFrame, tolerance: timedelta) -> pl.DataFrame:
    """Pairs of a group at most ``tolerance`` apart: the nearest first, ties by the order of delivery, then of event."""
    points = pl.concat(
        [deliveries.with_columns(is_event=pl.lit(False)), events.with_columns(is_event=pl.lit(True))]
    ).sort("group", "at", "is_event", "order")
    found: list[pl.DataFrame] = []
    for _ in range(_ROUNDS):
        points = _crowds(points, tolerance).with_row_index("place")
        if not points.height:
            break
        points = points.with_columns(other=_nearest_other(points, tolerance))
        # What is nearest to each other is a pair, whatever the rest is.
        is_mutual = pl.col("other").gather(pl.col("other")) == pl.col("place")
        pairs = points.filter(is_mutual.fill_null(False), ~pl.col("is_event"))
        found.append(pairs.select(delivery="row", event=points["row"].gather(pairs["other"])))
        points = points.filter(~is_mutual.fill_null(False)).drop("place", "other", "cluster")
    crowds = _crowds(points, tolerance)
    rest = [pair for crowd in _rows_by_cluster(crowds) for pair in nearest_of(crowd, tolerance)]
    return pl.concat([*found, pl.DataFrame(rest, schema=PAIRS, orient="row")])


def _crowds(points: pl.DataFrame, tolerance: timedelta) -> pl.DataFrame:
    """Points, sorted, that stand in a ``cluster`` of both kinds."""
    is_near = (pl.col("group") == pl.col("group").shift()) & (pl.col("at") - pl.col("at").shift() <= tolerance)
    numbered = points.with_columns(cluster=(~is_near.fill_null(False)).cum_sum())
    clusters = numbered.group_by("cluster").agg(pl.col("is_event").any(), both=~pl.col("is_event").all())
    both = clusters.filter(pl.col("is_event") & pl.col("both"))
    return numbered.join(both, on="cluster", how="semi", maintain_order="left")


def _nearest_other(points: pl.DataFrame, tolerance: timedelta) -> pl.Series:
    """For each point the place of what is nearest among those of the other kind; null where nothing is within reach."""
    is_event, at, place = pl.col("is_event"), pl.col("at"), pl.col("place")
    # Of several of one kind at one instant only the first in order can be anybody's nearest.
    is_first = ~(pl.struct("cluster", "at", "is_event") == pl.struct("cluster", "at", "is_event").shift())
    sides = {
        f"{side}_{kind}": getattr(pl.when(is_first.fill_null(True) & mine).then(place), fill)()
        for kind, mine in (("event", is_event), ("delivery", ~is_event))
        for side, fill in (("before", "forward_fill"), ("after", "backward_fill"))
    }
    seen = points.with_columns(**sides)
    seen = seen.with_columns(
        **{side: pl.when(is_event).then(f"{side}_delivery").otherwise(f"{side}_event") for side in ("before", "after")}
    )
    for side in ("before", "after"):
        there = pl.col(side)
        distance = (at.gather(there) - at).abs()
        is_within = (pl.col("cluster").gather(there) == pl.col("cluster")) & (distance <= tolerance)
        seen = seen.with_columns(
            pl.when(is_within).then(there).alias(side),
            pl.when(is_within).then(distance).alias(f"{side}_distance"),
            pl.when(is_within).then(pl.col("order").gather(there)).alias(f"{side}_order"),
        )
    is_before = (pl.col("before_distance") < pl.col("after_distance")) | (
        (pl.col("before_distance") == pl.col("after_distance")) & (pl.col("before_order") < pl.col("after_order"))
    )
    takes_before = pl.col("after").is_null() | is_before.fill_null(False)
    return seen.select(pl.when(takes_before).then("before").otherwise("after").alias("other"))["other"]


def _rows_by_cluster(points: pl.DataFrame) -> Iterator[list[tuple[Any, ...]]]:
    rows = points.select("cluster", "at", "is_event", "order", "row").iter_rows()
    return (list(cluster) for _, cluster in groupby(rows, key=itemgetter(0)))


@dataclass(slots=True)
class _Station:
    """What is left at one instant, deliveries or events in their order, and the stations beside it that have any."""

    at: datetime
    is_event: bool
    waiting: deque[tuple[int, int]]  # (order, row)
    before: int
    after: int


_Candidate = tuple[timedelta, int, int, int, int]  # distance, order of delivery and event, stations left and right


def nearest_of(cluster: list[tuple[Any, ...]], tolerance: timedelta) -> list[tuple[int, int]]:
    """The pairs (delivery, event) of one cluster: rows (cluster, at, is_event, order, row), sorted.

    The nearest pair is always one of neighbours: what stood between them would be nearer to one of the two.
    """
    pairs: list[tuple[int, int]] = []
    stations = _stations(cluster, pairs)
    heap: list[_Candidate] = []

    def propose(left: int, right: int) -> None:
        if left >= 0 and right < len(stations):
            candidate = _candidate(stations, left, right)
            if candidate and candidate[0] <= tolerance:
                heappush(heap, candidate)

    for right in range(1, len(stations)):
        propose(right - 1, right)
    while heap:
        candidate = heappop(heap)
        *_, left, right = candidate
        if candidate != _candidate(stations, left, right):
            continue  # one of them has found another meanwhile
        delivery, event = _sides(stations, left, right)
        pairs.append((delivery.waiting.popleft()[1], event.waiting.popleft()[1]))
        before, after = _left_of(stations, left), _right_of(stations, right)
        propose(before, after)
        if before == left:
            propose(stations[left].before, left)
        if after == right:
            propose(right, stations[right].after)
    return pairs


def _stations(cluster: list[tuple[Any, ...]], pairs: list[tuple[int, int]]) -> list[_Station]:
    """Instants with what is left there after deliveries and events of the same instant have found each other."""
    stations: list[_Station] = []
    for at, points in groupby(cluster, key=itemgetter(1)):
        waiting: tuple[deque[tuple[int, int]], ...] = (deque(), deque())
        for _, _, is_event, order, row in points:
            waiting[is_event].append((order, row))
        while waiting[0] and waiting[1]:
            pairs.append((waiting[0].popleft()[1], waiting[1].popleft()[1]))
        is_event = bool(waiting[1])
        if waiting[is_event]:
            stations.append(_Station(at, is_event, waiting[is_event], len(stations) - 1, len(stations) + 1))
    return stations


def _sides(stations: list[_Station], left: int, right: int) -> tuple[_Station, _Station]:
    """The one with deliveries, the one with events."""
    one, other = stations[left], stations[right]
    return (other, one) if one.is_event else (one, other)


def _candidate(stations: list[_Station], left: int, right: int) -> _Candidate | None:
    """What two stations would pair first; None where they are no neighbours or of one kind."""
    one, other = stations[left], stations[right]
    if one.is_event == other.is_event or one.after != right or not one.waiting or not other.waiting:
        return None
    delivery, event = _sides(stations, left, right)
    return other.at - one.at, delivery.waiting[0][0], event.waiting[0][0], left, right


def _left_of(stations: list[_Station], number: int) -> int:
    """The station itself, or the one before it where nothing is left here."""
    station = stations[number]
    if station.waiting:
        return number
    if station.before >= 0:
        stations[station.before].after = station.after
    if station.after < len(stations):
        stations[station.after].before = station.before
    return station.before


def _right_of(stations: list[_Station], number: int) -> int:
    station = stations[number]
    return number if station.waiting else (_left_of(stations, number), station.after)[1]


# --- behind an edge ----------------------------------------------------------------------------------


def unmistakable(deliveries: pl.DataFrame, events: pl.DataFrame, tolerance: timedelta) -> pl.DataFrame:
    """Pairs of a group at most ``tolerance`` apart, of which neither has another candidate."""
    of_deliveries, of_events = _only(deliveries, events, tolerance), _only(events, deliveries, tolerance)
    pairs = of_deliveries.join(of_events, left_on=["row", "only"], right_on=["only", "row"], how="semi")
    return pairs.select(delivery="row", event="only")


def _only(points: pl.DataFrame, others: pl.DataFrame, tolerance: timedelta) -> pl.DataFrame:
    """Rows of ``points`` that have one of ``others`` within the tolerance, with that one's row as ``only``."""
    places = (
        others.sort("group", "at", "row").with_row_index("place").select("group", "place", only="row", found_at="at")
    )
    places = places.sort("found_at", "place")
    rows = points.select("group", "row", begin=pl.col("at") - tolerance, end=pl.col("at") + tolerance).sort("begin")

    def beside(edge: str, strategy: Any) -> pl.DataFrame:
        return rows.join_asof(
            places, left_on=edge, right_on="found_at", by="group", strategy=strategy, check_sortedness=False
        )

    first, last = beside("begin", "forward").select("row", "place"), beside("end", "backward")
    return last.join(first, on=["row", "place"], how="semi").select("row", "only")
