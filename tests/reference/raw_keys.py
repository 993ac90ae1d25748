"""The lines of Ceph and Scality, read word by word (docs/definitions.md, "Ceph and Scality").

Both write the key as it is. Behind the operation a line is a list of words here, and all is told by counting them.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple
from urllib.parse import unquote

from schemas.vocabulary import LONGEST_MS

MOST_HELD_AGAINST_THE_KEY = 20
SAMPLE_BYTES, SAMPLE_LINES = 65_536, 20

_TIME = r"\[[0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}\]"
_OPERATION = r"(?:REST|WEBSITE|SOAP|BATCH|S3)(?:\.[A-Za-z0-9_-]+){1,3}"
RECORD = re.compile(rf'(?P<ids>[^ "{{<\[]+(?: +[^ ]+){{1,2}}) +{_TIME} +(?P<rest>.*)', re.DOTALL)
CEPH_ID = re.compile(r"[0-9A-Za-z-]+(\.[0-9]+){2,}|tx[0-9a-f]{21}-[0-9a-f]{10}-[0-9a-f]+-.+")
SCALITY_ID = re.compile(r"[0-9a-f]{20}(:[0-9a-f]{20})*")
OPERATION = re.compile(_OPERATION)
URI_END = re.compile(r'HTTP/[0-9.]+"')
URI = re.compile(r'"[^ ]+ ([^ ]+) HTTP/[0-9.]+"')
GO_TEXT = r'(?:-|"(?:[^"\\]|\\.)*+")'
WHOLE_SCALITY_LINE = re.compile(
    rf'[^"]*"[A-Z]+ [^ ]+ HTTP/[0-9.]+" +[0-9]{{3}} +[^ ]+( +(-|[0-9]+)){{2}} +(?P<total>[^ ]+) +(?P<turn>[^ ]+)'
    rf' +{GO_TEXT} +{GO_TEXT}( +[^ "]+){{9}}'
)
DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
REAL = re.compile(r"([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,2}))?")
BEHIND_THE_KEY = 18
GO_LETTERS = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, '"': 34, "'": 39}
GO_HEX = {"x": 2, "u": 4, "U": 8}


# --- which dialect an object is ---------------------------------------------------------------------


def dialect_of_object(plain: bytes) -> str:
    """``ceph``, ``scality``, or nothing where each line tells its own."""
    text = plain[:SAMPLE_BYTES].decode(errors="replace").removeprefix("\ufeff")
    lines = [line.strip() for line in text.split("\n") if line.strip()][:SAMPLE_LINES]
    records = [found for found in map(RECORD.match, lines) if found]
    for name, belongs in (("ceph", _is_ceph), ("scality", _is_scality)):
        if sum(map(belongs, records)) > len(records) / 2:
            return name
    return ""


def _has_request_id(record: re.Match[str], kind: re.Pattern[str]) -> bool:
    """Between an address, a requester of one to seven words, and an operation."""
    words = [word for word in record["rest"].split(" ") if word]
    return any(
        kind.fullmatch(words[n]) and OPERATION.fullmatch(words[n + 1]) and not any('"' in word for word in words[:n])
        for n in range(2, min(9, len(words) - 2))
    )


def _is_ceph(record: re.Match[str]) -> bool:
    ids = [word for word in record["ids"].split(" ") if word]
    return (len(ids) == 2 and re.fullmatch(r"[^ ]+:[^ ]+", ids[1]) is not None) or _has_request_id(record, CEPH_ID)


def _is_scality(record: re.Match[str]) -> bool:
    ids = [word for word in record["ids"].split(" ") if word]
    if (len(ids) == 2 and ids[0] == "-") or _has_request_id(record, SCALITY_ID):
        return True
    whole = WHOLE_SCALITY_LINE.fullmatch(record["rest"])
    return whole is not None and any(DECIMAL.fullmatch(whole[name]) for name in ("total", "turn"))


# --- a line behind its operation --------------------------------------------------------------------


class Cut(NamedTuple):
    """``uri`` without its quotes, None where there is none; ``rest`` is where the referer begins. ``is_vouched``: the
    key says that the URI ends here. ``others``: what else may be the block."""

    key_raw: str
    key: str
    uri: str | None
    block: tuple[str, ...]
    rest: int
    is_sure: bool
    is_vouched: bool = False
    others: tuple[tuple[str, ...], ...] = ()


class Texts(NamedTuple):
    """Referer and user agent as logged, ``-`` and all; ``end`` is where the trailing fields begin."""

    referer: str
    user_agent: str
    end: int
    is_ambiguous: bool = False


class _Reading(NamedTuple):
    """One place where the URI may end: the words of the key before it, and the target, empty where it is no URI."""

    at: int
    key: str
    target: str
    operations: int
    behind_the_last: str


def cut(text: str, operation: str, start: int) -> Cut | None:
    """Key, URI and block; None where the line has no block."""
    spans = [found.span() for found in re.finditer(r"[^ ]+", text[start:])]
    spans = [(start + begin, start + end) for begin, end in spans]
    words = [text[begin:end] for begin, end in spans]
    ends = [n for n in range(len(words)) if _may_end_a_uri(words, n)]
    if not ends:
        return _cut_from_the_end(text, operation, spans, words)
    readings = [_reading(text, spans, words, n) for n in ends[:MOST_HELD_AGAINST_THE_KEY]]
    chosen, is_sure, is_vouched = _choose(readings, len(ends), operation)
    at = chosen.at
    uri = text[spans[at - 2][0] + 1 : spans[at][1] - 1] if chosen.target else ""
    others = tuple(tuple(words[n + 1 : n + 7]) for n in ends if n != at)
    block = tuple(words[at + 1 : at + 7])
    return Cut(chosen.key, chosen.key, uri, block, spans[at + 7][0], is_sure, is_vouched, others)


def _reading(text: str, spans: list[tuple[int, int]], words: list[str], at: int) -> _Reading:
    request = URI.fullmatch(text[spans[at - 2][0] : spans[at][1]]) if at >= 3 else None
    key = text[spans[0][0] : spans[at - 3][1]] if at >= 3 else ""
    operations = [n for n, word in enumerate(words[1 : at - 2], start=1) if OPERATION.fullmatch(word)]
    behind = "".join(words[operations[-1] + 1 : at - 2]) if operations else ""
    return _Reading(at, key, request[1] if request else "", len(operations), behind)


def _choose(readings: list[_Reading], count: int, operation: str) -> tuple[_Reading, bool, bool]:
    """The reading that is the server's, whether that is sure, and whether its key says so."""
    is_named = re.match(r"REST\.(GET|HEAD|PUT|DELETE)\.", operation) is not None
    vouched = [r for r in readings if is_named and r.target and spells(r.target, r.key)]
    first = readings[0]
    if count == 1:
        return first, bool(first.target) and (not first.operations or bool(vouched)), bool(vouched)
    if first.key == "-" and first.target and operation.split(".")[-1].startswith("BUCKET"):
        return first, True, False
    is_within = any(r.operations and r.target and spells(r.target, r.behind_the_last) for r in readings)
    if len(vouched) == 1 and count <= MOST_HELD_AGAINST_THE_KEY and not is_within:
        return vouched[0], True, True
    return first, False, False


