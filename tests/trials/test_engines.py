"""Promise 20: the same rollups on every engine; and promises 1 and 6 on the servers, too."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from mediameter.commands.run import run
from mediameter.faults import POINTS
from tests import gate, servers
from tests.conftest import Trials
from tests.trials.conftest import NewSite
from tests.trials.dump import difference, dump, dump_hash
from tests.trials.engines import emptied, on
from tests.trials.runs import Fault, complete, counted, exit_code, start
from tests.worlds.log_worlds import world as generated
from tests.worlds.site import NOW, LogObject

Said = dict[str, list[str]]
_IN_A_TRANSACTION = ("ingest.in_settle", "rollup.before_commit")


@pytest.fixture(params=servers.SERVERS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database on each server."""
    with servers.new_database(request.param, tmp_path) as url:
        yield url


def test_generated_worlds(tmp_path: Path, trials: Trials) -> None:
    asked, failed = trials(1, 100), []
    with ExitStack() as databases:
        urls = [databases.enter_context(servers.new_database(server, tmp_path)) for server in servers.SERVERS]
        for seed in range(asked):
            folder = tmp_path / str(seed)
            settings, now = (made := generated(seed)).lay_out(folder), made.now
            made.deliver(folder, [*made.objects, *made.refused])
            run(settings, now=now)
            meant = dump_hash(settings.warehouse.url)
            assert any(dump(settings.warehouse.url).values()), "a world without a row compares nothing"
            for url in urls:
                emptied(url)
                run(on(settings, url), now=now)
                if dump_hash(url) != meant:
                    failed.append(f"{seed}: {difference(dump(settings.warehouse.url), dump(url))[:6]}")
            shutil.rmtree(folder)
    print(f"worlds on {len(urls) + 1} engines: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


def test_killed_on_a_server(
    new_site: NewSite, objects: list[LogObject], straight: Said, trials: Trials, empty: str
) -> None:
    site = replace(new_site("first"), server=empty)
    site.deliver(objects)
    passed = counted(site, NOW)
    assert dump(empty) == straight
    rng, failed = Random(1), []
    points = [point for point in POINTS for _ in range(trials(0, 5))] or list(_IN_A_TRANSACTION)
    for number, point in enumerate(points):
        emptied(empty)
        site = replace(new_site(str(number)), server=empty)
        site.deliver(objects)
        fault = Fault(point, rng.randint(1, passed[point]), signal.SIGKILL)
        assert exit_code(start(site, NOW, fault=fault)) == -signal.SIGKILL
        complete(site, NOW)
        if dump(empty) != straight:
            failed.append(f"{fault}: {difference(straight, dump(empty))[:6]}")
    print(f"killed on a server: {len(points)} asked, {len(points)} run, {len(failed)} failed")
    assert not failed


def test_two_at_once_on_a_server(
    new_site: NewSite, objects: list[LogObject], straight: Said, trials: Trials, empty: str
) -> None:
    asked, failed = trials(1, 50), []
    for number in range(asked):  # the first time both begin with making the tables
        site = replace(
            new_site(str(number)), server=empty, ingest=(("batch_bytes", 200_000 if gate.is_on else 80_000),)
        )
        site.deliver(objects)
        processes = [start(site, NOW, shuffled=seed) for seed in (2 * number, 2 * number + 1)]
        codes = [exit_code(process) for process in processes]
        if codes != [0, 0] or dump(empty) != straight:
            failed.append(f"{number}: exit codes {codes}, {difference(straight, dump(empty))[:6]}")
        emptied(empty)
    print(f"two runs at once on a server: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed
