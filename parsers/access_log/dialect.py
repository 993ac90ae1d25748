"""What an access-log dialect has to say of itself: the row that each file of `dialects/` holds one of.

There are two kinds. A dialect whose ``object_marks`` most records of an object bear belongs to the whole object, and
brings its own pattern. All others differ line by line in their names and in how a key is decoded: they are read in one
form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from parsers.access_log.bounds import Bounds, as_sent
from parsers.access_log.fields import OPERATION, TIME, Body, Cut, Head
from schemas.begins import Begins

# Ids that Swift and Ceph give (OVH's are Swift's) end in the second in which the request came in, in ten hex digits.
# A gateway in front of Swift hands them on, so that an id of this shape tells the begin in whatever dialect.
SWIFT_BEGINS = Begins(in_id=r"^tx[0-9A-Fa-f]{21}-([0-9A-Fa-f]{10})(?:-|$)")

# --- sniffing: what a record begins with -----------------------------------------------------------
SNIFFED_IDS = r"[^ \"{<\[]+ +(?:[^ ]+ +)?[^ ]+ +"
SNIFFED_HEAD = rf"{SNIFFED_IDS}{TIME.pattern}(?: +[^ \"]+){{2,8}}? +"
SNIFFED_OPERATION = OPERATION.pattern

# --- the fast path: what a pattern begins and ends with ----------------------------------------------
WORD = r'[^ "\[]+'
FAST_OPERATION = r"(?:REST|WEBSITE|SOAP|BATCH|S3)(?:\.[A-Za-z0-9_-]+){1,3}"
_NUMBER = r"-|[0-9]{1,19}"
PATTERN_BEGIN = (
    rf"^(?P<owner>{WORD}) (?P<bucket>{WORD}) (?P<clock>\[[^ \]]+ [^ \]]+\]) (?P<address>{WORD}) (?P<requester>{WORD}) "
    rf"(?P<request_id>{WORD}) (?P<operation>{FAST_OPERATION}) (?P<key_raw>{WORD}(?: {WORD})*) "
    rf'"(?P<uri>[A-Za-z-]+ [^ "\\\[]+ HTTP/[0-9.]+)" (?P<status>-|[1-9][0-9]{{2}}) (?P<error_code>{WORD}) '
    rf"(?P<sent>{_NUMBER}) (?P<size>{_NUMBER}) "
)
PATTERN_END = rf"(?P<tail>(?: {WORD})*)$"


def sent_as_logged() -> pl.Expr:
    """The bytes of a response, where the field means them."""
    return pl.col("sent_n").fill_null(0)


def verbatim(key_raw: str, operation: str) -> str:
    """The key of a dialect that does not encode it."""
    return key_raw


class ReadsBody(Protocol):
    """Reads what stands behind the operation; ``is_whole``: up to the line's end."""

    def __call__(self, text: str, head: Head, cut: Cut, *, is_whole: bool) -> Body: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """The fast path of a dialect that belongs to the object.

    ``regex``: well-formed lines, in groups from PATTERN_BEGIN's to PATTERN_END's with ``total``, ``turn_around``,
    ``referer`` and ``agent`` between them. It must not match what the exact path would read otherwise.
    ``milliseconds`` reads a time's word, ``bytes_sent`` what of ``operation``, ``status_n``, ``sent_n`` and ``size_n``
    was sent.
    """

    regex: str
    milliseconds: Callable[[pl.Expr], pl.Expr]
    bytes_sent: Callable[[], pl.Expr] = sent_as_logged


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A row of DIALECTS.

    How it is sniffed: ``object_marks`` (one of them matches most of an object's records), or else, line by line,
    ``has_three_ids`` and ``request_ids``; the dialect without any of these is what the others are not.
    ``refused``: marks of objects that the same server writes and that hold no requests, by what they are.

    Its pattern: ``cut`` and ``body`` read a line exactly, ``pattern`` most lines at once. Its times: in both of them;
    ``begins`` says when a request began. Its keys: ``decoded`` (key, operation), which leaves alone what holds neither
    ``%`` nor ``+``. Its bytes: ``bounds`` of what a block may stand for (bytes sent, object size), and ``more_bytes``,
    by how much a record that is read may have sent more.
    """

    name: str
    cut: Callable[[str, Head], Cut]
    body: ReadsBody
    decoded: Callable[[str, str], str]
    object_marks: tuple[re.Pattern[str], ...] = ()
    has_three_ids: bool = False
    request_ids: str = ""
    refused: dict[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    pattern: Pattern | None = None
    begins: Begins = SWIFT_BEGINS
    bounds: Callable[[int | None, int | None], Bounds] = as_sent
    more_bytes: pl.Expr | None = None

    @property
    def is_of_objects(self) -> bool:
        return bool(self.object_marks)
