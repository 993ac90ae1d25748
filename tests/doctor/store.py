"""A log bucket and a media bucket on an S3, beside the settings that point at them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from tests.doctor.proxy import Proxy
from tests.doctor.site import Folder, lines, name, whole_second

ACCESS_KEY, SECRET_KEY = "AKIATESTTESTTESTTEST", "planted-secret-key"


@dataclass(slots=True)
class Bucket(Folder):
    """The same as a folder, but the logs are in a bucket: ``log_bucket``, of ``media_bucket``."""

    client: Any = None
    log_bucket: str = ""
    media_bucket: str = ""

    def put(self, text: str, key: str = "") -> str:
        """S3 alone sets the time of an object: it is the present."""
        key = key or f"logs/{name(self.now, secrets.randbits(64))}"
        self.client.put_object(Bucket=self.log_bucket, Key=key, Body=text.encode())
        return key

    def log_into(self, bucket: str, target: str, prefix: str = "logs/") -> None:
        status = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": prefix}}
        self.client.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=status)

    def empty(self) -> None:
        for each in self.client.list_objects_v2(Bucket=self.log_bucket).get("Contents", []):
            self.client.delete_object(Bucket=self.log_bucket, Key=each["Key"])

    def lines(self, before: datetime | None = None, **how: str) -> str:
        return lines(before or self.now - timedelta(minutes=10), bucket=how.pop("bucket", self.media_bucket), **how)


def client_of(endpoint: str) -> Any:
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=endpoint, **keys)


def bucket(client: Any, proxy: Proxy, path: Path) -> Bucket:
    mark = secrets.token_hex(4)
    log_bucket, media_bucket = f"logs-{mark}", f"media-{mark}"
    client.create_bucket(Bucket=log_bucket, ACL="log-delivery-write")
    client.create_bucket(Bucket=media_bucket)
    source = {
        "bucket": log_bucket,
        "prefix": "logs/",
        "endpoint": proxy.url,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
    }
    made = Bucket(path, whole_second(), source=source, client=client, log_bucket=log_bucket, media_bucket=media_bucket)
    made.put(made.lines())
    made.log_into(media_bucket, log_bucket)
    return made
