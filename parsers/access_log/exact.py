"""One line, exactly: the slow path, and the definition that the fast path must agree with.

The rules are those of docs/definitions.md ("Lines"). Providers write URI, referer and user agent without escaping, so a
client can plant quotes and whole blocks of numbers; nothing a client wrote may be taken for a number of the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

from parsers.access_log import raw_keys
from parsers.access_log.fields import (
    FIVE_WORDS,
    REQUEST,
    Bad,
    Body,
    Head,
    agents_of,
    head_of,
    null_of,
    numbers_of,
    trailing,
)
from schemas.vocabulary import OLD_LINE_HASH

LONGEST_LINE = 65_536
FUTURE_TOLERANCE = timedelta(hours=1)

OVH_REQUEST_ID = r"^tx[0-9A-Fa-f]{21}-[0-9A-Fa-f]{10}$"
_SYSLOG_PREFIX = re.compile(r"s3access-[^ ]*: ++")
_CANDIDATE = re.compile(rf"(?= HTTP/[0-9.]+(\") ++(-|-?[0-9]++){FIVE_WORDS}[\"-])")
_NO_URI = re.compile(r' ++(?:-|"-")(?= )')
_BLOCK = re.compile(rf" ++([^ ]++){FIVE_WORDS}(?=[\"-])")


@dataclass(frozen=True, slots=True)
class Context:
    """What a line cannot say itself: the secret of its hash, the log bucket's name, when its object was last modified.

    ``line_hash``: which hash it is (schemas.vocabulary.LINE_HASHES), ``seed``: its secret as a number.
    """

    seed: int
    last_modified: datetime
    log_bucket: str = ""
    line_hash: str = OLD_LINE_HASH

    @property
    def latest(self) -> datetime:
        return self.last_modified + FUTURE_TOLERANCE


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exactly one of: ``fields`` (a row of PARSED without its place and its hash), ``rejected`` or ``ignored`` (the
    reason)."""

    fields: dict[str, Any] | None = None
    rejected: str = ""
    ignored: str = ""


def read_line(raw: bytes, context: Context, dialect: str = "") -> Outcome:
    """The outcome of one line. ``raw`` is what stands between two newlines, without a trailing carriage return.

    ``dialect``: of the object where it is Ceph's or Scality's; the others are told by the line itself.
    """
    if len(raw) > LONGEST_LINE:
        return Outcome(rejected="LONG_LINE")
    if not raw.strip():
        return Outcome(ignored="BLANK")
    text, is_lossy = readable(raw)
    try:
        fields = _fields(text.rstrip(" "), dialect)
    except Bad as bad:
        return Outcome(rejected=str(bad))
    if fields["at"] > context.latest:
        return Outcome(rejected="FUTURE_TIME")
    if context.log_bucket and fields["bucket"] == context.log_bucket:
        return Outcome(ignored="LOG_BUCKET")
    fields["is_lossy_text"] |= is_lossy
    return Outcome(fields=fields)


def readable(raw: bytes) -> tuple[str, bool]:
    """The text of a line, and whether bytes that are no UTF-8, or NUL, had to be replaced."""
    try:
        text, is_lossy = raw.decode(), False
    except UnicodeDecodeError:
        text, is_lossy = raw.decode(errors="replace"), True
    return (text.replace("\0", "\ufffd"), True) if "\0" in text else (text, is_lossy)


def _fields(line: str, dialect: str) -> dict[str, Any]:
    line = line.lstrip(" ")
    text = _SYSLOG_PREFIX.sub("", line, count=1) if line.startswith("s3access-") else line
    head = head_of(text)
    body = _BODIES.get(dialect, _unescaped)(text, head)
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
        "key_raw": null_of(body.key_raw),
        "key": None if body.key_raw == "-" else body.key,
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


def _unescaped(text: str, head: Head) -> Body:
    uri, words, rest, is_sure = _block(text, head.end, head.bucket, head.key_raw)
    agents = agents_of(text, rest)
    if not is_sure:
        raise Bad("AMBIGUOUS")
    numbers = numbers_of(words)
    key = decode_key(head.key_raw, head.operation)
    return Body(head.key_raw, key, uri, numbers, numbers.bytes_sent or 0, agents)


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
    request = REQUEST.fullmatch(uri[1:-1]) if uri.startswith('"') else None
    is_sure = bool(request) and (len(candidates) == 1 or _server_vouches(request[1], bucket, key_raw))  # type: ignore[index]
    return uri[1:-1], block.groups(), block.end(), is_sure  # type: ignore[union-attr]


def _server_vouches(target: str, bucket: str, key_raw: str) -> bool:
    """The key is written by the server: where the target is just that path, it ended where the candidate says."""
    if "?" in target or key_raw == "-":
        return False
    path, key = (unquote_plus(unquote_plus(text)).lstrip("/") for text in (target, key_raw))
    return path in (key, f"{bucket}/{key}")


_BODIES: dict[str, Callable[[str, Head], Body]] = {"ceph": raw_keys.ceph, "scality": raw_keys.scality}
