"""A log like OVH's, of any size: 475 bytes a line, one line in a thousand odd, and the truth about it.

An object is a pure function of (seed, number): 70,000 lines, 33 MB, 3 hours of traffic. So a longer log begins with
the shorter one, and what was made once is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

GENERATION = 1  # another one makes other bytes: what is kept of the older is not used
LINES = 70_000
ODD = LINES // 1000
OBJECT_MB = 33.3
SMALL_FILES = 96  # that an object is cut into: a gigabyte makes 3,000
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW_S = 3 * 3600


@dataclass(slots=True)
class Truth:
    """What must become of a log's lines. ``requests`` and ``bytes_sent``: of records that are requests."""

    lines: int = 0
    parsed: int = 0
    ignored: int = 0
    rejected: int = 0
    requests: int = 0
    bytes_sent: int = 0
    size: int = 0
    clean_size: int = 0

    def add(self, other: Truth) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True, slots=True)
class Log:
    """Where a log lies, each file with its name in a bucket: its objects, the same bytes in small files, and its clean
    lines alone."""

    objects: dict[str, Path]
    small: dict[str, Path]
    clean: list[Path]
    truth: Truth


def log(folder: Path, seed: int, count: int) -> Log:
    """The log's first ``count`` objects, made if they are not there."""
    kept = folder / f"log-{GENERATION}-{seed}"
    names = [f"{number:05d}" for number in range(count)]
    if not all((kept / "truth" / name).exists() for name in names):
        subprocess.run([sys.executable, "-m", "benchmarks.lines", str(kept), str(seed), str(count)], check=True)
    truth = Truth()
    for name in names:
        truth.add(Truth(**json.loads((kept / "truth" / name).read_text())))
    return Log(
        objects={object_name(number): kept / "objects" / name for number, name in enumerate(names)},
        small={
            object_name(number, part): kept / "small" / name / f"{part:03d}"
            for number, name in enumerate(names)
            for part in range(SMALL_FILES)
        },
        clean=[kept / "clean" / name for name in names],
        truth=truth,
    )


def end_of(number: int) -> datetime:
    """When the object's traffic ends, and when it was last modified."""
    return BEGIN + timedelta(seconds=(number + 1) * WINDOW_S)


def object_name(number: int, part: int = 0) -> str:
    """What OVH would call it."""
    return f"{end_of(number):%Y-%m-%d-%H-%M-%S}-{hashlib.md5(f'{number}/{part}'.encode()).hexdigest().upper()}"


def laid_out(folder: Path, files: dict[str, Path]) -> None:
    """A folder as the bucket that holds just these objects; links, so that it costs no space and keeps their times."""
    (folder / "access-logs").mkdir(parents=True)
    for name, path in files.items():
        os.link(path, folder / "access-logs" / name)


def laid_out_as_one(folder: Path, files: Iterable[Path]) -> None:
    """The same bytes as one object."""
    (folder / "access-logs").mkdir(parents=True)
    whole = folder / "access-logs" / object_name(0)
    modified = 0.0
    with whole.open("wb") as out:
        for path in files:
            out.write(path.read_bytes())
            modified = path.stat().st_mtime
    os.utime(whole, (modified, modified))


# --- a quiet bucket, for passes that find little ---------------------------------------------------------

_QUIET_LINE = (
    "4c1e77d09ab3:user-Zr4kWq8N dailey-media [{at:%d/%b/%Y:%H:%M:%S} +0000] 203.0.113.{n} - tx{n:021x}-{second:010x} "
    'REST.GET.OBJECT media/dailey-core/a6b8/originals/{n}.jpg "GET /media/dailey-core/a6b8/originals/{n}.jpg HTTP/1.1" '
    '200 - 265767 - 171 79 "-" "Mozilla/5.0" - - - - - dailey-media.s3.gra.io.cloud.ovh.net - -\n'
)


def laid_out_quietly(folder: Path, hours: int) -> None:
    """A bucket with a small object for each of so many hours."""
    (folder / "access-logs").mkdir(parents=True)
    for hour in range(hours):
        add_hour(folder, hour)


def add_hour(folder: Path, hour: int | None = None) -> None:
    """The small object of an hour since BEGIN; without one, of the hour after the newest."""
    bucket = folder / "access-logs"
    hour = len(list(bucket.iterdir())) if hour is None else hour
    begin = BEGIN + timedelta(hours=hour)
    times = [begin + timedelta(minutes=n) for n in range(20)]
    path = bucket / f"{begin:%Y-%m-%d-%H-%M-%S}-{hour:032X}"
    path.write_text("".join(_QUIET_LINE.format(at=at, n=n, second=int(at.timestamp())) for n, at in enumerate(times)))
    end = begin.timestamp() + 3600
    os.utime(path, (end, end))
