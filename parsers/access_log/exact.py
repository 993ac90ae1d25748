"""One line, exactly: the slow path, and the definition that the fast path must agree with.

The rules are those of docs/definitions.md ("Lines"). Providers write URI, referer and user agent without escaping, so a
client can plant quotes and whole blocks of numbers; nothing a client wrote may be taken for a number of the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

import xxhash

from schemas.records import TRAILING_FIELDS

LONGEST_LINE = 65_536
LARGEST_NUMBER = 2**63 - 1
FUTURE_TOLERANCE = timedelta(hours=1)

# Only a space separates words: \s would also cut at characters that a client may write. Possessive quantifiers (`++`)
# throughout: a hostile line must not make a pattern backtrack. The server writes no quote into the words of a head.
_BARE = r'[^ "]++'
_OPERATION = r"(?:REST|WEBSITE|SOAP|BATCH|S3)(?:\.[A-Za-z0-9_-]++){1,3}(?= |\Z)"
TIME = re.compile(
    r"\[([0-9]{2})/([A-Za-z]{3})/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})\]"
)
OPERATION = re.compile(_OPERATION)
OVH_REQUEST_ID = r"^tx[0-9A-Fa-f]{21}-[0-9A-Fa-f]{10}$"
_SYSLOG_PREFIX = re.compile(r"s3access-[^ ]*: ++")
_IDS = re.compile(r"([^ ]++) ++(?:([^ ]++) ++)?([^ ]++) ++(?=\[)")
_AFTER_TIME = re.compile(rf" ++({_BARE}) ++({_BARE}(?: ++{_BARE})*?) ++({_BARE}) ++({_OPERATION}) ++([^ ]++)")
_SECOND_HEAD = re.compile(rf"(?: ++{_BARE}){{3,40}}? ++{_OPERATION} ++[^ ]")
_ANY_OPERATION = re.compile(rf"(?<![^ ]){_OPERATION}")
_FIVE_WORDS = r" ++([^ ]++) ++([^ ]++) ++([^ ]++) ++([^ ]++) ++([^ ]++) ++(?=[\"-])"
_CANDIDATE = re.compile(rf"(?= HTTP/[0-9.]++(\") ++(-|-?[0-9]++){_FIVE_WORDS})")
_NO_URI = re.compile(r' ++(?:-|"-")(?= )')
_BLOCK = re.compile(rf" ++([^ ]++){_FIVE_WORDS}")
_REQUEST = re.compile(r"[A-Za-z-]+ ([^ ]+) HTTP/[0-9.]+")
_WHOLE_NUMBER = re.compile(r"0*([0-9]{1,19})")
_CUT = re.compile(r'" ++"')
_CUTS = re.compile(r'(?=" ++")')
_MONTHS = {
    name: n
    for n, name in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}


class Bad(Exception):
    """The line's outcome is a reject; ``args[0]`` is the reason."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a line cannot say itself: the seed of its hash, the log bucket's name, when its object was last modified."""

    seed: int
    last_modified: datetime
    log_bucket: str = ""

    @property
    def latest(self) -> datetime:
        return self.last_modified + FUTURE_TOLERANCE


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exactly one of: ``fields`` (a row of PARSED without line_number), ``rejected`` or ``ignored`` (the reason)."""

    fields: dict[str, Any] | None = None
    rejected: str = ""
    ignored: str = ""


def read_line(raw: bytes, context: Context) -> Outcome:
    """The outcome of one line. ``raw`` is what stands between two newlines, without a trailing carriage return."""
    if len(raw) > LONGEST_LINE:
        return Outcome(rejected="LONG_LINE")
    if not raw.strip():
        return Outcome(ignored="BLANK")
    text, is_lossy = readable(raw)
    try:
        fields = _fields(text.rstrip(" "))
    except Bad as bad:
        return Outcome(rejected=str(bad))
    if fields["at"] > context.latest:
        return Outcome(rejected="FUTURE_TIME")
    if context.log_bucket and fields["bucket"] == context.log_bucket:
        return Outcome(ignored="LOG_BUCKET")
    fields["line_hash"] = xxhash.xxh3_128_intdigest(raw, seed=context.seed)
    fields["is_lossy_text"] = is_lossy
    return Outcome(fields=fields)


