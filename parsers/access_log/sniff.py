"""What a log object is, told by its first bytes: an access log we read, or something to be refused by name.

Never by the object's name or date. Single odd lines are no reason to refuse: only a format that is positively
something else, or a text in which nothing looks like a record, is.
"""

from __future__ import annotations

import re

from parsers.access_log.exact import OPERATION, TIME

SAMPLE_BYTES = 65_536
_SAMPLE_LINES = 20
_ENOUGH_LINES_TO_JUDGE = 5

_RECORD = re.compile(rf"[^ \"{{<\[]+ +(?:[^ ]+ +)?[^ ]+ +{TIME.pattern} +")
_CEPH_JOURNAL = re.compile(rf"[^ ]+ +[^ ]+ +{TIME.pattern} +{OPERATION.pattern} ")
_CEPH = (
    re.compile(rf"[^ ]+ +[^ ]+:[^ ]+ +{TIME.pattern} "),
    re.compile(rf"[^ ]+ +[^ ]+ +{TIME.pattern} +[^ ]+ +[^ ]+ +[0-9A-Za-z-]+(?:\.[0-9]+){{2,}} "),
)
_SCALITY = (
    re.compile(rf"- +[^ ]+ +{TIME.pattern} "),
    re.compile(
        rf'[^ ]+ +[^ ]+ +{TIME.pattern} [^"]*"[A-Z]+ [^ ]+ HTTP/[0-9.]+" +[0-9]{{3}} +[^ ]+ +(?:-|[0-9]+) '
        r'+(?:-|[0-9]+) +(?:[0-9]+\.[0-9]+ +[^ ]+|[^ ]+ +[0-9]+\.[0-9]+) +["-]'
    ),
)


class Refused(Exception):
    """The whole object is refused: ``reason`` is one of schemas.vocabulary.REFUSALS, ``detail`` says what was seen."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def sniff(begin: bytes) -> None:
    """Raises ``Refused`` unless the first bytes of the (unpacked) object may be an access log."""
    text = begin[:SAMPLE_BYTES].decode(errors="replace").removeprefix("\ufeff")
    sample = [line.strip() for line in text.split("\n") if line.strip()][:_SAMPLE_LINES]
    for seen, first in _FOREIGN:
        if sample and sample[0].lower().startswith(first) and not _RECORD.match(sample[-1]):
            raise Refused("NOT_AN_ACCESS_LOG", f"the object looks like {seen}")
    records = [line for line in sample if _RECORD.match(line)]
    if records:
        _refuse_dialect(records)
        return
    looks_like_log = any(TIME.search(line) or OPERATION.search(line) for line in sample)
    if b"\0" in begin[:1024] and not looks_like_log:
        raise Refused("NOT_AN_ACCESS_LOG", "the object is binary")
    if len(sample) >= _ENOUGH_LINES_TO_JUDGE and not looks_like_log:
        raise Refused("NOT_AN_ACCESS_LOG", f"none of its first {len(sample)} lines looks like an access-log record")


_FOREIGN = (
    ("JSON", ("{", "[")),
    ("HTML or XML", ("<",)),
    ("a CloudFront log (TSV)", ("#version:", "#fields:")),
)


def _refuse_dialect(records: list[str]) -> None:
    """By most of the records: one line that a client made look strange must not cost the others."""

    def are_mostly(*patterns: re.Pattern[str]) -> bool:
        return 2 * sum(any(pattern.match(line) for pattern in patterns) for line in records) > len(records)

    if are_mostly(_CEPH_JOURNAL):
        raise Refused("NOT_AN_ACCESS_LOG", "the object is a Ceph journal, which has no requests")
    if are_mostly(*_CEPH):
        raise Refused("UNSUPPORTED_DIALECT_CEPH", "the lines are Ceph's; this dialect is not read yet")
    if are_mostly(*_SCALITY):
        raise Refused("UNSUPPORTED_DIALECT_SCALITY", "the lines are Scality's; this dialect is not read yet")
