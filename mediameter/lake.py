"""Parquet at rest. A file is written beside its place, synced, named by the hash of its content, and only then counts
when the ledger says so (law 2). The only writer of the lake."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from mediameter.atomic import sync_folder
from mediameter.errors import WorldError
from mediameter.faults import point

ORPHANS_AFTER_S = 24 * 3600
_DRAFT = ".draft-"


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

    Raises ``WorldError`` when it cannot be written; nothing half written is left under a final name.
    """
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1, statistics=True)
    content = buffer.getbuffer()
    digest = hashlib.sha256(content).hexdigest()
    relative = f"{kind}/source={source}/day={file_day}/{digest[:40]}.parquet"
    try:
        _write_synced(lake / relative, content)
    except OSError as error:
        raise WorldError(
            f"the lake file {lake / relative} cannot be written ({error.strerror})",
            "free some space or mend the folder's rights, then run again: nothing was lost",
        ) from None
    first, last = (frame["at"].min(), frame["at"].max()) if "at" in frame.columns else (None, None)
    return LakeFile(relative, source, kind, file_day, frame.height, first, last, len(content), digest)  # type: ignore[arg-type]


def _write_synced(path: Path, content: memoryview) -> None:
    _make_folder(path.parent)
    draft = path.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
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


def _make_folder(folder: Path) -> None:
    """A new folder is a name in the one above it, and that one must outlast a crash of the machine, too."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
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


def retire(lake: Path, files: Iterable[LakeFile]) -> None:
    """To be called before a commit that replaces the files: whoever reads them still has 24 h from now."""
    for file in files:
        os.utime(lake / file.path, follow_symlinks=False)


@contextmanager
def scratch(lake: Path) -> Iterator[Path]:
    """What names of files for a while may begin with; they are gone afterwards, or swept where the process is killed.

    In the lake, since they hold what it holds, and since that is where there is room. No folder: a sweep of another
    process would stumble over one that goes.
    """
    lake.mkdir(parents=True, exist_ok=True)
    begin = lake / f"{_DRAFT}{secrets.token_hex(8)}"
    try:
        yield begin
    finally:
        for path in lake.glob(f"{begin.name}*"):
            path.unlink(missing_ok=True)


def sweep(lake: Path, known: set[str]) -> int:
    """Deletes files that no ledger knows and that are older than 24 h; returns how many.

    A younger one may belong to a run that is about to commit, or whose commit is not known.
    """
    before, swept = time.time() - ORPHANS_AFTER_S, 0
    for path in lake.rglob("*"):
        is_ours = path.suffix == ".parquet" or path.name.startswith(_DRAFT)
        if not is_ours or str(path.relative_to(lake)) in known:
            continue
        with suppress(FileNotFoundError):  # a draft that has got its name meanwhile; or another sweep was first
            if path.stat().st_mtime < before:
                path.unlink()
                swept += 1
    return swept
