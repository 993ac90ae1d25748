"""The sections of what lies in buckets: where a bucket is, and how it is reached."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from mediameter.sections.complaint import Complaint
from mediameter.sections.endpoint import safe_endpoint
from mediameter.sections.section import Beside, setting
from mediameter.sections.source import Generating, SourceSection

AppName = Annotated[str, Field(min_length=1, max_length=128)]
_BUCKET_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_OF_S3 = ("endpoint", "region", "addressing", "profile", "access_key", "secret_key")


class BucketSource(SourceSection):
    """A bucket: S3 itself, or a folder laid out as the bucket.

    Without keys and profile, boto3 looks for credentials: environment, ~/.aws, the machine's role.
    """

    path: Beside | None = setting(None, "Folder with the bucket's layout, instead of S3", validate_default=False)
    bucket: str = setting("", "Name of the bucket")
    prefix: str = setting("", "Only keys with this prefix")
    endpoint: str = setting("", 'Address of an S3 that is not Amazon\'s, like "https://s3.gra.io.cloud.ovh.net"')
    region: str = setting("", "Region of the bucket; default: the endpoint's, or boto3's")
    addressing: Literal["auto", "path", "virtual"] = setting("auto", "Whether the bucket stands in the path or host")
    profile: str = setting("", "Profile of ~/.aws that holds the credentials")
    access_key: str = setting("", 'Access key, as "env:NAME" or "secret:NAME"', repr=False)
    secret_key: str = setting("", 'Its secret, as "env:NAME" or "secret:NAME"', repr=False)
    delay_hours: int = setting(0, "Hours until all logs of an hour have arrived; 0: learned", ge=0, le=240)

    @field_validator("endpoint")
    @classmethod
    def _safe_endpoint(cls, endpoint: str) -> str:
        return endpoint and safe_endpoint(endpoint)

    @model_validator(mode="after")
    def _folder_or_bucket(self) -> Self:
        if self.path is None and not self.bucket:
            raise Complaint("neither path nor bucket is set", 'add bucket = "the log bucket", or path for a folder')
        if self.path is None and not _BUCKET_NAME.fullmatch(self.bucket):
            raise Complaint("this is not the name of a bucket", 'write its name alone, like "acme-logs"', ("bucket",))
        of_s3 = [name for name in _OF_S3 if getattr(self, name) not in ("", "auto")]
        if self.path is not None and of_s3:
            raise Complaint(f"path and {of_s3[0]} exclude each other", "keep path for a folder, or the rest for S3")
        if bool(self.access_key) != bool(self.secret_key):
            raise Complaint("access_key and secret_key need each other", "set both, or neither")
        if self.profile and self.access_key:
            raise Complaint("profile and access_key exclude each other", "keep one of them")
        return self

    @property
    def is_folder(self) -> bool:
        return self.path is not None

    @property
    def place(self) -> str:
        if self.path is not None:
            return f"{self.kind} in {self.path.resolve()}/{self.prefix}"
        return f"{self.kind} in {self.endpoint or 's3:/'}/{self.bucket}/{self.prefix}"


class EventBucket(BucketSource, Generating):
    """A bucket that a generating system's event files are put into."""

    application: str = setting("", "Application of events that name none; default: the source's name", max_length=128)
    apps: dict[AppName, AppName] = setting({}, "Application for each `app` in events; default: the same name")
    timestamp: Literal["finished", "asked"] = setting("finished", "What a generation's timestamp is")
