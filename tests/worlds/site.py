"""The place of one trial: a folder as bucket, the warehouse and the lake beside it, and what is delivered there."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from mediameter.demo.library import REFERERS
from mediameter.demo.world import build
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping

NOW = datetime(2025, 11, 4, tzinfo=UTC)
_LAST_DAY = date(2025, 10, 31)  # the day after the guide's example line: no empty days between
_ZONE = "Pacific/Noumea"  # its midnight is 13:00 UTC: the day of traffic becomes two, and deliveries reach across
_COUNTRIES = "countries.csv"
APP = "app.sqlite"
"""Where the application's database lies, in the folder of a site that has one."""
PALETTE = "palette.sqlite"
"""The same of a generating system's."""
_PRICE = {
    "source": "ovh",
    "measure": "bytes_sent",
    "amount": "0.011",
    "currency": "USD",
    "per": "GB",
    "valid_from": date(2025, 1, 1),
    "citation": "made up for the trials",
}


@dataclass(frozen=True)
class LogObject:
    """A version of an object: its key in the bucket, its bytes, and its last-modified in ns."""

    key: str
    content: bytes
    modified_ns: int

    @cached_property
    def lines(self) -> list[bytes]:
        """Its lines, unpacked; none where it is broken."""
        try:
            plain = gzip.decompress(self.content) if self.content.startswith(b"\x1f\x8b") else self.content
        except EOFError:
            return []
        return plain.splitlines(keepends=True)

    def rewritten(self, rng: Random, later: timedelta) -> LogObject:
        """Another version: some lines have gone, some say something else, some stand twice."""
        lines = [line for line in self.lines if rng.random() > 0.2]
        lines = [line.replace(b" 200 ", b" 404 ") if rng.random() < 0.1 else line for line in lines]
        content = b"".join(line for line in lines for _ in range(1 + (rng.random() < 0.05)))
        if rng.random() < 0.3:
            content = gzip.compress(content, 1, mtime=0)
        return replace(self, content=content, modified_ns=self.modified_ns + later // timedelta(microseconds=1) * 1000)


def small_world(folder: Path) -> list[LogObject]:
    """56 objects with 5,838 lines of two days, every kind of trouble among them; ``folder`` keeps its countries."""
    world = build(folder, days=1, last_day=_LAST_DAY)
    paths = sorted(path for path in world.bucket.rglob("*") if path.is_file())
    return [
        LogObject(path.relative_to(world.bucket).as_posix(), path.read_bytes(), path.stat().st_mtime_ns)
        for path in paths
    ]


@dataclass(frozen=True, slots=True)
class Site:
    """One folder that holds it all, so that its copy is another site in the same state; but for a warehouse on a
    ``server``, given by its URL."""

    folder: Path
    ingest: tuple[tuple[str, int], ...] = (("batch_bytes", 300_000),)
    server: str = ""

    @property
    def bucket(self) -> Path:
        return self.folder / "bucket"

    @property
    def url(self) -> str:
        return self.server or f"sqlite:///{self.folder / 'warehouse.sqlite'}"

    def document(self) -> dict[str, Any]:
        """The settings as the file would have them. One key for all: pseudonyms decide ties."""
        sources = {"ovh": {"kind": "s3_access_log", "path": "bucket", "bucket": "dailey-media-logs"}}
        if (self.folder / APP).exists():
            sources["app"] = {"kind": "dailey_media", "url": f"sqlite:///{APP}"}
        if (self.folder / PALETTE).exists():
            sources["palette"] = {"kind": "directors_palette", "url": f"sqlite:///{PALETTE}"}
        return {
            "warehouse": {"url": self.url},
            "sources": sources,
            "reporting": {"time_zone": _ZONE},
            "attribution": {"referers": REFERERS},
            "prices": [_PRICE],
            "privacy": {"key": "the key of all trials"},
            "geo": {"countries": _COUNTRIES if (self.folder / _COUNTRIES).exists() else "none"},
            "ingest": dict(self.ingest),
            "quality": {"docs": "none"},
        }

    def settings(self) -> Settings:
        return from_mapping(self.document(), self.folder)

    def deliver(self, objects: Iterable[LogObject]) -> None:
        """Puts the objects into the bucket; what has the same key is overwritten."""
        self.bucket.mkdir(parents=True, exist_ok=True)
        for each in objects:
            path = self.bucket / each.key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(each.content)
            os.utime(path, ns=(each.modified_ns, each.modified_ns))

    def copied(self, folder: Path) -> Site:
        """A site of its own that begins where this one is. No run may be at work here, and no server."""
        assert not self.server
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)
