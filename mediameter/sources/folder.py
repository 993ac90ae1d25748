"""A folder laid out as the bucket: its files are the objects."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mediameter.errors import UserError, WorldError
from mediameter.sources.objects import Changed, ObjectVersion

CHUNK_BYTES = 4 << 20


@dataclass(slots=True)
class Folder:
    """A folder laid out as the bucket: its files are the objects, their relative paths the keys."""

    source: str
    path: Path
    prefix: str = ""

    def listing(self) -> list[ObjectVersion]:
        """All objects below the prefix, by key.

        Raises ``UserError`` when the folder is not there, ``WorldError`` when it or a folder in it cannot be read:
        a listing that shows less than there is would look like a quiet day.
        """
        if not self.path.is_dir():
            raise UserError(
                f"source '{self.source}': the folder {self.path} does not exist",
                f"create it or correct [sources.{self.source}].path",
            )
        try:
            found = list(self._walk(self.path))
        except OSError as error:
            raise WorldError(
                f"source '{self.source}': {error.filename} cannot be listed ({error.strerror})", "mend its rights"
            ) from None
        return sorted(found, key=lambda version: version.key)

    def _walk(self, folder: Path) -> Iterator[ObjectVersion]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    yield from self._walk(Path(entry.path))
                    continue
                key = Path(entry.path).relative_to(self.path).as_posix()
                if key.startswith(self.prefix) and entry.is_file():
                    yield self._version(key, entry.stat())

    def _version(self, key: str, stat: os.stat_result) -> ObjectVersion:
        modified = datetime.fromtimestamp(stat.st_mtime_ns // 10**9, UTC)
        return ObjectVersion(self.source, key, f"{stat.st_mtime_ns}-{stat.st_size}", stat.st_size, modified)

    def read(self, version: ObjectVersion) -> FileReading:
        """The bytes of just that version."""
        return FileReading(self, version)


@dataclass(slots=True)
class FileReading:
    """A pass over one version's bytes. After it, ``sha256`` is their hash."""

    folder: Folder
    version: ObjectVersion
    sha256: str = field(default="", init=False)

    def chunks(self) -> Generator[bytes]:
        """The bytes, in pieces of a few MiB.

        Raises ``Changed`` when the file is not the version that was listed, ``WorldError`` when it cannot be read.
        """
        if not self.version.has_readable_key:
            raise WorldError(
                f"source '{self.version.source}': the name {self.version.key!a} is no UTF-8", "rename the file"
            )
        path, digest, seen = self.folder.path / self.version.key, hashlib.sha256(), 0
        try:
            with path.open("rb") as file:
                self._check(os.fstat(file.fileno()))
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
                    seen += len(chunk)
                    yield chunk
                self._check(os.fstat(file.fileno()))
        except FileNotFoundError:
            raise Changed(f"{self.version.key} has gone") from None
        except OSError as error:
            raise WorldError(
                f"source '{self.version.source}': {path} cannot be read ({error.strerror})", "mend its rights"
            ) from None
        if seen != self.version.size:
            raise Changed(f"{self.version.key} is {seen:,} bytes, listed as {self.version.size:,}")
        self.sha256 = digest.hexdigest()

    def _check(self, stat: os.stat_result) -> None:
        if f"{stat.st_mtime_ns}-{stat.st_size}" != self.version.etag:
            raise Changed(f"{self.version.key} has changed since it was listed")
