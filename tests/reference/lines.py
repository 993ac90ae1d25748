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

from schemas.vocabulary import LARGEST_BYTES, LONGEST_MS
from tests.reference import raw_keys
from tests.reference.bounds import UNKNOWN, Bounds, around, block_behind, blocks_behind

LONGEST_LINE = 65_536
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
SECOND_HEAD = re.compile(rf"[^ ] ++(?={_TIME}(?: ++{_BARE}){{3,}}? ++{_OPERATION} ++[^ ])")
NO_URI = re.compile(r' ++(?:-|"-")(?= )')
URI = re.compile(r'"([^ ]++ ([^ ]++) HTTP/[0-9.]++)"')
URI_END = re.compile(r'HTTP/[0-9.]+"')
NAMED_BY_PATH = ("REST.GET.", "REST.HEAD.", "REST.PUT.", "REST.DELETE.")
MOST_HELD_AGAINST_THE_KEY = 20
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


class Reading(NamedTuple):
    """What became of a line. ``bounds``: of a reject, what it may stand for. Of a record: at most ``more`` bytes beyond
    those counted, ``is_unsized`` where the line may hold other records of which nothing tells the bytes."""

    outcome: Parsed | Rejected | Ignored
    bounds: Bounds = UNKNOWN
    more: int = 0
    is_unsized: bool = False


