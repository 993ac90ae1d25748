"""One line of an access log, read slowly and by the book (docs/definitions.md, "Lines").

This module exists to disagree with the fast parser where the fast parser is wrong, so it shares no code with it:
only the standard library and xxhash, and the pages that both follow. Each function below is one paragraph there.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote_plus

import xxhash

from tests.reference import raw_keys

LONGEST_LINE = 65_536
LARGEST_NUMBER = 2**63 - 1
FUTURE_ALLOWANCE = timedelta(hours=1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS = {name: number for number, name in enumerate(_MONTHS, start=1)}
TRAILING = (
    "version_id",
    "host_id",
    "signature_version",
    "cipher_suite",
    "authentication_type",
    "host_header",
    "tls_version",
    "access_point_arn",
    "acl_required",
    "source_region",
)

# Only the space separates fields: \s and \S would also cut at characters that a client may write. The possessive
# quantifiers (++) keep every expression linear, whatever the line holds.
_WORD = r"[^ ]++"
_BARE = r'[^ "]++'  # a word of the head: the server writes no quote there
_TIME = r"\[([0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4})\]"
_OPERATION = r"(?:REST|WEBSITE|SOAP|BATCH|S3)(?:\.[A-Za-z0-9_-]++){1,3}(?= |\Z)"

TIME = re.compile(_TIME)
OPERATION = re.compile(rf"(?<![^ ]){_OPERATION}")
SYSLOG_PREFIX = re.compile(r" *+(?:s3access-[^ ]*: ++)?+")
HEAD = re.compile(
    rf"({_WORD}) ++({_WORD}) ++(?:({_WORD}) ++)?{_TIME}"
    rf" ++({_BARE}) ++({_BARE}(?: ++{_BARE})*?) ++({_BARE}) ++({_OPERATION}) ++({_WORD})"
)
SECOND_HEAD = re.compile(rf"[^ ] ++{_TIME}(?: ++{_BARE}){{3,}}? ++{_OPERATION} ++[^ ]")
NO_URI = re.compile(r' ++(?:-|"-")(?= )')
URI = re.compile(r'"([A-Za-z-]++ ([^ ]++) HTTP/[0-9.]++)"')
CANDIDATE = re.compile(rf' HTTP/[0-9.]++"(?= ++(?:-|-?[0-9]++)(?: ++{_WORD}){{5}} ++["-])')
BLOCK = re.compile(r" ++" + r" ++".join([f"({_WORD})"] * 6) + r' ++(?=["-])')
CUT = re.compile(r'" ++(?=")')
DASH = re.compile(r" *+-(?= |\Z)")
OVH_ID = re.compile(r"tx[0-9A-Fa-f]{21}-[0-9A-Fa-f]{10}")


class RawLine(NamedTuple):
    """A line without its end; numbered from 1, placed by its first byte in the unpacked object."""

    line_number: int
    byte_offset: int
    raw: bytes


class Rejected(NamedTuple):
    reason: str


class Ignored(NamedTuple):
    reason: str


@dataclass(slots=True)
class Parsed:
    """A record: the columns of schemas.records.PARSED without the line's place; ``line_hash`` is unsigned."""

    line_hash: int
    dialect: str
    bucket_owner: str | None
    canonical_id: str | None
    bucket: str | None
    at: datetime
    remote_ip: str | None
    requester: str | None
    request_id: str | None
    operation: str
    key_raw: str | None
    key: str | None
    request_uri: str | None
    http_status: int | None
    error_code: str | None
    bytes_sent: int
    object_size: int | None
    total_ms: int | None
    turn_around_ms: int | None
    referer: str | None
    user_agent: str | None
    is_lossy_text: bool
    is_ambiguous: bool
    version_id: str | None = None
    host_id: str | None = None
    signature_version: str | None = None
    cipher_suite: str | None = None
    authentication_type: str | None = None
    host_header: str | None = None
    tls_version: str | None = None
    access_point_arn: str | None = None
    acl_required: str | None = None
    source_region: str | None = None
    extra_fields: str | None = None


def unpacked(data: bytes) -> bytes:
    """The object's bytes, gunzipped (all members) when they begin like gzip."""
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def read_lines(data: bytes) -> list[RawLine]:
    """The lines of an unpacked object, blank ones too."""
    begin = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    pieces = data[begin:].split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    lines = []
    for number, piece in enumerate(pieces, start=1):
        lines.append(RawLine(number, begin, piece.removesuffix(b"\r")))
        begin += len(piece) + 1
    return lines


