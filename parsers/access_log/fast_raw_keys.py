"""A block of lines of Ceph's or Scality's at once: the well-formed ones as typed columns, the others by row number.

These dialects are rare, so one pattern a dialect says what is well formed and cuts it in one go. It must never accept a
line that `raw_keys` would read otherwise: no quote but those of the texts, no bracket but those of the time, no run of
spaces, no back-slash. Tests hold the two against each other.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from parsers.access_log import exact
from parsers.access_log.fast import (
    CLOCK,
    NUMBERS,
    are_plausible,
    holds_nothing_suspicious,
    null_of_dash,
    of_distinct,
    trailing_of,
)
from schemas.frames import polars_schema
from schemas.records import PARSED

_SCHEMA = polars_schema(PARSED)
_W = r'[^ "\[]+'
_OPERATION = r"(?:REST|WEBSITE|SOAP|BATCH|S3)(?:\.[A-Za-z0-9_-]+){1,3}"
_NUMBER = r"-|[0-9]{1,19}"
_BEGIN = (
    rf"^(?P<owner>{_W}) (?P<bucket>{_W}) (?P<clock>\[[^ \]]+ [^ \]]+\]) (?P<address>{_W}) (?P<requester>{_W}) "
    rf"(?P<request_id>{_W}) (?P<operation>{_OPERATION}) (?P<key_raw>{_W}(?: {_W})*) "
    rf'"(?P<uri>[A-Za-z-]+ [^ "\\\[]+ HTTP/[0-9.]+)" (?P<status>-|[1-9][0-9]{{2}}) (?P<error_code>{_W}) '
    rf"(?P<sent>{_NUMBER}) (?P<size>{_NUMBER}) "
)
_END = rf"(?P<tail>(?: {_W})*)$"
_CEPH_TIME = r"-|[0-9]{1,19}(?:ms)?"
# So few digits that a 64-bit float tells 0.5 from its neighbours, and only a true half is one.
_SCALITY_TIME = r"-|[0-9]{1,9}(?:\.[0-9]{1,5})?"
_PATTERNS = {
    "ceph": rf"{_BEGIN}(?P<total>{_CEPH_TIME}) (?P<turn_around>{_CEPH_TIME}) "
    rf'(?P<referer>[^ "]+) "(?P<agent>[^"]*)"{_END}',
    "scality": rf"{_BEGIN}(?P<total>{_SCALITY_TIME}) (?P<turn_around>{_SCALITY_TIME}) "
    rf'(?P<referer>-|"[^"\\]*") (?P<agent>-|"[^"\\]*"){_END}',
}


def read_sound_lines(
    text: bytes, places: pl.DataFrame, hashed: pl.Expr, dialect: str
) -> tuple[pl.DataFrame, np.ndarray]:
    """The frame (PARSED) of the lines that are well formed beyond doubt, and the row numbers of all others.

    ``text``: lines in clean UTF-8, each ended; ``places``: object_id, line_number and ``latest`` of each; ``hashed``:
    the hash of the column ``line``.
    """
    rows = np.arange(places.height, dtype=np.int64)
    lines = pl.scan_lines(text).collect() if rows.size else pl.DataFrame()
    if lines.height != rows.size or not rows.size:
        return pl.DataFrame(schema=_SCHEMA), rows
    words = lines["line"].str.extract_groups(_PATTERNS[dialect]).struct.unnest()
    split = pl.concat([lines, words, places], how="horizontal")
    split = _with_values(split.hstack(of_distinct(split["tail"].fill_null(""), trailing_of)), dialect)
    is_sound = split.select(_is_sound(split).fill_null(False).alias("sound"))["sound"]
    return _typed(split.filter(is_sound), dialect, hashed), rows[~is_sound.to_numpy()]


def _with_values(split: pl.DataFrame, dialect: str) -> pl.DataFrame:
    times = ("total", "turn_around")
    values = {f"{word}_n": pl.col(word).cast(pl.Int64, strict=False) for word in NUMBERS if word not in times}
    values |= {f"{word}_n": _TIMES[dialect](pl.col(word)) for word in times}
    at = pl.col("clock").str.to_datetime("[%d/%b/%Y:%H:%M:%S %z]", strict=False, time_unit="us")
    return split.with_columns(at=at, **values, **{text: _unquoted(pl.col(text)) for text in ("referer", "agent")})


def _ceph_ms(word: pl.Expr) -> pl.Expr:
    return word.str.strip_suffix("ms").cast(pl.Int64, strict=False)


def _scality_ms(word: pl.Expr) -> pl.Expr:
    return word.cast(pl.Float64, strict=False).round(0, mode="half_to_even").cast(pl.Int64, strict=False)


_TIMES = {"ceph": _ceph_ms, "scality": _scality_ms}


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
        ~pl.col("key_raw").str.contains(rf" {_OPERATION}"),
        *(are_plausible(word) for word in NUMBERS),
        holds_nothing_suspicious(split["referer"]),
        holds_nothing_suspicious(split["agent"]),
        pl.col("is_sound_tail"),
    )


def _typed(frame: pl.DataFrame, dialect: str, hashed: pl.Expr) -> pl.DataFrame:
    """The contract's columns of lines that are sound."""
    columns = {
        "line_hash": hashed,
        "dialect": pl.lit(dialect),
        "bucket_owner": null_of_dash(pl.col("owner")),
        "canonical_id": pl.lit(None, pl.String),
        "remote_ip": null_of_dash(pl.col("address")),
        "key": null_of_dash(pl.col("key_raw")),
        "request_uri": pl.col("uri"),
        "user_agent": null_of_dash(pl.col("agent")),
        "bytes_sent": _ceph_bytes_sent() if dialect == "ceph" else pl.col("sent_n").fill_null(0),
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


def _ceph_bytes_sent() -> pl.Expr:
    """As `raw_keys` has it: the field is the request's, so of an object's GET the size says what was sent."""
    operation, sent, size = pl.col("operation"), pl.col("sent_n").fill_null(0), pl.col("size_n")
    has_size = operation.is_in(["REST.GET.OBJECT", "WEBSITE.GET.OBJECT"]) & size.is_not_null()
    of_an_object = pl.when(pl.col("status_n") == 200).then(size).otherwise(pl.min_horizontal(sent, size))
    of_a_get = pl.when(has_size).then(of_an_object).otherwise(sent)
    return pl.when(operation.str.contains(r"^[A-Z0-9]+\.GET\.")).then(of_a_get).otherwise(0)
