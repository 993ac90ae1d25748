"""Whether access logging is on, and where to: of the media buckets that the logs tell of, and of the log bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mediameter.doctor import newest
from mediameter.doctor.case import Visit
from mediameter.doctor.finding import Finding, error, ok, skipped, warning

_MOST_BUCKETS = 10
_ASK = "allow s3:GetBucketLogging to these credentials, or look yourself: aws s3api get-bucket-logging --bucket {}"


def logging_of_media_buckets(visit: Visit) -> Iterator[Finding]:
    """Of each media bucket of the newest records: does it still log, and to here?"""
    buckets = newest.media_buckets(visit)[:_MOST_BUCKETS]
    if not buckets:
        yield skipped("logging", "no records, so no media bucket is known")
    for bucket in buckets:
        target = _target(visit, bucket)
        yield target if isinstance(target, Finding) else _of_media_bucket(visit, bucket, target)


def _of_media_bucket(visit: Visit, bucket: str, target: dict[str, Any] | None) -> Finding:
    looked_at, here, prefix = f"logging of {bucket}", visit.source.bucket, visit.source.prefix
    put = f"aws s3api put-bucket-logging --bucket {bucket}, with TargetBucket {here} and TargetPrefix {prefix!r}"
    if target is None:
        return warning(looked_at, "it is off: no new logs will come", f"turn it on: {put}")
    told = f"s3://{target['TargetBucket']}/{target.get('TargetPrefix', '')}"
    if target["TargetBucket"] != here or not target.get("TargetPrefix", "").startswith(prefix):
        remedy = f"add a source for {told}, or send them here: {put}"
        return warning(looked_at, f"it goes to {told}, not to s3://{here}/{prefix}", remedy)
    return ok(looked_at, f"on, to {told}")


def logging_of_log_bucket(visit: Visit) -> Iterator[Finding]:
    """A log bucket that logs into itself makes logs of its logs, for ever."""
    bucket = visit.source.bucket
    looked_at = f"logging of the log bucket {bucket}"
    target = _target(visit, bucket)
    if isinstance(target, Finding):
        yield target
    elif target is None:
        yield ok(looked_at, "off, as it should be")
    elif target["TargetBucket"] == bucket:
        remedy = f"turn it off: aws s3api put-bucket-logging --bucket {bucket} --bucket-logging-status '{{}}'"
        yield error(
            looked_at, "access logging is enabled on the log bucket itself: each log makes another (a log loop)", remedy
        )
    else:
        yield ok(looked_at, f"on, to another bucket ({target['TargetBucket']})")


def _target(visit: Visit, bucket: str) -> dict[str, Any] | Finding | None:
    """Where the bucket's logs go; None where logging is off; a finding where it may not be asked."""
    try:
        status: dict[str, Any] = visit.client.get_bucket_logging(Bucket=bucket)
    except (ClientError, BotoCoreError) as refused:
        code = refused.response["Error"].get("Code") if isinstance(refused, ClientError) else type(refused).__name__
        return skipped(f"logging of {bucket}", f"it may not be asked ({code})", _ASK.format(bucket))
    target: dict[str, Any] | None = status.get("LoggingEnabled")
    return target
