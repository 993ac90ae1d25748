"""A block of lines at once: the fast path for what is well formed; whatever is not goes to `exact`, line by line.

The block is read twice by Polars' text readers: as whole lines (which frame rows, and are hashed), and split at `"`.
A clean line has exactly six quotes, told by the lengths of its seven pieces; a piece is then split at single spaces.
The fast path must never accept a line that `exact` would read otherwise: tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import polars_hash as plh

from parsers.access_log import exact
from parsers.access_log.exact import Context
from schemas.frames import polars_schema
from schemas.records import PARSED, REJECTED, TRAILING_FIELDS
from schemas.vocabulary import IGNORE_REASONS

KEPT_OF_A_REJECT = 2_000
_SCHEMA = polars_schema(PARSED)
_PIECES = {f"p{i}": pl.String() for i in range(7)}
_VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/2", "HTTP/3", "HTTP/3.0"]
_METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]
_CLOCK = (
    r"^\[[0-9]{2}/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-5][0-9] "
    r"[+-](?:[01][0-9]|2[0-3])[0-5][0-9]\]$"
)
_BLOCK = r"^ (?:-|[1-9][0-9]{2}) [^ ]+ (?:-|[0-9]{1,19}) (?:-|[0-9]{1,19}) (?:-|[0-9]{1,19}) (?:-|[0-9]{1,19}) $"
_NUMBERS = ("status", "sent", "size", "total", "turn_around")


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of one object: ``data`` is whole lines; ``lines_before`` and ``offset`` say where they stand in it."""

    object_id: int
    data: bytes
    context: Context
    lines_before: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """``frame`` (PARSED, one row a record), ``rejects`` (REJECTED), and the counts of each object:
    ``lines`` and ``ignored`` by reason, keyed by object id. For each object lines = parsed + ignored + rejected."""

    frame: pl.DataFrame
    rejects: pl.DataFrame
    lines: dict[int, int]
    ignored: dict[int, dict[str, int]]


def parse_pieces(pieces: Sequence[Piece]) -> Parsed:
    """All lines of the pieces. The seed and the log bucket must be the same in all contexts."""
    datas = [_ended(piece.data) for piece in pieces]
    counts = [data.count(b"\n") for data in datas]
    block = b"".join(datas)
    clean, odd = _fast(block, pieces, counts)
    own = (
        clean.filter(pl.col("bucket").eq_missing(pieces[0].context.log_bucket))
        if pieces[0].context.log_bucket
        else None
    )
    ignored: dict[int, dict[str, int]] = {piece.object_id: dict.fromkeys(IGNORE_REASONS, 0) for piece in pieces}
    if own is not None and own.height:
        clean = clean.filter(pl.col("bucket").ne_missing(pieces[0].context.log_bucket))
        for object_id, count in own["object_id"].value_counts().iter_rows():
            ignored[object_id]["LOG_BUCKET"] += count
    slow, rejects = _slow(block, pieces, counts, odd, ignored)
    lines: dict[int, int] = {}
    for piece, count in zip(pieces, counts, strict=True):
        lines[piece.object_id] = lines.get(piece.object_id, 0) + count
    parsed = Parsed(pl.concat([clean, slow]) if slow.height else clean, rejects, lines, ignored)
    _assert_conserved(parsed)
    return parsed


def _ended(data: bytes) -> bytes:
    return data if not data or data.endswith(b"\n") else data + b"\n"


def _assert_conserved(parsed: Parsed) -> None:
    ignored = sum(sum(reasons.values()) for reasons in parsed.ignored.values())
    if sum(parsed.lines.values()) != parsed.frame.height + ignored + parsed.rejects.height:
        raise AssertionError("lines != parsed + ignored + rejected: a defect of the parser, nothing was kept")


# --- fast --------------------------------------------------------------------------------------------


def _fast(block: bytes, pieces: Sequence[Piece], counts: list[int]) -> tuple[pl.DataFrame, np.ndarray]:
    """The frame of the lines that are well formed beyond doubt, and the row numbers of all others."""
    rows = np.arange(sum(counts), dtype=np.int64)
    if not rows.size:
        return pl.DataFrame(schema=_SCHEMA), rows
    text = _without_lossy_lines(block)
    lines = pl.scan_lines(text).collect()
    cut = pl.scan_csv(
        text, separator='"', quote_char=None, has_header=False, schema=_PIECES, extra_columns="ignore",
        missing_columns="insert", empty_string_is_null=False,
    ).collect()  # fmt: skip
    if not lines.height == cut.height == rows.size:
        return pl.DataFrame(schema=_SCHEMA), rows
    ids = _leading_words(text)
    split = _split(pl.concat([lines, cut, _places(pieces, counts)], how="horizontal"), ids)
    sound = split.select(_is_sound(split, ids).fill_null(False).alias("ok"))["ok"]
    if not sound.all():
        split = split.filter(sound)
    return _typed(split, ids, pieces[0].context.seed), rows[~sound.to_numpy()]


