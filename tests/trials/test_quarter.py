"""Whether people can trust the alerts: `pytest -s -m trial tests/trials/test_quarter.py --seed 1`.

Ninety noisy days in which nothing goes wrong, and the same with twenty things that do; judged by the shipped rules.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.conftest import Trials
from tests.trials.quarter_score import Score, score
from tests.trials.replay import Replay, Told, settings_of
from tests.worlds.quarter import Quarter

MOST_FALSE_A_MONTH, LEAST_FOUND = 5, 0.9
MOST_FALSE_A_FORTNIGHT = 5
"""A fortnight is too short for a rate; more than this would be noise whatever the days."""
OF_A_FORTNIGHT = ("error_storm", "provider_down", "scraping", "rejects", "bandwidth_flood")


def told_of(quarter: Quarter, every: timedelta) -> list[Told]:
    """What the rules say of a quarter, in a warehouse of its own."""
    memory = Path("/dev/shm")  # a disk would be synced a hundred thousand times
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        settings = settings_of(f"sqlite:///{folder}/warehouse.sqlite", Path(folder))
        replay = Replay(quarter, settings, every)
        replay.run()
    return replay.told


def tried(seed: int, days: int, kinds: tuple[str, ...], settling_days: int, every: timedelta) -> Score:
    """The score of one seed: two quarters, side by side."""
    planted = Quarter(seed, days, kinds, settling_days)
    quiet = Quarter(seed, days, (), settling_days)
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as processes:
        of_quiet, of_planted = processes.map(partial(told_of, every=every), (quiet, planted))
    return score(planted, of_quiet, of_planted, every)


def test_a_quarter_is_told_right(trials: Trials, pytestconfig: pytest.Config) -> None:
    seed, is_full = pytestconfig.getoption("seed"), trials(0, 1)
    if is_full:
        found = tried(seed, 90, Quarter(seed).kinds, 14, timedelta(hours=1))
    else:
        found = tried(seed, 14, OF_A_FORTNIGHT, 3, timedelta(hours=12))
    print(found)
    if is_full:
        assert found.false_a_month < MOST_FALSE_A_MONTH
    assert is_full or len(found.false) <= MOST_FALSE_A_FORTNIGHT
    assert len(found.found) >= LEAST_FOUND * len(found.quarter.plants)
