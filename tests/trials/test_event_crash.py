"""Promise 1 for event files: a run killed at any point ends, run again, with the very same tables."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from mediameter.faults import POINTS
from schemas.generations import GENERATION_FAMILY
from schemas.rollups import DAYS
from tests.conftest import Trials
from tests.generations.files import Box, app_error, generation, lines, purchase, sign_in
from tests.generations.palette import NOW
from tests.trials.dump import LEDGER, dump
from tests.trials.runs import Fault, complete, counted, exit_code, start
from tests.worlds.site import Site

LATER = NOW + timedelta(hours=1)
TABLES = (*GENERATION_FAMILY, DAYS, *LEDGER)
PASSED = [point for point in POINTS if point.startswith(("ingest.", "lake.", "rollup."))]  # the others are of logs


def _marks(point: str) -> tuple[pytest.MarkDecorator, ...]:
    """The rollups of generations are the same wherever the events come from: `test_generation_crash` kills them."""
    return (pytest.mark.trial,) if point.startswith("rollup.") else ()


@dataclass(frozen=True, slots=True)
class Studio(Site):
    """A site with event files instead of logs, in batches of some of them."""

    def document(self) -> dict[str, object]:
        sources = {"palette": {"kind": "palette_events", "path": "events"}}
        return {**Site.document(self), "sources": sources, "prices": [], "ingest": {"batch_bytes": 20_000}}


class Act(NamedTuple):
    """A run: the site before it, how often it passes each point, and the tables after it."""

    before: Studio
    passed: Counter[str]
    tables: dict[str, list[str]]


@pytest.fixture(scope="module")
def act(tmp_path_factory: pytest.TempPathFactory) -> Act:
    """One run has been; since then half of the files were overwritten, and some are new."""
    box = Box(tmp_path_factory.mktemp("studio") / "site")
    shapes = (generation, purchase, sign_in, app_error)
    for number in range(8):
        told = [shapes[n % 4](n * 300 + number) for n in range(100)]
        box.put(f"{number}.ndjson", lines(*told, {"event_type": "generation"}), packed=number % 2 == 0)
    studio = Studio(box.folder)
    complete(studio, NOW)
    for number in range(4, 12):
        told = [shapes[n % 4](n * 300 + number) for n in range(number * 3)]
        box.put(f"{number}.ndjson", lines(*told, "broken"), at=NOW)
    straight = studio.copied(tmp_path_factory.mktemp("straight") / "site")
    return Act(studio, counted(straight, LATER), dump(straight.url, TABLES))


@pytest.mark.parametrize("point", [pytest.param(point, marks=_marks(point)) for point in PASSED])
def test_killed_at(point: str, act: Act, trials: Trials, tmp_path: Path) -> None:
    asked, passed, failed = trials(1, 20), act.passed[point], []
    assert passed and all(act.tables[name] for name in ("generations_hourly", "rejects", "object_hours"))
    for number in range(asked):
        site = act.before.copied(tmp_path / str(number))
        occurrence = (3 * number + 2) * passed // (3 * asked) % passed + 1
        assert exit_code(start(site, LATER, fault=Fault(point, occurrence, signal.SIGKILL))) == -signal.SIGKILL
        complete(site, LATER)
        if dump(site.url, TABLES) != act.tables:
            failed.append(occurrence)
    print(f"event files, killed at {point}: {asked} asked, {asked} run, {len(failed)} failed")
    assert not failed
