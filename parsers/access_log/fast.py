"""A block of lines at once: the well-formed ones as typed columns, and the row numbers of all others.

The block is read twice by Polars' text readers: as whole lines (which frame rows, and are hashed), and split at `"`.
A clean line has exactly six quotes, told by the lengths of its seven pieces; a piece is then split at single spaces.
What repeats from line to line (trailing fields, referers, agents) is looked at once for each distinct text.
The fast path must never accept a line that `exact` would read otherwise: tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from parsers.access_log import exact
from parsers.access_log.dialects import DIALECTS, name_of_line
from parsers.access_log.fields import OPERATION
from schemas.frames import polars_schema
from schemas.records import PARSED, TRAILING_FIELDS
from schemas.vocabulary import LARGEST_BYTES, LONGEST_MS

_SCHEMA = polars_schema(PARSED)
_PIECES = {f"p{i}": pl.String() for i in range(7)}
_VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/2", "HTTP/3", "HTTP/3.0"]
_METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]
CLOCK = (
    r"^\[[0-9]{2}/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-5][0-9] "
    r"[+-](?:[01][0-9]|2[0-3])[0-5][0-9]\]$"
)
_BLOCK = r"^ (?:-|[1-9][0-9]{2}) [^ ]+ (?:-|[0-9]{1,19}) (?:-|[0-9]{1,19}) (?:-|[0-9]{1,19}) (?:-|[0-9]{1,19}) $"
LARGEST = {
    "status": 999, "sent": LARGEST_BYTES, "size": LARGEST_BYTES, "total": LONGEST_MS, "turn_around": LONGEST_MS,
}  # fmt: skip
NUMBERS = tuple(LARGEST)
# What a client may have planted: the begin of a block, or another record's time.
SUSPICIOUS = r"HTTP/|\[[0-9]{2}/"
_TAIL = ["lead", *TRAILING_FIELDS]


def read_sound_lines(text: bytes, places: pl.DataFrame, hashed: pl.Expr) -> tuple[pl.DataFrame, np.ndarray]:
    """The frame (PARSED) of the lines that are well formed beyond doubt, and the row numbers of all others.

    ``text``: lines in clean UTF-8, each ended; ``places``: object_id, line_number and ``latest`` of each; ``hashed``:
    the hash of the column ``line``.
    """
    rows = np.arange(places.height, dtype=np.int64)
    if not rows.size:
        return pl.DataFrame(schema=_SCHEMA), rows
    lines = pl.scan_lines(text).collect()
    cut = pl.scan_csv(
        text,
        separator='"',
        quote_char=None,
        has_header=False,
        schema=_PIECES,
        extra_columns="ignore",
        missing_columns="insert",
        empty_string_is_null=False,
    ).collect()
    if not lines.height == cut.height == rows.size:  # the readers disagree on what a line is: leave it all to `exact`
        return pl.DataFrame(schema=_SCHEMA), rows
    ids = _leading_words(text)
    split = _split(pl.concat([lines, cut, places], how="horizontal"), ids)
    is_sound = split.select(_is_sound(split, ids).fill_null(False).alias("sound"))["sound"]
    if not is_sound.all():
        split = split.filter(is_sound)
    return _typed(split, ids, hashed), rows[~is_sound.to_numpy()]


def _leading_words(text: bytes) -> int:
    """How many words stand before the time in most of the first lines: two ids, or three (or a prefix and two)."""
    sample = [line.partition(b"[")[0].count(b" ") for line in text[:16_384].split(b"\n")[:20]]
    return 3 if sample.count(3) > sample.count(2) else 2


# --- splitting ---------------------------------------------------------------------------------------


def _split(frame: pl.DataFrame, ids: int) -> pl.DataFrame:
    """The pieces split at spaces; the last word of each split holds what is too much (or nothing)."""
    ids_and_time = [*(f"id{i}" for i in range(ids)), "date", "zone"]
    head = [*ids_and_time, "address", "requester", "request_id", "operation", "key_raw", "rest"]
    middle = ["before", "status", "error_code", "sent", "size", "total", "turn_around", "after"]
    words = frame.select(_words("p0", head), _words("p1", ["method", "target", "protocol"]), _words("p2", middle))
    split = frame.hstack(words.unnest("p0", "p1", "p2")).hstack(of_distinct(frame["p6"], trailing_of))
    return split.with_columns(
        pl.concat_str("date", pl.lit(" "), "zone").alias("clock"),
        *(pl.col(word).cast(pl.Int64, strict=False).alias(f"{word}_n") for word in NUMBERS),
    ).with_columns(at=pl.col("clock").str.to_datetime("[%d/%b/%Y:%H:%M:%S %z]", strict=False, time_unit="us"))


def _words(piece: str, names: list[str]) -> pl.Expr:
    return pl.col(piece).str.splitn(" ", len(names)).struct.rename_fields(names)


def trailing_of(tails: pl.Series) -> pl.DataFrame:
    """The trailing fields of each text behind the user agent, and whether it is cut by single spaces throughout."""
    tail = pl.col("tail")
    is_sound = (tail == "") | (
        (pl.col("lead") == "")
        & (tail.str.len_bytes() > 1)
        & ~tail.str.contains("  ", literal=True)
        & ~tail.str.contains("[", literal=True)
        & ~tail.str.ends_with(" ")
    )
    split = tails.alias("tail").to_frame().with_columns(_words("tail", _TAIL).alias("words")).unnest("words")
    return split.select(
        is_sound.fill_null(False).alias("is_sound_tail"), *(null_of_dash(pl.col(name)) for name in TRAILING_FIELDS)
    )


def of_distinct(column: pl.Series, look: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    """What ``look`` makes of the column, row by row; where texts repeat, made once for each distinct one."""
    distinct = column.unique()
    if distinct.len() * 2 > column.len():
        return look(column)
    known = look(distinct).with_columns(distinct.alias("_text"))
    return column.alias("_text").to_frame().join(known, on="_text", how="left", maintain_order="left").drop("_text")


# --- trusting ----------------------------------------------------------------------------------------


def _is_sound(frame: pl.DataFrame, ids: int) -> pl.Expr:
    """True where `exact` would read the very same; false or null wherever there is any doubt."""
    length = pl.sum_horizontal(pl.col(f"p{i}").str.len_bytes().cast(pl.Int64) for i in range(7)) + 6
    return pl.all_horizontal(
        length == pl.col("line").str.len_bytes(),
        length <= exact.LONGEST_LINE,
        *_sound_head(frame, ids),
        pl.col("protocol").is_in(_VERSIONS) & pl.col("method").is_in(_METHODS) & (pl.col("target") != "")
        | (pl.col("p1") == "-"),
        pl.col("p2").str.contains(_BLOCK),
        *(are_plausible(word) for word in NUMBERS),
        pl.col("p4") == " ",
        holds_nothing_suspicious(frame["p3"]),
        holds_nothing_suspicious(frame["p5"]),
        pl.col("is_sound_tail"),
    )


def _sound_head(frame: pl.DataFrame, ids: int) -> tuple[pl.Expr, ...]:
    operations = [word for word in frame["operation"].drop_nulls().unique() if OPERATION.fullmatch(word)]
    has_prefix = pl.col("id0").str.starts_with("s3access-")
    return (
        pl.col("rest") == "",
        ~pl.col("p0").str.contains("  ", literal=True) & (pl.col("id0") != ""),
        ~has_prefix if ids == 2 else ~has_prefix | pl.col("id0").str.ends_with(":"),
        pl.col("clock").str.contains(CLOCK),
        pl.col("at").dt.year() >= 1970,
        pl.col("at") <= pl.col("latest"),
        pl.col("operation").is_in(operations),
    )


def are_plausible(word: str) -> pl.Expr:
    """A number that may be (the very limits of ``fields.number``), or a dash."""
    return (pl.col(f"{word}_n") <= LARGEST[word]).fill_null(False) | (pl.col(word) == "-")


def holds_nothing_suspicious(texts: pl.Series) -> pl.Expr:
    """Of a client's texts, most of which are the same few."""
    suspects = texts.unique()
    suspects = suspects.filter(suspects.str.contains(SUSPICIOUS).fill_null(True))
    return ~pl.col(texts.name).is_in(suspects.implode()) if suspects.len() else pl.lit(True)


