"""How many bytes a line may stand for that is not counted, or that may hold more than is counted of it.

Nobody may lower a bill by a line that cannot be read: what is not decidable is bounded, by the numbers on the line that
could be the server's count of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from parsers.access_log.fields import Bad, number
from schemas.vocabulary import LARGEST_BYTES

# Where a quote ends, status, error code, bytes sent; perhaps the size. The last word of a line may be cut off.
_LOOSE = re.compile(r'"(?= ++((?:-|[0-9]++)) ++([^ ]++) ++((?:-|[0-9]++))(?= )(?: ++((?:-|[0-9]++))(?= ))?)')


class Bounds(NamedTuple):
    """Least and most bytes; None where no number on the line can be a count of bytes."""

    least: int | None = None
    most: int | None = None


UNKNOWN = Bounds()
# What a block's bytes sent and object size bound, in a dialect.
OfBlock = Callable[[int | None, int | None], Bounds]


def as_sent(sent: int | None, size: int | None) -> Bounds:
    """Where the field means the response's bytes."""
    return Bounds(sent, sent)


def of_reject(
    text: str, reason: str, blocks: Sequence[Sequence[str]], of_block: OfBlock, *, is_cut_off: bool
) -> Bounds:
    """Of a line that was rejected. ``blocks``: its own, where that is sure, then what else reads like one;
    ``is_cut_off``: it ends before its block."""
    if blocks:
        return _around(blocks, of_block) if _value(blocks[0], of_block).most is not None else UNKNOWN
    if is_cut_off:
        return UNKNOWN
    around = _around(loose_blocks(text), of_block)
    if reason == "GLUED_LINES":  # all of them may be records; what was cut off of one, nothing tells
        return Bounds(around.least, more_of_several(text, 0, of_block))
    return around


def more_of_one(counted: int, others: Iterable[Sequence[str]], of_block: OfBlock) -> int:
    """How many bytes more than ``counted`` one record may have sent, by what else on its line reads like its block."""
    return max(0, (_around(others, of_block).most or 0) - counted)


def more_of_several(text: str, start: int, of_block: OfBlock) -> int | None:
    """The bytes of all records that may stand behind ``start``; None where none of them has a block."""
    found = [most for words in loose_blocks(text, start) if (most := _value(words, of_block).most) is not None]
    return min(sum(found), LARGEST_BYTES) if found else None


def loose_blocks(text: str, start: int = 0) -> Iterator[tuple[str, ...]]:
    """What could be the begin of a block behind a quote: status, error code, bytes sent, perhaps size."""
    for found in _LOOSE.finditer(text, start):
        yield _words(found)


def loose_block(text: str, at: int) -> tuple[str, ...]:
    """The one behind the quote that stands here; nothing where there is none."""
    found = _LOOSE.match(text, at)
    return _words(found) if found else ()


def _words(found: re.Match[str]) -> tuple[str, ...]:
    return tuple(word for word in found.groups() if word is not None)


def _around(blocks: Iterable[Sequence[str]], of_block: OfBlock) -> Bounds:
    values = [value for words in blocks if (value := _value(words, of_block)).most is not None]
    if not values:
        return UNKNOWN
    return Bounds(min(value.least or 0 for value in values), max(value.most or 0 for value in values))


def _value(words: Sequence[str], of_block: OfBlock) -> Bounds:
    sent, size = (_count(word) for word in (*words, "-")[2:4])
    return of_block(sent, size)


def _count(word: str) -> int | None:
    """A dash says that nothing was sent; what cannot be a count of bytes says nothing."""
    try:
        return number(word, LARGEST_BYTES) or 0
    except Bad:
        return None
