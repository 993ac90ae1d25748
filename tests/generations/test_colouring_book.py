"""The colouring book, from its rows to the rollups: one system file, one parser, one contract, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
import yaml

from mediameter import connect
from mediameter.alerts.catalogue import catalogue
from mediameter.commands.run import run
from mediameter.settings import Settings
from mediameter.steps.export.export import ALL_DAYS, export
from mediameter.store import tenancy
from parsers import colouring_book as parser
from schemas.colouring_book import GENERATION_LOG_ROW
from schemas.frames import polars_schema
from tests.export.application import Application
from tests.generations.colouring_book import DAY, ENDED, NOW, colouring_book, log, settings_for, uuid
from tests.generations.postgrest import KEY, served
from tests.servers import ENGINES, ready_database
from tests.trials.dump import dump

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "colouring_book").glob("*.yaml"))
DAILY = (
    "SELECT style, difficulty, status, currency, generations, outputs, duration_ms_sum, cost_micros, uncosted,"
    f" tokens_in FROM generations_daily WHERE day = '{DAY}' ORDER BY style, status"
)
FIGURES = [
    ("", "3", "unknown", "", 1, 0, 12_000, 0, 0, 0),
    ("classic", "3", "completed", "USD", 2, 2, 22_000, 100_000, 0, 80),
    ("ghibli", "3", "completed", "USD", 1, 1, 12_000, 80_000, 0, 40),
    ("mandala", "3", "failed", "", 1, 0, 12_000, 0, 0, 40),
]


# --- rows ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_each_trouble_of_a_row(file: Path) -> None:
    case = yaml.safe_load(file.read_text())
    rows = [log(number, **row) for number, row in enumerate(case["rows"], 1)]
    taken = parser.generations(case.get("styles", {})).take(frame(rows), is_last=True)
    assert [of(row, each) for row, each in zip(taken.events.to_dicts(), case.get("events", []), strict=True)] == (
        case.get("events", [])
    )
    rejected = case.get("rejected", [])
    assert [of(row, each) for row, each in zip(taken.rejected.to_dicts(), rejected, strict=True)] == rejected
    assert taken.rows == len(rows)


def test_of_one_id_the_first_row_counts() -> None:
    taken = parser.generations({}).take(frame([log(1), log(1), log(1, style="ghibli")]), is_last=True)
    assert (taken.events.height, taken.ignored.height, taken.rejected["reason"].to_list()) == (1, 1, ["DUPLICATE_ID"])


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as ``sources.tables`` gives them."""
    read = [{**row, "created_at": _instant(row["created_at"])} for row in rows]
    schema = polars_schema(GENERATION_LOG_ROW)
    return pl.DataFrame([{name: row[name] for name in schema} for row in read], schema=schema)


def _instant(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)


def of(row: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """What a fixture speaks of."""
    return {name: f"{row[name]:%F %T}" if isinstance(row[name], datetime) else row[name] for name in expected}


# --- the whole way -----------------------------------------------------------------------------------------
@pytest.fixture(params=ENGINES)
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ready_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Application]:
    for system in colouring_book("postgresql", tmp_path):
        fill(system)
        yield system


def fill(system: Application) -> None:
    """A day with a bit of everything; its last generation was written on the next."""
    system.insert(
        "generation_logs",
        log(1),
        log(2, style="Studio Ghibli", costs='{"total": "0.08"}'),
        log(3, style="mandala", success=False, costs='{"total": 0}', error_message="no: mail anna@example.org"),
        log(4, style=None, success=None, costs=None, tokens=None, user_id=None),
        log(5, created_at=ENDED.replace(day=4, hour=0, minute=0, second=5), duration_ms=10_000),
        log(6, costs='{"total": "about 5"}'),
    )


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(made) as connection:
        found = [tuple(row) for row in connection.execute(sa.text(query))]
    made.dispose()
    return found


def test_it_comes_in(system: Application, warehouse: str, tmp_path: Path) -> None:
    """On three engines."""
    settings = settings_for(system.url, tmp_path, warehouse)
    report = run(settings, now=NOW)
    assert (report.export.failed, report.export.rows, report.export.rejected) == ([], 6, 1)
    assert rows(settings, DAILY) == FIGURES
    assert rows(settings, "SELECT row_id, reason FROM row_rejects") == [(uuid(6), "BAD_MONEY")]
    assert rows(settings, f"SELECT parsed, rejected FROM days WHERE day = '{DAY}'") == [(5, 1)]


