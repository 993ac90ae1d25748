"""Access logs that a storage delivers into a bucket: what it served."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mediameter.sections.buckets import BucketSource
from mediameter.sections.section import setting
from mediameter.systems.system import LOG_OBJECTS, System
from parsers.access_log import PARSER_VERSION


class AccessLogSource(BucketSource):
    """A bucket that access logs are delivered to."""

    kind: Literal["s3_access_log"] = Field(description="What it holds")
    bucket: str = setting("", "Name of the log bucket; its own records are left out")


SYSTEM = System(
    section=AccessLogSource,
    title="S3 access logs",
    form=LOG_OBJECTS,
    supplies="requests",
    document="OVH",
    parser_version=PARSER_VERSION,
    fingerprint={"log_buckets": "bucket"},
    example="""\
[sources.logs]
kind = "s3_access_log"
path = "./bucket"                    # folder with the log bucket's layout; leave it out to read over S3
# bucket = "acme-logs"               # name of the log bucket; its own records are left out
# prefix = "access-logs/"            # only keys with this prefix
# [sources.media]                    # the same over S3
# kind = "s3_access_log"
# bucket = "acme-logs"
# endpoint = "https://s3.gra.io.cloud.ovh.net"  # where it is not Amazon's
# region = "gra"                     # default: the endpoint's, or boto3's
# addressing = "auto"                # or "path", "virtual": where the bucket's name stands
# profile = "logs"                   # of ~/.aws; or access_key = "env:NAME" and secret_key = "env:NAME";
#                                    # default: what boto3 finds (environment, ~/.aws, the machine's role)
""",
)