def _without_lossy_lines(block: bytes) -> bytes:
    """The block with each line that is no clean UTF-8 blanked: it harms no other, and `exact` reads the original."""
    if b"\0" not in block:
        try:
            block if block.isascii() else block.decode()
            return block
        except UnicodeDecodeError:
            pass
    return b"\n".join(b"" if exact.readable(line)[1] else line for line in block.split(b"\n"))


def _leading_words(block: bytes) -> int:
    """How many words stand before the time in most of the first lines: two ids, or three (or a prefix and two)."""
    sample = [line.partition(b"[")[0].count(b" ") for line in block[:16_384].split(b"\n")[:20]]
    return 3 if sample.count(3) > sample.count(2) else 2


def _places(pieces: Sequence[Piece], counts: list[int]) -> pl.DataFrame:
    """object_id, line_number, and the latest time that is not the future, of each line."""
    first = np.cumsum([0, *counts[:-1]])
    before = np.array([piece.lines_before for piece in pieces], dtype=np.int64) - first + 1
    latest = pl.Series([piece.context.latest for piece in pieces], dtype=pl.Datetime("us", "UTC"))
    which = np.repeat(np.arange(len(pieces)), counts)
    return pl.DataFrame(
        {
            "object_id": np.array([piece.object_id for piece in pieces], dtype=np.int64)[which],
            "line_number": np.arange(sum(counts), dtype=np.int64) + before[which],
            "latest": latest.gather(which),
        }
    )


def _split(frame: pl.DataFrame, ids: int) -> pl.DataFrame:
    """The four pieces that are split at spaces; the last part of each holds what is too much (or nothing)."""
    head = [
        *(f"id{i}" for i in range(ids)),
        "date",
        "zone",
        "address",
        "requester",
        "request_id",
        "operation",
        "key_raw",
        "rest",
    ]
    middle = ["before", "status", "error_code", "sent", "size", "total", "turn_around", "after"]
    tail = ["lead", *TRAILING_FIELDS]

    def words(piece: str, names: list[str]) -> pl.Expr:
        return pl.col(piece).str.splitn(" ", len(names)).struct.rename_fields(names)

    kept = [pl.col(f"p{i}").str.len_bytes().cast(pl.Int64).alias(f"p{i}_bytes") for i in range(7)]
    kept += [pl.col(f"p{i}").alias(f"p{i}_text") for i in (0, 2, 6)]
    return (
        frame.with_columns(
            *kept,
            words("p0", head),
            words("p1", ["method", "target", "protocol"]),
            words("p2", middle),
            words("p6", tail),
            uri=pl.col("p1"),
        )
        .unnest("p0", "p1", "p2", "p6")
        .with_columns(
            pl.concat_str("date", pl.lit(" "), "zone").alias("clock"),
            *(pl.col(word).cast(pl.Int64, strict=False).alias(f"{word}_n") for word in _NUMBERS),
        )
        .with_columns(at=pl.col("clock").str.to_datetime("[%d/%b/%Y:%H:%M:%S %z]", strict=False, time_unit="us"))
    )


def _is_sound(frame: pl.DataFrame, ids: int) -> pl.Expr:
    """True where `exact` would read the very same; false or null wherever there is any doubt."""
    length = pl.sum_horizontal(pl.col(f"p{i}_bytes") for i in range(7)) + 6
    return pl.all_horizontal(
        length == pl.col("line").str.len_bytes(),
        length <= exact.LONGEST_LINE,
        *_sound_head(frame, ids),
        pl.col("protocol").is_in(_VERSIONS) & pl.col("method").is_in(_METHODS) & (pl.col("target") != "")
        | (pl.col("uri") == "-"),
        pl.col("p2_text").str.contains(_BLOCK),
        *(pl.col(f"{word}_n").is_not_null() | (pl.col(word) == "-") for word in _NUMBERS),
        *_sound_agents(),
    )


def _sound_head(frame: pl.DataFrame, ids: int) -> tuple[pl.Expr, ...]:
    operations = [word for word in frame["operation"].drop_nulls().unique() if exact.OPERATION.fullmatch(word)]
    has_prefix = pl.col("id0").str.starts_with("s3access-")
    return (
        pl.col("rest") == "",
        ~pl.col("p0_text").str.contains("  ", literal=True) & (pl.col("id0") != ""),
        ~has_prefix if ids == 2 else ~has_prefix | pl.col("id0").str.ends_with(":"),
        pl.col("clock").str.contains(_CLOCK),
        pl.col("at").dt.year() >= 1970,
        pl.col("at") <= pl.col("latest"),
        pl.col("operation").is_in(operations),
    )


