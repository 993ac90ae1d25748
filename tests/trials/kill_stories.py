"""What is killed: a story is a site, the runs that it goes through, and what its warehouse says after each of them."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mediameter.demo.palette import Palette
from mediameter.faults import EXPORT_POINTS, FOUNDING_POINTS, POINTS
from schemas.generations import GENERATION_FAMILY, MODEL_PRICES
from schemas.internal import EXPORTS, LAKE_FILES, ROW_REJECTS
from schemas.rollups import APPLICATIONS, DAYS, MEDIA_FILES
from tests.export.application import event, made, media_file
from tests.generations import palette
from tests.generations.files import Box, app_error, generation, lines, purchase, sign_in
from tests.trials.dump import FIGURES, LEDGER, dump
from tests.trials.runs import complete, counted
from tests.worlds.site import APP, NOW, PALETTE, LogObject, Site

Change = Callable[[Site], None]


@dataclass(frozen=True, slots=True)
class Act:
    """A run: what happened before it, the site then, how often the run passes each point, and what came of it."""

    change: Change
    before: Site
    now: datetime
    passed: Counter[str]
    said: Any


@dataclass(frozen=True, slots=True)
class Story:
    """``points``: where its runs are killed, of which each run passes ``in_each_run``; ``at_least``: rows of tables at
    the end, so that what is compared is not nothing; ``full_count``: trials a point under `make trials`."""

    points: Sequence[str]
    in_each_run: Sequence[str]
    begin: Callable[[Path, pytest.FixtureRequest], Site]
    changes: Callable[[pytest.FixtureRequest], Sequence[tuple[datetime, Change]]]
    said: Callable[[Site], Any]
    at_least: dict[str, int] = field(default_factory=dict)
    full_count: int = 5
    is_lived_on: bool = False
    """Whether the runs after the one that was killed are made and compared, too."""
    only_in_trials: Sequence[str] = ()
    """Points at which another story kills the same step in the reduced count."""


def acts(story: Story, folder: Path, request: pytest.FixtureRequest) -> list[Act]:
    """The story, undisturbed."""
    site = story.begin(folder / "site", request)
    return list(_acts(story, site, folder, request))


def _acts(story: Story, site: Site, folder: Path, request: pytest.FixtureRequest) -> Iterator[Act]:
    for number, (now, change) in enumerate(story.changes(request)):
        change(site)
        before = site.copied(folder / f"before-{number}")
        yield Act(change, before, now, counted(site, now), story.said(site))


def _nothing(site: Site) -> None:
    """The first run finds the site as it is."""


def _in_sql(file: str, script: str) -> Change:
    def change(site: Site) -> None:
        with sqlite3.connect(site.folder / file) as connection:
            connection.executescript(script)

    return change


# --- access logs -------------------------------------------------------------------------------------


def deliveries(objects: list[LogObject]) -> tuple[list[LogObject], list[LogObject]]:
    """Half of the objects, some of them in an earlier version; then the rest, which touches the same days, and these
    few overwritten."""
    rng = Random(1)
    first = sorted(rng.sample(range(len(objects)), len(objects) // 2))
    overwritten = [objects[n] for n in first if objects[n].lines][:4]
    earlier = {each.key: each.rewritten(rng, later=-timedelta(minutes=1)) for each in overwritten}
    rest = [each for number, each in enumerate(objects) if number not in first]
    return [earlier.get(objects[n].key, objects[n]) for n in first], overwritten + rest


def _begun_logs(folder: Path, request: pytest.FixtureRequest) -> Site:
    folder.mkdir()
    shutil.copy(request.getfixturevalue("world") / "countries.csv", folder)
    return Site(folder, request.getfixturevalue("ingest"))


def _delivered_logs(request: pytest.FixtureRequest) -> list[tuple[datetime, Change]]:
    both = deliveries(request.getfixturevalue("objects"))
    return [
        (NOW + timedelta(hours=number), lambda site, objects=objects: site.deliver(objects))  # type: ignore[misc]
        for number, objects in enumerate(both)
    ]


# --- an application ----------------------------------------------------------------------------------

_EXPORTED_AT = datetime(2026, 11, 3, 12, tzinfo=UTC)
_OF_APPLICATION = (*FIGURES, EXPORTS, ROW_REJECTS, LAKE_FILES, MEDIA_FILES, APPLICATIONS)
_APPLICATION_CHANGES = """
DELETE FROM media_analytics WHERE id LIKE '%7';
UPDATE media_analytics SET user_id = 'other' WHERE id LIKE '%3';
INSERT INTO media_analytics SELECT id || '-late', media_file_id, event_type, 'late', application_id, ip_address,
    user_agent, referer, variant_type, "timestamp", metadata FROM media_analytics WHERE id LIKE '%5';
