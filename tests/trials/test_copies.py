"""Copies into the source's folder while runs go on: rclone's, rsync's and cp's own ways of writing what is not whole.

After the last copy the warehouse must say what it says of the finished folder, however many halves a run has met.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mediameter.steps.ingest.ingest import IngestReport, ingest
from mediameter.steps.rollup.rollup import rollup
from schemas.rollups import TRAFFIC_DAILY, TRAFFIC_HOURLY
from tests import gate
from tests.conftest import Trials
from tests.packages import installed
from tests.trials.dump import FIGURES, LEDGER, difference, dump
from tests.worlds.site import LogObject, Site, small_world

MOST_OBJECTS = 25
END = datetime.now(UTC) + timedelta(hours=12)
"""As of when the last passes are made: one time for all, since `days` says until when logs are complete."""
_PACKAGES = ("rclone", "rsync")
_LONGEST_S = 120
# Words of a command that copies a folder; {here}, {there}, and {kib}: how many KiB a second.
COPIES = {
    "rsync": "rsync -a --bwlimit={kib} {here}/ {there}/",
    "rclone": "rclone copy --bwlimit {kib}k {here} {there}",
    "rsync --inplace": "rsync -a --inplace --bwlimit={kib} {here}/ {there}/",
    "rsync --partial-dir": "rsync -a --partial-dir=.rsync-partial --bwlimit={kib} {here}/ {there}/",
    "rsync without times": "rsync -r --inplace --bwlimit={kib} {here}/ {there}/",
    "rclone, one at a time": "rclone copy --transfers 1 --bwlimit {kib}k {here} {there}",
    "cp": "sh {cp} {here} {there} {kib}",
}
# As cp writes, in place and in order, but slowly.
_SLOW_CP = """
cd "$1" && find . -type f | while read -r file; do
  mkdir -p "$2/$(dirname "$file")" && : > "$2/$file"
  split -b "$3"k --filter='cat; sleep 0.2' "$file" - >> "$2/$file"
done
"""


@pytest.fixture(scope="module")
def programs() -> set[str]:
    """Those that are there; what is missing is installed where we may, once. Under CI all must be there."""
    there = {*installed(*_PACKAGES), "sh"}
    if os.environ.get("CI") == "true":
        assert there >= set(_PACKAGES), f"not to be had: {set(_PACKAGES) - there}"
    return there


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> list[LogObject]:
    return small_world(tmp_path_factory.mktemp("world"))


def test_copies_of_every_program_converge_while_runs_go_on(
    trials: Trials, world: list[LogObject], programs: set[str], tmp_path: Path
) -> None:
    asked, failed, halves = trials(2, 20 * len(COPIES)), [], 0
    names, skipped = list(COPIES), set[str]()
    for number in range(asked):
        name = names[number % len(names)]
        if COPIES[name].partition(" ")[0] not in programs:
            skipped.add(name)
            continue
        site, met = _copied(world, name, number, tmp_path / str(number), pause_s=0.5 if gate.is_on else 0.1)
        halves += met
        failed += [f"{name}, {number}: {line}" for line in _against_the_finished_folder(site)[:5]]
        shutil.rmtree(tmp_path / str(number))
    print(
        f"{asked} copies asked, {halves} files met before they were whole, {len(failed)} failed; {skipped or 'all ran'}"
    )
    if skipped:
        pytest.skip(f"not to be had: {', '.join(sorted(skipped))}")
    assert not failed, "\n".join(failed)
    assert halves


def _copied(world: list[LogObject], name: str, number: int, folder: Path, pause_s: float) -> tuple[Site, int]:
    """A site into whose bucket the program copies while runs go on; every second one takes files at once, as if it had
    no patience, so that halves are read. Also how many unfinished files the runs met."""
    rng = random.Random(number)
    origin = Site(folder / "origin")
    origin.deliver(rng.sample(world, MOST_OBJECTS))
    patience = (("quiet", "0 s"), ("unfinished", "0 s")) if number // len(COPIES) % 2 else ()
    site = Site(folder / "site", ingest=(("batch_bytes", 300_000), *patience))
    site.bucket.mkdir(parents=True)
    size = sum(path.stat().st_size for path in origin.bucket.rglob("*") if path.is_file())
    (folder / "cp.sh").write_text(_SLOW_CP)
    places = {"here": origin.bucket, "there": site.bucket, "cp": folder / "cp.sh"}
    words = COPIES[name].format(**places, kib=max(20, size // 1024 // 4)).split()  # some four seconds
    met = [len(report.growing) + sum(report.temporary.values()) for report in _runs_beside(site, words, pause_s)]
    return site, sum(met)


def _runs_beside(site: Site, words: list[str], pause_s: float) -> Iterator[IngestReport]:
    deadline = time.monotonic() + _LONGEST_S
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as copy:
        while copy.poll() is None:
            if time.monotonic() > deadline:
                copy.kill()
                raise TimeoutError(f"{words[0]} was not done after {_LONGEST_S} s")
            yield _pass(site, datetime.now(UTC))
            time.sleep(pause_s)
    assert copy.returncode == 0, f"{words} ended with {copy.returncode}"
    for later in (timedelta(hours=-1), timedelta(0)):  # what was touched last is still; the second pass finds nothing
        yield _pass(site, END + later)


def _pass(site: Site, now: datetime) -> IngestReport:
    found = ingest(site.settings(), now=now)
    rollup(site.settings(), now=now)
    return found


def _against_the_finished_folder(site: Site) -> list[str]:
    fresh = replace(site, folder=site.folder.with_name("fresh"))
    shutil.copytree(site.bucket, fresh.bucket, symlinks=True)
    _pass(fresh, END)
    # A half that was read is of today by its time: that day is known from then on, with nothing in it.
    tables = (TRAFFIC_DAILY, TRAFFIC_HOURLY, *LEDGER) if dict(site.ingest).get("quiet") else (*FIGURES, *LEDGER)
    return difference(dump(fresh.url, tables), dump(site.url, tables))
