"""The application within a run: beside the logs, in a dry run, and when it is down."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import faults
from mediameter.cli import main
from mediameter.commands.run import RunSummary, run
from mediameter.commands.status import status
from mediameter.connect import reading
from mediameter.demo.oddities import SEED_AT, SEED_LINE
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.store import lake, lake_files, tenancy
from mediameter.store.warehouse import tables
from tests.export.application import Application, event, made

pytestmark = pytest.mark.in_turn
SEEN = datetime.fromtimestamp(SEED_AT, UTC)
NOW = SEEN + timedelta(days=2)
SEED_DAY = date(2025, 10, 30)
DOWN = "postgresql://me:canary-7751@127.0.0.1:1/app"


@pytest.fixture
def app(tmp_path: Path) -> Any:
    yield from made("sqlite", tmp_path)


def settings(folder: Path, url: str) -> Settings:
    """The guide's own line as the log, and an application."""
    log = folder / "bucket" / "2025-10-30-22-00-00-ABCDEF"
    log.parent.mkdir(exist_ok=True)
    log.write_text(SEED_LINE + "\n")
    os.utime(log, (SEED_AT + 1732, SEED_AT + 1732))
    sources = {
        "ovh": {"kind": "s3_access_log", "path": "bucket"},
        "app": {"kind": "dailey_media", "url": url},
    }
    return from_mapping({"sources": sources, "geo": {"countries": "none"}}, folder)


def stored(place: Settings, name: str) -> list[sa.RowMapping]:
    made_engine = tenancy.engine(place.warehouse.url, place.tenant)
    with reading(made_engine) as connection:
        found = list(connection.execute(sa.select(tables[name])).mappings())
    made_engine.dispose()
    return found


def said(summary: RunSummary) -> str:
    return "\n".join(summary.lines())


def test_a_run_takes_in_both(app: Application, tmp_path: Path) -> None:
    app.insert("media_analytics", event(timestamp=SEEN), event(timestamp=SEEN, metadata={"bytes": 524288}))
    place = settings(tmp_path, app.url)
    summary = run(place, now=NOW)
    assert "2 rows = 1 events + 0 ignored + 0 rejected" in said(summary) and not summary.has_failed
    assert [row["state"] for row in stored(place, "days")] == ["final"]
    assert "nothing new" in said(run(place, now=NOW))
    assert RunSummary.from_dict(summary.to_dict()).lines() == summary.lines()


def test_a_file_that_went_before_it_was_to_count_is_made_again(app: Application, tmp_path: Path) -> None:
    """The run was frozen between reading and settling, and another one has swept what it had written (case S13)."""
    app.insert("media_analytics", event(timestamp=SEEN))
    place, gone = settings(tmp_path, app.url), []

    def sweep() -> None:
        if not gone:
            gone.extend((tmp_path / "lake" / "events").rglob("*.parquet"))
            for path in gone:
                path.unlink()

    faults.at["export.before_settle"] = sweep
    try:
        assert "1 rows = 1 events + 0 ignored + 0 rejected" in said(run(place, now=NOW))
    finally:
        faults.at.clear()
    made_engine = tenancy.engine(place.warehouse.url, place.tenant)
    with reading(made_engine) as connection:
        files = lake_files.every_file(connection)
    made_engine.dispose()
    assert gone
    lake.verified(tmp_path / "lake", files)
    assert [row["state"] for row in stored(place, "days")] == ["final"]
    assert "nothing new" in said(run(place, now=NOW))


def test_to_accept_one_source_is_to_accept_no_other(app: Application, tmp_path: Path) -> None:
    """Both show nothing any more, and one of them with good reason."""
    app.insert("media_analytics", event(timestamp=SEEN))
    place, today = settings(tmp_path, app.url), NOW.date()
    run(place, now=NOW)
    for path in (tmp_path / "bucket").iterdir():
        path.unlink()
    app.execute("DELETE FROM media_analytics")
    backfill(place, Task(today, today, accept_fewer=("ovh",)), now=NOW)
    summary = run(place, now=NOW)
    assert summary.ingest.doubted == [] and "[sources.app]: media_analytics shows no row" in summary.export.failed[0]
    backfill(place, Task(SEED_DAY, today, accept_fewer=("app",)), now=NOW)
    assert not run(place, now=NOW).has_failed


def test_a_dry_run_counts_and_leaves_nothing(app: Application, tmp_path: Path) -> None:
    app.insert("media_analytics", event(timestamp=SEEN))
    place = settings(tmp_path, app.url)
    summary = run(place, now=NOW, dry_run=True)
    assert "1 rows = 1 events" in said(summary) and "1 days would change" in said(summary)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["app.sqlite", "bucket"]


def test_while_the_application_is_down_logs_come_in_and_days_stay_open(app: Application, tmp_path: Path) -> None:
    place = settings(tmp_path, DOWN)
    summary = run(place, now=NOW)
    assert summary.ingest.objects == 1 and summary.rollup.days == ["2025-10-30"] and summary.has_failed
    assert "the application could not be read; its days stay open: [sources.app]: it cannot be reached" in said(summary)
    assert "canary" not in said(summary)
    assert [(row["state"], row["complete_through_at"]) for row in stored(place, "days")] == [("open", None)]
    early = SEEN + timedelta(hours=9)
    assert [(row.source, row.is_late) for row in status(place, now=early).sources] == [("app", True), ("ovh", False)]
    again = settings(tmp_path, app.url)
    assert not run(again, now=NOW).has_failed
    assert [row["state"] for row in stored(again, "days")] == ["final"]


def test_the_command_ends_with_1_then(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings(tmp_path, DOWN)
    file = tmp_path / "mediameter.toml"
    file.write_text(
        '[sources.ovh]\nkind = "s3_access_log"\npath = "bucket"\n[geo]\ncountries = "none"\n'
        f'[sources.app]\nkind = "dailey_media"\nurl = "{DOWN}"\n'
    )
    assert main(["run", "--quiet", "--settings", str(file)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "the application could not be read; its days stay open: [sources.app]: it cannot be reached" in line
    assert "canary" not in line


def test_a_backfill_reads_its_days_of_the_application_again(app: Application, tmp_path: Path) -> None:
    place = settings(tmp_path, app.url)
    run(place, now=NOW)
    app.insert("media_analytics", event("late", timestamp=SEEN), event("other", timestamp=SEEN - timedelta(days=9)))
    planned = backfill(place, Task(SEED_DAY, SEED_DAY), now=NOW + timedelta(days=9), dry_run=True)
    assert planned.export.events == 1 and not [row for row in stored(place, "exports") if row["events"]]
    done = backfill(place, Task(SEED_DAY, SEED_DAY), now=NOW + timedelta(days=9))
    assert done.export.days == planned.export.days == ["2025-10-30"]
    assert [row["export_day"] for row in stored(place, "exports") if row["events"]] == [SEED_DAY]
