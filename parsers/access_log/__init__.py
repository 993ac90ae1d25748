"""S3 server access logs: sniff, unpack, parse. A dialect is a file of `dialects/`; other formats are refused by name.

Bytes in, `Parsed` out. Every line has exactly one outcome (docs/definitions.md);
`PARSER_VERSION` changes when one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from parsers.access_log.exact import Context, Outcome, read_line
from parsers.access_log.line_hash import SEED_BYTES
from parsers.access_log.pieces import Parsed, Piece, Unsure, parse_pieces
from parsers.access_log.sniff import SAMPLE_BYTES, Refused, sniff
from parsers.access_log.unpack import Block, Limits, blocks, unpacked

PARSER_VERSION = 4

__all__ = [
    "PARSER_VERSION",
    "SEED_BYTES",
    "Block",
    "Context",
    "Limits",
    "Outcome",
    "Parsed",
    "Piece",
    "Refused",
    "Unsure",
    "parse_object",
    "parse_pieces",
    "read_blocks",
    "read_line",
]


def read_blocks(chunks: Iterable[bytes], limits: Limits | None = None) -> Iterator[Block]:
    """The blocks of whole lines of one object, after its begin has been sniffed.

    Raises ``Refused`` when the object is no access log we read, is cut short, or is a bomb. Blocks that were
    yielded before belong to a refused object: whoever takes them must not keep them.
    """
    limits = limits or Limits()
    stream = unpacked(chunks, limits)
    begin: list[bytes] = []
    while sum(map(len, begin)) < SAMPLE_BYTES and (chunk := next(stream, b"")):
        begin.append(chunk)
    dialect = sniff(b"".join(begin))
    yield from blocks(chain(begin, stream), limits, dialect)


def parse_object(data: bytes, context: Context, limits: Limits | None = None, object_id: int = 0) -> Parsed:
    """One whole object. Raises ``Refused``; nothing of a refused object is returned."""
    pieces = [Piece.of(object_id, block, context) for block in read_blocks([data], limits)]
    return parse_pieces(pieces) if pieces else parse_pieces([Piece(object_id, b"", context)])
