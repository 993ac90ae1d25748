"""`mediameter run` in a folder of its own: laid out anew before each run; its totals are what the warehouse says."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Case

_SETTINGS = """\
[sources.ovh]
kind = "s3_access_log"
path = "bucket"
prefix = "access-logs/"
bucket = "the-log-bucket"

[[prices]]
source = "ovh"
measure = "bytes_sent"
amount = "0.011"
currency = "USD"
per = "GB"
valid_from = 2025-01-01
citation = "made up for the benchmark"

[geo]
countries = "none"  # whether the machine has a table of countries must not tell in the figures
"""
_TRAFFIC = "SELECT sum(requests) AS requests, sum(bytes_sent) AS bytes_sent FROM traffic_daily"
_OUTCOMES = (
    "SELECT sum(lines) AS lines, sum(parsed) AS parsed, sum(ignored) AS ignored, sum(rejected) AS rejected FROM objects"
)


@dataclass(frozen=True, slots=True)
class Job:
    """A place for `mediameter run`. ``fill`` puts the bucket there."""

    folder: Path
    fill: Callable[[Path], None]

    def prepare(self) -> None:
        """Settings and bucket, nothing taken in yet."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / "mediameter.toml").write_text(_SETTINGS)
        self.fill(self.folder / "bucket")

    def command(self) -> list[str]:
        return [sys.executable, "-m", "mediameter", "run", "--json", "--settings", str(self.folder / "mediameter.toml")]

    def totals(self) -> dict[str, Any]:
        """What the warehouse says."""
        with sqlite3.connect(self.folder / "warehouse.sqlite") as warehouse:
            warehouse.row_factory = sqlite3.Row
            return {**dict(warehouse.execute(_TRAFFIC).fetchone()), **dict(warehouse.execute(_OUTCOMES).fetchone())}

    def case(self, name: str, size: int) -> Case:
        """A first run over everything in the bucket."""
        return Case(name, self.command(), size, before=self.prepare, after=self.totals)