def read_line(
    raw: bytes, *, seed: int, last_modified: datetime, log_bucket: str, dialect: str = ""
) -> Parsed | Rejected | Ignored:
    """What becomes of a line: the rows of the table of outcomes, from the top.

    ``last_modified`` is the object's; so is ``dialect``, where it is Ceph's or Scality's.
    """
    if len(raw) > LONGEST_LINE:
        return Rejected("LONG_LINE")
    if not raw.strip():
        return Ignored("BLANK")
    text, is_lossy = decoded(raw)
    head = HEAD.match(text, _end(SYSLOG_PREFIX.match(text)))
    if is_glued(text, head):
        return Rejected("GLUED_LINES")
    if head is None:
        return Rejected(_why_no_head(text))
    at = instant(head[4])
    if at is None:
        return Rejected("BAD_TIME")
    body = raw_key_body(text.rstrip(" "), head, dialect) if dialect else encoded_key_body(text, head)
    if isinstance(body, Rejected):
        return body
    if at > last_modified + FUTURE_ALLOWANCE:
        return Rejected("FUTURE_TIME")
    record = _record(raw, seed, head, at, body, dialect or _dialect(head[3], head[7]), is_lossy)
    _read_trailing(record, body.tail)
    return Ignored("LOG_BUCKET") if record.bucket is not None and record.bucket == log_bucket else record


class Body(NamedTuple):
    """What stands behind the operation, null where the log has ``-``."""

    key_raw: str
    key: str
    uri: str | None
    error_code: str
    numbers: Numbers
    bytes_sent: int
    referer: str | None
    user_agent: str | None
    tail: str
    is_ambiguous: bool
    is_lossy: bool = False


def encoded_key_body(text: str, head: re.Match[str]) -> Body | Rejected:
    """By the rules of AWS, OVH and the three ids."""
    block = real_block(text, head)
    client = client_texts(text, block.numbers.end()) if block else None
    if block is None or client is None:
        return Rejected("SHORT_LINE")
    if not block.is_sure:
        return Rejected("AMBIGUOUS")
    numbers = numbers_of(block.numbers.groups())
    if numbers is None:
        return Rejected("BAD_NUMBER")
    key, sent = decoded_key(head[9], head[8]), numbers.bytes_sent or 0  # '-' says zero bytes in this field alone
    tail = text[client.end :]
    return Body(head[9], key, block.uri, block.numbers[2], numbers, sent, *client[:2], tail, client.is_ambiguous)


def raw_key_body(text: str, head: re.Match[str], dialect: str) -> Body | Rejected:
    """By the rules of Ceph and Scality."""
    cut = raw_keys.cut(text, head[8], head.end(8))
    texts = _raw_texts(text, cut.rest, dialect) if cut else None
    if cut is None or texts is None:
        return Rejected("SHORT_LINE")
    if not cut.is_sure:
        return Rejected("AMBIGUOUS")
    words, tail = cut.block, text[texts.end :]
    if dialect == "ceph":
        numbers = numbers_of((*words[:4], *map(raw_keys.ceph_milliseconds, words[4:])))
        if numbers is None:
            return Rejected("BAD_NUMBER")
        sent = raw_keys.ceph_bytes_sent(head[8], numbers.http_status, numbers.bytes_sent, numbers.object_size)
        uri = cut.uri[1:-1] if cut.uri else None
        client = (_null(texts.referer), _null(texts.user_agent))
        return Body(cut.key, cut.key, uri, words[1], numbers, sent, *client, tail, texts.is_ambiguous)
    numbers = numbers_of((*words[:4], "-", "-"))
    try:
        times = [raw_keys.scality_milliseconds(word) for word in words[4:]]
    except ValueError:
        numbers = None
    if numbers is None:
        return Rejected("BAD_NUMBER")
    numbers = numbers._replace(total_ms=times[0], turn_around_ms=times[1])
    told = [raw_keys.unquoted(word) for word in (cut.uri or "-", texts.referer, texts.user_agent)]
    (uri, referer, agent), is_lossy = [text for text, _ in told], any(lossy for _, lossy in told)
    sent = numbers.bytes_sent or 0
    return Body(cut.key, cut.key, uri, words[1], numbers, sent, referer, agent, tail, False, is_lossy)


