"""On which rung of the way to the objects an S3 refused us, in words that name the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from mediameter.doctor.case import Visit
from mediameter.errors import MediameterError, WorldError
from mediameter.sources.s3_errors import of_listing

Rung = Literal["endpoint", "clock", "credentials", "region", "bucket", "list", "answer"]
"""What a listing passes, one after the other; ``answer`` is an error that belongs to none of them."""

_CODES: dict[str, Rung] = {
    "InvalidAccessKeyId": "credentials",
    "SignatureDoesNotMatch": "credentials",
    "ExpiredToken": "credentials",
    "InvalidToken": "credentials",
    "TokenRefreshRequired": "credentials",
    "RequestExpired": "credentials",
    "RequestTimeTooSkewed": "clock",
    "AuthorizationHeaderMalformed": "region",
    "IllegalLocationConstraintException": "region",
    "PermanentRedirect": "region",
    "TemporaryRedirect": "region",
    "301": "region",
    "307": "region",
    "NoSuchBucket": "bucket",
    "InvalidBucketName": "bucket",
    "AllAccessDisabled": "bucket",
    "404": "bucket",
    "AccessDenied": "list",
    "403": "list",
}
# What fails before an S3 has answered.
_KINDS: tuple[tuple[type[Exception], Rung], ...] = (
    (boto.NoCredentialsError, "credentials"),
    (boto.PartialCredentialsError, "credentials"),
    (boto.CredentialRetrievalError, "credentials"),
    (boto.SSOError, "credentials"),
    (boto.ParamValidationError, "bucket"),
    (boto.HTTPClientError, "endpoint"),
    (ResponseParserError, "endpoint"),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """On which rung it failed, what was said, and what mends it."""

    rung: Rung
    found: str
    remedy: str

    @property
    def is_authenticated(self) -> bool:
        """Whether S3 looked beyond the credentials before it refused."""
        return self.rung in ("bucket", "list")


def trouble(error: Exception, visit: Visit) -> Trouble:
    """What the error of a listing means: the source's own words for it, and S3's code."""
    code, source = code_of(error), visit.source
    rung = _CODES.get(code, "answer") if code else _rung_of(error)
    if isinstance(error, ResponseParserError):
        told: MediameterError = WorldError("the server that answers is not S3", f"correct {visit.setting} endpoint")
    elif isinstance(error, boto.ParamValidationError):
        told = WorldError(f"{source.bucket!r} is not a valid bucket name", f"correct {visit.setting} bucket")
    else:
        told = of_listing(error, visit.name, source.bucket, source.prefix)
    words = told.message.removeprefix(f"source '{visit.name}': ")
    return Trouble(rung, f"{words} ({code})" if code and code not in words else words, told.remedy)


def code_of(error: Exception) -> str:
    """S3's own code; empty where no S3 has answered."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, boto.ClientError) else ""


def _rung_of(error: Exception) -> Rung:
    return next((rung for kind, rung in _KINDS if isinstance(error, kind)), "answer")
