"""What may still be written is not read; half of an object that was read does not count beside the whole one."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.sources.temporary import left_out
from mediameter.steps.ingest.ingest import IngestReport, ingest
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.steps.rollup.rollup import rollup
from mediameter.store import tenancy
from mediameter.store.warehouse import tables
from tests.worlds.log_lines import probe

ISO_DAY = date(2026, 1, 2)
LATER = timedelta(minutes=6)  # longer than files have to have been still
KEY = "2026-01-02-10-00-00-0123456789ABCDEF"
AGENT = '"made for the test of half files" -'


def line(number: int) -> bytes:
    at, key = datetime(2026, 1, 2, 10, number, tzinfo=UTC), f"files/u-1/castingly-1/{number}.jpg"
    block = f"200 - {1000 + number} 9000 42 40"
    text = probe(at, f"{number:016X}", owner="79a5", key=key, block=block, agent=AGENT.removesuffix(" -"))
    return f"{text}\n".encode()


LINES = [line(number) for number in range(10)]
WHOLE = b"".join(LINES)
CUT = len(b"".join(LINES[:6])) - 3  # within the agent of the sixth line: it parses, as another line
HALF = WHOLE[:CUT]


class Told(NamedTuple):
    requests: int
    bytes_sent: int
    rejected: int


ALL = Told(10, sum(1000 + number for number in range(10)), 0)


class Place(NamedTuple):
    """An installation on a folder."""

    folder: Path

    @property
    def settings(self) -> Settings:
        source = {"kind": "s3_access_log", "path": "bucket"}
        return from_mapping(
            {
                "warehouse": {"url": f"sqlite:///{self.folder / 'warehouse.sqlite'}"},
                "sources": {"logs": source},
                "privacy": {"key": "sixteen characters"},
                "geo": {"countries": "none"},
            },
            self.folder,
        )

    def put(self, name: str, content: bytes, age: timedelta = timedelta(days=1)) -> Path:
        path = self.folder / "bucket" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        at = (datetime.now(UTC) - age).timestamp()
        os.utime(path, (at, at))
        return path

    def run(self, later: timedelta = LATER) -> IngestReport:
        now = datetime.now(UTC) + later
        report = ingest(self.settings, now=now)
        rollup(self.settings, now=now)
        return report

    def query(self, query: sa.Executable) -> list[tuple[int, ...]]:
        made = tenancy.engine(self.settings.warehouse.url, self.settings.tenant)
        try:
            with connect.writing(made) as connection:
                found = connection.execute(query)
                return [tuple(row) for row in found] if found.returns_rows else []  # type: ignore[attr-defined]
        finally:
            made.dispose()

    def told(self) -> Told:
        daily, days = tables["traffic_daily"], tables["days"]
        ((requests, size),) = self.query(sa.select(sa.func.sum(daily.c.requests), sa.func.sum(daily.c.bytes_sent)))
        ((rejected,),) = self.query(sa.select(sa.func.sum(days.c.rejected)))
        return Told(int(requests or 0), int(size or 0), int(rejected or 0))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "bucket").mkdir()
    return Place(tmp_path)


# --- names -------------------------------------------------------------------------------------------
TEMPORARY = {
    f"{KEY}.1a2b3c4d.partial": "rclone",
    f".{KEY}.Xy12Ab": "rsync",
    f".~tmp~/{KEY}": "rsync --partial-dir",
    f"logs/.rsync-partial/{KEY}": "rsync --partial-dir",
    f"{KEY}.6eE4b1c0": "aws s3",
    f"{KEY}.12345678": "aws s3",
    "other.6eE4b1c0": "aws s3",
    f".s3cmd-{KEY}": "s3cmd",
    f"{KEY}.0123abcd.part.minio": "mc",
    f"{KEY}.gz_.gstmp": "gsutil, gcloud storage",
    f"{KEY}.filepart": "WinSCP",
    f"{KEY}.crdownload": "browser",
    f"{KEY}.part": "browser, any program",
    f"{KEY}.tmp": "browser, any program",
    f"{KEY}.temp": "browser, any program",
    f"{KEY}.download": "browser, any program",
    ".nfs0001": "NFS",
    "logs/.DS_Store": "macOS",
    "Thumbs.db": "Windows",
    f".{KEY}.swp": "vim",
    f"{KEY}~": "vim, Emacs",
    f"#{KEY}#": "Emacs",
    f"lost+found/{KEY}": "file system",
    ".hidden": "hidden",
    f".old/{KEY}": "hidden",
}
LOGS = (
    KEY,
    "access-logs/2026-01-02-10-00-00-" + "0A" * 16,
    f"{KEY}.gz",
    f"123456789012/eu-west-1/acme/2026/01/02/{KEY}",
    "access.log.20260102",
    "access.log-20260102.gz",
    "access.log.1",
    "part-0001.json",
    "events-tmp.ndjson",
)


@pytest.mark.parametrize("key", TEMPORARY)
def test_names_of_files_on_their_way_are_known_with_their_program(key: str) -> None:
    found = left_out(key)
    assert found and found.program == TEMPORARY[key]


@pytest.mark.parametrize("key", LOGS)
def test_a_log_s_name_is_not_taken_for_a_temporary_one(key: str) -> None:
    assert left_out(key) is None and left_out(key, only_sure=True) is None


def test_what_the_prefix_names_was_asked_for() -> None:
    assert left_out(f".archive/{KEY}") and left_out(f".archive/{KEY}", ".archive/") is None


@pytest.mark.parametrize("key", ["logs/.hidden", f"{KEY}.tmp", f"{KEY}~", "other.6eE4b1c0"])
def test_over_s3_only_what_is_surely_no_log_is_left_out(key: str) -> None:
    assert left_out(key) and left_out(key, only_sure=True) is None
    assert left_out(f"{KEY}.1a2b3c4d.partial", only_sure=True)


def test_a_temporary_file_is_counted_as_such_and_read_under_its_own_name(place: Place) -> None:
    path = place.put(f"{KEY}.1a2b3c4d.partial", HALF)
    place.put(".DS_Store", b"x")
    report = place.run()
    assert (report.objects, report.temporary) == (0, {"rclone": 1, "macOS": 1})
    path.rename(place.folder / "bucket" / KEY)
    place.put(KEY, WHOLE)
    assert place.run().objects == 1 and place.told() == ALL


# --- times and ends ----------------------------------------------------------------------------------


def test_a_file_that_was_just_written_to_is_left_to_the_next_run(place: Place) -> None:
    place.put(KEY, WHOLE, age=timedelta(0))
    report = place.run(timedelta(0))
    assert (report.objects, report.pending, report.failed) == (0, 1, [])
    assert report.growing[0].startswith(f"{KEY}: changed ")
    assert place.run(timedelta(seconds=31)).objects == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [(HALF, "no newline at its end"), (gzip.compress(WHOLE)[:-20], "its gzip stream ends early")],
    ids=["plain", "gzip"],
)
def test_an_end_that_looks_cut_waits_until_the_file_is_still(content: bytes, why: str, place: Place) -> None:
    """Its own time is a day old, as a copy sets it; when it was touched no copy can set."""
    place.put(KEY, content)
    report = place.run(timedelta(seconds=60))
    assert (report.objects, report.pending) == (0, 1)
    assert report.growing[0].startswith(f"{KEY}: {why}, changed ")
    assert place.run().objects == 1
    place.put(KEY, WHOLE)
    assert place.run().objects == 1 and place.told() == ALL


def test_a_whole_gzip_needs_no_newline(place: Place) -> None:
    place.put(KEY, gzip.compress(WHOLE[:-1]))
    assert place.run(timedelta(0)).objects == 1 and place.told() == ALL


def test_a_time_far_ahead_says_nothing(place: Place) -> None:
    place.put(KEY, WHOLE, age=timedelta(days=-3))
    assert place.run().objects == 1


# --- halves that were read all the same ---------------------------------------------------------------
def _beside(place: Place) -> None:
    place.put("half", HALF)
    place.run()
    place.put(KEY, WHOLE)


def _renamed(place: Place) -> None:
    place.put("half", HALF)
    place.run()
    (place.folder / "bucket" / "half").rename(place.folder / "bucket" / KEY)
    place.put(KEY, WHOLE)


def _afterwards(place: Place) -> None:
    place.put(KEY, WHOLE)
    place.run()
    place.put("half", HALF)


def _at_once(place: Place) -> None:
    place.put("half", HALF)
    place.put(KEY, WHOLE)


def _in_steps(place: Place) -> None:
    for number, size in enumerate((100, 700, CUT)):
        place.put(f"half-{number}", WHOLE[:size])
        place.run()
    place.put(KEY, WHOLE)


def _packed(place: Place) -> None:
    packed = gzip.compress(WHOLE)
    place.put("half", packed[: len(packed) - 9])
    place.run()
    (place.folder / "bucket" / "half").unlink()
    place.put(KEY, packed)


@pytest.mark.parametrize("deliver", [_beside, _renamed, _afterwards, _at_once, _in_steps, _packed])
def test_a_half_does_not_count_beside_the_whole(deliver: Callable[[Place], None], place: Place) -> None:
    deliver(place)
    place.run()
    assert place.told() == ALL
    assert place.run().objects == 0 and place.told() == ALL  # nor does it come back when it is seen again
    objects = tables["objects"].c
    ((refused,),) = place.query(sa.select(sa.func.count()).where(objects.state == "refused"))
    assert refused == 0


def test_an_object_that_only_begins_alike_counts(place: Place) -> None:
    other = HALF[:-60] + b"/another end of the line\n"
    place.put("other", other)
    place.put(KEY, WHOLE)
    place.run()
    assert place.told().requests + place.told().rejected == 11


def test_a_half_counts_again_when_the_whole_says_something_else(place: Place) -> None:
    _beside(place)
    place.run()
    place.put(KEY, line(30), age=timedelta(hours=3))
    place.run()
    assert place.told().requests == 7  # six of the half, and the other one
    assert place.run().objects == 0 and place.told().requests == 7


def test_an_old_half_that_has_gone_is_mended_by_reading_everything_again(place: Place) -> None:
    """A version that kept no begins has read both."""
    objects = tables["objects"]
    place.put("half", HALF)
    place.run()
    (place.folder / "bucket" / "half").rename(place.folder / "elsewhere")
    place.query(objects.update().values(head_hash=None, size_bytes=objects.c.size_bytes + 10_000))  # not seen as a half
    place.put(KEY, WHOLE)
    place.run()
    assert place.told().requests == 11
    place.query(objects.update().where(objects.c.object_key == "half").values(size_bytes=len(HALF)))
    place.query(objects.update().values(head_hash=None))
    task = Task(ISO_DAY, ISO_DAY, reparse=True, every=True)
    backfill(place.settings, task, now=datetime.now(UTC) + LATER)
    assert place.told() == ALL
