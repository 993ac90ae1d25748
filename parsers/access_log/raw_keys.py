"""Lines whose key the server writes as it is, spaces and quotes too (Ceph, Scality): where key, URI and block end.

A client names keys, and may put a whole block into one, or (with X-Forwarded-For) a whole head before it. Where more
than one place looks like the end of a URI with a block behind it, or an operation stands within the key, the one whose
target spells the key before it is the server's: just one may, else AMBIGUOUS.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from parsers.access_log.fields import FIVE_WORDS, OPERATION, REQUEST, Agents, Bad, Cut, Head

_CANDIDATE = re.compile(rf'(?= HTTP/[0-9.]+(") ++(-|-?[0-9]++){FIVE_WORDS}[^ ])')
_BLOCK = re.compile(rf" ++([^ ]++){FIVE_WORDS}(?=[^ ])")
_WORD = re.compile(r"[^ ]++")
_HELD_AGAINST_THE_KEY = 20  # readings of a line; where there are more, it is ambiguous
# Operations whose key is the target's path.
_OF_A_PATH = re.compile(r"REST\.(?:GET|HEAD|PUT|DELETE)\.")
_NOT_SPELLED = re.compile(r"[^!-*,-.0-~]+")
_BEHIND_A_KEY = 18  # words of a line of 26 fields: URI, block, referer, user agent, trailing fields
_NO_REQUEST = re.compile(r"(?:BATCH|S3)\..*|REST\.COPY\.[A-Z]+_GET")
_DASHES = ("-", '"-"')
_SECOND_OPERATION = re.compile(rf"(?<= ){OPERATION.pattern}")
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\\"'])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")
_CONTROLS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


def known(cut: Cut, agents: Agents | None) -> Agents:
    """Referer and user agent; where they cannot be read, the line's block still bounds what it stands for."""
    if agents is None:
        raise Bad("SHORT_LINE", cut.words if cut.is_sure else (), has_block=True)
    return agents


def undone(word: str) -> tuple[str, bool]:
    """The text of which `strconv.Quote` made this, and whether something of it was no text."""
    text = _ESCAPE.sub(_character, word)
    return text, text.count("\ufffd") > word.count("\ufffd")


def _character(escape: re.Match[str]) -> str:
    name, byte, *code = escape.groups()
    if name:
        return _CONTROLS.get(name, name)
    value = int(byte or code[0] or code[1], 16)
    # \x stands for a byte that is no UTF-8 where it is no ASCII; surrogates and NUL are nothing a text may hold.
    is_text = 0 < value < (0x80 if byte else 0x110000) and not 0xD800 <= value < 0xE000
    return chr(value) if is_text else "\ufffd"


class _Reading(NamedTuple):
    """One way to cut the line: ``uri`` without its quotes, the target in it, and where it ends."""

    key: str
    uri: str
    target: str
    end: int

    @property
    def is_whole(self) -> bool:
        return bool(self.key and self.target)

    @property
    def is_plain(self) -> bool:
        return not _SECOND_OPERATION.search(self.key)


def cut(text: str, head: Head) -> Cut:
    """What stands before referer and user agent, cut where the URI ends."""
    ends = [found.end(1) for found in _CANDIDATE.finditer(text, head.operation_end)]
    if not ends:
        return _without_uri(text, head)
    readings = [_reading(text, head, end) for end in ends[:_HELD_AGAINST_THE_KEY]]
    chosen, is_sure, is_vouched = readings[0], False, False
    is_plain = len(ends) == 1 and chosen.is_plain and head.second < 0  # most lines: nothing has to be vouched for
    vouched = [] if is_plain else [each for each in readings if _is_vouched(each, head.operation)]
    if len(ends) == 1:
        is_sure, is_vouched = chosen.is_whole and (chosen.is_plain or bool(vouched)), bool(vouched)
    elif _names_no_key(head.operation, chosen):
        is_sure = True
    elif len(vouched) == 1 and len(ends) <= _HELD_AGAINST_THE_KEY and not any(map(_is_vouched_within, readings)):
        chosen, is_sure, is_vouched = vouched[0], True, True
    words = {end: _words_behind(text, end) for end in ends}
    others = tuple(found for end, (found, _) in words.items() if end != chosen.end)
    return Cut(chosen.key, chosen.uri, *words[chosen.end], is_sure, is_vouched, others)


def _reading(text: str, head: Head, end: int) -> _Reading:
    key, *request = text[head.operation_end : end].rsplit(" ", 3)
    uri = " ".join(request)
    target = REQUEST.fullmatch(uri[1:-1]) if uri.startswith('"') else None
    return _Reading(key.strip(" "), uri[1:-1], target[1] if target else "", end)


def _words_behind(text: str, end: int) -> tuple[tuple[str, ...], int]:
    block = _BLOCK.match(text, end)
    assert block is not None, "a candidate is followed by a block"
    return block.groups(), block.end()


def _is_vouched(reading: _Reading, operation: str) -> bool:
    """The target spells the key before it. Loosely, for servers differ in what they make of a target: to take one too
    many for vouched makes a line ambiguous, to take one too few would let a client's text be the only one."""
    return reading.is_whole and bool(_OF_A_PATH.match(operation)) and _spells(reading.target, reading.key)


def _is_vouched_within(reading: _Reading) -> bool:
    """The target spells what stands behind a second operation: the head before that one may be planted."""
    operations = list(_SECOND_OPERATION.finditer(reading.key))
    return bool(operations and reading.target) and _spells(reading.target, reading.key[operations[-1].end() :])


def _spells(target: str, key: str) -> bool:
    path, spelled = target.partition("?")[0], _spelled(key)
    return any(_spelled(unquote(text)).endswith(spelled) for text in (path, undone(path)[0]))


def _spelled(text: str) -> str:
    return _NOT_SPELLED.sub("", text)


def _names_no_key(operation: str, first: _Reading) -> bool:
    """A request about the bucket: the key is the server's dash, so no client has planted anything before the URI."""
    return first.key == "-" and bool(first.target) and operation.rpartition(".")[2].startswith("BUCKET")


def _without_uri(text: str, head: Head) -> Cut:
    """A record of what the service did by itself: cut from its end, for the key may hold what looks like a block."""
    spans = [word.span() for word in _WORD.finditer(text, head.operation_end)]
    if not _NO_REQUEST.fullmatch(head.operation) or len(spans) <= _BEHIND_A_KEY:
        raise Bad("SHORT_LINE")
    uri, *words = (text[begin:end] for begin, end in spans[-_BEHIND_A_KEY:][:7])
    if uri not in _DASHES:
        raise Bad("SHORT_LINE")
    key = text[spans[0][0] : spans[-_BEHIND_A_KEY - 1][1]]
    rest = spans[-_BEHIND_A_KEY + 7][0]
    return Cut(key, "-", tuple(words), rest, not _SECOND_OPERATION.search(key))
