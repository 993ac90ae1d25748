"""Promise 1 for generating systems: a run killed at any point of its export or its rollups ends, run again, with the
very same tables; and every engine has the same."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from mediameter.commands.run import run
from mediameter.demo.palette import Palette
from schemas.generations import MODEL_PRICES
from schemas.internal import EXPORTS, LAKE_FILES, ROW_REJECTS
from tests import servers
from tests.conftest import Trials
from tests.trials.dump import FIGURES, dump
from tests.trials.engines import on
from tests.trials.runs import Fault, complete, counted, exit_code, start
from tests.worlds.site import PALETTE, Site

BEGIN = datetime(2025, 11, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(days=3, hours=1)
TABLES = (*FIGURES, EXPORTS, ROW_REJECTS, LAKE_FILES, MODEL_PRICES)
POINTS = (
    "export.read", "export.before_settle", "export.in_settle", "export.settled", "export.before_listing",
    "lake.written", "lake.renamed", "rollup.computed", "rollup.fenced", "rollup.deleted", "rollup.before_commit",
    "rollup.committed", "quality.judged", "quality.before_commit",
)  # fmt: skip
CHANGES = """
DELETE FROM generation_events WHERE id LIKE '%7';
UPDATE generation_events SET status = 'completed', completed_at = datetime(created_at, '+9 seconds')
    WHERE status = 'pending';
UPDATE credit_transactions SET amount = amount - 1 WHERE id LIKE '%3';
UPDATE model_pricing SET cost_cents = 13 WHERE model_id = 'nano-banana-pro';
INSERT INTO generation_events (id, user_id, generation_type, model_id, status, credits_cost, created_at, completed_at)
    SELECT 'late-' || id, user_id, generation_type, model_id, 'failed', 3, created_at, completed_at
    FROM generation_events WHERE id LIKE '%5';
"""


@dataclass(frozen=True, slots=True)
class Act:
    """A run: the site before it, how often it passes each point, and the tables after it."""

    before: Site
    now: datetime
    passed: Counter[str]
    tables: dict[str, list[str]]


def system(folder: Path, seed: int, generations: int = 300) -> Site:
    site = Site(folder)
    site.bucket.mkdir(parents=True)
    Palette(Random(seed), int(BEGIN.timestamp()), 3).write(site.folder / PALETTE, generations)
    return site


@pytest.fixture(scope="module")
def acts(tmp_path_factory: pytest.TempPathFactory) -> list[Act]:
    """A first run, and one after much has changed in the system."""
    folder = tmp_path_factory.mktemp("generations")
    site = system(folder / "site", 1)
    first = _act(site, folder / "first", NOW)
    with sqlite3.connect(site.folder / PALETTE) as connection:
        connection.executescript(CHANGES)
    return [first, _act(site, folder / "second", NOW + timedelta(hours=1))]


def _act(site: Site, kept: Path, now: datetime) -> Act:
    before = site.copied(kept)
    return Act(before, now, counted(site, now), dump(site.url, TABLES))


def test_both_runs_pass_every_point(acts: list[Act]) -> None:
    assert all(act.passed[point] for act in acts for point in POINTS)
    assert acts[0].tables != acts[1].tables and len(acts[1].tables["generations_daily"]) >= 20


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(point: str, acts: list[Act], trials: Trials, tmp_path: Path) -> None:
    asked = trials(1, 5)
    places = [(act, n) for act in acts for n in range(1, act.passed[point] + 1)]
    chosen = [places[(3 * n + 2) * len(places) // (3 * asked)] for n in range(asked)]
    failed = []
    for number, (act, occurrence) in enumerate(chosen):
        site = act.before.copied(tmp_path / str(number))
        assert exit_code(start(site, act.now, fault=Fault(point, occurrence, signal.SIGKILL))) == -signal.SIGKILL
        complete(site, act.now)
        if dump(site.url, TABLES) != act.tables:
            failed.append(occurrence)
    print(f"killed at {point}: {asked} asked, {len(chosen)} run, {len(failed)} failed")
    assert not failed


@pytest.mark.trial  # in the reduced count `test_generation_engines` asks the same
@pytest.mark.parametrize("server", servers.SERVERS)
def test_every_engine_has_the_same(server: str, trials: Trials, tmp_path: Path) -> None:
    asked, failed = trials(1, 100), []
    for seed in range(asked):
        site = system(tmp_path / str(seed), seed)
        run(site.settings(), now=NOW)
        with servers.new_database(server, tmp_path) as url:
            run(on(site.settings(), url), now=NOW)
            if dump(url, TABLES) != dump(site.url, TABLES):
                failed.append(seed)
    print(f"generating systems on {server}: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed
