"""Killed around judging and sending: one incident a fingerprint, no message lost, repeats carry the same key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.faults import DELIVER_POINTS
from mediameter.settings import Settings
from mediameter.steps.alert.deliver import LEASE
from mediameter.steps.alert.watch import watch
from mediameter.store import tenancy
from mediameter.store.warehouse import tables
from tests import gate
from tests.alerts.told import change
from tests.alerts.watched import LIMITED, MINUTE, failures, settings
from tests.conftest import Trials
from tests.export.application import Application
from tests.generations.palette import NOON, generation, palette
from tests.listener import Listener, listening
from tests.trials.runs import killed_at

NOW = NOON + 10 * MINUTE
POINTS = ("check.before_commit", "check.before_telling", "check.told", *DELIVER_POINTS)


@pytest.fixture
def hook() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Application]:
    for made in palette("sqlite", tmp_path):
        made.insert("generation_events", generation(after=-3600))
        failures(made, 11, 1)
        failures(made, 3, 2, LIMITED)
        yield made


def watching(given: Settings) -> None:
    """In a process of its own."""
    watch(given, now=NOW)


def test_killed_anywhere(system: Application, hook: Listener, tmp_path: Path, trials: Trials) -> None:
    asked, rng, failed, repeats, over_before = trials(9, 108), Random(11), [], 0, 0
    wanted = {"generation_failures (palette) fires", "provider_rate_limited (palette) fires"}
    for number in range(asked):
        point, occurrence = POINTS[number % len(POINTS)], 1 + number // len(POINTS) % 2
        hook.received.clear(), hook.headers.clear(), hook.bodies.clear()
        given = settings(system, hook, tmp_path / f"{number}")
        over_before += not killed_at(point, occurrence, watching, given)
        now = NOW
        for _ in range(1 if gate.is_on else 3):  # as later runs would: some within the lease, the last one behind it
            now += rng.randint(1, 2) * MINUTE
            watch(given, now=now)
        watch(given, now=NOW + LEASE + 3 * MINUTE)
        told = [(message["key"], change(message)) for message in hook.received]
        is_sound = {title for _, title in told} == wanted and len(set(told)) == len(wanted)
        repeats += len(told) - len(set(told))
        if not is_sound or not _one_incident_a_fingerprint(given):
            failed.append((point, occurrence, told))
        shutil.rmtree(tmp_path / f"{number}", ignore_errors=True)
    print(f"killed while judging and sending: {asked} asked, {asked} run ({over_before} over before), ", end="")
    print(f"{len(failed)} failed; {repeats} messages came more than once, each under the same key")
    assert not failed, json.dumps(failed[:3], default=str)


def _one_incident_a_fingerprint(given: Settings) -> bool:
    incidents, outbox = tables["incidents"], tables["outbox"]
    made = tenancy.engine(given.warehouse.url, given.tenant)
    try:
        with connect.reading(made) as connection:
            found = list(connection.execute(sa.select(incidents.c.fingerprint)).scalars())
            states = set(connection.execute(sa.select(outbox.c.state)).scalars())
    finally:
        made.dispose()
    return len(found) == len(set(found)) == 2 and states == {"delivered"}