def _sound_agents() -> tuple[pl.Expr, ...]:
    """No text of the client looks like a block's begin or another record's time; single spaces elsewhere."""
    suspicious = r"HTTP/|\[[0-9]{2}/"
    return (
        pl.col("p4") == " ",
        ~pl.col("p3").str.contains(suspicious),
        ~pl.col("p5").str.contains(suspicious),
        (pl.col("p6_text") == "")
        | (pl.col("lead") == "")
        & (pl.col("p6_bytes") > 1)
        & ~pl.col("p6_text").str.contains("  ", literal=True)
        & ~pl.col("p6_text").str.contains("[", literal=True)
        & ~pl.col("p6_text").str.ends_with(" "),
    )


def _typed(frame: pl.DataFrame, ids: int, seed: int) -> pl.DataFrame:
    """The contract's columns of lines that are sound."""
    has_prefix = pl.col("id0").str.starts_with("s3access-") if ids == 3 else pl.lit(False)
    three = ~has_prefix if ids == 3 else pl.lit(False)
    owner = pl.when(has_prefix).then(pl.col("id1")).otherwise(pl.col("id0")) if ids == 3 else pl.col("id0")
    is_ovh = pl.col("request_id").str.contains(exact.OVH_REQUEST_ID)
    columns = {
        "line_hash": plh.col("line").nchash.xxh3_128(seed=seed),
        "dialect": pl.when(three).then(pl.lit("three_id")).when(is_ovh).then(pl.lit("ovh")).otherwise(pl.lit("aws")),
        "bucket_owner": _text(owner),
        "canonical_id": pl.when(three & (pl.col("id1") != "-")).then(pl.col("id1")),
        "bucket": _text(pl.col(f"id{ids - 1}")),
        "remote_ip": _text(pl.col("address")),
        "key": _decoded(frame),
        "request_uri": _text(pl.col("uri")),
        "referer": _text(pl.col("p3")),
        "user_agent": _text(pl.col("p5")),
        "bytes_sent": pl.col("sent_n").fill_null(0),
        "http_status": pl.col("status_n"),
        "object_size": pl.col("size_n"),
        "total_ms": pl.col("total_n"),
        "turn_around_ms": pl.col("turn_around_n"),
        "is_lossy_text": pl.lit(False),
        "is_ambiguous": pl.lit(False),
        **{
            name: _text(pl.col(name)) for name in ("requester", "request_id", "key_raw", "error_code", *TRAILING_FIELDS)
        },
    }
    return frame.with_columns(**columns).select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())


def _text(column: pl.Expr) -> pl.Expr:
    return pl.when(column != "-").then(column)


def _decoded(frame: pl.DataFrame) -> pl.Expr:
    """The key, decoded by the rule of its operation; most keys hold nothing to decode."""
    raw = pl.col("key_raw")
    coded = frame.lazy().filter(raw.str.contains("[%+]")).select("key_raw", "operation").unique().collect()
    if not coded.height:
        return _text(raw)
    pairs = coded.with_columns(
        pl.Series(
            "decoded", [exact.decode_key(key, operation) for key, operation in coded.iter_rows()], dtype=pl.String
        )
    )
    found = frame.select("key_raw", "operation").join(
        pairs, on=["key_raw", "operation"], how="left", maintain_order="left"
    )
    return pl.coalesce(found["decoded"], _text(raw))


# --- slow --------------------------------------------------------------------------------------------


def _slow(
    block: bytes, pieces: Sequence[Piece], counts: list[int], odd: np.ndarray, ignored: dict[int, dict[str, int]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records and rejects of the odd lines, each read by `exact`; counts what is ignored."""
    records: list[dict[str, object]] = []
    rejects: list[tuple[int, int, int, str, str]] = []
    if odd.size:
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10)
        starts = np.concatenate(([0], ends[:-1] + 1))
        row_of_piece, byte_of_piece = np.cumsum([0, *counts]), np.cumsum([0, *(len(_ended(p.data)) for p in pieces)])
        which = np.searchsorted(row_of_piece, odd, side="right") - 1
        for row, number in zip(odd.tolist(), which.tolist(), strict=True):
            piece = pieces[number]
            raw = block[starts[row] : ends[row]]
            raw = raw[:-1] if raw.endswith(b"\r") else raw
            line_number = row - int(row_of_piece[number]) + 1 + piece.lines_before
            outcome = exact.read_line(raw, piece.context)
            if outcome.fields is not None:
                records.append({"object_id": piece.object_id, "line_number": line_number, **outcome.fields})
            elif outcome.ignored:
                ignored[piece.object_id][outcome.ignored] += 1
            else:
                offset = int(starts[row] - byte_of_piece[number]) + piece.offset
                text = exact.readable(raw[: 4 * KEPT_OF_A_REJECT])[0][:KEPT_OF_A_REJECT]
                rejects.append((piece.object_id, line_number, offset, outcome.rejected, text))
    return (
        pl.DataFrame(records, schema=_SCHEMA, orient="row"),
        pl.DataFrame(rejects, schema=polars_schema(REJECTED), orient="row"),
    )
