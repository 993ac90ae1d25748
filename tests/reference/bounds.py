"""What a line may stand for that is not counted (docs/definitions.md, "What is not counted is bounded")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.vocabulary import LARGEST_BYTES

BEGUN = re.compile(r'" +(-|[0-9]+) +([^ ]+) +(-|[0-9]+) +(?:(-|[0-9]+) )?')


class Bounds(NamedTuple):
    """Least and most bytes; None where nothing tells."""

    least: int | None = None
    most: int | None = None


UNKNOWN = Bounds()


def blocks_behind(text: str, start: int = 0) -> list[tuple[str, ...]]:
    """Status, error code, bytes sent and perhaps size behind each quote, where a space ends the last of them."""
    places = [n for n in range(start, len(text)) if text[n] == '"']
    return [found for place in places if (found := block_behind(text, place))]


def block_behind(text: str, quote: int) -> tuple[str, ...] | None:
    found = BEGUN.match(text, quote)
    return tuple(word for word in found.groups() if word is not None) if found else None


def around(blocks: Iterable[Sequence[str]], dialect: str) -> Bounds:
    """The least and the most that one of the blocks says. Ceph's bytes sent are the request's: the size bounds it."""
    least, most = [], []
    for block in blocks:
        sent, size = count(block[2]), count(block[3] if len(block) > 3 else "-")
        if dialect == "ceph" and not (sent is None and size is None):
            least.append(0)
            most.append(max(sent or 0, size or 0))
        elif dialect != "ceph" and sent is not None:
            least.append(sent)
            most.append(sent)
    return Bounds(min(least), max(most)) if most else UNKNOWN


def count(word: str) -> int | None:
    """A number that can be one of bytes; a dash is none sent."""
    if word == "-":
        return 0
    digits = word.lstrip("0") or "0"
    if not (word.isascii() and word.isdigit() and len(digits) <= 19) or int(digits) > LARGEST_BYTES:
        return None
    return int(digits)
