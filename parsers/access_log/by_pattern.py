"""A block of lines of a dialect that belongs to the object: the well-formed ones as typed columns, others by number.

These dialects are rare, so one pattern a dialect says what is well formed and cuts it in one go. It must never accept a
line that the exact path would read otherwise: no quote but those of the texts, no bracket but those of the time, no run
of spaces, no back-slash. Tests hold the two against each other.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from parsers.access_log import exact
from parsers.access_log.dialect import FAST_OPERATION, Dialect, Pattern, verbatim
from parsers.access_log.fast import (
    CLOCK,
    NUMBERS,
    are_plausible,
    decoded,
    holds_nothing_suspicious,
    null_of_dash,
    of_distinct,
    trailing_of,
)
from schemas.frames import polars_schema
from schemas.records import PARSED

_SCHEMA = polars_schema(PARSED)


def read_sound_lines(
    text: bytes, places: pl.DataFrame, hashed: pl.Expr, dialect: Dialect
) -> tuple[pl.DataFrame, np.ndarray]:
    """The frame (PARSED) of the lines that are well formed beyond doubt, and the row numbers of all others.

    ``text``: lines in clean UTF-8, each ended; ``places``: object_id, line_number and ``latest`` of each; ``hashed``:
    the hash of the column ``line``.
    """
    pattern, rows = dialect.pattern, np.arange(places.height, dtype=np.int64)
    assert pattern is not None, "a dialect that belongs to objects has one"
    lines = pl.scan_lines(text).collect() if rows.size else pl.DataFrame()
    if lines.height != rows.size or not rows.size:
        return pl.DataFrame(schema=_SCHEMA), rows
    words = lines["line"].str.extract_groups(pattern.regex).struct.unnest()
    split = pl.concat([lines, words, places], how="horizontal")
    split = _with_values(split.hstack(of_distinct(split["tail"].fill_null(""), trailing_of)), pattern)
    is_sound = split.select(_is_sound(split).fill_null(False).alias("sound"))["sound"]
    return _typed(split.filter(is_sound), dialect, pattern, hashed), rows[~is_sound.to_numpy()]


def _with_values(split: pl.DataFrame, pattern: Pattern) -> pl.DataFrame:
    times = ("total", "turn_around")
    values = {f"{word}_n": pl.col(word).cast(pl.Int64, strict=False) for word in NUMBERS if word not in times}
    values |= {f"{word}_n": pattern.milliseconds(pl.col(word)) for word in times}
    at = pl.col("clock").str.to_datetime("[%d/%b/%Y:%H:%M:%S %z]", strict=False, time_unit="us")
    return split.with_columns(at=at, **values, **{text: _unquoted(pl.col(text)) for text in ("referer", "agent")})


def _unquoted(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.starts_with('"')).then(text.str.slice(1, text.str.len_chars() - 2)).otherwise(text)


def _is_sound(split: pl.DataFrame) -> pl.Expr:
    """True where `exact` would read the very same; false or null wherever there is any doubt."""
    return pl.all_horizontal(
        pl.col("owner").is_not_null(),
        ~pl.col("owner").str.starts_with("s3access-"),
        pl.col("line").str.len_bytes() <= exact.LONGEST_LINE,
        pl.col("clock").str.contains(CLOCK),
        pl.col("at").dt.year() >= 1970,
        pl.col("at") <= pl.col("latest"),
        ~pl.col("key_raw").str.contains(rf" {FAST_OPERATION}"),
        *(are_plausible(word) for word in NUMBERS),
        holds_nothing_suspicious(split["referer"]),
        holds_nothing_suspicious(split["agent"]),
        pl.col("is_sound_tail"),
    )


def _typed(frame: pl.DataFrame, dialect: Dialect, pattern: Pattern, hashed: pl.Expr) -> pl.DataFrame:
    """The contract's columns of lines that are sound."""
    columns = {
        "line_hash": hashed,
        "dialect": pl.lit(dialect.name),
        "bucket_owner": null_of_dash(pl.col("owner")),
        "canonical_id": pl.lit(None, pl.String),
        "remote_ip": null_of_dash(pl.col("address")),
        "key": null_of_dash(pl.col("key_raw")) if dialect.decoded is verbatim else decoded(frame, dialect.decoded),
        "request_uri": pl.col("uri"),
        "user_agent": null_of_dash(pl.col("agent")),
        "bytes_sent": pattern.bytes_sent(),
        "http_status": pl.col("status_n"),
        "object_size": pl.col("size_n"),
        "total_ms": pl.col("total_n"),
        "turn_around_ms": pl.col("turn_around_n"),
        "is_lossy_text": pl.lit(False),
        "is_ambiguous": pl.lit(False),
        **{
            name: null_of_dash(pl.col(name))
            for name in ("bucket", "requester", "request_id", "key_raw", "error_code", "referer")
        },
    }
    return frame.with_columns(**columns).select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())
