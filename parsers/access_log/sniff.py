"""What a log object is, told by its first bytes: an access log and its dialect, or something to be refused by name.

Never by the object's name or date. Single odd lines are no reason to refuse: only a format that is positively
something else, or a text in which nothing looks like a record, is.
"""

from __future__ import annotations

import re

from parsers.access_log.dialect import SNIFFED_IDS
from parsers.access_log.dialects import DIALECTS, of_objects
from parsers.access_log.fields import OPERATION, TIME

SAMPLE_BYTES = 65_536
_SAMPLE_LINES = 20
_ENOUGH_LINES_TO_JUDGE = 5

_RECORD = re.compile(rf"{SNIFFED_IDS}{TIME.pattern} +")


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

    for dialect in DIALECTS.values():
        for what, marks in dialect.refused.items():
            if are_mostly(*marks):
                raise Refused("NOT_AN_ACCESS_LOG", f"the object is {what}")
    return next((dialect.name for dialect in of_objects() if are_mostly(*dialect.object_marks)), "")


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
