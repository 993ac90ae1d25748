"""Promise 1 for what is written back: killed at any point and run again, it leaves the rows of a run that was not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mediameter import connect, faults
from mediameter.commands.run import run
from mediameter.faults import WRITE_BACK_POINTS
from mediameter.settings import Settings
from mediameter.steps.write_back import write_back as step
from mediameter.store import fences, tenancy
from tests.conftest import Trials
from tests.export.application import Application, made
from tests.export.delivered import NOW, deliver, furnish, settings, table
from tests.trials.runs import killed_at

BATCH_ROWS = 2


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    yield from made(request.param, tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def place(app: Application, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A site whose day is final and has not been written back."""
    folder = tmp_path_factory.mktemp("site")
    furnish(app)
    deliver(folder)
    run(settings(folder, app.url, write_back=False), now=NOW)
    return settings(folder, app.url)


def writing_back(place: Settings) -> None:
    """In a process of its own."""
    step.BATCH_ROWS = BATCH_ROWS  # several batches an hour
    step.write_back(place, now=NOW)


def test_killed_anywhere(app: Application, place: Settings, trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "BATCH_ROWS", BATCH_ROWS)
    theirs = table(app)
    passed = dict.fromkeys(WRITE_BACK_POINTS, 0)
    for name in WRITE_BACK_POINTS:
        faults.at[name] = lambda name=name: passed.update({name: passed[name] + 1})
    step.write_back(place, now=NOW)
    faults.at.clear()
    whole = table(app)
    assert all(passed.values()) and passed["write_back.in_batch"] > 4 and len(whole) == len(theirs) + 5
    places = [(name, n) for name in WRITE_BACK_POINTS for n in range(1, min(passed[name], 6) + 1)]
    asked, failed = trials(2, 200), []
    for number in range(asked):
        chosen = places[number * len(places) // asked if asked < len(places) else number % len(places)]
        _begin_anew(app, place)
        assert killed_at(*chosen, writing_back, place)
        step.write_back(place, now=NOW)
        if table(app) != whole:
            failed.append(chosen)
    print(f"killed while writing back to {app.kind}: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed


def _begin_anew(app: Application, place: Settings) -> None:
    """Nothing of ours is there, and the ledger knows that it is to be."""
    app.execute("DELETE FROM media_analytics WHERE id NOT LIKE 'row-%'")
    engine = tenancy.engine(place.warehouse.url, place.tenant)
    with connect.writing(engine) as connection:
        fences.mark_dirty(connection, step.FAMILY, fences.fenced_days(connection, step.FAMILY))
    engine.dispose()
