"""A file with events → its events as they stand there: one JSON object, an array of them, or one (or an array) a line.

Memory is bounded by a block of lines, or by the one array that a file may be.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from parsers.access_log.sniff import Refused
from parsers.access_log.unpack import Limits, blocks, unpacked

MOST_ARRAY_BYTES = 32 << 20
_SAMPLE_BYTES = 65_536
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BEGINS = (b"{", b"[")


class Item(NamedTuple):
    """An event, as JSON has it, or ``broken``: why it is none. ``number``: which line or element of the file it is,
    from 1; ``offset``: where its line begins, in bytes of the unpacked file. ``is_blank``: nothing is on the line."""

    number: int
    offset: int
    value: Any = None
    broken: str = ""
    is_blank: bool = False


class _Broken(Exception):
    """This is no JSON. Says where and why, and nothing of what stands there."""


def items(chunks: Iterable[bytes], limits: Limits) -> Iterator[Item]:
    """The events of one file, in their order. gzip is told by its magic bytes.

    Raises ``Refused`` NOT_EVENTS where it is no JSON, TOO_LARGE for an array that does not fit into memory,
    TRUNCATED and TOO_LARGE as ``unpacked`` does. What was yielded before is of a refused file then.
    """
    stream = unpacked(chunks, limits)
    begin = _held(stream, _SAMPLE_BYTES)
    _refuse_foreign(begin)
    if _is_spread(begin):
        begin += _held(stream, MOST_ARRAY_BYTES + 1 - len(begin))
        whole = _whole(begin)
        if whole is not None:
            yield from (Item(number, 0, event) for number, event in enumerate(whole, 1))
            return
    yield from _of_lines(chain([begin], stream), limits)


def _held(stream: Iterator[bytes], least: int) -> bytes:
    held: list[bytes] = []
    size = 0
    while size < least and (chunk := next(stream, b"")):
        held.append(chunk)
        size += len(chunk)
    return b"".join(held)


def _refuse_foreign(begin: bytes) -> None:
    """A broken line costs itself alone, even the first; but somewhere there has to be the begin of an event."""
    lines = _bare(begin).split(b"\n")
    if any(lines) and not any(line.lstrip().startswith(_BEGINS) for line in lines):
        raise Refused("NOT_EVENTS", "no line at its begin looks like JSON")


def _bare(begin: bytes) -> bytes:
    return begin.removeprefix(_BYTE_ORDER_MARK).lstrip()


def _is_spread(begin: bytes) -> bool:
    """Whether it begins with an object or an array that has not ended with its first line."""
    return _bare(begin).startswith(_BEGINS) and not _is_a_line(begin)


def _is_a_line(begin: bytes) -> bool:
    line, newline, _ = _bare(begin).partition(b"\n")
    try:
        _loaded(line)
    except _Broken:
        return False
    return bool(newline)


def _whole(held: bytes) -> list[Any] | None:
    """The events of a file that is one array or one object; None where it has an event (or an array) a line."""
    is_array = _bare(held).startswith(b"[")
    if len(held) > MOST_ARRAY_BYTES:
        if is_array and not _is_a_line(held):
            most = f"{MOST_ARRAY_BYTES:,} bytes"
            raise Refused("TOO_LARGE", f"one array of more than {most}: write it with one event a line (NDJSON)")
        return None
    try:
        return _events(_loaded(held.removeprefix(_BYTE_ORDER_MARK)))
    except _Broken as broken:
        if is_array and not _is_a_line(held):
            raise Refused("NOT_EVENTS", f"it begins as a JSON array and is none: {broken}") from None
        return None


def _of_lines(chunks: Iterable[bytes], limits: Limits) -> Iterator[Item]:
    number = 0
    for block in blocks(chunks, limits):
        offset = block.offset
        lines = block.data.split(b"\n")
        if not lines[-1]:
            lines.pop()  # what stands behind the last newline is no line
        for line in lines:
            for item in _of_line(line, number + 1, offset):
                yield item
                number = item.number
            offset += len(line) + 1


def _of_line(line: bytes, number: int, offset: int) -> list[Item]:
    if not line.strip():
        return [Item(number, offset, is_blank=True)]
    try:
        found = _events(_loaded(line))
    except _Broken as broken:
        return [Item(number, offset, broken=str(broken))]
    return [Item(number + place, offset, event) for place, event in enumerate(found)]


def _loaded(text: bytes) -> Any:
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _Broken(str(error)) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _events(value: Any) -> list[Any]:
    """Of an array its elements, of an answer of Supabase's client (``{"data": […], "error": null, …}``) its rows."""
    if isinstance(value, dict) and "event_type" not in value and isinstance(value.get("data"), list):
        value = value["data"]
    return value if isinstance(value, list) else [value]