def spells(target: str, key: str) -> bool:
    """The target's path ends with the key, as far as both are printable ASCII and no space, plus or slash."""
    path = target.split("?")[0]
    return any(_letters(unquote(text)).endswith(_letters(key)) for text in (path, unquoted(f'"{path}"')[0] or ""))


def _letters(text: str) -> str:
    return "".join(letter for letter in text if "!" <= letter <= "~" and letter not in "+/")


def _may_end_a_uri(words: list[str], at: int) -> bool:
    if not URI_END.fullmatch(words[at]) or at + 7 >= len(words):
        return False
    return re.fullmatch(r"-|-?[0-9]+", words[at + 1]) is not None


def _cut_from_the_end(text: str, operation: str, spans: list[tuple[int, int]], words: list[str]) -> Cut | None:
    parts = operation.split(".")
    is_own_doing = parts[0] in ("BATCH", "S3") or (
        len(parts) == 3 and parts[:2] == ["REST", "COPY"] and re.fullmatch(r"[A-Z]+_GET", parts[2]) is not None
    )
    uri_at = len(words) - BEHIND_THE_KEY
    if not is_own_doing or uri_at < 1 or words[uri_at] not in ("-", '"-"'):
        return None
    key = text[spans[0][0] : spans[uri_at - 1][1]]
    block = tuple(words[uri_at + 1 : uri_at + 7])
    return Cut(key, key, None, block, spans[uri_at + 7][0], not _has_planted_head(words[:uri_at]))


