"""The same bucket as a folder and over S3: whatever happens in it, the same figures come out."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mediameter.commands.run import run
from mediameter.sources import s3
from mediameter.steps.ingest.ingest import ingest
from mediameter.store import settling
from tests.s3.places import FolderPlace, Place
from tests.s3.store import BUCKET, MODIFIED, NOW, Site, Store, figures, line
from tests.trials.dump import FIGURES, difference, dump
from tests.worlds import site as trials

LATER = NOW + timedelta(hours=1)


@pytest.fixture(params=["folder", "s3"])
def bucket(request: pytest.FixtureRequest, site: Site, store: Store) -> Iterator[Place]:
    """An empty bucket, which ``site`` meters."""
    if request.param == "s3":
        yield store
        return
    site.source = {"path": "bucket", "endpoint": "", "access_key": "", "secret_key": ""}
    (site.folder / "bucket").mkdir()
    yield FolderPlace(site.folder / "bucket")


def test_what_was_read_once_is_not_read_again(bucket: Place, site: Site) -> None:
    bucket.put("2026-01-03-03-00-00-A", line(1) + line(2) + line(1))
    bucket.put("deeper/é +%20ü?#&.log", line(3))
    bucket.put("empty", b"")
    assert site.run().ingest.lines == 4
    assert site.told() == figures(1, 2, 3, settled=3)
    assert site.run(LATER).is_idle
    assert site.told() == figures(1, 2, 3, settled=3)


def test_gzip_is_told_by_its_bytes(bucket: Place, site: Site) -> None:
    bucket.put("A", gzip.compress(line(1)) + gzip.compress(line(2)))
    bucket.put("B.gz", line(3))
    bucket.put("C", gzip.compress(line(4))[:-9])
    site.run()
    assert site.told() == figures(1, 2, 3, settled=2, refused=1)


def test_an_error_page_that_was_stored_is_refused(bucket: Place, site: Site) -> None:
    bucket.put("A", b"<?xml version='1.0'?>\n<Error><Code>SlowDown</Code></Error>\n")
    assert site.run().ingest.refused == 1
    assert site.told() == figures(refused=1)


def test_overwritten_later(bucket: Place, site: Site) -> None:
    bucket.put("A", line(1) + line(2))
    site.run()
    bucket.put("A", line(2) + line(3), MODIFIED + timedelta(minutes=5))
    site.run(LATER)
    assert site.told() == figures(2, 3, settled=1, superseded=1)
    bucket.put("A", line(1) + line(2))  # and back again: the same version as at first
    site.run(LATER)
    assert site.told() == figures(1, 2, settled=1, superseded=1)


def test_vanished_keeps_its_rows(bucket: Place, site: Site) -> None:
    bucket.put("A", line(1))
    bucket.put("B", line(2))
    site.run()
    bucket.delete("A")
    assert site.run(LATER).ingest.listed == 1
    assert site.told() == figures(1, 2, settled=2)


def test_a_late_key_that_sorts_low(bucket: Place, site: Site) -> None:
    bucket.put("2026-01-03-03-00-00-A", line(1))
    site.run()
    bucket.put("2026-01-02-11-00-00-A", line(2), NOW)
    site.run(LATER)
    assert site.told() == figures(1, 2, settled=2)


def test_the_same_content_under_a_second_key_counts_once(bucket: Place, site: Site) -> None:
    bucket.put("A", line(1) + line(2))
    bucket.put("B", gzip.compress(line(1) + line(2)))
    site.run()
    bucket.put("C", line(3) + line(1) + line(2))
    site.run(LATER)
    assert site.told() == figures(1, 2, 3, settled=3)
    assert site.rows("SELECT sum(duplicates) FROM days") == [(4,)]


def test_the_begin_of_another_object_does_not_count_beside_it(bucket: Place, site: Site) -> None:
    """Nor does a packed one lose by it: its bytes begin nothing."""
    bucket.put("A", line(1) + line(2))
    bucket.put("B", gzip.compress(line(1) + line(2)))
    site.run()
    bucket.put("C", line(1) + line(2) + line(3))
    site.run(LATER)
    assert site.told() == figures(1, 2, 3, settled=2, superseded=1)
    assert site.rows("SELECT sum(duplicates) FROM days") == [(2,)]


def test_only_what_is_below_the_prefix(bucket: Place, site: Site) -> None:
    bucket.put("logs/A", line(1))
    bucket.put("logs-of-others/A", line(2))
    site.run(prefix="logs/")
    assert site.told() == figures(1)


def test_a_large_object_is_read_block_by_block(bucket: Place, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", 1 << 20)
    site.sections = {"ingest": {"batch_bytes": "1 MiB", "fetchers": 2}}
    numbers = range(50_000)
    bucket.put("A", b"".join(map(line, numbers)))
    site.run()
    assert site.told() == figures(*numbers)
    assert site.rows("SELECT count(*) > 1 FROM lake_files WHERE kind = 'records'") == [(1,)]


def test_a_bomb_is_refused_and_holds_up_nothing(bucket: Place, site: Site) -> None:
    """It is left in the middle; parts of it that are on their way must not take the room of others."""
    site.sections = {"ingest": {"batch_bytes": "1 MiB", "max_unpacked_bytes": "2 MiB", "fetchers": 2}}
    for number in range(3):
        bucket.put(f"A{number}", b"".join(line(number) for number in range(20_000)))
    bucket.put("B", line(1))
    site.run()
    assert site.told() == figures(1, settled=1, refused=3)


def test_a_log_that_logs_itself_is_told(bucket: Place, site: Site) -> None:
    bucket.put("A", line(1) + b"".join(line(number, BUCKET) for number in range(2, 9)))
    summary = site.run()
    assert site.told() == figures(1)
    assert summary.ingest.log_loop == ["2026-01-02T00Z"]
    assert any("enabled on the log bucket itself, so every log" in told for told in summary.lines())
    bucket.put("B", b"".join(map(line, range(10, 90))))
    assert site.run(LATER).ingest.log_loop == []


def test_the_hash_of_the_bytes_is_kept(bucket: Place, site: Site) -> None:
    bucket.put("A", line(1))
    bucket.put("B", line(1))
    site.run()
    [one, other] = site.rows("SELECT sha256 FROM objects")
    assert one == other and len(one[0]) == 64


def test_a_dry_run_reads_nothing(bucket: Place, site: Site) -> None:
    bucket.put("A", line(1))
    found = ingest(site.settings(), now=NOW, dry_run=True)
    assert (found.listed, found.pending, found.size_bytes) == (1, 1, len(line(1)))
    assert {each.name for each in site.folder.iterdir()} <= {"bucket"}  # and makes nothing


def test_a_whole_world_says_the_same(site: Site, store: Store, tmp_path: Path) -> None:
    """Every kind of trouble that the small world holds: all rollups agree to the byte."""
    objects = trials.small_world(tmp_path / "world")
    straight = trials.Site(tmp_path / "straight")
    straight.deliver(objects)
    shutil.copy(tmp_path / "world" / "countries.csv", straight.folder)
    shutil.copy(tmp_path / "world" / "countries.csv", site.folder)
    store = replace(store, name="dailey-media-logs")
    store.create()
    for each in objects:
        store.put(each.key, each.content, datetime.fromtimestamp(each.modified_ns // 10**9, UTC))
    site.sections = {name: value for name, value in straight.document().items() if name != "sources"}

    site.name, site.source = "ovh", {"bucket": store.name}
    for settings in (straight.settings(), site.settings()):
        run(settings, now=trials.NOW)
    assert difference(dump(straight.url, FIGURES), dump(site.url, FIGURES)) == []


def test_another_run_settles_some_of_it_meanwhile(bucket: Place, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was on its way is asked for a second time."""
    for number in range(4):
        bucket.put(f"A{number}", line(number))
    settle, before = settling.settle, iter([True])

    def settled(*arguments: object) -> object:
        if next(before, False):
            raise settling.AlreadySettled
        return settle(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(settling, "settle", settled)
    site.run()
    assert site.told() == figures(0, 1, 2, 3, settled=4)
