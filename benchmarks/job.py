"""`mediameter run` in a folder of its own: laid out anew before each run, its totals read from the warehouse after it."""

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
            requests, sent = warehouse.execute("SELECT sum(requests), sum(bytes_sent) FROM traffic_daily").fetchone()
            row = warehouse.execute("SELECT sum(lines), sum(parsed), sum(ignored), sum(rejected) FROM objects").fetchone()
        return {"requests": requests, "bytes_sent": sent, **dict(zip(("lines", "parsed", "ignored", "rejected"), row, strict=True))}

    def case(self, name: str, size: int) -> Case:
        """A first run over everything in the bucket."""
        return Case(name, self.command(), size, before=self.prepare, after=self.totals)