def readable(raw: bytes) -> tuple[str, bool]:
    """The text of a line, and whether bytes that are no UTF-8, or NUL, had to be replaced."""
    try:
        text, is_lossy = raw.decode(), False
    except UnicodeDecodeError:
        text, is_lossy = raw.decode(errors="replace"), True
    return (text.replace("\0", "\ufffd"), True) if "\0" in text else (text, is_lossy)


def _fields(line: str) -> dict[str, Any]:
    line = line.lstrip(" ")
    text = _SYSLOG_PREFIX.sub("", line, count=1) if line.startswith("s3access-") else line
    head, ids, when = _head(text)
    address, requester, request_id, operation, key_raw = head.groups()
    uri, words, rest, is_sure = _block(text, head.end(), ids[2], key_raw)
    referer, user_agent, tail, is_ambiguous = _agents(text, rest)
    if not is_sure:
        raise Bad("AMBIGUOUS")
    status, error_code, *numbers = words
    sent, size, total, turn_around = map(_number, numbers)
    return {
        "dialect": dialect(ids[1] is not None, request_id),
        "bucket_owner": _text(ids[0]),
        "canonical_id": _text(ids[1]),
        "bucket": _text(ids[2]),
        "at": when,
        "remote_ip": _text(address),
        "requester": _text(requester),
        "request_id": _text(request_id),
        "operation": operation,
        "key_raw": _text(key_raw),
        "key": None if key_raw == "-" else decode_key(key_raw, operation),
        "request_uri": _text(uri),
        "http_status": _status(status),
        "error_code": _text(error_code),
        "bytes_sent": sent or 0,
        "object_size": size,
        "total_ms": total,
        "turn_around_ms": turn_around,
        "referer": _text(referer),
        "user_agent": _text(user_agent),
        **_trailing(tail),
        "is_ambiguous": is_ambiguous,
    }


# --- the head: ids, time, address, requester, request id, operation, key ----------------------------


def _head(text: str) -> tuple[re.Match[str], tuple[str, str | None, str], datetime]:
    ids = _IDS.match(text)
    time = TIME.match(text, ids.end()) if ids else None
    head = _AFTER_TIME.match(text, time.end()) if time else None
    first = time if head else TIME.search(text)
    if first and _has_second_head(text, first.end()):
        raise Bad("GLUED_LINES")
    if not (ids and time and head):
        raise Bad(_why_no_head(text))
    return head, ids.group(1, 2, 3), _instant(time)  # type: ignore[return-value]


def _has_second_head(text: str, start: int) -> bool:
    for time in TIME.finditer(text, start):
        between = text[start : time.start()]
        if between.endswith(" ") and between.strip(" ") and _SECOND_HEAD.match(text, time.end()):
            return True
    return False


def _why_no_head(text: str) -> str:
    operation = _ANY_OPERATION.search(text)
    if operation and not any(_is_real(time) for time in TIME.finditer(text, 0, operation.start())):
        return "BAD_TIME"
    return "UNREADABLE" if len([word for word in text.split(" ") if word]) >= 17 else "SHORT_LINE"


def _is_real(time: re.Match[str]) -> bool:
    try:
        return bool(_instant(time))
    except Bad:
        return False


def _instant(time: re.Match[str]) -> datetime:
    day, month, year, hour, minute, second, sign, hours, minutes = time.groups()
    try:
        zone = UTC
        if (hours, minutes) != ("00", "00"):
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-offset if sign == "-" else offset)
        local = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=zone)
        at = local.astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        raise Bad("BAD_TIME") from None
    if at.year < 1970 or int(minutes) > 59:  # before the epoch is no log's time
        raise Bad("BAD_TIME")
    return at


def dialect(has_three_ids: bool, request_id: str) -> str:
    """Which way of writing the line follows, told by its own bytes."""
    if has_three_ids:
        return "three_id"
    return "ovh" if re.fullmatch(OVH_REQUEST_ID, request_id) else "aws"


