"""One line, exactly: the slow path, and the definition that the fast path must agree with.

The rules are those of docs/definitions.md ("Lines"). Providers write URI, referer and user agent without escaping, so a
client can plant quotes and whole blocks of numbers; nothing a client wrote may be taken for a number of the server,
and nothing it wrote decides that the server's numbers do not count.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

from parsers.access_log import bounds, raw_keys
from parsers.access_log.bounds import UNKNOWN, Bounds
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
    head_of,
    null_of,
    numbers_of,
    trailing,
)
from schemas.vocabulary import FINISHED, OLD_LINE_HASH

LONGEST_LINE = 65_536
FUTURE_TOLERANCE = timedelta(hours=1)

OVH_REQUEST_ID = r"^tx[0-9A-Fa-f]{21}-[0-9A-Fa-f]{10}$"
_SYSLOG_PREFIX = re.compile(r"s3access-[^ ]*: ++")
_CANDIDATE = re.compile(rf"(?= HTTP/[0-9.]+(\") ++(-|-?[0-9]++){FIVE_WORDS}[\"-])")
_NO_URI = re.compile(r' ++(?:-|"-")(?= )')
_BLOCK = re.compile(rf" ++([^ ]++){FIVE_WORDS}(?=[\"-])")
_URI = re.compile(r' ++"[^ ]++ [^ ]++ HTTP/[0-9.]++(?=" )')
_HELD_AGAINST_THE_KEY = 20  # candidates; a store that lets more of them into a URI has none of the dialects we read
# Operations whose key is the target's path.
_OF_A_PATH = re.compile(r"REST\.(?:GET|HEAD|PUT|DELETE)\.")


@dataclass(frozen=True, slots=True)
class Context:
    """What a line cannot say itself: the secret of its hash, the log bucket's name, when its object was last modified.

    ``line_hash``: which hash it is (schemas.vocabulary.LINE_HASHES), ``seed``: its secret as a number. ``timestamp``:
    what that of a generation is (schemas.vocabulary.TIMESTAMPS), in event files.
    """

    seed: int
    last_modified: datetime
    log_bucket: str = ""
    line_hash: str = OLD_LINE_HASH
    timestamp: str = FINISHED

    @property
    def latest(self) -> datetime:
        return self.last_modified + FUTURE_TOLERANCE


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exactly one of: ``fields`` (a row of PARSED without its place and its hash), ``rejected`` or ``ignored`` (the
    reason).

    ``bounds``: of a reject, what it may stand for. Of a record: at most ``more_bytes`` beyond those that are counted,
    and ``is_unsized`` where the line may hold others whose bytes nothing on it tells.
    """

    fields: dict[str, Any] | None = None
    rejected: str = ""
    ignored: str = ""
    bounds: Bounds = UNKNOWN
    more_bytes: int = 0
    is_unsized: bool = False


def read_line(raw: bytes, context: Context, dialect: str = "") -> Outcome:
    """What becomes of a line. ``raw`` is what stands between two newlines, without a trailing carriage return.

    ``dialect``: of the object where it is Ceph's or Scality's; the others are told by the line itself.
    """
    is_long = len(raw) > LONGEST_LINE
    raw = raw[:LONGEST_LINE]  # of a longer one no more is looked at, and unpack keeps no more
    if not is_long and not raw.strip():
        return Outcome(ignored="BLANK")
    text, is_lossy = readable(raw)
    text = text.strip(" ")
    line = _SYSLOG_PREFIX.sub("", text, count=1) if text.startswith("s3access-") else text
    head = None
    try:
        head = head_of(line)
        outcome = _record(line, head, dialect, is_long=is_long)
    except Bad as bad:
        if is_long and not bad.words:
            return Outcome(rejected="LONG_LINE")
        is_cut_off = bad.reason == "SHORT_LINE" and head is not None and not bad.has_block
        blocks = [bad.words, *bad.others] if bad.words else ()
        found = bounds.of_reject(line, bad.reason, blocks, dialect, is_cut_off=is_cut_off)
        return Outcome(rejected="LONG_LINE" if is_long else bad.reason, bounds=found)
    fields = outcome.fields
    assert fields is not None
    if fields["at"] > context.latest:
        return Outcome(
            rejected="FUTURE_TIME", bounds=Bounds(fields["bytes_sent"], fields["bytes_sent"] + outcome.more_bytes)
        )
    if context.log_bucket and fields["bucket"] == context.log_bucket:
        return Outcome(ignored="LOG_BUCKET")
    fields["is_lossy_text"] |= is_lossy
    return outcome


def readable(raw: bytes) -> tuple[str, bool]:
    """The text of a line, and whether bytes that are no UTF-8, or NUL, had to be replaced."""
    try:
        text, is_lossy = raw.decode(), False
    except UnicodeDecodeError:
        text, is_lossy = raw.decode(errors="replace"), True
    return (text.replace("\0", "\ufffd"), True) if "\0" in text else (text, is_lossy)


