"""Log and application of one made-up world, held against each other: what became of each event is known."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter.connect import engine, reading
from mediameter.demo.library import REFERERS
from mediameter.demo.truth import compare, observe
from mediameter.demo.world import World, build
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.run import run
from mediameter.warehouse import tables

NOW = datetime(2025, 11, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("merged") / "world", days=1, seed=11, last_day=date(2025, 10, 31))


@pytest.fixture(scope="module")
def settings(world: World) -> Settings:
    document = {
        "sources": {
            "ovh": {"kind": "s3_access_log", "path": "world/bucket", "bucket": world.log_bucket},
            "app": {"kind": "dailey_media", "url": "sqlite:///world/app.sqlite"},
        },
        "attribution": {"referers": REFERERS},
        "geo": {"countries": "none"},
    }
    made = from_mapping(document, Path(world.bucket).parents[1])
    assert not run(made, now=NOW).has_failed
    return made


def test_every_row_of_the_application_is_accounted_for(world: World, settings: Settings) -> None:
    made = engine(settings.warehouse.url)
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


def fates(settings: Settings) -> dict[str, Counter[str]]:
    """By application: how many events were delivered, or are alone for which reason."""
    table = tables["reconciliation_daily"]
    query = sa.select(table.c.application, table.c.outcome, table.c.reason, table.c.events)
    made, counts = engine(settings.warehouse.url), defaultdict[str, Counter[str]](Counter)
    with reading(made) as connection:
        for application, outcome, reason, events in connection.execute(query.where(table.c.outcome != "log_only")):
            counts[application]["delivered" if outcome == "matched" else reason] += events
    made.dispose()
    return counts
