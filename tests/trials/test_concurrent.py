"""Promise 6: runs at the same time, and one that wakes after another has taken over, do no harm."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import timedelta
from multiprocessing.process import BaseProcess
from random import Random

import pytest

from tests.conftest import Trials
from tests.trials.conftest import NewSite, said_of
from tests.trials.dump import difference, dump
from tests.trials.runs import Fault, complete, exit_code, start, wait_for_stop
from tests.worlds.site import NOW, LogObject, Site

PROCESSES = 3
_EARLIER = timedelta(hours=1)


def stopped(site: Site, point: str, occurrence: int) -> BaseProcess:
    """A run that sleeps at a named point."""
    zombie = start(site, NOW - _EARLIER, fault=Fault(point, occurrence, signal.SIGSTOP))
    wait_for_stop(zombie)
    return zombie


def wake(zombie: BaseProcess) -> None:
    """The run goes on, and nothing of what has happened meanwhile disturbs it."""
    assert zombie.pid
    os.kill(zombie.pid, signal.SIGCONT)
    assert exit_code(zombie) == 0


def test_three_at_once(
    new_site: NewSite, objects: list[LogObject], straight: dict[str, list[str]], trials: Trials
) -> None:
    asked, failed = trials(2, 50), []
    for number in range(asked):
        rng = Random(number)
        site = replace(new_site(f"contested-{number}"), ingest=(("batch_bytes", rng.choice((80_000, 300_000))),))
        delivered = rng.randrange(len(objects))
        if number % 2:  # else all three begin with making the warehouse
            site.deliver(objects[:delivered])
            complete(site, NOW - _EARLIER)
        site.deliver(objects)
        processes = [start(site, NOW, shuffled=rng.randrange(100)) for _ in range(PROCESSES)]
        codes = [exit_code(process) for process in processes]
        if codes != [0] * PROCESSES or dump(site.url) != straight:
            failed.append(f"{number}: exit codes {codes}, {difference(straight, dump(site.url))[:6]}")
    print(f"{PROCESSES} runs at once: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


@pytest.mark.parametrize("occurrence", [1])  # later ones may hold the write lock: then others wait, as they must
def test_a_sleeper_does_not_write_an_old_day(
    new_site: NewSite, objects: list[LogObject], straight: dict[str, list[str]], occurrence: int
) -> None:
    site = new_site("site")
    site.deliver(objects[::2])
    zombie = stopped(site, "rollup.computed", occurrence)
    assert said_of(site, objects) == straight
    wake(zombie)
    assert dump(site.url) == straight


@pytest.mark.parametrize("point", ["ingest.listed", "lake.renamed", "ingest.before_settle"])
def test_a_sleeper_does_not_settle_what_another_has_settled(
    new_site: NewSite, objects: list[LogObject], straight: dict[str, list[str]], point: str
) -> None:
    site = new_site("site")
    site.deliver(objects)
    zombie = stopped(site, point, 1)
    assert said_of(site, objects) == straight
    wake(zombie)
    assert dump(site.url) == straight


def test_what_a_sleeper_has_read_of_an_overwritten_object_goes_with_the_next_listing(
    new_site: NewSite, objects: list[LogObject]
) -> None:
    rng = Random(5)
    new = [each.rewritten(rng, _EARLIER) if each.lines else each for each in objects]
    meant = said_of(new_site("straight"), new)
    site = new_site("site")
    site.deliver(objects)
    zombie = stopped(site, "ingest.before_settle", 1)
    said_of(site, new)
    wake(zombie)
    assert said_of(site, []) == meant
