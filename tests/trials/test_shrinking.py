"""Promise 23: a source whose rights shrink and come back leaves the warehouse as one that showed everything all along.

Of the moves trial: 0 records lost or doubled, and each time that the source shows less it is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from mediameter.commands.run import run
from mediameter.settings import Settings
from tests import servers
from tests.conftest import Trials
from tests.export.application import Application
from tests.generations.palette import NOW, generation, palette, settings_for, transaction, uuid
from tests.trials.dump import FIGURES, difference, dump

HOUR = timedelta(hours=1)
TABLES = ("generation_events", "credit_transactions")
COMPARED = tuple(each for each in FIGURES if each.name != "gauges_hourly")  # an hour that was not seen has none
EVERYTHING = "1 = 1"
LESS = ("1 = 0", "id < '{middle}'", "created_at < '2026-11-03 11:00:00'")


@pytest.fixture(params=["postgresql", "sqlite", "mariadb"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Application]:
    yield from palette(request.param, tmp_path)


def show(system: Application, which: str) -> None:
    """What the views let through, in place of the tables."""
    for table in TABLES:
        system.execute(f"DROP VIEW IF EXISTS seen_{table}")
        system.execute(f"CREATE VIEW seen_{table} AS SELECT * FROM {table} WHERE {which}")


def happens(system: Application, rng: Random, count: int) -> None:
    """Generations of three days, and what they cost."""

    def after() -> float:
        return rng.uniform(-86_400, 86_400)

    made = [generation(user=rng.randrange(1, 9), after=after()) for _ in range(count)]
    system.insert("generation_events", *made)
    system.insert("credit_transactions", *(transaction("usage", -20, after=after()) for _ in range(count)))


def place_of(system: Application, folder: Path, warehouse_url: str) -> Settings:
    folder.mkdir()
    settings = settings_for(system.url, folder, tables={table: f"seen_{table}" for table in TABLES}, lookback_days=3)
    return settings.model_copy(update={"warehouse": settings.warehouse.model_copy(update={"url": warehouse_url})})


@pytest.mark.in_turn
def test_rights_that_shrink_and_come_back(system: Application, trials: Trials, tmp_path: Path) -> None:
    kind, count = ("postgres" if system.kind == "postgresql" else system.kind), trials(1, 8)
    failed = []
    for seed in range(count):
        rng, folder = Random(seed), tmp_path / str(seed)
        folder.mkdir()
        for table in TABLES:
            system.execute(f"DELETE FROM {table}")
        with servers.new_database(kind, folder) as url:
            place = place_of(system, folder / "shrunk", url)
            happens(system, rng, 30)
            show(system, EVERYTHING)
            assert run(place, now=NOW).export.failed == []
            for step in range(1, trials(2, 4)):
                before = dump(url, COMPARED)
                happens(system, rng, 3)
                middle = sorted(uuid(n) for n in range(1, 10))[3] if rng.random() < 0.3 else uuid(1)
                show(system, rng.choice(LESS[:2] if step % 2 else LESS).format(middle=middle))
                [line] = run(place, now=NOW + step * HOUR).export.failed
                assert "[sources.palette]: seen_" in line and "shows" in line
                assert not difference(dump(url, COMPARED), before)
            show(system, EVERYTHING)
            assert run(place, now=NOW + 9 * HOUR).export.failed == []
            straight = place_of(system, folder / "straight", f"sqlite:///{folder / 'straight.sqlite'}")
            run(straight, now=NOW + 9 * HOUR)
            if difference(dump(url, COMPARED), dump(straight.warehouse.url, COMPARED)):
                failed.append(seed)
    print(f"\nrights shrink and come back, {system.kind}: {count} asked, {count} run, {len(failed)} failed")
    assert failed == []
