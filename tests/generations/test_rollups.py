"""From the system's tables to the rollups, against figures worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from mediameter.commands.run import run
from tests.export.application import Application
from tests.generations.palette import DAY, NOON, NOW, generation, palette, settings_for, transaction, uuid
from tests.generations.rolled_up import PAID, rows
from tests.trials.dump import dump


class Place(NamedTuple):
    """A system, and the folder of the installation that meters it."""

    system: Application
    folder: Path


@pytest.fixture(scope="module", params=["postgresql", "sqlite", "mariadb"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A day with a bit of everything, metered once; nobody changes it."""
    folder = tmp_path_factory.mktemp("day")
    for system in palette(request.param, folder):
        _fill(system)
        run(settings_for(system.url, folder), now=NOW)
        yield Place(system, folder)


@pytest.fixture
def ran(place: Place) -> Path:
    return place.folder


def _fill(system: Application) -> None:
    system.insert(
        "model_pricing",
        {
            "model_id": "nano-banana-pro",
            "provider": "r",
            "generation_type": "image",
            "cost_cents": 12,
            "price_cents": 20,
        },
    )
    system.insert(
        "generation_events",
        generation(1),
        generation(2, after=60, lasted=9),
        generation(3, after=120, user=2, status="failed", error_message="no: a fox in the snow, canary is not allowed"),
        generation(4, after=180, prediction_id="shared"),
        generation(5, after=181, prediction_id="shared"),
        generation(6, after=240, lasted=None),
        generation(7, after=300, model_id="veo-9", generation_type="VIDEO", status="Queued", lasted=None),
        generation(8, after=360, credits_cost=-1),
    )
    system.insert(
        "credit_transactions",
        transaction("purchase", 1000, metadata=PAID),
        transaction("usage", -20, metadata={"model_id": "nano-banana-pro"}),
        transaction("generation", -20, metadata={"model_id": "nano-banana-pro"}),
        transaction("refund", 20, user=2),
        transaction("bonus", 50, user=2),
    )
    system.insert("user_credits", *({"user_id": uuid(n), "balance": n} for n in (0 + 5, 10, 11, 20_000)))


def test_generations_by_status(ran: Path) -> None:
    measures = "generations, outputs, credits_charged, cost_micros, uncosted"
    query = f"SELECT model, generation_type, status, currency, {measures} FROM generations_daily"
    assert rows(ran, f"{query} ORDER BY model, status, currency") == [
        ("nano-banana-pro", "image", "completed", "", 1, 1, 0, 0, 0),  # its charge counts at the other one
        ("nano-banana-pro", "image", "completed", "USD", 3, 3, 60, 360_000, 0),
        ("nano-banana-pro", "image", "failed", "", 1, 0, 20, 0, 0),
        ("nano-banana-pro", "image", "stale", "", 1, 0, 20, 0, 0),
        ("veo-9", "video", "queued", "", 1, 0, 20, 0, 0),
    ]
    assert rows(ran, "SELECT DISTINCT day, application, source FROM generations_daily") == [
        (str(DAY), "palette", "palette")
    ]


def test_credits_and_money(ran: Path) -> None:
    query = "SELECT transaction_type, model, currency, transactions, credits, paid_micros FROM credits_daily"
    assert rows(ran, f"{query} ORDER BY 1, 2, 3") == [
        ("bonus", "", "", 1, 50, 0),
        ("purchase", "", "USD", 1, 1000, 9_990_000),
        ("refund", "", "", 1, 20, 0),
        ("usage", "nano-banana-pro", "", 2, -40, 0),
    ]


def test_times_are_of_what_was_completed(ran: Path) -> None:
    assert rows(
        ran, "SELECT model, style, observations, p50_ms, p95_ms, max_ms FROM generation_time_daily ORDER BY model"
    ) == [("*", "*", 4, 4500, 9000, 9000), ("nano-banana-pro", "*", 4, 4500, 9000, 9000)]


def test_users(ran: Path) -> None:
    measures = "generations, failed_generations, credits_charged, credits_spent, cost_micros, paid_micros, purchases"
    query = f"SELECT user_id, currency, {measures} FROM generation_users_daily ORDER BY 1, 2"
    assert rows(ran, query) == [
        (uuid(900_001), "", 6, 0, 100, 40, 0, 0, 0),
        (uuid(900_001), "USD", 0, 0, 0, 0, 360_000, 9_990_000, 1),
        (uuid(900_002), "", 1, 1, 20, -20, 0, 0, 0),
    ]
    assert rows(ran, "SELECT day, window_days, active_users, new_users FROM active_users_trailing ORDER BY 1, 2") == [
        (str(DAY), 1, 2, None),
        (str(DAY), 7, 2, None),
        (str(DAY), 30, 2, None),
    ]


def test_what_is_rejected_is_named_and_the_day_adds_up(ran: Path) -> None:
    assert rows(ran, "SELECT table_name, row_id, reason, detail FROM row_rejects") == [
        ("generation_events", uuid(8), "BAD_NUMBER", "number: -1")
    ]
    assert rows(ran, "SELECT family, state, objects, lines, parsed, ignored, rejected, duplicates FROM days") == [
        ("generations", "final", 2, 13, 12, 0, 1, 0)
    ]


def test_balances_are_counted_in_bands(ran: Path) -> None:
    assert rows(ran, "SELECT label, value FROM gauges_hourly WHERE value > 0 ORDER BY label") == [
        ("1-10", 2),
        ("10001-", 1),
        ("11-100", 1),
    ]


def test_failures_say_what_and_nothing_of_the_prompt(ran: Path) -> None:
    assert rows(ran, "SELECT event_id, model, message FROM generation_failures") == [
        (uuid(3), "nano-banana-pro", "no: [prompt] is not allowed")
    ]
    for path in [*ran.rglob("*.parquet"), ran / "warehouse.sqlite"]:
        assert b"canary" not in path.read_bytes(), path


@pytest.mark.in_turn
def test_a_second_run_changes_nothing(place: Place) -> None:
    settings = settings_for(place.system.url, place.folder)
    before = dump(settings.warehouse.url)
    summary = run(settings, now=NOW)
    assert summary.is_idle and summary.rollup.generation_days == []
    assert dump(settings.warehouse.url) == before


@pytest.mark.in_turn
def test_pending_is_read_again_until_it_is_settled(system: Application, tmp_path: Path) -> None:
    settings = settings_for(system.url, tmp_path, lookback_days=0)
    system.insert("generation_events", generation(1, lasted=None))
    states = "SELECT status, generations FROM generations_daily ORDER BY 1"
    run(settings, now=NOON + timedelta(hours=1))
    assert rows(tmp_path, states) == [("pending", 1)]
    run(settings, now=NOON + timedelta(hours=22))
    assert rows(tmp_path, states) == [("pending", 1)]
    run(settings, now=NOON + timedelta(hours=26))  # another day, which the look-back alone would not reach
    assert rows(tmp_path, states) == [("stale", 1)]
    assert (
        rows(tmp_path, "SELECT unsettled FROM exports WHERE table_name = 'generation_events' AND unsettled > 0") == []
    )