# --- typing ------------------------------------------------------------------------------------------


def _typed(frame: pl.DataFrame, ids: int, hashed: pl.Expr) -> pl.DataFrame:
    """The contract's columns of lines that are sound."""
    has_prefix = pl.col("id0").str.starts_with("s3access-") if ids == 3 else pl.lit(False)
    three = ~has_prefix if ids == 3 else pl.lit(False)
    named = frame.with_columns(dialect=name_of_line(three, pl.col("request_id")))
    owner = pl.when(has_prefix).then(pl.col("id1")).otherwise(pl.col("id0")) if ids == 3 else pl.col("id0")
    columns: dict[str, pl.Expr | pl.Series] = {
        "line_hash": hashed,
        "dialect": named["dialect"],
        "bucket_owner": null_of_dash(owner),
        "canonical_id": pl.when(three & (pl.col("id1") != "-")).then(pl.col("id1")),
        "bucket": null_of_dash(pl.col(f"id{ids - 1}")),
        "remote_ip": null_of_dash(pl.col("address")),
        "key": decoded(named, _by_its_dialect, "dialect"),
        "request_uri": null_of_dash(pl.col("p1")),
        "referer": null_of_dash(pl.col("p3")),
        "user_agent": null_of_dash(pl.col("p5")),
        "bytes_sent": pl.col("sent_n").fill_null(0),
        "http_status": pl.col("status_n"),
        "object_size": pl.col("size_n"),
        "total_ms": pl.col("total_n"),
        "turn_around_ms": pl.col("turn_around_n"),
        "is_lossy_text": pl.lit(False),
        "is_ambiguous": pl.lit(False),
        **{name: null_of_dash(pl.col(name)) for name in ("requester", "request_id", "key_raw", "error_code")},
    }
    return frame.with_columns(**columns).select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())


def null_of_dash(column: pl.Expr) -> pl.Expr:
    return pl.when(column != "-").then(column)


def _by_its_dialect(key_raw: str, operation: str, dialect: str) -> str:
    return DIALECTS[dialect].decoded(key_raw, operation)


def decoded(frame: pl.DataFrame, decode: Callable[..., str], *more: str) -> pl.Expr:
    """The key, decoded by the rule of its operation (and of what ``more`` columns say); most hold nothing to decode."""
    is_coded = frame["key_raw"].str.contains("[%+]")
    coded = frame.filter(is_coded).select("key_raw", "operation", *more)
    keys_of = {pair: decode(*pair) for pair in coded.unique().iter_rows()}
    keys = frame["key_raw"].scatter(is_coded.arg_true(), [keys_of[pair] for pair in coded.iter_rows()])
    return pl.when(pl.col("key_raw") != "-").then(keys)
