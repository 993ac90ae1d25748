"""A bucket over S3: its listing, and objects in parts that are fetched whole, conditionally, and tried again.

A part is accepted only if it is of the listed version (its entity tag, else its time, says so), if its length is the
expected one, and, where the entity tag is an MD5, if the whole content matches: an error page with status 200 is no
log, nor is half an object. A store whose GET spells the tag otherwise than its listing, or leaves it out, is read all
the same.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from mediameter.connect import S3Connection
from mediameter.errors import WorldError
from mediameter.sources import s3_errors
from mediameter.sources.objects import Changed, Edges, ObjectVersion
from mediameter.sources.s3_listing import Listing, is_marker
from mediameter.sources.temporary import LeftOut, left_out

PART_BYTES = 8 << 20
ATTEMPTS = 4
BACK_OFF_S = 0.5  # before the second attempt, twice that before the next; each times a random share
SILENT_FETCHES = 10  # that the endpoint failed in a row: it is not asked again in this run

_MD5 = re.compile("[0-9a-f]{32}")


class Part(NamedTuple):
    """A stretch of an object; the only one, where the object is small."""

    version: ObjectVersion
    start: int
    size: int

    @property
    def is_whole(self) -> bool:
        return self.size == self.version.size


class Fetched(NamedTuple):
    """A part's bytes, and the entity tags that may be the MD5 of the whole object: one has to be, if there are any."""

    content: bytes
    hashes: tuple[str, ...]


class Passing(Exception):
    """Something that may be better in a moment."""


class Unwell(Passing):
    """The same, and the store is at fault, not the object."""


def parts_of(version: ObjectVersion) -> list[Part]:
    """The parts of an object, in order; one of no bytes for an empty object."""
    starts = range(0, max(version.size, 1), PART_BYTES)
    return [Part(version, start, min(PART_BYTES, version.size - start)) for start in starts]


@dataclass(slots=True)
class S3:
    """A bucket, or what is below a prefix of it. ``since``: the listing may leave out what is older (UTC day)."""

    source: str
    connection: S3Connection
    bucket: str
    prefix: str = ""
    since: date | None = None
    left_out: list[LeftOut] = field(default_factory=list, init=False)
    _silent: int = field(default=0, init=False)
    _has_two_tags: bool = field(default=False, init=False)
    """Whether an object had another entity tag here than in the listing: no condition is worth sending then."""

    def listing(self) -> list[ObjectVersion]:
        """Objects by key, without folder markers and (``left_out``) what is no log by its name.

        Raises ``UserError`` or ``WorldError`` when any page fails.
        """
        listing = Listing(self.connection.client, self.source, self.bucket)
        try:
            found = listing.objects(self.prefix, self.since)
        except (BotoCoreError, ClientError) as error:
            raise s3_errors.of_listing(error, self.source, self.bucket, self.prefix) from None
        names = (left_out(each["Key"], self.prefix, only_sure=True) for each in found if not is_marker(each))
        self.left_out = [each for each in names if each]
        no_logs = {each.key for each in self.left_out}
        versions = (self._version(each) for each in found if not is_marker(each) and each["Key"] not in no_logs)
        return sorted(versions, key=lambda each: each.key)

    def being_written(self, version: ObjectVersion) -> str:
        """An object appears whole."""
        return ""

    def may_grow(self, version: ObjectVersion) -> str:
        """Nor does it grow."""
        return ""

    def _version(self, listed: dict[str, Any]) -> ObjectVersion:
        etag = listed.get("ETag", "").strip('"')
        return ObjectVersion(
            self.source, listed["Key"], etag, listed["Size"], listed["LastModified"].astimezone(UTC)
        )  # fmt: skip

    def read(self, version: ObjectVersion) -> S3Reading:
        """The bytes of just that version, part after part."""
        return S3Reading(version, self.fetch, lambda part: None)

    def fetch(self, part: Part) -> Fetched:
        """The part's bytes, tried again where that helps.

        Raises ``Changed`` when the object has gone or is another version now, ``WorldError`` when it cannot be had,
        ``UserError`` when no object can: bucket, region or credentials are wrong.
        """
        place = f"{self.bucket}/{part.version.key}"
        for attempt in range(ATTEMPTS):
            if self._silent >= SILENT_FETCHES:
                raise WorldError(
                    f"{place} was skipped: the store has failed {self._silent} times in a row", "run again"
                )
            if attempt:
                time.sleep(BACK_OFF_S * 2 ** (attempt - 1) * (0.5 + random.random()))
            try:
                fetched = self._fetch_once(part)
            except Passing as trouble:
                last = trouble
                continue
            self._silent = 0
            return fetched
        self._silent += isinstance(last, Unwell)
        raise WorldError(
            f"{place} could not be read after {ATTEMPTS} attempts ({last})", "check the store and the network"
        )

    def _fetch_once(self, part: Part) -> Fetched:
        condition = {"If-Match": f'"{part.version.etag}"'} if part.version.etag and not self._has_two_tags else {}
        answer = self._asked_for(part, condition)
        if answer.status == 412 and condition:  # overwritten, or a store that knows the object by another tag
            answer.close()
            answer = self._asked_for(part, {})
        try:
            return self._accepted(part, answer)
        except (HTTPError, OSError) as error:
            raise Unwell(f"the answer broke off: {_short(error)}") from None
        finally:
            answer.close()  # an answer read to its end has given its connection back before

    def _asked_for(self, part: Part, headers: dict[str, str]) -> Any:
        if not part.is_whole:
            headers = {**headers, "Range": f"bytes={part.start}-{part.start + part.size - 1}"}
        try:
            return self.connection.get(part.version.key, headers)
        except BotoCoreError as error:
            raise Unwell(_short(error)) from None

    def _accepted(self, part: Part, answer: Any) -> Fetched:
        if answer.status not in (200, 206):
            raise self._refused(part, answer.status, answer.headers, answer.read(65_536))
        etag, listed = _tag(answer.headers.get("ETag", "")), _tag(part.version.etag)
        has_two_tags = bool(etag and listed and etag != listed)
        if has_two_tags and not _is_as_listed(part, answer.headers):
            raise Changed(f"{part.version.key} was overwritten since it was listed")
        _check_head(part, answer.status, answer.headers)
        content = answer.read() if "Content-Length" in answer.headers else answer.read(part.size + 1)
        if len(content) != part.size:
            raise Passing(f"{len(content):,} bytes came, {part.size:,} are listed")
        hashes = tuple(tag for tag in dict.fromkeys((listed, etag)) if _is_md5(tag, answer.headers))
        if part.is_whole and hashes and hashlib.md5(content, usedforsecurity=False).hexdigest() not in hashes:
            raise Passing("the content does not match its entity tag")
        self._has_two_tags |= has_two_tags
        return Fetched(content, hashes)

    def _refused(self, part: Part, status: int, headers: Any, body: bytes) -> Exception:
        """What a status that is no success means."""
        code, key, place = s3_errors.code_of(body), part.version.key, f"{self.bucket}/{part.version.key}"
        region = headers.get("x-amz-bucket-region", "")
        if of := s3_errors.of_settings(self.source, self.bucket, code or str(status), region):
            return of
        if status == 412:
            return Changed(f"{key} was overwritten since it was listed")
        if status == 404:
            return Changed(f"{key} has gone")
        if code == "InvalidObjectState":
            return WorldError(f"{place} is archived", "restore it, or let logs expire before they are archived")
        if of_key := s3_errors.of_kms(code, body, place):
            return of_key
        if status in (401, 403):
            return WorldError(f"{place} may not be read", f"allow s3:GetObject on {self.bucket}/{self.prefix}*")
        if status in s3_errors.PASSING_STATUS or code in s3_errors.PASSING_CODES:
            return Unwell(f"{status} {code}".strip())
        return WorldError(f"{place} cannot be read ({status} {code})".replace(" )", ")"), "ask the provider")


