"""Where objects are put: a folder, or a bucket, in the same words."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tests.s3.store import MODIFIED


class Place(Protocol):
    """Where objects are put."""

    def put(self, key: str, content: bytes, modified: datetime = MODIFIED) -> None: ...
    def delete(self, key: str) -> None: ...


class FolderPlace:
    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, key: str, content: bytes, modified: datetime = MODIFIED) -> None:
        path = self.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (modified.timestamp(), modified.timestamp()))

    def delete(self, key: str) -> None:
        (self.path / key).unlink()
