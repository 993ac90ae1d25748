"""Promise 10: no row is missed or doubled while six writers commit late and out of order, and rows change."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import psycopg
import pytest

from mediameter import connect
from mediameter.commands.run import run
from mediameter.settings import Settings
from mediameter.steps.export.export import export
from mediameter.store import lake_files, tenancy
from tests.conftest import Trials
from tests.export.application import Application
from tests.generations.palette import palette, settings_for

WRITERS = 6
INSERT = (
    "INSERT INTO generation_events (id, user_id, generation_type, model_id, status, credits_cost, prompt, created_at)"
    " VALUES (%s, %s, 'image', 'fox', 'pending', 1, 'x', %s)"
)
UPDATE = "UPDATE generation_events SET status = %s, completed_at = created_at + interval '3 seconds' WHERE id = %s"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Application]:
    yield from palette("postgresql", tmp_path)


def write(url: str, seed: int, until: float) -> None:
    """Transactions of a few rows whose times lie before those that others have committed meanwhile; some are rolled
    back, some rows are completed or removed later."""
    rng, mine = Random(seed), list[str]()
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < until:
            fresh = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(rng.randrange(1, 6))]
            keep = rng.random() < 0.9
            try:
                with connection.transaction():
                    for each in fresh:
                        late = timedelta(seconds=rng.uniform(0, 2))
                        connection.execute(INSERT, (each, str(uuid.UUID(int=seed)), datetime.now(UTC) - late))
                    time.sleep(rng.uniform(0, 0.4))
                    if not keep:
                        raise InterruptedError
            except InterruptedError:
                continue
            mine += fresh
            if rng.random() < 0.5:
                connection.execute(UPDATE, (rng.choice(("completed", "failed")), rng.choice(mine)))
            if rng.random() < 0.05:
                connection.execute("DELETE FROM generation_events WHERE id = %s", (mine.pop(rng.randrange(len(mine))),))


def in_the_lake(settings: Settings) -> pl.DataFrame:
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(made) as connection:
        files = lake_files.files_of_days(connection, "generations", date.min, date.max)
    made.dispose()
    return pl.concat(pl.read_parquet(settings.lake.path / file.path, columns=["event_id", "status"]) for file in files)


def test_six_writers(system: Application, trials: Trials, tmp_path: Path) -> None:
    runs, seconds = trials(1, 3), trials(5, 120)
    for number in range(runs):
        system.execute("DELETE FROM generation_events")
        folder = tmp_path / str(number)
        folder.mkdir()
        settings, until = settings_for(system.url, folder, stale_hours=1), time.monotonic() + seconds
        writers = [
            threading.Thread(target=write, args=(system.url, 100 * number + n, until)) for n in range(1, WRITERS + 1)
        ]
        for writer in writers:
            writer.start()
        exports = 0
        while any(writer.is_alive() for writer in writers):
            assert export(settings, now=datetime.now(UTC)).failed == []
            exports += 1
        run(settings, now=datetime.now(UTC))
        with psycopg.connect(system.url) as connection:
            meant = dict(connection.execute("SELECT id::text, status FROM generation_events").fetchall())
        found = in_the_lake(settings)
        missed, doubled = len(set(meant) - set(found["event_id"])), found.height - found["event_id"].n_unique()
        others = sum(meant.get(event_id) != status for event_id, status in found.iter_rows())
        print(
            f"run {number + 1} of {runs}: {WRITERS} writers, {seconds} s, {len(meant):,} rows, {exports} exports"
            f" meanwhile: {missed} missed, {doubled} doubled, {others} of another status"
        )
        assert (missed, doubled, others) == (0, 0, 0)
        assert len(meant) > 50 and exports > 1
