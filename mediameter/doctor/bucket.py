"""A bucket over S3: reached, with valid credentials, listed, read; its clock, and who logs into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from mediameter import connect
from mediameter.doctor import newest
from mediameter.doctor.case import Visit
from mediameter.doctor.checking import Check
from mediameter.doctor.deliveries import silence
from mediameter.doctor.emptiness import nothing_below
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.doctor.logging_status import logging_of_log_bucket, logging_of_media_buckets
from mediameter.doctor.s3_errors import code_of, trouble
from mediameter.sources.s3 import S3

_SKEW_IS_BAD, _SKEW_IS_FATAL = timedelta(minutes=5), timedelta(minutes=15)
_LATE = "where keys do not begin with their day, a run lists all: give logs a prefix of their own, or expire old ones"


def reach(visit: Visit) -> Iterator[Finding]:
    """One listing of one key passes every rung that a run has to pass."""
    looked_at = f"s3://{visit.source.bucket}/{visit.source.prefix}"
    try:
        visit.connection = connect.s3_connection(visit.source)
        visit.client.meta.events.register("needs-retry.s3", _clock_reader(visit))
        visit.client.list_objects_v2(Bucket=visit.source.bucket, Prefix=visit.source.prefix, MaxKeys=1)
    except (BotoCoreError, ClientError, ResponseParserError) as failed:
        found = trouble(failed, visit)
        if code_of(failed):
            yield ok("endpoint", f"{visit.client.meta.endpoint_url} answers")
        if found.is_authenticated:
            yield ok("credentials", "accepted")
        yield error(found.rung, found.found, found.remedy)
        return
    yield ok(looked_at, f"reached at {visit.client.meta.endpoint_url}, with credentials that may list it")


def _clock_reader(visit: Visit) -> Callable[..., None]:
    """Hears every answer, errors among them, and notes what the server's clock shows."""

    def note(response: Any = None, **_: object) -> None:
        http = response[0] if response else None
        date = http.headers.get("Date") if http is not None else None
        try:
            told = parsedate_to_datetime(date) if date else None
        except ValueError:
            told = None
        if told is not None and told.tzinfo is not None:
            visit.server_clock = told - visit.clock()

    return note


def clock(visit: Visit) -> Iterator[Finding]:
    """The server's clock against ours: requests are signed with the time."""
    if visit.server_clock is None:
        yield skipped("clock", "no answer of the server told its time")
        return
    off = abs(visit.server_clock)
    side = "behind the S3 server" if visit.server_clock > timedelta(0) else "ahead of the S3 server"
    minutes = off / timedelta(minutes=1)
    remedy = "set this machine's clock (NTP): S3 refuses signatures that are 15 minutes off"
    if off > _SKEW_IS_BAD:
        tell = error if off > _SKEW_IS_FATAL else warning
        yield tell("clock", f"this machine is {minutes:,.0f} minutes {side}", remedy)
    else:
        yield ok("clock", f"{off.total_seconds():.0f} s off the S3 server's")


def region(visit: Visit) -> Iterator[Finding]:
    """Where the bucket says that it is, against the region that we sign for."""
    ours = visit.client.meta.region_name
    try:
        head = visit.client.head_bucket(Bucket=visit.source.bucket)
    except ClientError as refused:
        yield skipped("region", f"the bucket does not tell ({refused.response['Error'].get('Code')})")
        return
    theirs = head["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    if not theirs:
        yield skipped("region", f"the bucket does not tell; requests are signed for {ours}")
    elif theirs != ours:
        remedy = f'set {visit.setting} region = "{theirs}"'
        yield warning("region", f"the bucket is in {theirs}, requests are signed for {ours}", remedy)
    else:
        yield ok("region", theirs)


def listing(visit: Visit) -> Iterator[Finding]:
    """The objects that a run would list: those of the window where the keys tell their day, else all."""
    source = visit.source
    since = (visit.clock() - timedelta(days=visit.settings.reporting.window_days)).date()
    bucket = S3(visit.name, visit.connection, source.bucket, source.prefix, since)
    visit.objects = sorted(bucket.listing(), key=lambda version: (version.last_modified, version.key))
    visit.chunks = lambda version: bucket.read(version).chunks()
    looked_at = f"s3://{source.bucket}/{source.prefix}"
    if not visit.objects:
        yield nothing_below(visit, looked_at, _top(visit))
        return
    last = visit.objects[-1].last_modified
    found = f"{len(visit.objects):,} objects, the newest of {last:%Y-%m-%d %H:%MZ}"
    yield ok(looked_at, found)


def _top(visit: Visit) -> list[str]:
    """What lies at the top of the bucket; nothing where that may not be listed."""
    try:
        page = visit.client.list_objects_v2(Bucket=visit.source.bucket, Delimiter="/")
    except ClientError:
        return []
    return [each["Prefix"] for each in page.get("CommonPrefixes", [])] + [
        each["Key"] for each in page.get("Contents", [])
    ]


BUCKET: tuple[Check[Visit], ...] = (
    Check("reach", reach, limit_s=20, if_late="see endpoint, name server, proxy and firewall: nothing answers"),
    Check("clock", clock),
    Check("region", region, needs=("reach",)),
    Check("list", listing, needs=("reach",), limit_s=120, if_late=_LATE),
    Check("silence", silence, needs=("list",)),
    Check("get", newest.get, needs=("list",), limit_s=30),
    Check("newest", newest.sample, needs=("get",), limit_s=60),
    Check("rejects", newest.rejects, needs=("newest",)),
    Check("lag", newest.lag, needs=("newest",)),
    Check("loop", newest.loop, needs=("newest",)),
    Check("logging", logging_of_media_buckets, needs=("newest",), limit_s=30),
    Check("log_bucket", logging_of_log_bucket, needs=("reach",)),
)
