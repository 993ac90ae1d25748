"""Lines of many objects at once: the fast path for what is well formed, `exact` for the rest, and all are counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from parsers.access_log import by_pattern, exact, fast, line_hash
from parsers.access_log.dialects import DIALECTS
from parsers.access_log.exact import Context
from parsers.access_log.unpack import Block
from schemas.frames import polars_schema
from schemas.records import PARSED, REJECTED
from schemas.vocabulary import IGNORE_REASONS

# Polars looks NumPy up at its first use, and two threads that do so at once break each other (a TypeError, rarely).
# Here one thread does.
pl.Series(np.empty(0))

KEPT_OF_A_REJECT = 2_000
_SCHEMA = polars_schema(PARSED)
_NEWLINE = 10
_STRETCH = 32_768
Ignored = dict[int, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of one object: ``data`` is whole lines; ``lines_before`` and ``offset`` say where they stand in it.

    ``dialect``: the object's, "" where each line tells its own.
    """

    object_id: int
    data: bytes
    context: Context
    lines_before: int = 0
    offset: int = 0
    dialect: str = ""

    @classmethod
    def of(cls, object_id: int, block: Block, context: Context) -> Piece:
        return cls(object_id, block.data, context, block.lines_before, block.offset, block.dialect)


@dataclass(slots=True)
class Unsure:
    """Of one object: records that may have sent up to ``more_bytes`` more than is counted, and lines that may hold
    others of unknown size."""

    lines: int = 0
    more_bytes: int = 0
    unsized: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """``frame`` (PARSED, one row a record), ``rejects`` (REJECTED), and the counts of each object:
    ``lines`` and ``ignored`` by reason, keyed by object id. For each object lines = parsed + ignored + rejected.
    ``unsure``: of those objects that have something of it."""

    frame: pl.DataFrame
    rejects: pl.DataFrame
    lines: dict[int, int]
    ignored: Ignored
    unsure: dict[int, Unsure] = field(default_factory=dict)


def parse_pieces(pieces: Sequence[Piece]) -> Parsed:
    """All lines of the pieces. The hash, its seed and the log bucket must be the same in all contexts.

    Raises ``AssertionError`` when a line has come out twice or not at all: a defect, and nothing may be kept.
    """
    dialects = sorted({piece.dialect for piece in pieces})
    if len(dialects) == 1:
        return _of_one_dialect(pieces)
    return _together([_of_one_dialect([piece for piece in pieces if piece.dialect == name]) for name in dialects])


def _together(parts: Sequence[Parsed]) -> Parsed:
    """Of different dialects, so of different objects."""
    return Parsed(
        pl.concat([part.frame for part in parts]),
        pl.concat([part.rejects for part in parts]),
        {object_id: lines for part in parts for object_id, lines in part.lines.items()},
        {object_id: ignored for part in parts for object_id, ignored in part.ignored.items()},
        {object_id: unsure for part in parts for object_id, unsure in part.unsure.items()},
    )


def _of_one_dialect(pieces: Sequence[Piece]) -> Parsed:
    datas = [_ended(piece.data) for piece in pieces]
    block = b"".join(datas)
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
    counts = np.diff(np.searchsorted(ends, np.cumsum([0, *map(len, datas)]))).tolist()
    context = pieces[0].context
    hashed = line_hash.of_column(context.line_hash, context.seed)
    clean, places, dialect = _without_lossy_lines(block), _places(pieces, counts), pieces[0].dialect
    if dialect:
        sound, odd = by_pattern.read_sound_lines(clean, places, hashed, DIALECTS[dialect])
    else:
        sound, odd = fast.read_sound_lines(clean, places, hashed)
    ignored: Ignored = {piece.object_id: dict.fromkeys(IGNORE_REASONS, 0) for piece in pieces}
    sound = _leave_out_log_bucket(sound, context.log_bucket, ignored)
    unsure: dict[int, Unsure] = {}
    slow, rejects = _slow(_odd_lines(block, ends, odd, pieces, datas, counts), context, ignored, unsure)
    lines: dict[int, int] = dict.fromkeys((piece.object_id for piece in pieces), 0)
    for piece, count in zip(pieces, counts, strict=True):
        lines[piece.object_id] += count
    parsed = Parsed(pl.concat([sound, slow]) if slow.height else sound, rejects, lines, ignored, unsure)
    _assert_conserved(parsed)
    if dialect and (more_bytes := DIALECTS[dialect].more_bytes) is not None:
        _doubt(parsed, more_bytes)
    return parsed


def _ended(data: bytes) -> bytes:
    return data if not data or data.endswith(b"\n") else data + b"\n"


def _assert_conserved(parsed: Parsed) -> None:
    ignored = sum(sum(reasons.values()) for reasons in parsed.ignored.values())
    if sum(parsed.lines.values()) != parsed.frame.height + ignored + parsed.rejects.height:
        raise AssertionError("lines != parsed + ignored + rejected: a defect of the parser, nothing was kept")