def _tag(text: str) -> str:
    """An entity tag without its quotes, and without what proxies do to one that pack an answer on its way."""
    return text.removeprefix("W/").strip('"').removesuffix("-gzip")


def _is_as_listed(part: Part, headers: Any) -> bool:
    """Whether the object is as old and as large as the listed one: then only its tag is spelled otherwise."""
    try:
        at = parsedate_to_datetime(headers.get("Last-Modified", ""))
    except ValueError:
        return False
    size = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length")
    is_as_large = size in (None, str(part.version.size))
    return is_as_large and at == part.version.last_modified.replace(microsecond=0)


def _check_head(part: Part, status: int, headers: Any) -> None:
    """Of an error page with status 200, the head alone tells mostly."""
    length = headers.get("Content-Length")
    if length is not None and length != str(part.size):
        raise Passing(f"{length} bytes are on offer, {part.size:,} are listed")
    wanted = f"bytes {part.start}-{part.start + part.size - 1}/{part.version.size}"
    if not part.is_whole and (status != 206 or headers.get("Content-Range") != wanted):
        raise Passing(f"{wanted} was asked for, {headers.get('Content-Range') or 'everything'} was sent")


def _is_md5(etag: str, headers: Any) -> bool:
    """Entity tags of objects uploaded in parts, or encrypted under a key of their own, are no hash of the content."""
    is_plain = headers.get("x-amz-server-side-encryption", "AES256") == "AES256"
    return bool(_MD5.fullmatch(etag)) and is_plain and "x-amz-server-side-encryption-customer-algorithm" not in headers


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


@dataclass(slots=True)
class S3Reading:
    """A pass over one version's parts, in order. ``take`` gives one, ``drop`` says that it is not wanted any more."""

    version: ObjectVersion
    take: Callable[[Part], Fetched]
    drop: Callable[[Part], None]
    sha256: str = field(default="", init=False)
    edges: Edges = field(default_factory=Edges, init=False)

    def chunks(self) -> Generator[bytes]:
        """Part by part; see ``S3.fetch`` for what is raised."""
        parts, sha256, md5 = parts_of(self.version), hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        hashes: tuple[str, ...] = ()
        self.edges = Edges()
        try:
            for part in parts:
                content, hashes = self.take(part)
                self.edges.take(content)
                sha256.update(content)
                if hashes and not part.is_whole:
                    md5.update(content)
                yield content
        finally:
            for part in parts:
                self.drop(part)
        if len(parts) > 1 and hashes and md5.hexdigest() not in hashes:
            raise WorldError(f"{self.version.key}: the content does not match its entity tag", "ask the provider")
        self.sha256 = sha256.hexdigest()
