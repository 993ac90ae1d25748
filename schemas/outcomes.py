"""What is said of a generation from its own columns: the one definition, for rollups, answers and rules."""

from __future__ import annotations

import polars as pl

WAITING = ("pending", "queued", "processing")
"""States of a generation that is still to be made, or being made."""
SLOW_MS = 30_000
SLOW_MS_OF_TYPES = {"video": 180_000}
"""What took longer is slow, by its type: half a minute, as Director's Palette's document says; a video takes minutes by
nature."""


def is_slow() -> pl.Expr:
    """Whether a generation took too long, whatever became of it. One of which nobody knows how long it took did not."""
    limit = pl.col("generation_type").replace_strict(SLOW_MS_OF_TYPES, default=SLOW_MS, return_dtype=pl.Int64)
    return (pl.col("duration_ms") > limit).fill_null(False)


def is_waiting() -> pl.Expr:
    """Whether a generation is still to be made, or being made."""
    return pl.col("status").is_in(WAITING).fill_null(False)