def decode_key(key_raw: str, operation: str) -> str:
    """The object's key: AWS and OVH encode it twice, batch deletes and lifecycle records once."""
    if "%" not in key_raw and "+" not in key_raw:
        return key_raw
    key = unquote_plus(key_raw)
    if operation != "BATCH.DELETE.OBJECT" and not operation.startswith("S3."):
        key = unquote_plus(key)
    return key.replace("\0", "\ufffd")


# --- the block: status, error code, four numbers ----------------------------------------------------


def _block(text: str, start: int, bucket: str, key_raw: str) -> tuple[str, tuple[str, ...], int, bool]:
    """URI, the six words, where the referer begins, and whether the block is surely the server's."""
    no_uri = _NO_URI.match(text, start)
    if no_uri:
        block = _BLOCK.match(text, no_uri.end())
        if not block:
            raise Bad("SHORT_LINE")
        return "-", block.groups(), block.end(), True
    candidates = list(islice(_CANDIDATE.finditer(text, start), 2))
    if not candidates:
        raise Bad("SHORT_LINE")
    first = candidates[0]
    block = _BLOCK.match(text, first.end(1))
    uri = text[start : first.end(1)].lstrip(" ")
    request = _REQUEST.fullmatch(uri[1:-1]) if uri.startswith('"') else None
    is_sure = bool(request) and (len(candidates) == 1 or _server_vouches(request[1], bucket, key_raw))  # type: ignore[index]
    return uri[1:-1], block.groups(), block.end(), is_sure  # type: ignore[union-attr]


def _server_vouches(target: str, bucket: str, key_raw: str) -> bool:
    """The key is written by the server: where the target is just that path, it ended where the candidate says."""
    if "?" in target or key_raw == "-":
        return False
    path, key = (unquote_plus(unquote_plus(text)).lstrip("/") for text in (target, key_raw))
    return path in (key, f"{bucket}/{key}")


def _number(word: str) -> int | None:
    if word == "-":
        return None
    digits = _WHOLE_NUMBER.fullmatch(word)
    if not digits or int(digits[1]) > LARGEST_NUMBER:
        raise Bad("BAD_NUMBER")
    return int(digits[1])


def _status(word: str) -> int | None:
    status = _number(word)
    if status is not None and (len(word) != 3 or status < 100):
        raise Bad("BAD_NUMBER")
    return status


# --- referer, user agent, trailing fields -----------------------------------------------------------


def _agents(text: str, start: int) -> tuple[str, str, str, bool]:
    """Referer, user agent, the text of the trailing fields, and whether the cut was a choice."""
    if text[start] == "-":
        return _unquoted_referer(text, start)
    close = _closing_quote(text, start)
    inner = text[start + 1 : close]
    cut = _CUT.search(inner)
    if cut:
        is_ambiguous = len(_CUTS.findall(inner)) > 1
        return inner[: cut.start()], inner[cut.end() :], text[close + 1 :], is_ambiguous
    agent, tail = _dash(text[close + 1 :].lstrip(" "))
    return inner, agent, tail, False


def _unquoted_referer(text: str, start: int) -> tuple[str, str, str, bool]:
    referer, rest = _dash(text[start:])
    rest = rest.lstrip(" ")
    if not rest.startswith('"'):
        agent, tail = _dash(rest)
        return referer, agent, tail, False
    close = _closing_quote(rest, 0)
    return referer, rest[1:close], rest[close + 1 :], False


def _dash(text: str) -> tuple[str, str]:
    if text != "-" and not text.startswith("- "):
        raise Bad("SHORT_LINE")
    return "-", text[1:]


def _closing_quote(text: str, opening: int) -> int:
    """The last quote that a space or the line's end follows: a stray `";` at the end closes nothing."""
    close = len(text) - 1 if text.endswith('"') else text.rfind('" ')
    if close <= opening:
        raise Bad("SHORT_LINE")
    return close


def _trailing(tail: str) -> dict[str, str | None]:
    words = [word for word in tail.split(" ") if word]
    named = [_text(word) for word in words[:10]] + [None] * (10 - len(words))
    return dict(zip(TRAILING_FIELDS, (*named, _text(" ".join(words[10:])) or None), strict=True))


def _text(word: str | None) -> str | None:
    return None if word == "-" else word
