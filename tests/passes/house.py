"""A small installation in a folder of its own: a bucket of a few lines, a lake, a warehouse."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mediameter import connect
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.ingest.ingest import IngestReport, ingest
from mediameter.store import identity, tenancy
from schemas.internal import OBJECT_HOURS, OBJECTS, REJECTS
from tests.trials.dump import dump
from tests.worlds.log_lines import probe

NOW = datetime(2026, 1, 3, tzinfo=UTC)
LEDGER = (OBJECTS, OBJECT_HOURS, REJECTS)


def line(number: int) -> str:
    at, key = datetime(2026, 1, 1, 10, number, tzinfo=UTC), f"clips/{number}.mp4"
    text = probe(
        at, f"R{number}", owner="o", bucket="media", address=f"192.0.2.{number}", key=key, target=f"media/{key}",
        block=f"200 - {1000 + number} 2000 {number} -", agent='"agent"',
    )  # fmt: skip
    return f"{text}\n"


@dataclass(frozen=True)
class House:
    """An installation: what its settings say, and a folder that holds all of it."""

    folder: Path
    source: str = "ovh"
    bucket: str = "bucket"
    key: str = "the key of this house"
    tenant: str = "default"
    warehouse: str = "warehouse.sqlite"

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / self.warehouse}"

    def settings(self) -> Settings:
        document: dict[str, Any] = {
            "tenant": self.tenant,
            "warehouse": {"url": self.url},
            "sources": {self.source: {"kind": "s3_access_log", "path": self.bucket}},
            "privacy": {"key": self.key} if self.key else {},
            "geo": {"countries": "none"},
        }
        return from_mapping(document, self.folder)

    def deliver(self, name: str, numbers: range) -> None:
        path = self.folder / self.bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(map(line, numbers)))
        os.utime(path, (NOW.timestamp() - 3600,) * 2)

    def ingest(self) -> IngestReport:
        return ingest(self.settings(), now=NOW)

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.lake).as_posix() for path in self.lake.rglob("*.parquet"))

    def ledger(self) -> dict[str, list[str]]:
        return dump(self.url, LEDGER)

    def copied(self, folder: Path) -> House:
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)

    def recorded(self) -> dict[str, str]:
        made = tenancy.engine(self.url, self.tenant)
        with connect.reading(made) as connection:
            found = identity.recorded(connection)
        made.dispose()
        return found
