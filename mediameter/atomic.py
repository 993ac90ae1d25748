"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def replaced(path: Path, mode: str = "w", permissions: int = 0o666, **how: Any) -> Iterator[IO[Any]]:
    """A stream whose content takes the place of ``path`` at the end; on an exception nothing has changed."""
    with _draft(path, mode, permissions, how) as (stream, draft):
        yield stream
        _settle(stream)
        draft.replace(path)


def write_once(path: Path, text: str, permissions: int = 0o666) -> bool:
    """Write a file that is not there yet; False, and nothing written, where it is. Of two writers the first wins."""
    with _draft(path, "w", permissions, {"encoding": "utf-8"}) as (stream, draft):
        stream.write(text)
        _settle(stream)
        try:
            os.link(draft, path)  # unlike a rename, refuses where the name is taken
        except FileExistsError:
            return False
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlast a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _draft(path: Path, mode: str, permissions: int, how: dict[str, Any]) -> Iterator[tuple[IO[Any], Path]]:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, permissions)
    try:
        with os.fdopen(descriptor, mode, **how) as stream:
            yield stream, draft
    finally:
        draft.unlink(missing_ok=True)


def _settle(stream: IO[Any]) -> None:
    stream.flush()
    os.fsync(stream.fileno())
