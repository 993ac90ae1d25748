"""Promise 12: days that are done again say what the runs hour by hour have said, whatever disturbs the doing; and a
plan says beforehand what will come of it."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from mediameter.commands.run import run
from mediameter.steps.ingest import door, log_objects
from mediameter.steps.redo.backfill import Task, backfill
from tests import gate
from tests.conftest import Trials
from tests.trials.dump import difference, dump
from tests.trials.runs import exit_code, start, start_backfill
from tests.worlds.month import FIRST, NOW, as_by_an_older_parser, month
from tests.worlds.site import LogObject, Site

_LATER = timedelta(minutes=1)


def bare(folder: Path) -> Site:
    site = Site(folder)
    site.bucket.mkdir(parents=True)
    return site


def hour_by_hour(site: Site, objects: list[LogObject]) -> None:
    """A run after every sixth of the objects, the last one as of ``NOW``."""
    size = -(-len(objects) // 6)
    for number in range(0, len(objects), size):
        site.deliver(objects[number : number + size])
        is_last = number + size >= len(objects)
        run(site.settings(), now=NOW if is_last else NOW - timedelta(days=1))


@pytest.fixture(scope="module")
def days(pytestconfig: pytest.Config) -> int:
    """A month; in `make test` two weeks, of which the second is not whole."""
    return 12 if gate.is_plain(pytestconfig) else 30


@pytest.fixture(scope="module")
def objects(days: int) -> list[LogObject]:
    return month(days)


@pytest.fixture(scope="module")
def whole(days: int) -> Task:
    return Task(FIRST - timedelta(days=1), FIRST + timedelta(days=days + 1))


@pytest.fixture(scope="module")
def incremental(objects: list[LogObject], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """What the runs hour by hour have left."""
    site = bare(tmp_path_factory.mktemp("incremental") / "site")
    hour_by_hour(site, objects)
    return site


@pytest.fixture(scope="module")
def straight(incremental: Site, days: int) -> dict[str, list[str]]:
    said = dump(incremental.url)
    assert len(said["days"]) == days + 1 and said["rejects"]
    return said


class AtOnce(NamedTuple):
    """A site that was backfilled as a whole, undisturbed, and the seconds that it took."""

    site: Site
    seconds: float


@pytest.fixture(scope="module")
def at_once(objects: list[LogObject], whole: Task, tmp_path_factory: pytest.TempPathFactory) -> AtOnce:
    site = bare(tmp_path_factory.mktemp("at-once") / "site")
    site.deliver(objects)
    return AtOnce(site, taken(site, whole))


# --- the same to the byte ----------------------------------------------------------------------------
def test_a_month_at_once_or_in_parts_is_what_the_runs_have_made(
    objects: list[LogObject], whole: Task, at_once: AtOnce, straight: dict[str, list[str]], tmp_path: Path
) -> None:
    in_weeks = bare(tmp_path / "in weeks")
    in_weeks.deliver(objects)
    weeks = [whole.days[n : n + 7] for n in range(0, len(whole.days), 7)]
    for days in reversed(weeks):
        backfill(in_weeks.settings(), Task(days[0], days[-1]), now=NOW)
    assert difference(straight, dump(at_once.site.url)) == []
    assert difference(straight, dump(in_weeks.url)) == []


def test_random_ranges_over_what_is_there_change_nothing(
    incremental: Site, days: int, straight: dict[str, list[str]], trials: Trials, tmp_path: Path
) -> None:
    asked, failed, rng = trials(2, 200), [], Random(1)
    site = incremental.copied(tmp_path / "site")
    for number in range(asked):
        first = FIRST + timedelta(days=rng.randrange(-2, days + 2))
        is_again = rng.random() < 0.7
        task = Task(first, first + timedelta(days=rng.randrange(9)), is_again, is_again)
        report = backfill(site.settings(), task, now=NOW)
        if dump(site.url) != straight or any(change.is_different for change in report.days):
            failed.append(f"{number}, {task}: {difference(straight, dump(site.url))[:6]}")
    print(f"random ranges: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


def test_killed_again_and_again_it_converges(
    objects: list[LogObject], whole: Task, at_once: AtOnce, straight: dict[str, list[str]], trials: Trials,
    tmp_path: Path,
) -> None:  # fmt: skip
    """First fetching a month, then reading it again, which takes about as long."""
    asked, rng = trials(2, 30), Random(2)
    site = bare(tmp_path / "site")
    site.deliver(objects)
    codes: Counter[int] = Counter()
    again = replace(whole, reparse=True, every=True)
    for task, kills in ((whole, asked - asked // 2), (again, asked // 2)):
        for _ in range(kills):
            process = start_backfill(site, NOW, task)
            time.sleep(rng.uniform(0, at_once.seconds))
            process.kill()
            codes[exit_code(process)] += 1
        taken(site, task)
        assert difference(straight, dump(site.url)) == []
    print(f"backfill killed: {asked} asked, {codes.total()} run ({codes[0]} over before), 0 failed")


def taken(site: Site, task: Task) -> float:
    """Seconds that the backfill takes when nobody disturbs it."""
    begin = time.monotonic()
    assert exit_code(start_backfill(site, NOW, task)) == 0
    return time.monotonic() - begin


def test_overlapping_backfills_and_a_run_beside_them(
    objects: list[LogObject], whole: Task, straight: dict[str, list[str]], trials: Trials, tmp_path: Path
) -> None:
    asked, failed, rng = trials(1, 20), [], Random(3)
    for number in range(asked):
        site = replace(bare(tmp_path / str(number)), ingest=(("batch_bytes", rng.choice((3_000, 20_000))),))
        site.deliver(objects[: rng.randrange(len(objects))])
        run(site.settings(), now=NOW - timedelta(days=1))
        site.deliver(objects)
        middle = FIRST + timedelta(days=rng.randrange(5, len(whole.days) - 8))
        parts = [Task(whole.first, middle, True, True), Task(middle - timedelta(days=5), whole.last, True, True)]
        processes = [*(start_backfill(site, NOW, part) for part in parts), start(site, NOW)]
        codes = [exit_code(process) for process in processes]
        run(site.settings(), now=NOW)  # what one of them has made dirty while another computed it
        if codes != [0, 0, 0] or dump(site.url) != straight:
            failed.append(f"{number}: exit codes {codes}, {difference(straight, dump(site.url))[:6]}")
    print(f"overlapping backfills: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


# --- the plan ----------------------------------------------------------------------------------------
@contextmanager
def older_parser() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "parse_pieces", as_by_an_older_parser)
        patch.setattr(log_objects, "PARSER_VERSION", 0)
        yield


def messy(site: Site, objects: list[LogObject], rng: Random) -> list[LogObject]:
    """Some objects were read by an older parser, some by this one, some are new, overwritten, or gone: these are
    returned."""
    known = rng.sample(objects, len(objects) * 2 // 3)
    cut = rng.randrange(len(known))
    with older_parser():
        site.deliver(known[:cut])
        run(site.settings(), now=NOW - timedelta(days=1))
    site.deliver(known[cut:])
    run(site.settings(), now=NOW - timedelta(hours=12))
    site.deliver(objects)
    site.deliver(each.rewritten(rng, _LATER) for each in rng.sample(known, 3))
    gone = rng.sample(known, 2)
    for each in gone:
        (site.bucket / each.key).unlink()
    return gone


def traces(site: Site) -> tuple[object, ...]:
    """What a plan must leave as it is."""
    files = sorted((path.relative_to(site.folder), path.stat().st_mtime_ns) for path in site.folder.rglob("*.parquet"))
    return dump(site.url), files


def differences_of_a_plan(site: Site, task: Task) -> tuple[list[str], int]:
    """What the plan said wrong, and how many days it changed."""
    before = traces(site)
    planned = backfill(site.settings(), task, now=NOW, dry_run=True)
    found = [] if traces(site) == before else ["the plan has left a trace"]
    done = backfill(site.settings(), task, now=NOW)
    # A plan does not foretell the gate's verdict.
    if replace(planned, is_dry_run=False, afterwards=done.afterwards) != done:
        found.append(f"planned {planned}, done {done}")
    return found, sum(change.is_different for change in done.days)


def test_a_plan_does_nothing_and_tells_what_then_comes(whole: Task, trials: Trials, tmp_path: Path) -> None:
    asked, failed, different = trials(1, 100), [], 0
    objects = month(days=5)
    for seed in range(asked):
        rng, site = Random(seed), bare(tmp_path / str(seed))
        gone = messy(site, objects, rng)
        first = FIRST + timedelta(days=rng.randrange(5))
        reparse = rng.random() < 0.8
        task = Task(first, first + timedelta(days=rng.randrange(3)), reparse, reparse and rng.random() < 0.4)
        wrong, changed = differences_of_a_plan(site, task)
        different += bool(changed)
        site.deliver(gone)
        backfill(site.settings(), replace(whole, reparse=True), now=NOW)
        fresh = Site(tmp_path / f"{seed}-fresh")
        shutil.copytree(site.bucket, fresh.bucket)
        run(fresh.settings(), now=NOW)
        wrong += difference(dump(fresh.url), dump(site.url))[:6]
        failed += [f"{seed}, {task}: {each}" for each in wrong]
    print(f"plans: {asked} asked, {asked} run ({different} with differences), {len(failed)} failed")
    assert not failed and different > asked / 2
