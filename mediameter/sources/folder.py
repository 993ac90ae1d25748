"""A folder laid out as the bucket: its files are the objects. Unlike objects they grow while they are written: what may
not be whole yet is told by its name, its times and its end."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mediameter.errors import UserError, WorldError
from mediameter.sources.objects import HEAD_BYTES, Changed, Edges, ObjectVersion
from mediameter.sources.temporary import LINK, LeftOut, left_out

CHUNK_BYTES = 4 << 20
_OTHER_CLOCK = timedelta(hours=2)  # a time further ahead than this says nothing of now: one of the clocks is wrong


@dataclass(frozen=True, slots=True)
class Patience:
    """How long files have to have been still, as of ``now``: ``quiet`` before they are read, ``unfinished`` before one
    whose end looks cut is taken as it is. Without it, files are whole."""

    now: datetime
    quiet: timedelta
    unfinished: timedelta

    @classmethod
    def of(cls, now: datetime, quiet_ms: int, unfinished_ms: int) -> Patience:
        """In the units of the settings."""
        return cls(now, timedelta(milliseconds=quiet_ms), timedelta(milliseconds=unfinished_ms))

    def waits(self, last: datetime, span: timedelta) -> str:
        """How long ago it was, where that is less than ``span``; else ""."""
        age = self.now - last
        if not -_OTHER_CLOCK < age < span:
            return ""
        return f"changed {max(age, timedelta(0)) // timedelta(seconds=1):,} s ago"


@dataclass(slots=True)
class Folder:
    """A folder laid out as the bucket: its files are the objects, their relative paths the keys."""

    source: str
    path: Path
    prefix: str = ""
    patience: Patience | None = None
    left_out: list[LeftOut] = field(default_factory=list, init=False)

    def listing(self) -> list[ObjectVersion]:
        """All objects below the prefix, by key, but for those with names of temporary files (``left_out``).

        Raises ``UserError`` when the folder is not there, ``WorldError`` when it or a folder in it cannot be read:
        a listing that shows less than there is would look like a quiet day.
        """
        if not self.path.is_dir():
            raise UserError(
                f"source '{self.source}': the folder {self.path} does not exist",
                f"create it or correct [sources.{self.source}].path",
            )
        self.left_out = []
        try:
            found = list(self._walk(self.path))
        except OSError as error:
            raise WorldError(
                f"source '{self.source}': {error.filename} cannot be listed ({error.strerror})",
                "correct its permissions",
            ) from None
        return sorted(found, key=lambda version: version.key)

    def _walk(self, folder: Path) -> Iterator[ObjectVersion]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(Path(entry.path))
                    continue
                key = Path(entry.path).relative_to(self.path).as_posix()
                if entry.is_symlink():
                    self._leave_out_link(key)
                    continue
                if not key.startswith(self.prefix) or not entry.is_file(follow_symlinks=False):
                    continue
                if temporary := left_out(key, self.prefix):
                    self.left_out.append(temporary)
                elif version := self._found(key, entry):
                    yield version

    def _leave_out_link(self, key: str) -> None:
        """A link is not followed: whoever may write into the folder could have any file of the machine read."""
        if key.startswith(self.prefix) or self.prefix.startswith(f"{key}/"):
            self.left_out.append(LeftOut(key, LINK))

    def _found(self, key: str, entry: os.DirEntry[str]) -> ObjectVersion | None:
        """None for what was renamed or removed between its name and its times."""
        try:
            return self._version(key, entry.stat())
        except FileNotFoundError:
            return None

    def _version(self, key: str, stat: os.stat_result) -> ObjectVersion:
        modified, changed = (datetime.fromtimestamp(ns // 10**9, UTC) for ns in (stat.st_mtime_ns, stat.st_ctime_ns))
        etag = f"{stat.st_mtime_ns}-{stat.st_size}"
        return ObjectVersion(self.source, key, etag, stat.st_size, modified, changed_at=changed)

    def being_written(self, version: ObjectVersion) -> str:
        """A file that was written to a moment ago. Copies set its time to the original's when they are done."""
        return self.patience.waits(version.last_modified, self.patience.quiet) if self.patience else ""

    def may_grow(self, version: ObjectVersion) -> str:
        """A file that was touched in any way not long ago: a copy may have been broken off, and go on."""
        if self.patience is None:
            return ""
        times = (version.last_modified, version.changed_at or version.last_modified)
        return next(filter(None, (self.patience.waits(at, self.patience.unfinished) for at in times)), "")

    def lacks_newline(self, version: ObjectVersion) -> bool:
        """Whether the file is plain text whose last line has not ended; looks at its edges alone."""
        edges = Edges()
        try:
            with (self.path / version.key).open("rb") as file:
                edges.take(file.read(HEAD_BYTES))
                file.seek(max(0, version.size - 1))
                edges.take(file.read(1))
        except OSError:
            return False
        return edges.lacks_newline

    def read(self, version: ObjectVersion) -> FileReading:
        """The bytes of just that version."""
        return FileReading(self, version)


@dataclass(slots=True)
class FileReading:
    """A pass over one version's bytes. After it, ``sha256`` is their hash."""

    folder: Folder
    version: ObjectVersion
    sha256: str = field(default="", init=False)
    edges: Edges = field(default_factory=Edges, init=False)

    def chunks(self) -> Generator[bytes]:
        """The bytes, in pieces of a few MiB.

        Raises ``Changed`` when the file is not the version that was listed, ``WorldError`` when it cannot be read.
        """
        if not self.version.has_readable_key:
            raise WorldError(
                f"source '{self.version.source}': the name {self.version.key!a} is no UTF-8", "rename the file"
            )
        path, digest, self.edges = self.folder.path / self.version.key, hashlib.sha256(), Edges()
        try:
            with path.open("rb") as file:
                self._check(os.fstat(file.fileno()))
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
                    self.edges.take(chunk)
                    yield chunk
                self._check(os.fstat(file.fileno()))
        except FileNotFoundError:
            raise Changed(f"{self.version.key} has gone") from None
        except OSError as error:
            raise WorldError(
                f"source '{self.version.source}': {path} cannot be read ({error.strerror})", "correct its permissions"
            ) from None
        if self.edges.size != self.version.size:
            raise Changed(f"{self.version.key} is {self.edges.size:,} bytes, listed as {self.version.size:,}")
        self.sha256 = digest.hexdigest()

    def _check(self, stat: os.stat_result) -> None:
        if f"{stat.st_mtime_ns}-{stat.st_size}" != self.version.etag:
            raise Changed(f"{self.version.key} has changed since it was listed")
