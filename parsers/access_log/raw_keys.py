"""Ceph's and Scality's lines behind the operation: both write the object's key as it is, spaces and quotes too.

What the two servers write, by their own code:

- Ceph RGW, bucket logging in Standard mode (ceph/ceph, `src/rgw/rgw_bucket_logging.cc`, `log_record`): bucket
  `[tenant:]bucket`; key not encoded; URI always `"METHOD target HTTP/1.1"`; total time always `-`, turnaround a
  duration printed with its unit (`12ms`; `-` in the documents' examples); referer bare, user agent in quotes, neither
  escaped. `bytes sent` is `s->content_length`, which `rgw_rest.cc` takes from the **request's** Content-Length.
- Scality (scality/cloudserver, `lib/utilities/serverAccessLogger.js`; scality/log-courier,
  `pkg/logcourier/logobject.go`): AWS's 26 fields, an absent one `-`; key not encoded; URI, referer and user agent by
  Go's `strconv.Quote`, or a bare `-`; times by `%g`, so perhaps with a fraction or an exponent.

A client names keys, and may put a whole block into one, or (with X-Forwarded-For) a whole head before it. Only one
place may look like the end of a URI with a block behind it, and no operation may stand within a key: else AMBIGUOUS.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from parsers.access_log.fields import (
    FIVE_WORDS,
    LARGEST_NUMBER,
    OPERATION,
    REQUEST,
    Agents,
    Bad,
    Body,
    Head,
    Numbers,
    agents_of,
    closing_quote,
    dash,
    number,
    numbers_of,
)

_CANDIDATE = re.compile(rf'(?= HTTP/[0-9.]+(") ++(-|-?[0-9]++){FIVE_WORDS}[^ ])')
_BLOCK = re.compile(rf" ++([^ ]++){FIVE_WORDS}(?=[^ ])")
_WORD = re.compile(r"[^ ]++")
_BEHIND_A_KEY = 18  # words of a line of 26 fields: URI, block, referer, user agent, trailing fields
_NO_REQUEST = re.compile(r"(?:BATCH|S3)\..*|REST\.COPY\.[A-Z]+_GET")
_DASHES = ("-", '"-"')
_SECOND_OPERATION = re.compile(rf"(?<= ){OPERATION.pattern}")
_QUOTED = r'(-|"[^"\\]*+(?:\\.[^"\\]*+)*+")'
_QUOTED_AGENTS = re.compile(rf"{_QUOTED} ++{_QUOTED}(?= |\Z)")
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\\"'])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")
_CONTROLS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_REAL = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")
_WITH_UNIT = re.compile(r"([0-9]+)ms")


# --- Ceph -------------------------------------------------------------------------------------------


def ceph(text: str, head: Head) -> Body:
    """The rest of a line of Ceph's."""
    parts = _parts(text, head)
    agents = _bare_referer(text, parts.rest)
    if not parts.is_sure:
        raise Bad("AMBIGUOUS")
    numbers = numbers_of(parts.words, _duration)
    return Body(parts.key, parts.key, parts.uri[1:-1], numbers, _ceph_bytes_sent(numbers, head.operation), agents)


def _ceph_bytes_sent(numbers: Numbers, operation: str) -> int:
    """The field holds the length of the request's body. A GET has none: what stands there then was really sent."""
    family, _, rest = operation.partition(".")
    if not rest.startswith("GET."):
        return 0
    if numbers.bytes_sent is not None:
        return numbers.bytes_sent
    is_whole_object = family in ("REST", "WEBSITE") and rest == "GET.OBJECT" and numbers.http_status == 200
    return (numbers.object_size or 0) if is_whole_object else 0


def _duration(word: str) -> int | None:
    with_unit = _WITH_UNIT.fullmatch(word)
    return number(with_unit[1] if with_unit else word)