def _raw_texts(text: str, start: int, dialect: str) -> raw_keys.Texts | None:
    if dialect == "scality":
        return raw_keys.go_texts(text, start)
    if not text.startswith('"', start):
        return raw_keys.bare_texts(text, start)
    quoted = client_texts(text, start)
    if quoted is None:
        return None
    referer, agent = ("-" if text is None else text for text in quoted[:2])
    return raw_keys.Texts(referer, agent, quoted.end, quoted.is_ambiguous)


def decoded(raw: bytes) -> tuple[str, bool]:
    """The line as text, and whether bytes had to be replaced for it."""
    try:
        text, is_lossy = raw.decode(), False
    except UnicodeDecodeError:
        text, is_lossy = raw.decode(errors="replace"), True
    return (text.replace("\0", "\ufffd"), True) if "\0" in text else (text, is_lossy)


def is_glued(text: str, head: re.Match[str] | None) -> bool:
    first = head.end(4) + len("]") if head else _end(TIME.search(text))
    return first > 0 and "[" in text[first:] and SECOND_HEAD.search(text, first) is not None


def _why_no_head(text: str) -> str:
    operation = OPERATION.search(text)
    if operation and not any(instant(found[1]) for found in TIME.finditer(text, 0, operation.start())):
        return "BAD_TIME"
    words = sum(1 for word in text.split(" ") if word)
    return "UNREADABLE" if words >= 17 else "SHORT_LINE"


def instant(logged: str) -> datetime | None:
    """``30/Oct/2025:21:11:08 +0000`` in UTC; None where there is no such time."""
    hour, minute, second = _hour(logged[:14], logged[21:]), int(logged[15:17]), int(logged[18:20])
    if hour is None or minute > 59 or second > 59:
        return None
    at = hour + timedelta(seconds=60 * minute + second)
    return at if at.year >= 1970 else None


@lru_cache(maxsize=65_536)
def _hour(logged: str, offset: str) -> datetime | None:
    day, month, year, hour = int(logged[:2]), logged[3:6], int(logged[7:11]), int(logged[12:14])
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))
    if month not in MONTHS or ahead >= timedelta(days=1) or offset[3:5] > "59":
        return None
    try:
        local = datetime(year, MONTHS[month], day, hour, tzinfo=UTC)
        return local + ahead if offset[0] == "-" else local - ahead
    except (ValueError, OverflowError):
        return None


class Block(NamedTuple):
    """``status error bytes size total turnaround``, the URI before it, and whether it is surely the real one."""

    uri: str | None
    numbers: re.Match[str]
    is_sure: bool


def real_block(text: str, head: re.Match[str]) -> Block | None:
    """The block behind the URI; None where there is none. What a client planted is never taken without a doubt said."""
    no_uri = NO_URI.match(text, head.end())
    if no_uri:
        numbers = BLOCK.match(text, no_uri.end())
        return Block(None, numbers, True) if numbers else None
    first = CANDIDATE.search(text, head.end())
    if first is None:
        return None
    has_more = CANDIDATE.search(text, first.end()) is not None
    uri = URI.fullmatch(text, _skip_spaces(text, head.end()), first.end())
    numbers = BLOCK.match(text, first.end())
    assert numbers is not None, "a candidate is followed by a block"
    is_sure = uri is not None and (not has_more or _ends_with_the_key(uri[2], head[3] or head[2], head[9]))
    return Block(uri[1] if uri else None, numbers, is_sure)


def _ends_with_the_key(target: str, bucket: str, key_raw: str) -> bool:
    # The server wrote the key itself: a target that is the key has ended there, whatever a client wrote behind it.
    if key_raw == "-" or "?" in target:
        return False
    path, key = (unquote_plus(unquote_plus(text)).lstrip("/") for text in (target, key_raw))
    return path in (key, f"{bucket}/{key}")


class ClientTexts(NamedTuple):
    """Referer and user agent; ``end`` is where the trailing fields begin."""

    referer: str | None
    user_agent: str | None
    end: int
    is_ambiguous: bool = False


