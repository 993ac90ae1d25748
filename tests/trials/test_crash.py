"""Promise 1: a run may be killed at any instant; the next one ends with the very figures of an undisturbed run."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from mediameter.faults import FOUNDING_POINTS, POINTS
from tests.conftest import Trials
from tests.trials.conftest import Ingest
from tests.trials.dump import dump_hash
from tests.trials.runs import Fault, complete, counted, exit_code, start
from tests.worlds.site import NOW, LogObject, Site


@dataclass(frozen=True, slots=True)
class Act:
    """One delivery and the run after it: the site before that run, and what came of it undisturbed."""

    before: Site
    delivery: list[LogObject]
    now: datetime
    passed: Counter[str]
    seconds: float
    figures: str


def deliveries(objects: list[LogObject]) -> tuple[list[LogObject], list[LogObject]]:
    """Half of the objects, some of them in an earlier version; then the rest, which touches the same days, and these
    few overwritten."""
    rng = Random(1)
    first = sorted(rng.sample(range(len(objects)), len(objects) // 2))
    overwritten = [objects[n] for n in first if objects[n].lines][:4]
    earlier = {each.key: each.rewritten(rng, later=-timedelta(minutes=1)) for each in overwritten}
    rest = [each for number, each in enumerate(objects) if number not in first]
    return [earlier.get(objects[n].key, objects[n]) for n in first], overwritten + rest


@pytest.fixture(scope="module")
def acts(world: Path, objects: list[LogObject], ingest: Ingest, tmp_path_factory: pytest.TempPathFactory) -> list[Act]:
    site = Site(tmp_path_factory.mktemp("undisturbed") / "site", ingest)
    site.folder.mkdir()
    shutil.copy(world / "countries.csv", site.folder)
    result = []
    for number, delivery in enumerate(deliveries(objects)):
        site.deliver(delivery)
        before = site.copied(site.folder.with_name(f"before-{number}"))
        now = NOW + timedelta(hours=number)
        begin = time.monotonic()
        passed = counted(site, now)
        result.append(Act(before, delivery, now, passed, time.monotonic() - begin, dump_hash(site.url)))
    return result


def test_the_undisturbed_run_says_what_one_run_over_all_says(acts: list[Act], tmp_path: Path) -> None:
    site = acts[0].before.copied(tmp_path / "site")
    site.deliver(acts[1].delivery)
    complete(site, acts[1].now)
    assert dump_hash(site.url) == acts[1].figures
    assert all(acts[0].passed[point] and acts[1].passed[point] for point in POINTS)


@pytest.mark.parametrize("point", (*POINTS, *FOUNDING_POINTS))
def test_killed_at(point: str, acts: list[Act], trials: Trials, tmp_path: Path) -> None:
    asked = trials(1, 5)
    places = [(act, n) for act in acts for n in range(1, act.passed[point] + 1)]
    chosen = [places[(3 * n + 2) * len(places) // (3 * asked)] for n in range(asked)]  # of one: in the second run

    def killed(site: Site, act: Act, occurrence: int) -> None:
        assert exit_code(start(site, act.now, fault=Fault(point, occurrence, signal.SIGKILL))) == -signal.SIGKILL

    failed = [
        f"the {occurrence}. time of run {acts.index(act) + 1}"
        for number, (act, occurrence) in enumerate(chosen)
        if not _heals(acts, act, tmp_path / str(number), lambda site, act, n=occurrence: killed(site, act, n))  # type: ignore[misc]
    ]
    print(f"killed at {point}: {asked} asked, {len(chosen)} run, {len(failed)} failed")
    assert not failed


def test_killed_at_random_times(acts: list[Act], trials: Trials, tmp_path: Path) -> None:
    asked, rng = trials(3, 100), Random(2)
    longest, codes, failed = max(act.seconds for act in acts), Counter[int](), []

    def killed(site: Site, act: Act) -> None:
        nonlocal longest
        process = start(site, act.now, is_plain=False)  # as long as the run whose seconds were taken
        time.sleep(rng.uniform(0, longest))
        process.kill()
        code = exit_code(process)
        codes[code] += 1
        if code == 0:  # it was over before: the machine was busier when the seconds were taken
            longest *= 0.8

    while codes[-signal.SIGKILL] < asked:
        number = codes.total()
        if not _heals(acts, acts[number % 2], tmp_path / str(number), killed):
            failed.append(number)
    run = codes.total()
    print(f"killed at random times: {asked} asked, {run} run ({codes[0]} over before), {len(failed)} failed")
    assert not failed and set(codes) <= {0, -signal.SIGKILL}


def _heals(acts: list[Act], act: Act, folder: Path, kill: Callable[[Site, Act], None]) -> bool:
    """Whether the same run, made again after it was killed, and the ones after it end with the undisturbed figures."""
    site = act.before.copied(folder)
    kill(site, act)
    found = []
    for each in acts[acts.index(act) :]:
        if each is not act:
            site.deliver(each.delivery)
        complete(site, each.now)
        found.append(dump_hash(site.url) == each.figures)
    shutil.rmtree(folder)
    return all(found)