class _Reject(Exception):
    """Ends the reading of a line; with the words of its block where these are sure."""

    def __init__(self, reason: str, words: Sequence[str] | None = None, *, has_block: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.words, self.has_block = reason, words, has_block
        self.others: tuple[tuple[str, ...], ...] = ()


def read_line(
    raw: bytes, *, seed: int, last_modified: datetime, log_bucket: str, dialect: str = ""
) -> Parsed | Rejected | Ignored:
    """What becomes of a line: the rows of the table of outcomes, from the top.

    ``last_modified`` is the object's; so is ``dialect``, where it is Ceph's or Scality's.
    """
    return read(raw, seed=seed, last_modified=last_modified, log_bucket=log_bucket, dialect=dialect).outcome


def read(raw: bytes, *, seed: int, last_modified: datetime, log_bucket: str, dialect: str = "") -> Reading:
    """The same, with what is not counted of the line."""
    is_long, raw = len(raw) > LONGEST_LINE, raw[:LONGEST_LINE]
    if not is_long and not raw.strip():
        return Reading(Ignored("BLANK"))
    text, is_lossy = decoded(raw)
    head = HEAD.match(text, _end(SYSLOG_PREFIX.match(text)))
    second = second_head(text, head)
    try:
        found = _record_of(text, head, second, dialect, is_long=is_long)
    except _Reject as reject:
        return _rejected(text, reject, head, dialect, is_long=is_long)
    record, more, is_unsized = found.finished(raw, seed, is_lossy)
    if record.at > last_modified + FUTURE_ALLOWANCE:
        return Reading(Rejected("FUTURE_TIME"), Bounds(record.bytes_sent, record.bytes_sent + more))
    if record.bucket is not None and record.bucket == log_bucket:
        return Reading(Ignored("LOG_BUCKET"))
    return Reading(record, UNKNOWN, more, is_unsized)


def doubts(reading: Reading, record: Parsed, dialect: str) -> dict[str, int]:
    """What is unsure of a record; of a part of an object Ceph does not say how much was sent."""
    lines, more = int(reading.more > 0), reading.more
    is_get = record.operation in ("REST.GET.OBJECT", "WEBSITE.GET.OBJECT")
    if dialect == "ceph" and is_get and record.http_status == 206 and (record.object_size or 0) > record.bytes_sent:
        lines, more = lines + 1, more + (record.object_size or 0) - record.bytes_sent
    return {"lines": lines, "more_bytes": more, "unsized": int(reading.is_unsized)}


def _rejected(text: str, reject: _Reject, head: re.Match[str] | None, dialect: str, *, is_long: bool) -> Reading:
    if reject.words:
        own = around([reject.words], dialect)
        bounds = own if own.most is None else around([reject.words, *reject.others], dialect)
    elif is_long or (reject.reason == "SHORT_LINE" and head and not reject.has_block):
        bounds = UNKNOWN  # its block is not on what there is of the line
    elif reject.reason == "GLUED_LINES":
        each = [around([words], dialect) for words in blocks_behind(text.rstrip(" "))]
        sizes = [bounds.most for bounds in each if bounds.most is not None]
        least = around(blocks_behind(text.rstrip(" ")), dialect).least
        bounds = Bounds(least, min(sum(sizes), LARGEST_BYTES)) if sizes else UNKNOWN
    else:
        bounds = around(blocks_behind(text.rstrip(" ")), dialect)
    return Reading(Rejected("LONG_LINE" if is_long else reject.reason), bounds)


class _Found(NamedTuple):
    """A record as far as it is read, and what is not counted of its line."""

    head: re.Match[str]
    at: datetime
    body: Body
    dialect: str
    more: int
    is_unsized: bool

    def finished(self, raw: bytes, seed: int, is_lossy: bool) -> tuple[Parsed, int, bool]:
        record = _record(raw, seed, self.head, self.at, self.body, self.dialect, is_lossy)
        _read_trailing(record, self.body.tail)
        return record, self.more, self.is_unsized


def _record_of(text: str, head: re.Match[str] | None, second: int, dialect: str, *, is_long: bool) -> _Found:
    if second >= 0 and (head is None or second < head.end(8)):
        raise _Reject("GLUED_LINES")
    if head is None:
        raise _Reject(_why_no_head(text))
    at = instant(head[4])
    if at is None:
        raise _Reject("GLUED_LINES" if second >= 0 else "BAD_TIME")
    text = text.rstrip(" ")
    cut = raw_keys.cut(text, head[8], head.end(8)) if dialect else encoded_cut(text, head)
    if second >= 0 and (cut is None or (second < cut.rest and not cut.is_vouched)):
        raise _Reject("GLUED_LINES")
    if cut is None:
        raise _Reject("SHORT_LINE", None if dialect else _begun(text, head))
    is_followed = second >= cut.rest
    try:
        body = _body(text, head, cut, dialect, is_whole=not (is_long or is_followed))
    except _Reject as reject:
        reject.others = cut.others
        raise
    more = max(0, (around(cut.others, dialect).most or 0) - body.bytes_sent)
    is_unsized = is_long
    if is_followed:
        behind = [most for words in blocks_behind(text, second) if (most := around([words], dialect).most) is not None]
        more, is_unsized = max(more, min(sum(behind), LARGEST_BYTES)), is_long or not behind
    return _Found(head, at, body, dialect or _dialect(head[3], head[7]), more, is_unsized)


def _begun(text: str, head: re.Match[str]) -> tuple[str, ...] | None:
    """The block of a line that was cut off in it, as far as it goes."""
    opening = _skip_spaces(text, head.end())
    uri = URI.match(text, opening) if opening > head.end() and not NO_URI.match(text, head.end()) else None
    return block_behind(text, uri.end() - 1) if uri else None


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


def _body(text: str, head: re.Match[str], cut: raw_keys.Cut, dialect: str, *, is_whole: bool) -> Body:
    """The record's own part: texts first, then whether its block is sure, then the numbers."""
    sure = cut.block if cut.is_sure else None
    texts: raw_keys.Texts | None = raw_keys.Texts("-", "-", len(text), True)
    if is_whole:
        texts = _raw_texts(text, cut.rest, dialect) if dialect else _plain_texts(text, cut.rest)
    if texts is None:
        raise _Reject("SHORT_LINE", sure, has_block=True)
    if not cut.is_sure:
        raise _Reject("AMBIGUOUS")
    numbers = _numbers(cut.block, dialect)
    if numbers is None:
        raise _Reject("BAD_NUMBER", sure)
    sent = numbers.bytes_sent or 0  # '-' says zero bytes in this field alone
    if dialect == "ceph":
        sent = raw_keys.ceph_bytes_sent(head[8], numbers.http_status, numbers.bytes_sent, numbers.object_size)
    clients = cut.uri or "-", texts.referer, texts.user_agent
    told = [(_null(each), False) for each in clients]
    if dialect == "scality":
        told = [raw_keys.unquoted(each) for each in (f'"{cut.uri}"' if cut.uri else "-", *clients[1:])]
    (uri, referer, agent), is_lossy = [each for each, _ in told], any(lossy for _, lossy in told)
    rest = text[texts.end :], texts.is_ambiguous, is_lossy
    return Body(cut.key_raw, cut.key, uri, cut.block[1], numbers, sent, referer, agent, *rest)


def _numbers(block: Sequence[str], dialect: str) -> Numbers | None:
    if dialect == "ceph":
        return numbers_of((*block[:4], *map(raw_keys.ceph_milliseconds, block[4:])))
    if dialect != "scality":
        return numbers_of(block)
    numbers = numbers_of((*block[:4], "-", "-"))
    try:
        times = [raw_keys.scality_milliseconds(word) for word in block[4:]]
    except ValueError:
        return None
    return numbers and numbers._replace(total_ms=times[0], turn_around_ms=times[1])


def _plain_texts(text: str, start: int) -> raw_keys.Texts | None:
    found = client_texts(text, start)
    if found is None:
        return None
    referer, agent = ("-" if each is None else each for each in found[:2])
    return raw_keys.Texts(referer, agent, found.end, found.is_ambiguous)


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


def second_head(text: str, head: re.Match[str] | None) -> int:
    """Where the time of another head stands behind the first one's; -1 where there is none."""
    first = head.end(4) + len("]") if head else _end(TIME.search(text))
    found = SECOND_HEAD.search(text, first) if first > 0 and "[" in text[first:] else None
    return found.end() if found else -1


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


def encoded_cut(text: str, head: re.Match[str]) -> raw_keys.Cut | None:
    """The line cut at its block, by the rules of AWS, OVH and the three ids; None where there is no block."""
    key = decoded_key(head[9], head[8], _dialect(head[3], head[7]))
    no_uri = NO_URI.match(text, head.end())
    if no_uri:
        numbers = BLOCK.match(text, no_uri.end())
        return raw_keys.Cut(head[9], key, None, numbers.groups(), numbers.end(), True) if numbers else None
    spans = [found.span() for found in re.finditer(r"[^ ]+", text[head.end() :])]
    spans = [(head.end() + begin, head.end() + end) for begin, end in spans]
    ends = [n for n in range(len(spans) - 7) if _may_end_a_uri(text, spans[n : n + 8])]
    if not ends:
        return None
    uris = [text[spans[0][0] : spans[n][1]] for n in ends[:MOST_HELD_AGAINST_THE_KEY]]
    which, is_vouched = _which(uris, head, only=len(ends) == 1)
    at = ends[which or 0]
    blocks = {n: tuple(text[begin:end] for begin, end in spans[n + 1 : n + 7]) for n in ends}
    others = () if is_vouched else tuple(words for n, words in blocks.items() if n != at)
    uri = text[spans[0][0] + 1 : spans[at][1] - 1]
    return raw_keys.Cut(head[9], key, uri, blocks[at], spans[at + 7][0], which is not None, is_vouched, others)


def _may_end_a_uri(text: str, spans: list[tuple[int, int]]) -> bool:
    words = [text[begin:end] for begin, end in (*spans[:2], spans[7])]
    if not URI_END.fullmatch(words[0]) or words[2][0] not in '"-':
        return False
    return re.fullmatch("-|-?[0-9]+", words[1]) is not None


def _which(uris: list[str], head: re.Match[str], *, only: bool) -> tuple[int | None, bool]:
    """Which of the texts is the URI, and whether the key, which the server wrote itself, says so."""
    if not uris[0].startswith('"'):
        return None, False
    request = URI.fullmatch(uris[0])
    if request and (only or not _goes_on_in_the_key(request[2], head)):
        return 0, not only and _ends_with_the_key(request[2], head)
    for n, uri in enumerate(uris):
        target = uri[1:-1].partition(" ")[2].rpartition(" HTTP/")[0]
        if (n > 0 or not request) and _ends_with_the_key(target, head):
            return n, True
    return (0, False) if only and not request and not blocks_behind(uris[0][:-1]) else (None, False)


def _path_and_key(target: str, head: re.Match[str]) -> tuple[str, str] | None:
    """Decoded; None where the target is more than a path, or the key was not taken from it."""
    if "?" in target or not head[8].startswith(NAMED_BY_PATH):
        return None
    path, key = (unquote_plus(unquote_plus(text)).lstrip("/") for text in (target, head[9]))
    return path, key


def _ends_with_the_key(target: str, head: re.Match[str]) -> bool:
    both = _path_and_key(target, head)
    return both is not None and head[9] != "-" and both[0] in (both[1], f"{head[3] or head[2]}/{both[1]}")


def _goes_on_in_the_key(target: str, head: re.Match[str]) -> bool:
    both = _path_and_key(target, head)
    if both is None:
        return False
    return any(key.startswith(both[0] + " ") for key in (both[1], f"{head[3] or head[2]}/{both[1]}"))


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
        sizes = [_whole(word, 0, LARGEST_BYTES) for word in others[:2]]
        times = [_whole(word, 0, LONGEST_MS) for word in others[2:]]
        return Numbers(_whole(status, 100, 999), *sizes, *times)
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


def decoded_key(key_raw: str, operation: str, dialect: str) -> str:
    """Twice; by Amazon's rule once for what the service does by itself. OVH has no such rule."""
    once = unquote_plus(key_raw)
    if dialect == "ovh":
        return unquote_plus(once).replace("\0", "\ufffd")
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
