"""Promise 1 for the application: a run killed at any point of its export ends, run again, with the very same tables."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mediameter.faults import EXPORT_POINTS
from schemas.internal import EXPORTS, LAKE_FILES, ROW_REJECTS
from schemas.rollups import APPLICATIONS, MEDIA_FILES
from tests.conftest import Trials
from tests.export.application import event, made, media_file
from tests.trials.dump import FIGURES, dump
from tests.trials.runs import Fault, complete, counted, exit_code, start
from tests.worlds.site import APP, Site

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
TABLES = (*FIGURES, EXPORTS, ROW_REJECTS, LAKE_FILES, MEDIA_FILES, APPLICATIONS)
CHANGES = """
DELETE FROM media_analytics WHERE id LIKE '%7';
UPDATE media_analytics SET user_id = 'other' WHERE id LIKE '%3';
INSERT INTO media_analytics SELECT id || '-late', media_file_id, event_type, 'late', application_id, ip_address,
    user_agent, referer, variant_type, "timestamp", metadata FROM media_analytics WHERE id LIKE '%5';
UPDATE media_files SET application_id = 'app-2', updated_at = '2026-11-03 11:30:00' WHERE id = 'file-1';
UPDATE applications SET slug = 'casting';
"""

IN_THE_LAKE = [pytest.param(point, marks=pytest.mark.trial) for point in ("lake.written", "lake.renamed")]
"""In the reduced count `test_generation_crash` kills the same step there."""


@dataclass(frozen=True, slots=True)
class Act:
    """A run: the site before it, how often it passes each point, and the tables after it."""

    before: Site
    now: datetime
    passed: Counter[str]
    tables: dict[str, list[str]]


@pytest.fixture(scope="module")
def acts(tmp_path_factory: pytest.TempPathFactory) -> list[Act]:
    """A first run, and one after much has changed in the application."""
    folder = tmp_path_factory.mktemp("export")
    site = Site(folder / "site")
    site.bucket.mkdir(parents=True)
    for app in made("sqlite", site.folder):
        rows = [event(f"{n:04d}", after=-n * 1800, media_file_id=f"file-{n % 3}") for n in range(120)]
        app.insert("media_analytics", *rows, event("bad", metadata={"bytes": -1}), event("none", timestamp=None))
        app.insert("media_files", media_file(2))
        app.engine.dispose()
    first = _act(site, folder / "first", NOW)
    with sqlite3.connect(site.folder / APP) as connection:
        connection.executescript(CHANGES)
    return [first, _act(site, folder / "second", NOW + timedelta(hours=1))]


def _act(site: Site, kept: Path, now: datetime) -> Act:
    before = site.copied(kept)
    return Act(before, now, counted(site, now), dump(site.url, TABLES))


def test_both_runs_pass_every_point(acts: list[Act]) -> None:
    assert all(act.passed[point] for act in acts for point in EXPORT_POINTS)
    assert acts[0].tables != acts[1].tables and len(acts[1].tables["exports"]) >= 3


@pytest.mark.parametrize("point", [*EXPORT_POINTS, *IN_THE_LAKE])
def test_killed_at(point: str, acts: list[Act], trials: Trials, tmp_path: Path) -> None:
    asked = trials(1, 20)
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
