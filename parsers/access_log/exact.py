"""One line, exactly: the slow path, and the definition that the fast path must agree with.

The rules are those of docs/definitions.md ("Lines"). Providers write URI, referer and user agent without escaping, so a
client can plant quotes and whole blocks of numbers; nothing a client wrote may be taken for a number of the server,
and nothing it wrote decides that the server's numbers do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from parsers.access_log import bounds
from parsers.access_log.bounds import UNKNOWN, Bounds
from parsers.access_log.dialect import Dialect
from parsers.access_log.dialects import DIALECTS, of_lines
from parsers.access_log.fields import (
    Bad,
    Body,
    Cut,
    Head,
    head_of,
    null_of,
    trailing,
)
from schemas.vocabulary import FINISHED, OLD_LINE_HASH

LONGEST_LINE = 65_536
FUTURE_TOLERANCE = timedelta(hours=1)

_SYSLOG_PREFIX = re.compile(r"s3access-[^ ]*: ++")


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

    ``dialect``: the object's, "" where each line tells its own.
    """
    is_long = len(raw) > LONGEST_LINE
    raw = raw[:LONGEST_LINE]  # of a longer one no more is looked at, and unpack keeps no more
    if not is_long and not raw.strip():
        return Outcome(ignored="BLANK")
    text, is_lossy = readable(raw)
    text = text.strip(" ")
    line = _SYSLOG_PREFIX.sub("", text, count=1) if text.startswith("s3access-") else text
    head, row = None, DIALECTS[dialect] if dialect else of_lines()[-1]
    try:
        head = head_of(line)
        row = row if dialect else of_line(head)
        outcome = _record(line, head, row, is_long=is_long)
    except Bad as bad:
        if is_long and not bad.words:
            return Outcome(rejected="LONG_LINE")
        is_cut_off = bad.reason == "SHORT_LINE" and head is not None and not bad.has_block
        blocks = [bad.words, *bad.others] if bad.words else ()
        found = bounds.of_reject(line, bad.reason, blocks, row.bounds, is_cut_off=is_cut_off)
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


def of_line(head: Head) -> Dialect:
    """Which way of writing the line follows, told by its own bytes."""
    *marked, last = of_lines()
    return next((dialect for dialect in marked if _bears_mark(head, dialect)), last)


def _bears_mark(head: Head, dialect: Dialect) -> bool:
    if dialect.has_three_ids:
        return head.canonical_id is not None
    return re.search(dialect.request_ids, head.request_id) is not None


def _record(text: str, head: Head, dialect: Dialect, *, is_long: bool) -> Outcome:
    """The record that the line begins with; raises ``Bad`` where its block is not sure, or no record."""
    try:
        cut = dialect.cut(text, head)
    except Bad as bad:
        raise Bad("GLUED_LINES") if head.second >= 0 else bad from None
    if 0 <= head.second < cut.rest and not cut.is_vouched:
        raise Bad("GLUED_LINES")
    is_followed = head.second >= cut.rest
    try:
        body = dialect.body(text, head, cut, is_whole=not (is_long or is_followed))
    except Bad as bad:
        bad.others = cut.others
        raise
    more = bounds.more_of_one(body.bytes_sent, cut.others, dialect.bounds)
    if is_followed:
        several = bounds.more_of_several(text, head.second, dialect.bounds)
        more, is_long = max(more, several or 0), is_long or several is None
    return Outcome(_fields(head, cut, body, dialect), more_bytes=more, is_unsized=is_long)


def _fields(head: Head, cut: Cut, body: Body, dialect: Dialect) -> dict[str, Any]:
    numbers, agents = body.numbers, body.agents
    return {
        "dialect": dialect.name,
        "bucket_owner": null_of(head.bucket_owner),
        "canonical_id": null_of(head.canonical_id),
        "bucket": null_of(head.bucket),
        "at": head.at,
        "remote_ip": null_of(head.remote_ip),
        "requester": null_of(head.requester),
        "request_id": null_of(head.request_id),
        "operation": head.operation,
        "key_raw": null_of(cut.key_raw),
        "key": None if cut.key_raw == "-" else dialect.decoded(cut.key_raw, head.operation),
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
