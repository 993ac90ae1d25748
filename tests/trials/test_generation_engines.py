"""Promise 20 for generating systems: the same tables, to the byte, on every engine."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from mediameter.commands.run import run
from schemas.generations import MODEL_PRICES
from schemas.internal import EXPORTS, LAKE_FILES, ROW_REJECTS
from tests import servers
from tests.conftest import Trials
from tests.trials.dump import FIGURES, LEDGER, difference, dump, dump_hash
from tests.trials.engines import emptied, lived_through, on
from tests.trials.kill_stories import GENERATIONS_NOW, OF_GENERATIONS, generating_system
from tests.worlds.generation_worlds import generation_world

TABLES = (*FIGURES, *LEDGER, EXPORTS, ROW_REJECTS, LAKE_FILES, MODEL_PRICES)


def test_generated_worlds(tmp_path: Path, trials: Trials) -> None:
    asked, failed = trials(1, 100), []
    with ExitStack() as databases:
        urls = [databases.enter_context(servers.new_database(server, tmp_path)) for server in servers.SERVERS]
        for seed in range(asked):
            made, folder = generation_world(seed), tmp_path / str(seed)
            url = lived_through(made, folder / "sqlite")
            for server in urls:
                emptied(server)
                lived_through(made, folder / "server", server)
                if dump_hash(server, TABLES) != dump_hash(url, TABLES):
                    failed.append(f"{seed}: {difference(dump(url, TABLES), dump(server, TABLES))[:6]}")
                shutil.rmtree(folder / "server")
            shutil.rmtree(folder)
    print(f"generation worlds on {len(urls) + 1} engines: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


@pytest.mark.trial  # in the reduced count the worlds above ask the same
@pytest.mark.parametrize("server", servers.SERVERS)
def test_every_engine_has_the_same(server: str, trials: Trials, tmp_path: Path) -> None:
    asked, failed = trials(1, 100), []
    for seed in range(asked):
        site = generating_system(tmp_path / str(seed), seed)
        run(site.settings(), now=GENERATIONS_NOW)
        with servers.new_database(server, tmp_path) as url:
            run(on(site.settings(), url), now=GENERATIONS_NOW)
            if dump(url, OF_GENERATIONS) != dump(site.url, OF_GENERATIONS):
                failed.append(seed)
    print(f"generating systems on {server}: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed
