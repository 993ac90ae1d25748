"""How the demo's storage writes its log: events in, lines out. Nothing here can read a line.

Text fields of an event are kept *as logged*: with their quotes, or as a bare ``-``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import quote

Weight = Literal["delivery", "request", "aside"]
"""``aside``: a record that is no request (lifecycle, second record of one action)."""

STORAGE = "dailey-media-api-storage"
LOG_BUCKET = "dailey-media-logs"
ARCHIVE = "dailey-media-archive"
OVH_OWNER = "4f1c8a52d7e04b0f9a36:user-Qm7cTz2KxVbe"
AWS_OWNER = "9d2f61c07be84a35f10c6e92b7d4385a" * 2
PRESIGNED = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900&X-Amz-Signature="


class Event(NamedTuple):
    """One thing that happened. ``at`` is in Unix seconds (OVH: the end); a number that is None is logged as ``-``."""

    at: int
    weight: Weight
    application: str
    operation: str
    key: str
    uri: str
    status: int | None
    bytes_sent: int | None
    total_ms: int | None
    turn_around_ms: int | None
    address: str
    referer: str
    agent: str
    request_id: str
    error_code: str = "-"
    body_bytes: int | None = None
    requester: str = "-"
    version: str = "-"
    bucket: str = STORAGE
    owner: str = OVH_OWNER


def logged_key(key: str) -> str:
    """A key is encoded twice in the log, once in the request."""
    return quote(quote(key))


@lru_cache(maxsize=4096)
def _hour(hours: int, offset_minutes: int) -> str:
    return datetime.fromtimestamp(hours * 3600 + offset_minutes * 60, UTC).strftime("%d/%b/%Y:%H")


def log_time(at: int, offset_minutes: int = 0) -> str:
    """``dd/Mon/yyyy:hh:mm:ss +hhmm``; the offset is in whole hours."""
    sign = "-" if offset_minutes < 0 else "+"
    zone = f"{sign}{abs(offset_minutes) // 60:02d}{abs(offset_minutes) % 60:02d}"
    return f"{_hour(at // 3600, offset_minutes)}:{at // 60 % 60:02d}:{at % 60:02d} {zone}"


def _dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _through_agent(event: Event, time: str) -> str:
    return (
        f"{event.owner} {event.bucket} [{time}] {event.address} {event.requester} {event.request_id} {event.operation} "
        f"{event.key} {event.uri} {_dash(event.status)} {event.error_code} {_dash(event.bytes_sent)} "
        f"{_dash(event.body_bytes)} {_dash(event.total_ms)} {_dash(event.turn_around_ms)} {event.referer} {event.agent}"
    )


def ovh_line(event: Event, offset_minutes: int = 0) -> str:
    """25 fields; host id, cipher and TLS version are always ``-`` there."""
    signed = "- -" if event.requester == "-" else "SigV4 -"
    kind = "-" if event.requester == "-" else "QueryString" if PRESIGNED in event.uri else "AuthHeader"
    time = log_time(event.at, offset_minutes)
    return f"{_through_agent(event, time)} {event.version} - {signed} {kind} {event.bucket}.s3.gra.io.cloud.ovh.net - -"


_AWS_TRAILING = (
    "3sL4kqtJlcpXroDTDmJ",
    "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP=",
    "SigV4",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "AuthHeader",
    f"{ARCHIVE}.s3.eu-west-3.amazonaws.com",
    "TLSv1.3",
    "arn:aws:s3:eu-west-3:123456789012:accesspoint/archive",
    "Yes",
    "eu-west-3",
    "tomorrows-field",
)
AWS_FIELDS = range(17, 18 + len(_AWS_TRAILING))


def aws_line(event: Event, fields: int = 26) -> str:
    """A line of Amazon's dialect with ``fields`` of its fields: how many there are has grown over the years."""
    return " ".join((_through_agent(event, log_time(event.at)), *_AWS_TRAILING[: fields - 17]))
