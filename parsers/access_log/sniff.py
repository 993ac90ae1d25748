"""What a log object is, told by its first bytes: an access log and its dialect, or something to be refused by name.

Never by the object's name or date. Single odd lines are no reason to refuse: only a format that is positively
something else, or a text in which nothing looks like a record, is.
"""

from __future__ import annotations

import re

from parsers.access_log.fields import OPERATION, TIME

SAMPLE_BYTES = 65_536
_SAMPLE_LINES = 20
_ENOUGH_LINES_TO_JUDGE = 5

_IDS = r"[^ \"{<\[]+ +(?:[^ ]+ +)?[^ ]+ +"
_HEAD = rf"{_IDS}{TIME.pattern}(?: +[^ \"]+){{2,8}}? +"
_RECORD = re.compile(rf"{_IDS}{TIME.pattern} +")
# As the server writes it, or as its documents have it: the key first.
_CEPH_JOURNAL = (
    re.compile(rf"{_IDS}{TIME.pattern} +{OPERATION.pattern} "),
    re.compile(rf"{_IDS}{TIME.pattern} +(?:[^ \"]+ +){{1,2}}{OPERATION.pattern}(?![^\"]*\")"),
)
_CEPH = (
    re.compile(rf"[^ ]+ +[^ ]+:[^ ]+ +{TIME.pattern} "),
    re.compile(rf"{_HEAD}[0-9A-Za-z-]+(?:\.[0-9]+){{2,}} +{OPERATION.pattern} "),
    re.compile(rf"{_HEAD}tx[0-9a-f]{{21}}-[0-9a-f]{{10}}-[0-9a-f]+-[^ ]+ +{OPERATION.pattern} "),
)
_NUMBER, _QUOTED = r" +(?:-|[0-9]+)", r'(?:-|"(?:[^"\\]|\\.)*+")'
_SCALITY = (
    re.compile(rf"- +[^ ]+ +{TIME.pattern} "),
    re.compile(rf"{_HEAD}[0-9a-f]{{20}}(?::[0-9a-f]{{20}})*+ +{OPERATION.pattern} "),
    # Only a whole line will do: part of one is what a client can write.
    re.compile(
        rf'{_IDS}{TIME.pattern} [^"]*"[A-Z]+ [^ ]+ HTTP/[0-9.]+" +[0-9]{{3}} +[^ ]+{_NUMBER}{_NUMBER}'
        rf" +(?:[0-9]+\.[0-9]+ +[^ ]+|[^ ]+ +[0-9]+\.[0-9]+) +{_QUOTED} +{_QUOTED}(?: +[^ \"]+){{9}}\Z"
    ),
)
_DIALECTS = (("ceph", _CEPH), ("scality", _SCALITY))


class Refused(Exception):
    """The whole object is refused: ``reason`` is one of schemas.vocabulary.REFUSALS, ``detail`` says what was seen."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def sniff(begin: bytes) -> str:
    """The dialect of the (unpacked) object by its first bytes; "" where each line tells its own.

    Raises ``Refused`` unless it may be an access log.
    """
    text = begin[:SAMPLE_BYTES].decode(errors="replace").removeprefix("\ufeff")
    sample = [line.strip() for line in text.split("\n") if line.strip()][:_SAMPLE_LINES]
    if begin.startswith(b"PAR1"):
        raise Refused("NOT_AN_ACCESS_LOG", "the object is a Parquet file")
    if sample and not _RECORD.match(sample[-1]):
        _refuse_foreign(sample[0].lower(), text)
    records = [line for line in sample if _RECORD.match(line)]
    if records:
        return _dialect_of(records)
    looks_like_log = any(TIME.search(line) or OPERATION.search(line) for line in sample)
    if b"\0" in begin[:1024] and not looks_like_log:
        raise Refused("NOT_AN_ACCESS_LOG", "the object is binary")
    if len(sample) >= _ENOUGH_LINES_TO_JUDGE and not looks_like_log:
        raise Refused("NOT_AN_ACCESS_LOG", f"none of its first {len(sample)} lines looks like an access-log record")
    return ""


def _dialect_of(records: list[str]) -> str:
    """By most of the records: one line that a client made look strange must not cost the others."""

    def are_mostly(*patterns: re.Pattern[str]) -> bool:
        return 2 * sum(any(pattern.match(line) for pattern in patterns) for line in records) > len(records)

    if are_mostly(*_CEPH_JOURNAL):
        raise Refused("NOT_AN_ACCESS_LOG", "the object is a Ceph journal, which has no requests")
    return next((dialect for dialect, patterns in _DIALECTS if are_mostly(*patterns)), "")


# --- other formats, by the names of their fields ----------------------------------------------------

_JSON = (
    ("an S3 access log in CloudWatch's JSON", ("bucket_name", "request_time")),
    ("an S3 access log in CloudWatch's JSON", ("bucket_arn", "request_id")),
    ("a CloudFront log (JSON)", ("x-edge-location",)),
    ("a CloudFront log (JSON)", ("x-edge-request-id",)),
    ("a CloudFront log (JSON)", ("cs-uri-stem",)),
    ("Yandex Object Storage's JSON log", ("bytes_send", "handler")),
    ("Yandex Object Storage's JSON log", ("object_key", "request_path")),
    ("a CloudTrail log (JSON)", ("eventVersion", "eventSource")),
    ("a Cloudflare log (JSON)", ("EdgeStartTimestamp",)),
    ("a Cloudflare log (JSON)", ("ClientRequestURI",)),
)
_JSON_KEY = re.compile(r'"([A-Za-z0-9_.()-]+)"\s*:')
_CLOUDFRONT_FIELDS = ("x-edge-", "cs(host)", "timestamp(ms)", "distributionid")


def _refuse_foreign(first: str, text: str) -> None:
    if first.startswith(("{", "[")):
        raise Refused("NOT_AN_ACCESS_LOG", f"the object looks like {_named_json(text)}")
    if first.startswith("<"):
        raise Refused("NOT_AN_ACCESS_LOG", "the object looks like HTML or XML")
    is_titled = first.startswith(("#version:", "#fields:"))
    if is_titled or ("\t" in first and "x-edge-location" in first):
        is_cloudfront = not is_titled or any(field in text[:4096].lower() for field in _CLOUDFRONT_FIELDS)
        name = "a CloudFront log (TSV)" if is_cloudfront else "a W3C log, as CloudFront and IIS write it"
        raise Refused("NOT_AN_ACCESS_LOG", f"the object looks like {name}")


def _named_json(text: str) -> str:
    keys = set(_JSON_KEY.findall(text))
    return next((name for name, wanted in _JSON if keys.issuperset(wanted)), "JSON")
