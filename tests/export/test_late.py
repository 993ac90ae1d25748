"""Rows that are committed late, behind what was read already, while exports run: after the look-back none is missed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest
import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.settings import Settings
from mediameter.steps.export.export import export
from mediameter.store import exports, tenancy
from tests.conftest import Trials
from tests.export.application import NOON, NOW, Application, event, settings_for

pytestmark = pytest.mark.in_turn
WRITERS = 4


class Rounds:
    """How many exports are over. Whoever waits for a round is let go when it is, or when there will be no more."""

    def __init__(self) -> None:
        self.number, self.is_over = 0, False
        self._changed = threading.Condition()

    def next(self, *, is_over: bool = False) -> None:
        with self._changed:
            self.number, self.is_over = self.number + 1, is_over
            self._changed.notify_all()

    def wait_for(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.number >= number or self.is_over, timeout=120)


def write(app: Application, writer: int, rows: int, rounds: Rounds) -> None:
    """Each transaction writes now and commits one or two exports later; some rows change or go again."""
    rng = Random(writer)
    columns = list(event("names"))
    names = ", ".join(map(app.quoted, columns))
    insert = sa.text(f"INSERT INTO media_analytics ({names}) VALUES ({', '.join(f':{name}' for name in columns)})")
    for number in range(rows):
        row = event(f"{writer}-{number}", after=rng.randrange(3600), user_id=f"user-{writer}")
        row["timestamp"] = row["timestamp"].replace(tzinfo=None)
        with app.engine.begin() as connection:
            connection.execute(insert, row)
            rounds.wait_for(rounds.number + rng.choice((0, 1, 2)))
        if rng.random() < 0.2:
            app.execute("DELETE FROM media_analytics WHERE id = :id", {"id": row["id"]})


@pytest.mark.parametrize("app", ["postgresql", "mariadb"], indirect=True)
def test_four_writers_commit_late(app: Application, tmp_path: Path, trials: Trials) -> None:
    place, rounds, rows = settings_for(app.url, tmp_path), Rounds(), trials(12, 200)
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, app, number, rows, rounds) for number in range(WRITERS)]
        while not all(writer.done() for writer in writers):
            assert export(place, now=NOW).failed == []
            rounds.next()
        rounds.next(is_over=True)
        for writer in writers:
            writer.result()
    export(place, now=NOW + timedelta(hours=1))
    with app.engine.connect() as connection:
        wanted = set(connection.execute(sa.text("SELECT id FROM media_analytics")).scalars())
    found = ids(place)
    print(f"{app.kind}: {WRITERS * rows} rows, {rounds.number} exports meanwhile, {len(wanted)} rows left")
    assert sorted(found) == sorted(wanted) and rounds.number > rows / 2


def ids(place: Settings) -> list[str]:
    made = tenancy.engine(place.warehouse.url, place.tenant)
    with reading(made) as connection:
        files = exports.event_files(connection, "app", NOON.date())
    made.dispose()
    return [id for file in files for id in pl.read_parquet(place.lake.path / file.path)["event_id"]]