def _has_planted_head(key_words: list[str]) -> bool:
    return any(OPERATION.fullmatch(word) for word in key_words[1:])


# --- Ceph -------------------------------------------------------------------------------------------


def bare_texts(text: str, start: int) -> Texts | None:
    """A bare referer and a user agent in quotes; None where the line ends before they do."""
    openings = [found.start() + 1 for found in re.finditer(r' (?=")', text[start:])]
    if not openings:
        referer = re.compile("[^ ]+").match(text, start)
        agent = re.compile(r" +-(?= |\Z)").match(text, referer.end()) if referer else None
        return Texts(referer[0], "-", agent.end()) if referer and agent else None
    opening = start + openings[0]
    closings = [found.start() for found in re.finditer(r'"(?= |\Z)', text) if found.start() > opening]
    if not closings:
        return None
    inner = [n for n in openings[1:] if start + n < closings[-1]]
    return Texts(text[start:opening].rstrip(" "), text[opening + 1 : closings[-1]], closings[-1] + 1, bool(inner))


def ceph_milliseconds(word: str) -> str:
    """The word without its unit."""
    return word[:-2] if re.fullmatch(r"[0-9]+ms", word) else word


def ceph_bytes_sent(operation: str, status: int | None, sent: int | None, size: int | None) -> int:
    parts = operation.split(".")
    if parts[1] != "GET" or len(parts) < 3:
        return 0
    if size is None or operation not in ("REST.GET.OBJECT", "WEBSITE.GET.OBJECT"):
        return sent or 0
    return size if status == 200 else min(size, sent or 0)


# --- Scality ----------------------------------------------------------------------------------------


def go_texts(text: str, start: int) -> Texts | None:
    """Referer and user agent as Go quotes them; None where one is not closed."""
    referer_end = _go_end(text, start)
    if referer_end is None:
        return None
    agent = referer_end
    while text.startswith(" ", agent):
        agent += 1
    end = _go_end(text, agent)
    return None if end is None or agent == referer_end else Texts(text[start:referer_end], text[agent:end], end)


def _go_end(text: str, at: int) -> int | None:
    """Where the ``-`` or the quoted text that begins here ends, if a space or the line's end follows."""
    if text.startswith("-", at):
        end = at + 1
    elif text.startswith('"', at):
        end = at + 1
        while end < len(text) and text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        end += 1
        if end > len(text):
            return None
    else:
        return None
    return end if end == len(text) or text[end] == " " else None


def unquoted(word: str) -> tuple[str | None, bool]:
    """The text that Go quoted (None for ``-``, quoted or not), and whether something had to be replaced."""
    if word in ("-", '"-"'):
        return None, False
    source, text, is_lossy, at = word[1:-1], [], False, 0
    while at < len(source):
        code, length = _go_character(source, at)
        text.append("\ufffd" if code < 0 else chr(code))
        is_lossy |= code < 0 or (code == 0xFFFD and length > 1)
        at += length
    return "".join(text), is_lossy


def _go_character(source: str, at: int) -> tuple[int, int]:
    """The character written here, -1 where it is none, and how long it is written."""
    kind = source[at + 1 : at + 2] if source[at] == "\\" else ""
    if kind in GO_LETTERS:
        return GO_LETTERS[kind], 2
    digits = source[at + 2 : at + 2 + GO_HEX.get(kind, 0)]
    if kind not in GO_HEX or not re.fullmatch(rf"[0-9A-Fa-f]{{{GO_HEX[kind]}}}", digits):
        return ord(source[at]), 1
    code = int(digits, 16)
    is_none = code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or (kind == "x" and code > 0x7F)
    return -1 if is_none else code, 2 + len(digits)


def scality_milliseconds(word: str) -> int | None:
    """Whole milliseconds, half to even; ``ValueError`` where the word is no number."""
    if word == "-":
        return None
    real = REAL.fullmatch(word)
    if real is None:
        raise ValueError(word[:40])
    whole, fraction, exponent = real[1], real[2] or "", int(real[3] or 0) - len(real[2] or "")
    value = Fraction(_digits(whole + fraction)) * Fraction(10) ** exponent
    if round(value) > LONGEST_MS:
        raise ValueError(word[:40])
    return round(value)


def _digits(text: str) -> int:
    """Python refuses to read thousands of digits at once."""
    number = 0
    for begin in range(0, len(text), 1_000):
        part = text[begin : begin + 1_000]
        number = number * 10 ** len(part) + int(part)
    return number