def _record(text: str, head: Head, dialect: str, *, is_long: bool) -> Outcome:
    """The record that the line begins with; raises ``Bad`` where its block is not sure, or no record."""
    cut_of, body_of = _READERS.get(dialect, (_cut, _body))
    try:
        cut = cut_of(text, head)
    except Bad as bad:
        raise Bad("GLUED_LINES") if head.second >= 0 else bad from None
    if 0 <= head.second < cut.rest and not cut.is_vouched:
        raise Bad("GLUED_LINES")
    is_followed = head.second >= cut.rest
    try:
        body = body_of(text, head, cut, is_whole=not (is_long or is_followed))
    except Bad as bad:
        bad.others = cut.others
        raise
    more = bounds.more_of_one(body.bytes_sent, cut.others, dialect)
    if is_followed:
        several = bounds.more_of_several(text, head.second, dialect)
        more, is_long = max(more, several or 0), is_long or several is None
    return Outcome(_fields(head, cut, body, dialect), more_bytes=more, is_unsized=is_long)


def _fields(head: Head, cut: Cut, body: Body, dialect: str) -> dict[str, Any]:
    numbers, agents = body.numbers, body.agents
    return {
        "dialect": dialect or dialect_of(head.canonical_id is not None, head.request_id),
        "bucket_owner": null_of(head.bucket_owner),
        "canonical_id": null_of(head.canonical_id),
        "bucket": null_of(head.bucket),
        "at": head.at,
        "remote_ip": null_of(head.remote_ip),
        "requester": null_of(head.requester),
        "request_id": null_of(head.request_id),
        "operation": head.operation,
        "key_raw": null_of(cut.key_raw),
        "key": None if cut.key_raw == "-" else cut.key,
        "request_uri": null_of(body.request_uri),
        "http_status": numbers.http_status,
        "error_code": null_of(numbers.error_code),
        "bytes_sent": body.bytes_sent,
        "object_size": numbers.object_size,
        "total_ms": numbers.total_ms,
        "turn_around_ms": numbers.turn_around_ms,
        "referer": null_of(agents.referer),
        "user_agent": null_of(agents.user_agent),
        **trailing(agents.tail),
        "is_lossy_text": body.is_lossy,
        "is_ambiguous": agents.is_ambiguous,
    }


def dialect_of(has_three_ids: bool, request_id: str) -> str:
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


# --- AWS, OVH, three ids: nothing is escaped, the key is encoded -------------------------------------


def _body(text: str, head: Head, cut: Cut, *, is_whole: bool) -> Body:
    agents = texts_of(cut, lambda: agents_of(text, cut.rest)) if is_whole else NOT_KNOWN
    if not cut.is_sure:
        raise Bad("AMBIGUOUS")
    numbers = numbers_of(cut.words)
    return Body(cut.uri, numbers, numbers.bytes_sent or 0, agents)


def texts_of(cut: Cut, read: Callable[[], Agents]) -> Agents:
    """Referer and user agent; where they cannot be read, the line's block still bounds what it stands for."""
    try:
        return read()
    except Bad as bad:
        raise Bad(bad.reason, cut.words if cut.is_sure else (), has_block=True) from None


def _cut(text: str, head: Head) -> Cut:
    """Key, URI and block. A target holds no raw space, so the first three words behind the key are the URI."""
    key = decode_key(head.key_raw, head.operation)
    no_uri = _NO_URI.match(text, head.end)
    if no_uri:
        block = _BLOCK.match(text, no_uri.end())
        if not block:
            raise Bad("SHORT_LINE")
        return Cut(head.key_raw, key, "-", block.groups(), block.end())
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
    return Cut(head.key_raw, key, uri, block.groups(), block.end(), which is not None, is_vouched, others)


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
    path, key = _decoded(target), _decoded(head.key_raw)
    return path in (key, f"{head.bucket}/{key}")


def _is_longer(head: Head, target: str) -> bool:
    """The key goes on behind the target with a space: a target that holds one, and did not end there."""
    if "?" in target or not _OF_A_PATH.match(head.operation):
        return False
    path, key = _decoded(target), _decoded(head.key_raw)
    return key.startswith(f"{path} ") or f"{head.bucket}/{key}".startswith(f"{path} ")


def _decoded(text: str) -> str:
    return unquote_plus(unquote_plus(text)).lstrip("/")


_READERS: dict[str, tuple[Callable[[str, Head], Cut], Callable[..., Body]]] = {
    "ceph": (raw_keys.cut, raw_keys.ceph),
    "scality": (raw_keys.cut, raw_keys.scality),
}
