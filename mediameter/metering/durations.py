"""Exact percentiles from counts of whole milliseconds, and the additive histogram beside them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from schemas.vocabulary import ALL, histogram_edges

PERCENTILES = {"p50_ms": 50, "p90_ms": 90, "p95_ms": 95, "p99_ms": 99}


def percentiles(counts: pl.DataFrame, group: Sequence[str]) -> pl.DataFrame:
    """One row a group: observations, mean_ms, p50_ms … p99_ms, max_ms.

    ``counts``: the group's columns, ``ms`` and ``count``. A percentile is the value at rank ceil(p n / 100)
    (nearest rank), the mean is rounded half-even; all in integers, so the result is the same everywhere.
    """
    rows = counts.group_by(*group, "ms").agg(pl.col("count").sum()).sort(*group, "ms")
    rows = rows.with_columns(upto=pl.col("count").cum_sum().over(group), n=pl.col("count").sum().over(group))
    total = (pl.col("ms").cast(pl.Int128) * pl.col("count")).sum()
    return (
        rows.group_by(group, maintain_order=True)
        .agg(
            observations=pl.col("n").first(),
            mean_ms=_half_even(total, pl.col("n").first().cast(pl.Int128)),
            max_ms=pl.col("ms").last(),
            **{name: _at_rank(percent) for name, percent in PERCENTILES.items()},
        )
        .sort(group)
    )


def _at_rank(percent: int) -> pl.Expr:
    rank = (pl.col("n") * percent + 99) // 100
    return pl.col("ms").filter(pl.col("upto") >= rank).first()


def _half_even(total: pl.Expr, n: pl.Expr) -> pl.Expr:
    quotient, twice_rest = total // n, 2 * (total % n)
    goes_up = (twice_rest > n) | ((twice_rest == n) & (quotient % 2 == 1))
    return (quotient + goes_up.cast(pl.Int128)).cast(pl.Int64)


def bucketed(counts: pl.DataFrame, group: Sequence[str]) -> pl.DataFrame:
    """One row a group and upper edge: ``observations``. ``counts`` as for ``percentiles``."""
    edges = pl.Series("upper_ms", histogram_edges(), dtype=pl.Int64)
    upper = edges.gather(edges.search_sorted(counts["ms"], side="left"))
    return (
        counts.with_columns(upper_ms=upper)
        .group_by(*group, "upper_ms")
        .agg(observations=pl.col("count").sum())
        .sort(*group, "upper_ms")
    )


def trailing(histogram: pl.DataFrame, slowest: pl.DataFrame) -> pl.DataFrame:
    """Percentiles as above of each application and of all, from a histogram: at most 1 % too high, never too low, and
    none above the maximum, which is exact.

    ``histogram``: application, ``upper_ms`` and ``observations`` of a whole window; ``slowest``: application (`*` for
    all) and ``slowest_ms``, the exact maximum of the same window.
    """
    counts = histogram.rename({"upper_ms": "ms", "observations": "count"}).filter(pl.col("count") > 0)
    found = percentiles(pl.concat([counts, counts.with_columns(application=pl.lit(ALL))]), ["application"])
    capped = [pl.min_horizontal(name, "slowest_ms").alias(name) for name in (*PERCENTILES, "max_ms")]
    return found.join(slowest, on="application", how="left").with_columns(capped).drop("slowest_ms").sort("application")
