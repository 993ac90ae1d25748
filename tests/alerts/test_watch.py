"""The watch: from rows in a generating system's database to a message at a receiver, and to its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediameter.steps.alert.watch import watch, watched
from tests.alerts.told import change
from tests.alerts.watched import LIMITED, MINUTE, failures, settings
from tests.export.application import Application
from tests.generations.palette import NOON, generation, palette
from tests.listener import Listener, listening


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Application]:
    yield from palette("sqlite", tmp_path)


@pytest.fixture
def hook() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def said(hook: Listener) -> list[str]:
    return [change(message) for message in hook.received]


def test_failures_and_their_end_are_told_within_minutes(system: Application, hook: Listener, tmp_path: Path) -> None:
    given = settings(system, hook, tmp_path)
    assert watched(given) == {"palette"}
    system.insert("generation_events", generation(after=-3600))
    watch(given, now=NOON)
    assert said(hook) == []
    failures(system, 11, 1)
    report = watch(given, now=NOON + 10 * MINUTE)
    assert said(hook) == ["generation_failures (palette) fires"]
    assert report.deliver.delivered == 1 and report.check.messages == 1
    watch(given, now=NOON + 15 * MINUTE)
    watch(given, now=NOON + 40 * MINUTE)
    assert said(hook)[1:] == ["generation_failures (palette) has ended"]
    assert "canary" not in str(hook.bodies)


def test_ten_failures_are_no_alarm(system: Application, hook: Listener, tmp_path: Path) -> None:
    given = settings(system, hook, tmp_path)
    failures(system, 10, 1)
    assert watch(given, now=NOON + 30 * MINUTE).check.messages == 0


def test_what_has_not_been_exported_yet_is_not_knowable(system: Application, hook: Listener, tmp_path: Path) -> None:
    given = settings(system, hook, tmp_path)
    watch(given, now=NOON)
    failures(system, 11, 1)
    watch(given, now=NOON + 4 * MINUTE)  # the newest five minutes may have rows that are not committed
    assert said(hook) == []


def test_rate_limits_are_told_apart_and_prompts_never(system: Application, hook: Listener, tmp_path: Path) -> None:
    given = settings(system, hook, tmp_path)
    failures(system, 3, 1, LIMITED)
    watch(given, now=NOON + 15 * MINUTE)
    assert said(hook) == ["provider_rate_limited (palette) fires"]
    assert "fox" not in str(hook.bodies)


def test_a_source_that_is_down_is_told_in_place_of_silence(system: Application, hook: Listener, tmp_path: Path) -> None:
    given = settings(system, hook, tmp_path)
    system.insert("generation_events", generation(after=-3600))
    watch(given, now=NOON)
    system.execute("ALTER TABLE generation_events RENAME TO elsewhere")
    report = watch(given, now=NOON + 3 * 60 * MINUTE)
    assert len(report.export.failed) == 1
    assert said(hook) == ["export_stopped (palette) fires"]


def test_a_channel_that_is_down_gets_it_later(system: Application, hook: Listener, tmp_path: Path) -> None:
    given = settings(system, hook, tmp_path)
    hook.status = 500
    failures(system, 11, 1)
    assert watch(given, now=NOON + 10 * MINUTE).deliver.waiting == 1
    hook.status = 200
    hook.received.clear()
    watch(given, now=NOON + 15 * MINUTE)
    assert said(hook) == ["generation_failures (palette) fires"]