def client_texts(text: str, start: int) -> ClientTexts | None:
    """Referer and user agent, cut as the page says; None where the line ends before they do."""
    closing = len(text) - 1 if text.endswith('"') else text.rfind('" ', start)
    if text.startswith('"', start):
        return _behind_a_quoted_referer(text, start, closing)
    referer = DASH.match(text, start)
    if referer is None:
        return None
    agent = _skip_spaces(text, referer.end())
    if text.startswith('"', agent):
        return ClientTexts(None, _null(text[agent + 1 : closing]), closing + 1) if closing > agent else None
    dash = DASH.match(text, agent)
    return ClientTexts(None, None, dash.end()) if dash else None


def _behind_a_quoted_referer(text: str, start: int, closing: int) -> ClientTexts | None:
    if closing <= start:
        return None
    cuts = list(islice(CUT.finditer(text, start + 1, closing), 2))
    if cuts:
        referer, agent = text[start + 1 : cuts[0].start()], text[cuts[0].end() + 1 : closing]
        return ClientTexts(_null(referer), _null(agent), closing + 1, len(cuts) > 1)
    dash = DASH.match(text, closing + 1)
    return ClientTexts(_null(text[start + 1 : closing]), None, dash.end()) if dash else None


class Numbers(NamedTuple):
    http_status: int | None
    bytes_sent: int | None
    object_size: int | None
    total_ms: int | None
    turn_around_ms: int | None


def numbers_of(block: Sequence[str]) -> Numbers | None:
    """The block's numbers; None when one of them is none."""
    status, _, *others = block
    if status != "-" and len(status) != 3:
        return None
    try:
        return Numbers(_whole(status, 100, 999), *(_whole(word, 0, LARGEST_NUMBER) for word in others))
    except ValueError:
        return None


def _whole(word: str, least: int, largest: int) -> int | None:
    if word == "-":
        return None
    digits = word.lstrip("0") or "0"
    # isdigit is true for other scripts' digits; Python refuses to read numbers of thousands of digits.
    if not (word.isascii() and word.isdigit() and len(digits) <= 19 and least <= int(digits) <= largest):
        raise ValueError(word[:40])
    return int(digits)


def _record(
    raw: bytes, seed: int, head: re.Match[str], at: datetime, body: Body, dialect: str, is_lossy: bool
) -> Parsed:
    first, second, third, _, remote_ip, requester, request_id, operation, _ = head.groups()
    return Parsed(
        line_hash=xxhash.xxh3_128_intdigest(raw, seed=seed),
        dialect=dialect,
        bucket_owner=_null(first),
        canonical_id=_null(second) if third else None,
        bucket=_null(third or second),
        at=at,
        remote_ip=_null(remote_ip),
        requester=_null(requester),
        request_id=_null(request_id),
        operation=operation,
        key_raw=_null(body.key_raw),
        key=None if body.key_raw == "-" else body.key,
        request_uri=body.uri,
        http_status=body.numbers.http_status,
        error_code=_null(body.error_code),
        bytes_sent=body.bytes_sent,
        object_size=body.numbers.object_size,
        total_ms=body.numbers.total_ms,
        turn_around_ms=body.numbers.turn_around_ms,
        referer=body.referer,
        user_agent=body.user_agent,
        is_lossy_text=is_lossy or body.is_lossy,
        is_ambiguous=body.is_ambiguous,
    )


def _dialect(third_id: str | None, request_id: str) -> str:
    if third_id:
        return "three_id"
    return "ovh" if OVH_ID.fullmatch(request_id) else "aws"


def decoded_key(key_raw: str, operation: str) -> str:
    """Once for what the service does by itself, twice for the rest."""
    once = unquote_plus(key_raw)
    if operation == "BATCH.DELETE.OBJECT" or operation.startswith("S3."):
        return once.replace("\0", "\ufffd")
    return unquote_plus(once).replace("\0", "\ufffd")


def _read_trailing(record: Parsed, text: str) -> None:
    words = [word for word in text.split(" ") if word]
    for name, word in zip(TRAILING, words, strict=False):
        setattr(record, name, _null(word))
    record.extra_fields = _null(" ".join(words[len(TRAILING) :])) or None


def _null(word: str) -> str | None:
    return None if word == "-" else word


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0


def _skip_spaces(text: str, start: int) -> int:
    while text.startswith(" ", start):
        start += 1
    return start
