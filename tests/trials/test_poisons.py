"""A poisoned value costs its own row, line or event: the rest of the pass is computed, rules are judged, people told.

Each poison stands in every column of its type that the database lets it into, each time in a row of its own. The same
pass reads a sound log, and a budget that is used up has to be heard of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.commands.run import attempt
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.store.warehouse import tables
from tests import servers
from tests.conftest import Trials
from tests.export import application
from tests.export.application import Application
from tests.generations import files, palette
from tests.listener import Listener, listening
from tests.trials.engines import emptied
from tests.worlds.poisons import LINES, POISONS, Poison, log_line

NOW = datetime(2026, 11, 6, 12, tzinfo=UTC)
SOUND_LINES, SOUND_EVENTS = 12, 6
Row = Callable[[int], dict[str, Any]]
pytestmark = pytest.mark.in_turn


@dataclass(frozen=True, slots=True)
class Table:
    """``row``: a sound one of that number; ``columns``: those that are read, by the type of what they hold."""

    name: str
    key: str
    row: Row
    columns: Mapping[str, tuple[str, ...]]


def _generation(number: int) -> dict[str, Any]:
    return palette.generation(number, after=number, error_message="no", settings=None)


def _credit(number: int) -> dict[str, Any]:
    return palette.transaction("purchase", 5, after=number, metadata={"amount_paid_cents": 5}, id=palette.uuid(number))


SYSTEMS: dict[str, tuple[Callable[[str, Path], Iterator[Application]], tuple[Table, ...]]] = {
    "dailey_media": (
        application.made,
        (
            Table("media_analytics", "id", lambda n: application.event(f"{n}", after=n), {
                "instant": ("timestamp",), "json": ("metadata",),
                "text": ("media_file_id", "event_type", "user_id", "application_id", "ip_address", "user_agent",
                         "referer", "variant_type"),
            }),
            Table("media_files", "id", lambda n: application.media_file(n), {
                "int": ("file_size", "width", "height"), "float": ("duration_seconds",), "bool": ("is_deleted",),
                "instant": ("uploaded_at", "updated_at", "deleted_at"),
                "text": ("storage_key", "mime_type", "application_id", "user_id"),
            }),
        ),
    ),
    "directors_palette": (
        palette.palette,
        (
            Table("generation_events", "id", _generation, {
                "instant": ("created_at", "completed_at"), "int": ("credits_cost",),
                "text": ("prediction_id", "generation_type", "model_id", "model_name", "status", "prompt",
                         "error_message"),
            }),
            Table("credit_transactions", "id", _credit, {
                "instant": ("created_at",), "int": ("amount",), "json": ("metadata",), "text": ("type",),
            }),
        ),
    ),
}  # fmt: skip
EVENTS = {"generation": files.generation, "purchase": files.purchase, "error": files.app_error}


@pytest.fixture(scope="module", params=servers.ENGINES)
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.ready_database(request.param, tmp_path_factory.mktemp("warehouse")) as url:
        yield url


@pytest.fixture
def hook() -> Iterator[Listener]:
    with listening() as server:
        yield server


# --- the passes ----------------------------------------------------------------------------------------
def _settings(folder: Path, warehouse: str, hook: Listener, **sources: dict[str, Any]) -> Settings:
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    (folder / "logs" / "sound").write_text("".join(f"{log_line(100 + n)}\n" for n in range(SOUND_LINES)))
    emptied(warehouse)
    return from_mapping(
        {
            "warehouse": {"url": warehouse},
            "sources": {"logs": {"kind": "s3_access_log", "path": "logs", "bucket": "logs"}, **sources},
            "privacy": {"key": "the key of all tests"},
            "geo": {"countries": "none"},
            "quality": {"docs": "none"},
            "alerts": {
                "notify": [hook.url()], "allow_private_channels": True,
                "rules": {"daily_bandwidth": {"above": "1 B"}},
            },
        },
        folder,
    )  # fmt: skip


def _trouble(settings: Settings, hook: Listener, sound: int) -> list[str]:
    """What is not as it should be after two passes: nothing, whatever the poison was."""
    told = len(hook.received)
    first = attempt(settings, now=NOW)
    found = [f"raised: {error}" for error in first.errors]
    stations = ("ingest", "export", "rollup", "quality", "check")
    found += [f"{name} failed: {why}" for name in stations for why in getattr(first, name).failed]
    if (requests := _requests(settings)) != SOUND_LINES:
        found.append(f"{requests} requests of the sound log")
    if (events := _events(settings)) < sound:
        found.append(f"{events} of {sound} sound events")
    if not any(row["rule"] == "daily_bandwidth" and row["verdict"] == "critical" for row in first.check.rows):
        found.append("the rules were not judged")
    if len(hook.received) == told:
        found.append("nobody was told")
    again = attempt(settings, now=NOW)
    if again.ingest.objects or again.rollup.days or again.rollup.generation_days or again.export.days:
        found.append("the second pass was not idle")
    return found


def _requests(settings: Settings) -> int:
    return _sum(settings, tables["traffic_daily"].c.requests)


def _events(settings: Settings) -> int:
    """Events that the ledger knows, of whatever kind."""
    return _sum(settings, tables["exports"].c.events)


def _sum(settings: Settings, column: sa.Column[int]) -> int:
    made = connect.engine(settings.warehouse.url)
    with connect.reading(made) as connection:
        found = connection.execute(sa.select(sa.func.sum(column))).scalar()
    made.dispose()
    return int(found or 0)


# --- tables --------------------------------------------------------------------------------------------
def _planted(system: Application, table: Table, poison: Poison) -> int:
    """Sound rows, and beside them one for each column that lets the poison in; how many these are."""
    system.execute(f"DELETE FROM {table.name}")
    system.insert(table.name, *(table.row(number) for number in range(1, SOUND_EVENTS + 1)))
    literal, planted = getattr(poison, system.kind), 0
    for number, column in enumerate(table.columns.get(poison.kind, ()), 1_000):
        row = table.row(number)
        system.insert(table.name, row)
        try:
            with system.engine.begin() as connection:
                if system.kind == "mariadb":
                    connection.exec_driver_sql("SET sql_mode = 'ALLOW_INVALID_DATES'")
                change = f"UPDATE {table.name} SET {system.quoted(column)} = {literal} WHERE id = '{row['id']}'"
                connection.exec_driver_sql(change, execution_options={"no_parameters": True})
            planted += 1
        except sa.exc.DBAPIError:
            system.execute(f"DELETE FROM {table.name} WHERE id = '{row['id']}'")
    return planted


@pytest.mark.parametrize("kind", ["sqlite", *application.SERVERS])
@pytest.mark.parametrize("name", SYSTEMS)
def test_rows_of_tables(name: str, kind: str, warehouse: str, trials: Trials, hook: Listener, tmp_path: Path) -> None:
    made, of_system = SYSTEMS[name]
    known = [poison for poison in POISONS if getattr(poison, kind) is not None]
    asked, failed, planted = trials(1, len(known)), [], 0
    for system in made(kind, tmp_path):
        for number in range(asked):
            poison = known[(number * 37 + len(name) + len(kind)) % len(known)]
            rows = sum(_planted(system, table, poison) for table in of_system)
            planted += rows
            sources = {"app": {"kind": name, "url": system.url}}
            settings = _settings(tmp_path / str(number), warehouse, hook, **sources)
            why = _trouble(settings, hook, SOUND_EVENTS)
            failed += [f"{poison.name}: {each}" for each in why]
    print(f"{name} on {kind}: {asked} poisons asked, {planted} rows planted, {len(failed)} troubles")
    assert not failed, "\n".join(failed)


# --- event files and logs ------------------------------------------------------------------------------
def test_event_files(warehouse: str, trials: Trials, hook: Listener, tmp_path: Path) -> None:
    known = [poison for poison in POISONS if poison.json is not None]
    asked, failed = trials(2, len(known)), []
    for number in range(asked):
        poison = known[number * 37 % len(known)]
        folder = tmp_path / str(number)
        settings = _settings(folder, warehouse, hook, palette={"kind": "palette_events", "path": "events"})
        (folder / "events").mkdir()
        (folder / "events" / "all.ndjson").write_text("\n".join(_poisoned_events(poison)) + "\n", "utf-8")
        failed += [f"{poison.name}: {why}" for why in _trouble(settings, hook, 0)]
        generated = _sum(settings, tables["generations_daily"].c.generations)
        failed += [f"{poison.name}: {generated} generations"] * (generated < SOUND_EVENTS)
    print(f"event files: {asked} asked, {len(failed)} troubles")
    assert not failed, "\n".join(failed)


def _poisoned_events(poison: Poison) -> Iterator[str]:
    """Sound generations, and of each sort of event one for each of its fields, with the poison in it."""
    for number in range(SOUND_EVENTS):
        yield json.dumps(files.generation(number))
    for sort, event in enumerate(EVENTS.values(), 1):
        for number, field in enumerate(event(0)):
            text = json.dumps(event(sort * 1_000 + number) | {field: "\0"})
            yield text.replace(json.dumps("\0"), str(poison.json))


def test_lines_of_logs(warehouse: str, trials: Trials, hook: Listener, tmp_path: Path) -> None:
    names = list(LINES)
    asked, failed = trials(2, len(names)), []
    for number in range(asked):
        name = names[number * 7 % len(names)]
        folder = tmp_path / str(number)
        settings = _settings(folder, warehouse, hook, more={"kind": "s3_access_log", "path": "more", "bucket": "more"})
        (folder / "more").mkdir()
        (folder / "more" / "poisoned").write_bytes(f"{log_line(1)}\n".encode() + LINES[name] + b"\n")
        # Of the poisoned object the sound line counts, and the poison itself where it can be read.
        failed += [f"{name}: {why}" for why in _trouble(settings, hook, 0) if not _is_more(why)]
    print(f"lines of logs: {asked} asked, {len(failed)} troubles")
    assert not failed, "\n".join(failed)


def _is_more(why: str) -> bool:
    requests = why.partition(" ")[0]
    return why.endswith("requests of the sound log") and int(requests) in (SOUND_LINES + 1, SOUND_LINES + 2)
