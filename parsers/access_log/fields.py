"""What the lines of every dialect have in common: ids, time, requester and operation; numbers; trailing fields.

The rules are those of docs/definitions.md ("Lines"). ``Bad`` says why a line is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from schemas.records import TRAILING_FIELDS
from schemas.vocabulary import LARGEST_BYTES, LONGEST_MS

# Only a space separates words: \s would also cut at characters that a client may write. Possessive quantifiers (`++`)
# throughout: a hostile line must not make a pattern backtrack. The server writes no quote into the words of a head.
_BARE = r'[^ "]++'
_OPERATION = r"(?:REST|WEBSITE|SOAP|BATCH|S3)(?:\.[A-Za-z0-9_-]++){1,3}(?= |\Z)"
TIME = re.compile(
    r"\[([0-9]{2})/([A-Za-z]{3})/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})\]"
)
OPERATION = re.compile(_OPERATION)
_IDS = re.compile(r"([^ ]++) ++(?:([^ ]++) ++)?([^ ]++) ++(?=\[)")
_AFTER_TIME = re.compile(rf" ++({_BARE}) ++({_BARE}(?: ++{_BARE})*?) ++({_BARE}) ++({_OPERATION}) ++([^ ]++)")
_SECOND_HEAD = re.compile(rf"(?: ++{_BARE}){{3,40}}? ++{_OPERATION} ++[^ ]")
_ANY_OPERATION = re.compile(rf"(?<![^ ]){_OPERATION}")
FIVE_WORDS = r" ++([^ ]++) ++([^ ]++) ++([^ ]++) ++([^ ]++) ++([^ ]++) ++"
REQUEST = re.compile(r"[^ ]+ ([^ ]+) HTTP/[0-9.]+")
_WHOLE_NUMBER = re.compile(r"0*([0-9]{1,19})")
_CUT = re.compile(r'" ++"')
_CUTS = re.compile(r'(?=" ++")')
_MONTHS = {
    name: n
    for n, name in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}


class Bad(Exception):
    """The line's outcome is a reject; ``words``: its block, where that is sure, and ``others``: what else reads like
    one; ``has_block``: it is on the line, but which it is may not be sure."""

    others: Sequence[Sequence[str]] = ()

    def __init__(self, reason: str, words: Sequence[str] = (), *, has_block: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.words = words
        self.has_block = has_block


class Head(NamedTuple):
    """``key_raw`` is the word behind the operation; ``operation_end`` and ``end`` are where the two end.
    ``second``: where the time of another head stands, -1 where there is none."""

    bucket_owner: str
    canonical_id: str | None
    bucket: str
    at: datetime
    remote_ip: str
    requester: str
    request_id: str
    operation: str
    key_raw: str
    operation_end: int
    end: int
    second: int


# --- the head: ids, time, address, requester, request id, operation, key ----------------------------


def head_of(text: str) -> Head:
    """The begin of a line; raises ``Bad`` where it is none, or where a second one follows."""
    ids = _IDS.match(text)
    time = TIME.match(text, ids.end()) if ids else None
    head = _AFTER_TIME.match(text, time.end()) if time else None
    first = time if head else TIME.search(text)
    second = _second_head(text, first.end()) if first else -1
    if second >= 0 and not (head and second > head.end(4)):
        raise Bad("GLUED_LINES")  # of what stands before the operation, nobody knows which record's it is
    if not (ids and time and head):
        raise Bad(_why_no_head(text))
    owner, canonical_id, bucket = ids.groups()
    address, requester, request_id, operation, key_raw = head.groups()
    try:
        at = _instant(time)
    except Bad:
        raise Bad("GLUED_LINES" if second >= 0 else "BAD_TIME") from None
    return Head(
        owner, canonical_id, bucket, at, address, requester, request_id, operation, key_raw,
        head.end(4), head.end(), second,
    )  # fmt: skip


def _second_head(text: str, start: int) -> int:
    """Where the time of a second head stands, -1 where there is none."""
    for time in TIME.finditer(text, start):
        between = text[start : time.start()]
        if between.endswith(" ") and between.strip(" ") and _SECOND_HEAD.match(text, time.end()):
            return time.start()
    return -1


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


# --- the block: status, error code, four numbers ----------------------------------------------------


class Numbers(NamedTuple):
    """The block as logged, ``-`` as None: ``bytes_sent`` too, since not every dialect means zero by it."""

    http_status: int | None
    error_code: str
    bytes_sent: int | None
    object_size: int | None
    total_ms: int | None
    turn_around_ms: int | None


def numbers_of(words: Sequence[str], milliseconds: Callable[[str], int | None] | None = None) -> Numbers:
    """The six words of a block; ``milliseconds`` reads the two times where they are no whole numbers."""
    status, error_code, sent, size, total, turn_around = words
    time_of = milliseconds or number
    try:
        times = time_of(total), time_of(turn_around)
        return Numbers(_status(status), error_code, number(sent, LARGEST_BYTES), number(size, LARGEST_BYTES), *times)
    except Bad as bad:
        raise Bad(bad.reason, words) from None


def number(word: str, largest: int = LONGEST_MS) -> int | None:
    """A whole number that may be; ``-`` is None."""
    if word == "-":
        return None
    digits = _WHOLE_NUMBER.fullmatch(word)
    if not digits or int(digits[1]) > largest:
        raise Bad("BAD_NUMBER")
    return int(digits[1])


def _status(word: str) -> int | None:
    status = number(word)
    if status is not None and (len(word) != 3 or status < 100):
        raise Bad("BAD_NUMBER")
    return status


# --- referer, user agent, trailing fields -----------------------------------------------------------


class Agents(NamedTuple):
    """``tail`` is the text of the trailing fields; ``is_ambiguous`` says that the cut was a choice."""

    referer: str
    user_agent: str
    tail: str
    is_ambiguous: bool = False


NOT_KNOWN = Agents("-", "-", "", is_ambiguous=True)
"""Of a line behind whose block another record may stand: what is whose there, nobody can tell."""


class Cut(NamedTuple):
    """A line behind its operation, cut at its block: the ``words`` of it, and where the referer begins (``rest``).

    ``uri`` without its quotes. ``others``: the words of what else on the line reads like a block. ``is_vouched``: the
    server's own key says that the target ended there.
    """

    key_raw: str
    uri: str
    words: tuple[str, ...]
    rest: int
    is_sure: bool = True
    is_vouched: bool = False
    others: tuple[tuple[str, ...], ...] = ()


class Body(NamedTuple):
    """What a dialect has read behind the operation; ``bytes_sent`` is what it means by them."""

    request_uri: str
    numbers: Numbers
    bytes_sent: int
    agents: Agents
    is_lossy: bool = False


def agents_of(text: str, start: int) -> Agents:
    """Referer and user agent as they are written without any escaping, each quoted or an unquoted ``-``."""
    if text[start] == "-":
        return _unquoted_referer(text, start)
    close = closing_quote(text, start)
    inner = text[start + 1 : close]
    cut = _CUT.search(inner)
    if cut:
        is_ambiguous = len(_CUTS.findall(inner)) > 1
        return Agents(inner[: cut.start()], inner[cut.end() :], text[close + 1 :], is_ambiguous)
    return Agents(inner, *dash(text[close + 1 :].lstrip(" ")))


def _unquoted_referer(text: str, start: int) -> Agents:
    referer, rest = dash(text[start:])
    rest = rest.lstrip(" ")
    if not rest.startswith('"'):
        return Agents(referer, *dash(rest))
    close = closing_quote(rest, 0)
    return Agents(referer, rest[1:close], rest[close + 1 :])


def dash(text: str) -> tuple[str, str]:
    """The unquoted ``-`` that the text begins with, and what follows it."""
    if text != "-" and not text.startswith("- "):
        raise Bad("SHORT_LINE")
    return "-", text[1:]


def closing_quote(text: str, opening: int) -> int:
    """The last quote that a space or the line's end follows: a stray `";` at the end closes nothing."""
    close = len(text) - 1 if text.endswith('"') else text.rfind('" ')
    if close <= opening:
        raise Bad("SHORT_LINE")
    return close


def trailing(tail: str) -> dict[str, str | None]:
    words = [word for word in tail.split(" ") if word]
    named = [null_of(word) for word in words[:10]] + [None] * (10 - len(words))
    return dict(zip(TRAILING_FIELDS, (*named, null_of(" ".join(words[10:])) or None), strict=True))


def null_of(word: str | None) -> str | None:
    return None if word == "-" else word
