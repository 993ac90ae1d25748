"""The parser against the reference, line by line: the same outcomes, however the object comes in."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from parsers.access_log import Context, Limits, Piece, parse_pieces, read_blocks, read_line
from schemas.records import PARSED
from tests.reference import lines as reference
from tests.reference.raw_keys import dialect_of_object

_FIELDS = [name for name in PARSED.names if name not in ("object_id", "line_number")]
_OF_ONE_LINE = [name for name in _FIELDS if name != "line_hash"]  # which is made of many lines at once


class Told(NamedTuple):
    """What became of an object's lines: ``parsed`` fields and ``rejected`` (reason, byte offset, least and most
    bytes) by line number. ``unsure``: records that may have more bytes, how many more, lines of unknown size."""

    lines: int
    parsed: dict[int, dict[str, Any]]
    rejected: dict[int, tuple[str, int, int | None, int | None]]
    ignored: Counter[str]
    unsure: Counter[str]

    @property
    def is_conserved(self) -> bool:
        return self.lines == len(self.parsed) + len(self.rejected) + self.ignored.total()


def by_the_parser(data: bytes, context: Context, cuts: Sequence[int] = (), block_bytes: int = 32 << 20) -> Told:
    """By the code under test, the object arriving in chunks that end at ``cuts``. Raises ``Refused``."""
    bounds = [0, *sorted(cuts), len(data)]
    chunks = [data[begin:end] for begin, end in pairwise(bounds)]
    told = Told(0, {}, {}, Counter(), Counter())
    for block in read_blocks(chunks, Limits(block_bytes=block_bytes)):
        told = _and(told, Piece.of(0, block, context))
    return told


def _and(told: Told, piece: Piece) -> Told:
    found = parse_pieces([piece])
    parsed = {row["line_number"]: {name: row[name] for name in _FIELDS} for row in found.frame.iter_rows(named=True)}
    rejected = {
        row["line_number"]: (row["reason"], row["byte_offset"], row["least_bytes"], row["most_bytes"])
        for row in found.rejects.iter_rows(named=True)
    }
    assert not (parsed.keys() | rejected.keys()) & (told.parsed.keys() | told.rejected.keys()), "a line in two blocks"
    ignored = Counter({reason: count for reason, count in found.ignored[0].items() if count})
    unsure = Counter(asdict(found.unsure[0])) if found.unsure else Counter[str]()
    return Told(
        told.lines + found.lines[0], told.parsed | parsed, told.rejected | rejected, told.ignored + ignored,
        told.unsure + unsure,
    )  # fmt: skip


def by_the_reference(data: bytes, context: Context) -> Told:
    """By the reference."""
    plain = reference.unpacked(data)
    told, dialect = Told(newline_delimited(plain), {}, {}, Counter(), Counter()), dialect_of_object(plain)
    for number, offset, raw in reference.read_lines(plain):
        reading = reference_reading(raw, context, dialect)
        outcome = reading.outcome
        if isinstance(outcome, reference.Parsed):
            told.parsed[number] = asdict(outcome)
            told.unsure.update(reference.doubts(reading, outcome, dialect))
        elif isinstance(outcome, reference.Rejected):
            told.rejected[number] = outcome.reason, offset, *reading.bounds
        else:
            told.ignored[outcome.reason] += 1
    return told


def newline_delimited(plain: bytes) -> int:
    """How many lines there are, by the definition's first sentence alone."""
    plain = plain.removeprefix(b"\xef\xbb\xbf")
    return plain.count(b"\n") + (not plain.endswith(b"\n") and plain != b"")


def reference_reading(raw: bytes, context: Context, dialect: str = "") -> reference.Reading:
    return reference.read(
        raw,
        seed=context.seed,
        last_modified=context.last_modified,
        log_bucket=context.log_bucket,
        dialect=dialect,
    )


def disagreements(data: bytes, context: Context, cuts: Sequence[int] = (), block_bytes: int = 32 << 20) -> list[str]:
    """Where parser, its exact path and the reference say different things of an object. Raises ``Refused``."""
    told = by_the_parser(data, context, cuts, block_bytes)
    try:
        meant = by_the_reference(data, context)
    except (EOFError, OSError, zlib.error) as error:
        return [f"the reference cannot unpack what the parser accepts: {error}"]
    found = [] if told.is_conserved else [f"{told.lines} lines are not parsed + ignored + rejected"]
    if (told.lines, told.ignored) != (meant.lines, meant.ignored):
        found.append(f"lines, ignored: told {told.lines}, {told.ignored}, meant {meant.lines}, {meant.ignored}")
    if +told.unsure != +meant.unsure:
        found.append(f"unsure: told {told.unsure}, meant {meant.unsure}")
    raws = {line.line_number: line.raw for line in reference.read_lines(reference.unpacked(data))}
    for number in sorted({*told.parsed, *told.rejected, *meant.parsed, *meant.rejected}):
        found += [f"line {number} {raws[number][:600]!r}: {text}" for text in _of_line(number, told, meant)]
    dialect = dialect_of_object(reference.unpacked(data))
    found += [f"exact: {text}" for raw in raws.values() for text in exact_disagreements(raw, context, dialect)]
    return found


def _of_line(number: int, told: Told, meant: Told) -> Iterator[str]:
    if told.rejected.get(number) != meant.rejected.get(number):
        yield f"rejected: told {told.rejected.get(number)}, meant {meant.rejected.get(number)}"
    yield from _of_fields(told.parsed.get(number), meant.parsed.get(number))


def _of_fields(
    told: dict[str, Any] | None, meant: dict[str, Any] | None, names: Sequence[str] = _FIELDS
) -> Iterator[str]:
    if told is None or meant is None:
        if told is not meant:
            yield f"told {'a record' if told else 'no record'}, meant {'a record' if meant else 'no record'}"
        return
    for name in names:
        if told[name] != meant[name] or _zone(told[name]) != _zone(meant[name]):
            yield f"{name}: told {told[name]!r}, meant {meant[name]!r}"


def _zone(value: object) -> object:
    return value.utcoffset() if isinstance(value, datetime) else None


def exact_disagreements(raw: bytes, context: Context, dialect: str = "") -> list[str]:
    """Where the parser's slow path and the reference read one line differently."""
    told, reading = read_line(raw, context, dialect), reference_reading(raw, context, dialect)
    meant = reading.outcome
    not_counted = (told.bounds, told.more_bytes, told.is_unsized)
    if not_counted != (reading.bounds, reading.more, reading.is_unsized):
        return [f"{raw[:600]!r}: not counted: told {not_counted}, meant {reading[1:]}"]
    if isinstance(meant, reference.Parsed):
        found = list(_of_fields(told.fields, asdict(meant), _OF_ONE_LINE))
    else:
        said = told.ignored if isinstance(meant, reference.Ignored) else told.rejected
        found = [] if said == meant.reason else [f"told {told.rejected or told.ignored or 'a record'}, meant {meant}"]
    return [f"{raw[:600]!r}: {text}" for text in found]
