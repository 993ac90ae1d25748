"""What a bucket is to the steps, whether a folder or S3: versions of objects, and the bytes of just that version."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of one object, as listed."""

    source: str
    key: str
    etag: str
    size: int
    last_modified: datetime
    version_id: str = ""

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


class Changed(Exception):
    """The object was overwritten or removed between listing and reading: it is tried again at the next listing."""


class Reading(Protocol):
    """A pass over one version's bytes. After it, ``sha256`` is their hash."""

    sha256: str

    def chunks(self) -> Generator[bytes]:
        """The bytes, in pieces of a few MiB; to be closed by whoever does not read them to the end.

        Raises ``Changed`` when they are not of the version that was listed, ``WorldError`` when they cannot be read.
        """
        ...


class Bucket(Protocol):
    """Where objects are read: a folder, S3, or S3 with its objects on their way."""

    @property
    def source(self) -> str: ...

    def read(self, version: ObjectVersion) -> Reading: ...