UPDATE media_files SET application_id = 'app-2', updated_at = '2026-11-03 11:30:00' WHERE id = 'file-1';
UPDATE applications SET slug = 'casting';
"""


def _begun_application(folder: Path, request: pytest.FixtureRequest) -> Site:
    site = Site(folder)
    site.bucket.mkdir(parents=True)
    for app in made("sqlite", site.folder):
        rows = [event(f"{n:04d}", after=-n * 1800, media_file_id=f"file-{n % 3}") for n in range(120)]
        app.insert("media_analytics", *rows, event("bad", metadata={"bytes": -1}), event("none", timestamp=None))
        app.insert("media_files", media_file(2))
        app.engine.dispose()
    return site


# --- a generating system -----------------------------------------------------------------------------

GENERATIONS_BEGIN = datetime(2025, 11, 1, tzinfo=UTC)
GENERATIONS_NOW = GENERATIONS_BEGIN + timedelta(days=3, hours=1)
OF_GENERATIONS = (*FIGURES, EXPORTS, ROW_REJECTS, LAKE_FILES, MODEL_PRICES)
_OF_ITS_STEPS = (
    "export.read", "export.before_settle", "export.in_settle", "export.settled", "export.before_listing",
    "lake.written", "lake.renamed", "rollup.computed", "rollup.fenced", "rollup.deleted", "rollup.before_commit",
    "rollup.committed", "quality.judged", "quality.before_commit",
)  # fmt: skip
_GENERATION_CHANGES = """
DELETE FROM generation_events WHERE id LIKE '%7';
UPDATE generation_events SET status = 'completed', completed_at = datetime(created_at, '+9 seconds')
    WHERE status = 'pending';
UPDATE credit_transactions SET amount = amount - 1 WHERE id LIKE '%3';
UPDATE model_pricing SET cost_cents = 13 WHERE model_id = 'nano-banana-pro';
INSERT INTO generation_events (id, user_id, generation_type, model_id, status, credits_cost, created_at, completed_at)
    SELECT 'late-' || id, user_id, generation_type, model_id, 'failed', 3, created_at, completed_at
    FROM generation_events WHERE id LIKE '%5';
"""


def generating_system(folder: Path, seed: int, generations: int = 300) -> Site:
    site = Site(folder)
    site.bucket.mkdir(parents=True)
    Palette(Random(seed), int(GENERATIONS_BEGIN.timestamp()), 3).write(site.folder / PALETTE, generations)
    return site


# --- event files -------------------------------------------------------------------------------------

_OF_EVENTS = (*GENERATION_FAMILY, DAYS, *LEDGER)
_BY_EVENTS = [point for point in POINTS if point.startswith(("ingest.", "lake.", "rollup."))]  # the others are of logs
_SHAPES = (generation, purchase, sign_in, app_error)


@dataclass(frozen=True, slots=True)
class Studio(Site):
    """A site with event files instead of logs, in batches of some of them."""

    def document(self) -> dict[str, object]:
        sources = {"palette": {"kind": "palette_events", "path": "events"}}
        return {**Site.document(self), "sources": sources, "prices": [], "ingest": {"batch_bytes": 20_000}}


def _begun_studio(folder: Path, request: pytest.FixtureRequest) -> Site:
    """One run has been."""
    box = Box(folder)
    for number in range(8):
        told = [_SHAPES[n % 4](n * 300 + number) for n in range(100)]
        box.put(f"{number}.ndjson", lines(*told, {"event_type": "generation"}), packed=number % 2 == 0)
    complete(Studio(box.folder), palette.NOW)
    return Studio(box.folder)


def _overwritten_and_new(site: Site) -> None:
    box = Box(site.folder)
    for number in range(4, 12):
        told = [_SHAPES[n % 4](n * 300 + number) for n in range(number * 3)]
        box.put(f"{number}.ndjson", lines(*told, "broken"), at=palette.NOW)


STORIES = {
    "logs": Story(
        (*POINTS, *FOUNDING_POINTS), POINTS, _begun_logs, _delivered_logs, lambda site: dump(site.url), is_lived_on=True
    ),
    "application": Story(
        (*EXPORT_POINTS, "lake.written", "lake.renamed"), EXPORT_POINTS, _begun_application,
        lambda _: [(_EXPORTED_AT, _nothing), (_EXPORTED_AT + timedelta(hours=1), _in_sql(APP, _APPLICATION_CHANGES))],
        lambda site: dump(site.url, _OF_APPLICATION), {"exports": 3}, 20,
        only_in_trials=("lake.written", "lake.renamed"),
    ),
    "generations": Story(
        _OF_ITS_STEPS, _OF_ITS_STEPS, lambda folder, _: generating_system(folder, 1),
        lambda _: [
            (GENERATIONS_NOW, _nothing),
            (GENERATIONS_NOW + timedelta(hours=1), _in_sql(PALETTE, _GENERATION_CHANGES)),
        ],
        lambda site: dump(site.url, OF_GENERATIONS), {"generations_daily": 20},
    ),
    "event_files": Story(
        _BY_EVENTS, _BY_EVENTS, _begun_studio, lambda _: [(palette.NOW + timedelta(hours=1), _overwritten_and_new)],
        lambda site: dump(site.url, _OF_EVENTS), {"generations_hourly": 1, "rejects": 1, "object_hours": 1}, 20,
        only_in_trials=[point for point in _BY_EVENTS if point.startswith("rollup.")],
    ),
}  # fmt: skip