def _bare_referer(text: str, start: int) -> Agents:
    """The referer goes up to the first quote behind a space, which opens the user agent; the last one closes that."""
    if text[start] == '"':
        return agents_of(text, start)
    opening = text.find(' "', start) + 1
    if not opening:
        referer, _, rest = text[start:].partition(" ")
        return Agents(referer, *dash(rest.lstrip(" ")))
    close = closing_quote(text, opening)
    is_ambiguous = text.find(' "', opening, close) >= 0
    return Agents(text[start:opening].rstrip(" "), text[opening + 1 : close], text[close + 1 :], is_ambiguous)


# --- Scality ----------------------------------------------------------------------------------------


def scality(text: str, head: Head) -> Body:
    """The rest of a line of Scality's."""
    parts = _parts(text, head)
    quoted = _QUOTED_AGENTS.match(text, parts.rest)
    if not quoted:
        raise Bad("SHORT_LINE")
    if not parts.is_sure:
        raise Bad("AMBIGUOUS")
    numbers = numbers_of(parts.words, _milliseconds)
    (uri, referer, agent), losses = zip(*map(_unquoted, (parts.uri, *quoted.groups())), strict=True)
    agents = Agents(referer, agent, text[quoted.end() :])
    return Body(parts.key, parts.key, uri, numbers, numbers.bytes_sent or 0, agents, any(losses))


def _milliseconds(word: str) -> int | None:
    """Whole milliseconds, half to even."""
    if word == "-":
        return None
    if not _REAL.fullmatch(word):
        raise Bad("BAD_NUMBER")
    exact = Decimal(word)
    if exact >= LARGEST_NUMBER + Decimal("0.5"):
        raise Bad("BAD_NUMBER")
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def _unquoted(word: str) -> tuple[str, bool]:
    """The text that Go quoted, and whether something of it was no text. What Go would not write stays as it is."""
    if word == "-":
        return word, False
    text = _ESCAPE.sub(_character, word[1:-1])
    return text, text.count("\ufffd") > word.count("\ufffd")


def _character(escape: re.Match[str]) -> str:
    name, byte, *code = escape.groups()
    if name:
        return _CONTROLS.get(name, name)
    value = int(byte or code[0] or code[1], 16)
    # \x stands for a byte that is no UTF-8 where it is no ASCII; surrogates and NUL are nothing a text may hold.
    is_text = 0 < value < (0x80 if byte else 0x110000) and not 0xD800 <= value < 0xE000
    return chr(value) if is_text else "\ufffd"


# --- both -------------------------------------------------------------------------------------------


class _Parts(NamedTuple):
    """``uri`` as written, with its quotes; ``rest`` is where the referer begins."""

    key: str
    uri: str
    words: tuple[str, ...]
    rest: int
    is_sure: bool


def _parts(text: str, head: Head) -> _Parts:
    """What stands before referer and user agent, cut where the one URI ends."""
    candidates = _CANDIDATE.finditer(text, head.operation_end)
    first = next(candidates, None)
    if first is None:
        return _without_uri(text, head)
    block = _BLOCK.match(text, first.end(1))
    key, *request = text[head.operation_end : first.end(1)].rsplit(" ", 3)
    key, uri = key.strip(" "), " ".join(request)
    is_request = uri.startswith('"') and REQUEST.fullmatch(uri[1:-1])
    is_sure = bool(key and is_request) and next(candidates, None) is None and not _SECOND_OPERATION.search(key)
    return _Parts(key, uri, block.groups(), block.end(), is_sure)  # type: ignore[union-attr]


def _without_uri(text: str, head: Head) -> _Parts:
    """A record of what the service did by itself: cut from its end, for the key may hold what looks like a block."""
    spans = [word.span() for word in _WORD.finditer(text, head.operation_end)]
    if not _NO_REQUEST.fullmatch(head.operation) or len(spans) <= _BEHIND_A_KEY:
        raise Bad("SHORT_LINE")
    uri, *words = (text[begin:end] for begin, end in spans[-_BEHIND_A_KEY:][:7])
    if uri not in _DASHES:
        raise Bad("SHORT_LINE")
    key = text[spans[0][0] : spans[-_BEHIND_A_KEY - 1][1]]
    return _Parts(key, '"-"', tuple(words), spans[-_BEHIND_A_KEY + 7][0], not _SECOND_OPERATION.search(key))
