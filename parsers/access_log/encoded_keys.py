"""Lines of AWS, OVH and three ids behind the operation: the key is encoded, and nothing of a client's is escaped.

The servers write URI, referer and user agent as they come, so a client can plant quotes and whole blocks of numbers. A
target holds no raw space, so the block is told by where it stands; where the key contradicts that, by the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from urllib.parse import unquote_plus

from parsers.access_log import bounds
from parsers.access_log.fields import (
    FIVE_WORDS,
    NOT_KNOWN,
    REQUEST,
    Agents,
    Bad,
    Body,
    Cut,
    Head,
    agents_of,
    numbers_of,
)

_CANDIDATE = re.compile(rf"(?= HTTP/[0-9.]+(\") ++(-|-?[0-9]++){FIVE_WORDS}[\"-])")
_NO_URI = re.compile(r' ++(?:-|"-")(?= )')
_BLOCK = re.compile(rf" ++([^ ]++){FIVE_WORDS}(?=[\"-])")
_URI = re.compile(r' ++"[^ ]++ [^ ]++ HTTP/[0-9.]++(?=" )')
_HELD_AGAINST_THE_KEY = 20  # candidates; a store that lets more of them into a URI has none of the dialects we read
# Operations whose key is the target's path.
_OF_A_PATH = re.compile(r"REST\.(?:GET|HEAD|PUT|DELETE)\.")


def decoded(key_raw: str, operation: str) -> str:
    """The object's key as Amazon writes it: encoded twice, in batch deletes and lifecycle records once."""
    is_once = operation == "BATCH.DELETE.OBJECT" or operation.startswith("S3.")
    return _decoded(key_raw, 1 if is_once else 2)


def decoded_twice(key_raw: str, operation: str) -> str:
    """The object's key as a service writes it that encodes twice whatever the operation."""
    return _decoded(key_raw, 2)


def _decoded(key_raw: str, times: int) -> str:
    if "%" not in key_raw and "+" not in key_raw:
        return key_raw
    for _ in range(times):
        key_raw = unquote_plus(key_raw)
    return key_raw.replace("\0", "\ufffd")


def body(text: str, head: Head, cut: Cut, *, is_whole: bool) -> Body:
    agents = _texts_of(cut, lambda: agents_of(text, cut.rest)) if is_whole else NOT_KNOWN
    if not cut.is_sure:
        raise Bad("AMBIGUOUS")
    numbers = numbers_of(cut.words)
    return Body(cut.uri, numbers, numbers.bytes_sent or 0, agents)


def _texts_of(cut: Cut, read: Callable[[], Agents]) -> Agents:
    """Referer and user agent; where they cannot be read, the line's block still bounds what it stands for."""
    try:
        return read()
    except Bad as bad:
        raise Bad(bad.reason, cut.words if cut.is_sure else (), has_block=True) from None


def cut(text: str, head: Head) -> Cut:
    """Key, URI and block. A target holds no raw space, so the first three words behind the key are the URI."""
    no_uri = _NO_URI.match(text, head.end)
    if no_uri:
        block = _BLOCK.match(text, no_uri.end())
        if not block:
            raise Bad("SHORT_LINE")
        return Cut(head.key_raw, "-", block.groups(), block.end())
    ends = [found.end(1) for found in _CANDIDATE.finditer(text, head.end)]
    if not ends:
        raise Bad("SHORT_LINE", _begun_block(text, head.end))
    blocks = [_BLOCK.match(text, end) for end in ends]
    begin = head.end + len(text[head.end :]) - len(text[head.end :].lstrip(" "))
    which, is_vouched = _server_s(text, begin, ends, head)
    chosen = which if which is not None else 0
    block = blocks[chosen]
    others = () if is_vouched else tuple(each.groups() for each in blocks if each and each is not block)
    assert block is not None, "a candidate is followed by a block"
    uri = text[begin + 1 : ends[chosen] - 1]
    return Cut(head.key_raw, uri, block.groups(), block.end(), which is not None, is_vouched, others)


def _begun_block(text: str, start: int) -> tuple[str, ...]:
    """What is there of the block of a line that was cut off within it."""
    uri = _URI.match(text, start)
    return bounds.loose_block(text, uri.end()) if uri else ()


def _server_s(text: str, begin: int, ends: list[int], head: Head) -> tuple[int | None, bool]:
    """Which candidate is the server's (None: undecidable), and whether the key says so."""
    if not text.startswith('"', begin):
        return None, False
    uris = [text[begin + 1 : end - 1] for end in islice(ends, _HELD_AGAINST_THE_KEY)]
    first = REQUEST.fullmatch(uris[0])
    if first and len(ends) == 1:
        return 0, False
    if first and not _is_longer(head, first[1]):
        return 0, _is_path(head, first[1])
    vouched = (n for n, uri in enumerate(uris) if n or not first if _is_path(head, _target(uri)))
    found = next(vouched, None)
    if found is not None:
        return found, True
    is_only_one = not first and len(ends) == 1 and next(bounds.loose_blocks(text[begin : ends[0] - 1]), None) is None
    return (0 if is_only_one else None), False


def _target(uri: str) -> str:
    """What stands between the method and the last ` HTTP/x`."""
    return uri.partition(" ")[2].rpartition(" HTTP/")[0]


def _is_path(head: Head, target: str) -> bool:
    """The key is written by the server: where the target is just that path, it ended where the candidate says."""
    if "?" in target or head.key_raw == "-" or not _OF_A_PATH.match(head.operation):
        return False
    path, key = _fully_decoded(target), _fully_decoded(head.key_raw)
    return path in (key, f"{head.bucket}/{key}")


def _is_longer(head: Head, target: str) -> bool:
    """The key goes on behind the target with a space: a target that holds one, and did not end there."""
    if "?" in target or not _OF_A_PATH.match(head.operation):
        return False
    path, key = _fully_decoded(target), _fully_decoded(head.key_raw)
    return key.startswith(f"{path} ") or f"{head.bucket}/{key}".startswith(f"{path} ")


def _fully_decoded(text: str) -> str:
    return unquote_plus(unquote_plus(text)).lstrip("/")
