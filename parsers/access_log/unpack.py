"""From an object's bytes to blocks of whole lines, in memory bounded by the block, whatever the object's size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from isal import igzip_lib, isal_zlib

from parsers.access_log.exact import LONGEST_LINE
from parsers.access_log.sniff import Refused

GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UNPACK_STEP = 4 << 20
_SURELY_TOO_LONG = LONGEST_LINE + 2  # a carriage return may still be taken off


@dataclass(frozen=True, slots=True)
class Limits:
    """``block_bytes``: unpacked bytes a block. An object that unpacks past ``unpacked_bytes``, or past
    ``gzip_ratio`` times its packed size (judged after 64 MiB), is refused: real logs pack 10 to 30 times."""

    block_bytes: int = 16 << 20
    unpacked_bytes: int = 64 << 30
    gzip_ratio: int = 200


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of one object, where they begin (bytes), how many stand before, and the object's dialect
    ("" where each line tells its own)."""

    data: bytes
    offset: int
    lines_before: int
    dialect: str = ""


def unpacked(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The object's plain bytes. gzip is told by its magic bytes, several members are one text.

    Raises ``Refused`` TRUNCATED where a gzip stream ends early or is broken, TOO_LARGE past the limits.
    """
    stream = filter(None, chunks)  # an empty chunk is not the end
    first = _begin(stream, len(GZIP_MAGIC))
    plain: Iterator[bytes] = chain([first], stream)
    if first.startswith(GZIP_MAGIC):
        plain = _gunzipped(plain, limits)
    total = 0
    for chunk in plain:
        total += len(chunk)
        if total > limits.unpacked_bytes:
            raise Refused("TOO_LARGE", f"the object unpacks to more than {limits.unpacked_bytes:,} bytes")
        yield chunk


def _begin(stream: Iterator[bytes], least: int) -> bytes:
    begin = next(stream, b"")
    while len(begin) < least and (more := next(stream, b"")):
        begin += more
    return begin


def _gunzipped(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    member, packed, plain = isal_zlib.decompressobj(wbits=31), 0, 0
    is_begun = False
    for chunk in chunks:
        packed += len(chunk)
        while chunk:
            if member.eof:
                chunk = chunk.lstrip(b"\0")  # padding between members is allowed
                if not chunk:
                    break
                member, is_begun = isal_zlib.decompressobj(wbits=31), False
            is_begun = True
            try:
                text = member.decompress(chunk, _UNPACK_STEP)
            except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stubs take it for an instance
                raise Refused("TRUNCATED", f"the gzip stream is broken after {plain:,} bytes ({error})") from None
            chunk = member.unused_data if member.eof else member.unconsumed_tail
            plain += len(text)
            if plain > 64 << 20 and plain > packed * limits.gzip_ratio:
                raise Refused("TOO_LARGE", f"{packed:,} gzip bytes unpack to more than {plain:,}: a bomb, not a log")
            if text:
                yield text
    while is_begun and not member.eof:
        text = member.decompress(b"", _UNPACK_STEP)
        if not text:
            raise Refused("TRUNCATED", f"the gzip stream ends early, after {plain:,} bytes")
        plain += len(text)
        yield text


def blocks(chunks: Iterable[bytes], limits: Limits, dialect: str = "") -> Iterator[Block]:
    """Cuts plain bytes into blocks of whole lines. Of a line longer than a whole block only so much is kept that it
    can be told as too long; its end is read past without being held."""
    held: list[bytes] = []
    size = lines_before = 0
    stream = iter(chunks)
    first = _begin(stream, len(_BYTE_ORDER_MARK))
    offset = len(_BYTE_ORDER_MARK) if first.startswith(_BYTE_ORDER_MARK) else 0
    is_skipping = False
    for chunk in chain([first[offset:]], stream):
        if is_skipping:
            newline = chunk.find(b"\n") + 1
            offset += newline or len(chunk)
            if not newline:
                continue
            chunk, is_skipping = chunk[newline:], False
        held.append(chunk)
        size += len(chunk)
        if size < limits.block_bytes:
            continue
        text = b"".join(held)
        end = text.rfind(b"\n") + 1
        if end:
            yield Block(text[:end], offset, lines_before, dialect)
            lines_before += text.count(b"\n", 0, end)
            offset += end
        elif size > _SURELY_TOO_LONG:
            yield Block(text[:_SURELY_TOO_LONG], offset, lines_before, dialect)
            lines_before += 1
            offset += len(text)
            end, is_skipping = len(text), True
        held, size = [text[end:]], len(text) - end
    if size:
        yield Block(b"".join(held), offset, lines_before, dialect)
