"""What a bucket is to the steps, whether a folder or S3: versions of objects, and the bytes of just that version."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from mediameter.sources.temporary import LeftOut

HEAD_BYTES = 256
"""Of the begin of an object, that tells objects apart: the first line's time and request id are in it."""
_GZIP = b"\x1f\x8b"
_KEY_DAY = re.compile(r"(?:^|/)(\d{4})(?:-(\d\d)-(\d\d)-\d\d-\d\d-\d\d-|/(\d\d)/(\d\d)/)")


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of one object, as listed. ``changed_at``: when a file was last touched in any way, which no program
    that copies can set; None where objects appear whole."""

    source: str
    key: str
    etag: str
    size: int
    last_modified: datetime
    version_id: str = ""
    changed_at: datetime | None = field(default=None, compare=False)

    @property
    def object_id(self) -> int:
        """The ledger's key: 63 bits of a hash of what makes the version, the same in every run."""
        identity = "\0".join((self.source, self.key, self.etag, self.version_id, str(self.size)))
        digest = hashlib.sha256(identity.encode(errors="surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    @property
    def has_readable_key(self) -> bool:
        """False for a file whose name is no UTF-8: no database could keep it."""
        return self.key.isascii() or not any("\ud800" <= char <= "\udfff" for char in self.key)


def key_day(key: str) -> date | None:
    """The UTC day that a key of access logs names, in its folders (…/2026/01/31/…) or its name; None where it names
    none. Amazon's date partitions are by the time of the events, else it is the time of delivery."""
    found = _KEY_DAY.search(key)
    if found is None:
        return None
    try:
        return date(*map(int, filter(None, found.groups())))
    except ValueError:
        return None


class Changed(Exception):
    """The object was overwritten or removed between listing and reading: it is tried again at the next listing."""


@dataclass(slots=True)
class Edges:
    """The begin of an object's bytes, and whether their end looks cut, as far as they have been read."""

    head: bytes = b""
    last: bytes = b""
    size: int = 0

    def take(self, chunk: bytes) -> None:
        """The next of the object's bytes."""
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]
        self.last = chunk[-1:] or self.last
        self.size += len(chunk)

    @property
    def is_packed(self) -> bool:
        """gzip says itself whether it is whole."""
        return self.head.startswith(_GZIP)

    @property
    def lacks_newline(self) -> bool:
        """Plain text whose last line has not ended."""
        return bool(self.last) and not self.is_packed and self.last != b"\n"


class Reading(Protocol):
    """A pass over one version's bytes. After it, ``sha256`` is their hash; ``edges``: of what has been read of them."""

    sha256: str
    edges: Edges

    def chunks(self) -> Generator[bytes]:
        """The bytes, in pieces of a few MiB; to be closed by whoever does not read them to the end.

        Raises ``Changed`` when they are not of the version that was listed, ``WorldError`` when they cannot be read.
        """
        ...


class Bucket(Protocol):
    """Where objects are read: a folder, S3, or S3 with its objects on their way."""

    @property
    def source(self) -> str: ...

    @property
    def left_out(self) -> list[LeftOut]:
        """What the last listing left out because of its name."""
        ...

    def read(self, version: ObjectVersion) -> Reading: ...

    def being_written(self, version: ObjectVersion) -> str:
        """Why somebody may be writing this version right now; "" where nobody is."""
        ...

    def may_grow(self, version: ObjectVersion) -> str:
        """Why more of this version may come, if its end looks cut; "" where it has been as it is for long."""
        ...
