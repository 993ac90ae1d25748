"""What a store's error codes mean: whose fault it is, and the remedy. The table's keys are S3's own codes."""

from __future__ import annotations

import re
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from mediameter.errors import MediameterError, UserError, WorldError

_UNKNOWN_KEY = "the store does not know the access key", "see access_key, profile or AWS_ACCESS_KEY_ID"
_EXPIRED = "the S3 credentials have expired or are not valid", "renew them"
_REGION = "the bucket is in another region", "set region{hint} in [sources.{source}]"
_SETTINGS: dict[str, tuple[str, str]] = {
    "NoSuchBucket": ("there is no bucket {bucket}", "correct bucket, endpoint or region in [sources.{source}]"),
    "InvalidBucketName": ("{bucket} is not a valid bucket name", "correct bucket in [sources.{source}]"),
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": (
        "the secret key does not match the access key",
        "check secret_key; with some stores, region",
    ),
    "ExpiredToken": _EXPIRED,
    "InvalidToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set the clock"),
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "TemporaryRedirect": _REGION,
    "301": _REGION,
    "307": _REGION,
    "AllAccessDisabled": ("access to the bucket {bucket} is disabled", "ask the provider"),
}
_NO_LISTING = (
    "the credentials may not list {bucket}/{prefix}",
    "allow s3:ListBucket on the bucket {bucket} (for that prefix)",
)
_DECRYPT = "allow kms:Decrypt on the KMS key that the bucket is encrypted with"
_KMS = {
    "KMS.DisabledException": ("the KMS key of {place} is disabled", "enable the key"),
    "KMS.NotFoundException": ("the KMS key of {place} is not there", "restore the key"),
    "KMS.KMSInvalidStateException": ("the KMS key of {place} cannot be used as it is", "see the key's state"),
}
"""Codes of the service that keeps the keys of encrypted objects; S3 hands them on."""
PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})
"""Answers of a store that is busy or ill: asking again helps."""
PASSING_CODES = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "BadDigest"})


def of_settings(source: str, bucket: str, code: str, hint: str = "") -> UserError | None:
    """The error of a code that tells of settings or credentials, whatever was asked for; None for any other."""
    if code not in _SETTINGS:
        return None
    fill = _filler(source=source, bucket=bucket, hint=f" = '{hint}'" if hint else "")
    message, remedy = _SETTINGS[code]
    return UserError(f"source '{source}': {fill(message)}", fill(remedy))


def of_kms(code: str, body: bytes, place: str) -> WorldError | None:
    """The error of an encrypted object whose key cannot be used; None where the answer says nothing of a key. S3 says
    AccessDenied then as well, and names the right in its message alone."""
    if code in _KMS:
        message, remedy = _KMS[code]
        return WorldError(message.format(place=place), remedy)
    if code.startswith("KMS.") or b"kms:Decrypt" in body:
        return WorldError(f"{place} is encrypted, and may not be decrypted ({code or 'kms:Decrypt'})", _DECRYPT)
    return None


def of_listing(error: Exception, source: str, bucket: str, prefix: str) -> MediameterError:
    """What a failed listing means. Nothing has been moved by it."""
    fill = _filler(source=source, bucket=bucket, prefix=prefix)
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if of := of_settings(source, bucket, code, headers.get("x-amz-bucket-region", "")):
            return of
        if code in ("AccessDenied", "403"):
            return UserError(f"source '{source}': {fill(_NO_LISTING[0])}", fill(_NO_LISTING[1]))
        said = f"{code}: {error.response.get('Error', {}).get('Message', '')}".strip(": ")
        return WorldError(f"source '{source}': the bucket {bucket} cannot be listed ({_one_line(said)})", _AGAIN)
    if isinstance(error, NoCredentialsError):
        return UserError(f"source '{source}': there are no S3 credentials", "set profile, or access_key and secret_key")
    if isinstance(error, BotoCoreError):
        return WorldError(f"source '{source}': the bucket {bucket} cannot be listed ({_one_line(error)})", _AGAIN)
    raise error


_AGAIN = "check endpoint and network, and run again; nothing was changed"


def code_of(body: bytes) -> str:
    """The ``<Code>`` of an S3 error body; empty where there is none."""
    found = re.search(rb"<Code>([A-Za-z0-9.]{1,64})</Code>", body)
    return found[1].decode() if found else ""


def _filler(**words: str) -> Callable[[str], str]:
    return lambda text: text.format(**{"hint": "", **words})


def _one_line(words: object) -> str:
    return " ".join(str(words).split())[:300]