@pytest.mark.in_turn
def test_it_stays_when_its_rows_age_out(system: Application, warehouse: str, tmp_path: Path) -> None:
    """After 90 days the rows go there, all but one that somebody forgot; here they stay counted."""
    settings = settings_for(system.url, tmp_path, warehouse)
    run(settings, now=NOW)
    later = NOW + timedelta(days=95)
    system.insert(
        "generation_logs", log(7, created_at=later - timedelta(hours=1)), log(8, created_at=ENDED.replace(year=2025))
    )
    system.execute("DELETE FROM generation_logs WHERE created_at >= '2026-01-01' AND created_at < '2026-12-01'")
    for window in (None, ALL_DAYS):
        assert export(settings, now=later, window=window).failed == []
    run(settings, now=later)
    assert rows(settings, DAILY) == FIGURES
    told = rows(settings, "SELECT day, SUM(generations) FROM generations_daily GROUP BY day ORDER BY day")
    assert [int(number) for _, number in told] == [1, 5, 1]


def test_the_rest_api_says_what_the_database_says(system: Application, tmp_path: Path) -> None:
    said = []
    with served(system.url) as server:
        for name, more in (("rest", {"url": server.url, "key": KEY}), ("sql", {"url": system.url})):
            (tmp_path / name).mkdir()
            settings = settings_for(folder=tmp_path / name, **more)
            assert run(settings, now=NOW).export.failed == []
            said.append(dump(settings.warehouse.url))
    assert said[0] == said[1]
    assert rows(settings, DAILY) == FIGURES


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_a_copy_on_another_server_says_the_same(kind: str, tmp_path: Path) -> None:
    for copy in colouring_book(kind, tmp_path):
        fill(copy)
        settings = settings_for(copy.url, tmp_path)
        assert run(settings, now=NOW).export.failed == []
        assert rows(settings, DAILY) == FIGURES


def test_what_is_deleted_before_its_age_is_taken_out(system: Application, tmp_path: Path) -> None:
    """A user may ask for that. Of the oldest day that is there a part may have aged out, so another one is older."""
    settings = settings_for(system.url, tmp_path)
    system.insert("generation_logs", log(9, created_at=ENDED - timedelta(days=2)))
    run(settings, now=NOW)
    system.execute(f"DELETE FROM generation_logs WHERE id = '{uuid(2)}'")
    assert export(settings, now=NOW + timedelta(days=20), window=ALL_DAYS).failed == []
    run(settings, now=NOW + timedelta(days=20))
    assert rows(settings, DAILY) == [figure for figure in FIGURES if figure[0] != "ghibli"]


def test_its_rules_wake_and_fire(system: Application, tmp_path: Path) -> None:
    settings = settings_for(system.url, tmp_path)
    awake = {rule.name for rule in catalogue(settings) if not rule.dormant}
    assert {"colouring_failure_rate", "colouring_slow"} <= awake
    at = NOW - timedelta(hours=2)
    system.insert("generation_logs", *(log(100 + n, created_at=at, success=False) for n in range(30)))
    run(settings, now=NOW)
    fired = rows(settings, "SELECT rule, check_group FROM incidents WHERE fired_at IS NOT NULL")
    assert ("colouring_failure_rate", "colouring") in fired


def test_nothing_of_people_is_kept(system: Application, tmp_path: Path) -> None:
    settings = settings_for(system.url, tmp_path)
    run(settings, now=NOW)
    texts = rows(settings, "SELECT message FROM generation_failures")
    assert len(texts) == 1 and "anna" not in texts[0][0]


def test_times_without_a_zone_are_utc_wherever_the_server_is(system: Application, tmp_path: Path) -> None:
    """The column has no zone, so the server's own must not matter."""
    name = system.engine.url.database
    system.execute(f"ALTER DATABASE \"{name}\" SET timezone TO 'America/New_York'")
    settings = settings_for(system.url, tmp_path)
    run(settings, now=NOW)
    assert rows(settings, DAILY) == FIGURES
    hours = rows(settings, "SELECT hour_at, SUM(generations) FROM generations_hourly GROUP BY hour_at ORDER BY hour_at")
    assert [(str(at)[:16], int(number)) for at, number in hours] == [("2026-11-03 12:00", 4), ("2026-11-03 23:00", 1)]
