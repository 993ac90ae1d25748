"""Log and application of one made-up world, held against each other: what became of each event is known."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter.commands.run import run
from mediameter.connect import reading, writing
from mediameter.demo.library import REFERERS
from mediameter.demo.truth import compare, observe
from mediameter.demo.world import World, build
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.store import tenancy
from mediameter.store.warehouse import tables

NOW = datetime(2025, 11, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("merged") / "world", days=2, seed=11, last_day=date(2025, 10, 31))


@pytest.fixture(scope="module")
def settings(world: World) -> Settings:
    made = settings_of(world, world.bucket.parents[1])
    assert not run(made, now=NOW).has_failed
    return made


def settings_of(world: World, folder: Path) -> Settings:
    document = {
        "sources": {
            "ovh": {"kind": "s3_access_log", "path": "world/bucket", "bucket": world.log_bucket},
            "app": {"kind": "dailey_media", "url": "sqlite:///world/app.sqlite"},
        },
        "attribution": {"referers": REFERERS},
        "geo": {"countries": "none"},
    }
    return from_mapping(document, folder)


def test_every_row_of_the_application_is_accounted_for(world: World, settings: Settings) -> None:
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with reading(made) as connection:
        assert compare(world.truth, observe(connection)) == []
    made.dispose()


def test_events_become_what_they_are_known_to_become(world: World, settings: Settings) -> None:
    found = fates(settings)
    for application, meant in world.truth.events_by_application.items():
        seen = found[application]
        assert sum(seen.values()) == sum(meant.values())
        for sure in ("no_fetch", "unknown_file", "deleted_file"):
            assert seen[sure] == meant.get(sure, 0), (application, sure)
        assert abs(seen["delivered"] - meant["delivered"]) <= 0.03 * meant["delivered"], (application, seen, meant)


def test_where_nothing_is_lost_they_agree(settings: Settings) -> None:
    assert agreement(settings) == {"*": True, "castingly": True, "dailey-core": True, "palette-studio": True}


LOSSES = {
    "events": "DELETE FROM media_analytics WHERE rowid % 4 < 2 AND timestamp >= '2025-10-31'",
    "events of an afternoon": "DELETE FROM media_analytics WHERE timestamp BETWEEN '2025-10-31 12' AND '2025-10-31 18'",
    "log objects": "",
}


@pytest.mark.parametrize("lost", LOSSES)
def test_a_loss_is_no_agreement(lost: str, world: World, tmp_path: Path) -> None:
    """Half of the events; those of six hours; every log object delivered in these."""
    home = world.bucket.parents[1]
    shutil.copytree(home / "world", tmp_path / "world")
    if LOSSES[lost]:
        with sqlite3.connect(tmp_path / "world/app.sqlite") as connection:
            connection.execute(LOSSES[lost])
        connection.close()
    else:
        gone = [path for hour in range(12, 19) for path in tmp_path.rglob(f"2025-10-31-{hour}-*")]
        assert len(gone) > 10
        for path in gone:
            path.unlink()
    made = settings_of(world, tmp_path)
    assert not run(made, now=NOW).has_failed
    assert not any(agreement(made).values())


def agreement(settings: Settings) -> dict[str, bool]:
    """By application that anybody knows of; the day counts as over, whatever settles still."""
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with writing(made) as connection:
        connection.execute(sa.text("UPDATE days SET state = 'final' WHERE family = 'traffic'"))
        rows = connection.execute(sa.text(
            "SELECT application, is_reconciled FROM reconciliation_summary "
            "WHERE day = '2025-10-31' AND application <> 'unattributed'"
        )).all()  # fmt: skip
    made.dispose()
    return {str(application): bool(is_so) for application, is_so in rows}


def fates(settings: Settings) -> dict[str, Counter[str]]:
    """By application: how many events were delivered, or are alone for which reason."""
    table = tables["reconciliation_daily"]
    query = sa.select(table.c.application, table.c.outcome, table.c.reason, table.c.events)
    made, counts = tenancy.engine(settings.warehouse.url, settings.tenant), defaultdict[str, Counter[str]](Counter)
    with reading(made) as connection:
        for application, outcome, reason, events in connection.execute(query.where(table.c.outcome != "log_only")):
            counts[application]["delivered" if outcome == "matched" else reason] += events
    made.dispose()
    return counts