def _without_lossy_lines(block: bytes) -> bytes:
    """The block with each line that is no clean UTF-8 blanked: it harms no other, and `exact` reads the original."""
    kept: list[memoryview] = []
    copied, view = 0, memoryview(block)
    for odd in _odd_bytes(block):
        if odd >= copied:
            kept.append(view[copied : block.rfind(b"\n", 0, odd) + 1])
            copied = block.find(b"\n", odd)
    return b"".join((*kept, view[copied:])) if kept else block


def _odd_bytes(block: bytes) -> list[int]:
    """Where a line holds NUL or what is no UTF-8: of each such line one place at least, in order."""
    found = []
    at = block.find(b"\0")
    while at >= 0:
        found.append(at)
        end = block.find(b"\n", at)
        at = block.find(b"\0", end) if end >= 0 else -1
    begin = 0 if not block.isascii() else len(block)
    while begin < len(block):
        end = block.find(b"\n", begin + _STRETCH) + 1 or len(block)  # short: the text of a long one is slow to make
        try:
            block[begin:end].decode()
        except UnicodeDecodeError as error:
            found.append(begin + error.start)
            end = block.find(b"\n", found[-1]) + 1 or len(block)
        begin = end
    return sorted(found)


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


def _leave_out_log_bucket(sound: pl.DataFrame, log_bucket: str, ignored: Ignored) -> pl.DataFrame:
    """Logging a bucket into itself makes endless logs: its own records are counted and left out."""
    if not log_bucket:
        return sound
    is_own = sound["bucket"].eq_missing(log_bucket)
    if not is_own.any():
        return sound
    for object_id, count in sound.filter(is_own)["object_id"].value_counts().iter_rows():
        ignored[object_id]["LOG_BUCKET"] += count
    return sound.filter(~is_own)


@dataclass(frozen=True, slots=True)
class _OddLine:
    piece: Piece
    raw: bytes
    line_number: int
    offset: int


def _odd_lines(
    block: bytes, ends: np.ndarray, odd: np.ndarray, pieces: Sequence[Piece], datas: list[bytes], counts: list[int]
) -> Iterator[_OddLine]:
    if not odd.size:
        return
    first_row, first_byte = np.cumsum([0, *counts]).tolist(), np.cumsum([0, *map(len, datas)]).tolist()
    which = np.searchsorted(first_row, odd, side="right") - 1
    begins, stops = np.where(odd > 0, ends[odd - 1] + 1, 0), ends[odd]
    for row, number, begin, stop in zip(odd.tolist(), which.tolist(), begins.tolist(), stops.tolist(), strict=True):
        piece = pieces[number]
        raw = block[begin:stop].removesuffix(b"\r")
        yield _OddLine(
            piece, raw, row - first_row[number] + 1 + piece.lines_before, begin - first_byte[number] + piece.offset
        )


def _doubt(parsed: Parsed, more_bytes: pl.Expr) -> None:
    """Counts the records that may have sent more than their line says, by the dialect's own account."""
    doubtful = parsed.frame.select("object_id", more=more_bytes).filter(pl.col("more") > 0)
    for object_id, lines, bytes_more in doubtful.group_by("object_id").agg(pl.len(), pl.col("more").sum()).iter_rows():
        unsure = parsed.unsure.setdefault(object_id, Unsure())
        unsure.lines += lines
        unsure.more_bytes += bytes_more


def _slow(
    lines: Iterator[_OddLine], context: Context, ignored: Ignored, unsure: dict[int, Unsure]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records and rejects of the odd lines, each read by `exact`; counts what is ignored, and what is unsure.
    ``context``: of any piece."""
    records: list[dict[str, object]] = []
    raws: list[bytes] = []
    rejects: list[tuple[object, ...]] = []
    for line in lines:
        object_id, outcome = line.piece.object_id, exact.read_line(line.raw, line.piece.context, line.piece.dialect)
        if outcome.fields is not None:
            records.append({"object_id": object_id, "line_number": line.line_number, **outcome.fields})
            raws.append(line.raw[: exact.LONGEST_LINE])
            if outcome.more_bytes or outcome.is_unsized:
                doubt = unsure.setdefault(object_id, Unsure())
                doubt.lines += outcome.more_bytes > 0
                doubt.more_bytes += outcome.more_bytes
                doubt.unsized += outcome.is_unsized
        elif outcome.ignored:
            ignored[object_id][outcome.ignored] += 1
        else:
            text = exact.readable(line.raw[: 4 * KEPT_OF_A_REJECT])[0][:KEPT_OF_A_REJECT]
            rejects.append((object_id, line.line_number, line.offset, outcome.rejected, text, *outcome.bounds))
    hashes = pl.Series("line_hash", line_hash.of_lines(context.line_hash, context.seed, raws), dtype=pl.UInt128)
    return (
        pl.DataFrame(records, schema=_SCHEMA, orient="row").with_columns(hashes),
        pl.DataFrame(rejects, schema=polars_schema(REJECTED), orient="row"),
    )
