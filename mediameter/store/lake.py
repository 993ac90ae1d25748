"""Parquet at rest. A file is written beside its place, synced, named by the hash of its content, and only then counts
when the ledger says so (law 2). The only writer of the lake."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock
from typing import IO

import polars as pl

from mediameter.atomic import sync_folder
from mediameter.errors import Unavailable, WorldError
from mediameter.faults import point

TRASH, RUNS = ".trash", "runs"
_DRAFT = ".draft-"


class Gone(Exception):
    """A file that was about to count is not there any more: what it holds is made once again."""


class Journal:
    """What one run writes into a lake, announced before it is written; made with the first file.

    A class for its state: one open file, for any number of threads. ``register`` tells the warehouse of the run.
    """

    def __init__(self, lake: Path, register: Callable[[str], None]) -> None:
        self.run_id = secrets.token_hex(16)
        self._path, self._register, self._lock = lake / RUNS / self.run_id, register, Lock()
        self._stream: IO[str] | None = None

    def announce(self, *names: str) -> None:
        with self._lock:
            if self._stream is None:
                self._register(self.run_id)
                make_folder(self._path.parent)
                self._stream = self._path.open("a", encoding="utf-8")
            self._stream.write("".join(f"{name}\n" for name in names))
            self._stream.flush()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


_journals: dict[Path, Journal] = {}
"""By lake, of the run that is at work on it in this process."""


@contextmanager
def journal(lake: Path, register: Callable[[str], None]) -> Iterator[None]:
    """What is written into this lake meanwhile is announced in a journal; a run within the run shares it."""
    if lake in _journals:
        yield
        return
    _journals[lake] = Journal(lake, register)
    try:
        yield
    finally:
        _journals.pop(lake).close()


def _announce(lake: Path, *names: str) -> None:
    if lake in _journals:
        _journals[lake].announce(*names)


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A file as the ledger knows it (table `lake_files`)."""

    path: str
    source: str
    kind: str
    file_day: date
    rows: int
    first_at: datetime | None
    last_at: datetime | None
    size_bytes: int
    sha256: str


def write(lake: Path, frame: pl.DataFrame, *, kind: str, source: str, file_day: date) -> LakeFile:
    """One synced file; the same frame gives the same name. Grain: the frame's.

    Raises ``Unavailable`` when it cannot be written; nothing half written is left under a final name.
    """
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=True)
    content = buffer.getbuffer()
    digest = hashlib.sha256(content).hexdigest()
    relative = f"{kind}/source={source}/day={file_day}/{digest[:40]}.parquet"
    try:
        path = lake / relative
        draft = path.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
        _announce(lake, relative, draft.relative_to(lake).as_posix())
        write_synced(path, content, draft)
    except OSError as error:
        raise Unavailable(
            f"the lake file {lake / relative} cannot be written ({error.strerror})",
            "free some space or correct the folder's permissions, then run again; nothing was lost",
        ) from None
    first, last = (frame["at"].min(), frame["at"].max()) if "at" in frame.columns else (None, None)
    return LakeFile(relative, source, kind, file_day, frame.height, first, last, len(content), digest)  # type: ignore[arg-type]


def write_synced(path: Path, content: memoryview, draft: Path | None = None) -> None:
    """Writes a file beside its place (as ``draft``), syncs it, renames it, and syncs the folder."""
    make_folder(path.parent)
    draft = draft or path.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        point("lake.written")
        draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    point("lake.renamed")


def make_folder(folder: Path) -> None:
    """A new folder is a name in the one above it, and that one must outlast a crash of the machine, too."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def verified(lake: Path, files: Iterable[LakeFile]) -> list[Path]:
    """The files' paths, after their content has been held against its hash.

    Raises ``WorldError`` that names the file when one is missing or has changed: no figure is computed from it.
    """
    paths = []
    for file in files:
        path = lake / file.path
        try:
            with path.open("rb") as handle:
                found = hashlib.file_digest(handle, "sha256").hexdigest()
        except OSError as error:
            raise WorldError(
                f"the lake file {path} cannot be read ({error.strerror})", "restore the lake from its backup"
            ) from None
        if found != file.sha256:
            raise WorldError(
                f"the lake file {path} has changed since it was written", "restore the lake from its backup"
            )
        paths.append(path)
    return paths


def without(lake: Path, file: LakeFile, object_ids: Collection[int]) -> tuple[int, LakeFile | None]:
    """How many of the file's rows are of these objects, and the file that holds the others.

    That is the file itself where there are none, a new one beside it where there are, None where all are. Raises
    ``WorldError`` when the file has changed since it was written, or the new one cannot be written.
    """
    is_of_them = pl.col("object_id").is_in(list(object_ids))
    try:
        count = pl.scan_parquet(lake / file.path).select(is_of_them.sum()).collect().item()
    except (OSError, pl.exceptions.ComputeError):
        verified(lake, [file])  # says what is wrong with it
        raise
    if not count:
        return 0, file
    [path] = verified(lake, [file])
    rest = pl.read_parquet(path).filter(~is_of_them)
    if not rest.height:
        return count, None
    return count, write(lake, rest, kind=file.kind, source=file.source, file_day=file.file_day)


def require_there(lake: Path, files: Iterable[LakeFile]) -> None:
    """To be called in the transaction that lets files count. Raises ``Gone`` when one is not there as it was written:
    a run that was stopped for a day may have been taken for dead, and its files for orphans."""
    for file in files:
        try:
            size = (lake / file.path).stat().st_size
        except OSError:
            size = -1
        if size != file.size_bytes:
            raise Gone(file.path)


def clock() -> datetime:
    """The present, by which files are old enough to go."""
    return datetime.now(UTC)


def to_trash(lake: Path, path: Path) -> None:
    """Moves a file of the lake into today's folder of the trash, where it lies for some days; one that has gone is
    gone."""
    target = lake / TRASH / clock().date().isoformat() / path.relative_to(lake)
    with suppress(FileNotFoundError):
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)


@contextmanager
def scratch(lake: Path) -> Iterator[Path]:
    """What names of files for a while may begin with; they are gone afterwards, or swept where the process is killed.

    In the lake, since they hold what it holds, and since that is where there is room. No folder: a sweep of another
    process would stumble over one that goes.
    """
    lake.mkdir(parents=True, exist_ok=True)
    begin = lake / f"{_DRAFT}{secrets.token_hex(8)}"
    _announce(lake, f"{begin.name}*")
    try:
        yield begin
    finally:
        for path in lake.glob(f"{begin.name}*"):
            path.unlink(missing_ok=True)
