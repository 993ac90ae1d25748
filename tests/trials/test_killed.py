"""Promise 1: a run may be killed at any instant; the next one ends with the very figures of an undisturbed run."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from tests.conftest import Trials
from tests.trials.kill_stories import STORIES, Act, Story, acts
from tests.trials.runs import Fault, complete, exit_code, start
from tests.worlds.site import Site

Kill = Callable[[Site, Act], None]


class Lived(NamedTuple):
    """A story, and its runs when nobody disturbed them."""

    story: Story
    acts: list[Act]


@pytest.fixture(scope="module")
def lives(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Lived]:
    """Each story is lived once. A fixture with parameters would live it anew for each test: pytest tells parameters
    apart by their place in the list."""

    @cache
    def life(name: str) -> Lived:
        return Lived(STORIES[name], acts(STORIES[name], tmp_path_factory.mktemp(name), request))

    return life


@pytest.fixture
def lived(request: pytest.FixtureRequest, lives: Callable[[str], Lived]) -> Lived:
    return lives(request.param)


_POINTS = [
    pytest.param(name, point, marks=(pytest.mark.trial,) * (point in story.only_in_trials), id=f"{name}-{point}")
    for name, story in STORIES.items()
    for point in story.points
]


@pytest.mark.parametrize("lived", STORIES, indirect=True)
def test_each_run_passes_the_points_and_says_something(lived: Lived) -> None:
    story, runs = lived
    assert all(act.passed[point] for act in runs for point in story.in_each_run)
    assert all(len(runs[-1].said[table]) >= rows for table, rows in story.at_least.items())
    assert all(one.said != other.said for one, other in pairwise(runs))


@pytest.mark.parametrize(("lived", "point"), _POINTS, indirect=["lived"])
def test_killed_at(lived: Lived, point: str, trials: Trials, tmp_path: Path) -> None:
    story, runs = lived
    asked = trials(1, story.full_count)
    places = [(act, n) for act in runs for n in range(1, act.passed[point] + 1)]
    chosen = [places[(3 * n + 2) * len(places) // (3 * asked)] for n in range(asked)]  # of one: in the last run

    def killed(site: Site, act: Act, occurrence: int) -> None:
        assert exit_code(start(site, act.now, fault=Fault(point, occurrence, signal.SIGKILL))) == -signal.SIGKILL

    failed = [
        f"the {occurrence}. time of run {runs.index(act) + 1}"
        for number, (act, occurrence) in enumerate(chosen)
        if not _heals(lived, act, tmp_path / str(number), lambda site, act, n=occurrence: killed(site, act, n))  # type: ignore[misc]
    ]
    print(f"killed at {point}: {asked} asked, {len(chosen)} run, {len(failed)} failed")
    assert not failed


@pytest.mark.parametrize("lived", ["logs"], indirect=True)
def test_what_comes_in_two_runs_says_what_comes_in_one(lived: Lived, tmp_path: Path) -> None:
    first, second = lived.acts
    site = first.before.copied(tmp_path / "site")
    second.change(site)
    complete(site, second.now)
    assert lived.story.said(site) == second.said


@pytest.mark.parametrize("lived", ["logs"], indirect=True)
def test_killed_at_random_times(lived: Lived, trials: Trials, tmp_path: Path) -> None:
    asked, rng = trials(3, 100), Random(2)
    longest, codes, failed = _seconds(lived.acts, tmp_path / "timed"), Counter[int](), []

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
        if not _heals(lived, lived.acts[number % 2], tmp_path / str(number), killed):
            failed.append(number)
    run = codes.total()
    print(f"killed at random times: {asked} asked, {run} run ({codes[0]} over before), {len(failed)} failed")
    assert not failed and set(codes) <= {0, -signal.SIGKILL}


def _seconds(runs: list[Act], folder: Path) -> float:
    """How long the longer run takes, which is the last one."""
    site = runs[-1].before.copied(folder)
    begin = time.monotonic()
    assert exit_code(start(site, runs[-1].now, is_plain=False)) == 0
    shutil.rmtree(folder)
    return time.monotonic() - begin


def _heals(lived: Lived, act: Act, folder: Path, kill: Kill) -> bool:
    """Whether the same run, made again after it was killed, and the ones after it where the story goes on, end with
    what was said undisturbed."""
    site = act.before.copied(folder)
    kill(site, act)
    following = lived.acts[lived.acts.index(act) :] if lived.story.is_lived_on else [act]
    sound = []
    for each in following:
        if each is not act:
            each.change(site)
        complete(site, each.now)
        sound.append(lived.story.said(site) == each.said)
    shutil.rmtree(folder)
    return all(sound)
