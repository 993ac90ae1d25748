"""Generating systems against the reference: whole worlds, from tables and event files to the warehouse, row by row."""

from __future__ import annotations

import hmac
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.commands.run import run
from mediameter.privacy.lines import redact_line
from mediameter.privacy.pseudonyms import Pseudonyms
from mediameter.settings import Settings
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.store import tenancy, warehouse
from schemas.generations import ACTIVE_FAMILY, GENERATION_FAMILY
from schemas.internal import EXPORTS, OBJECTS, REJECTS
from schemas.prices import KEPT_PRICES
from schemas.rollups import DAYS
from schemas.vocabulary import FINISHED
from tests.conftest import Trials
from tests.reference import generations as reference
from tests.reference.generation_days import Source, days_of_files, days_of_tables, due_of_files, rejects_by_reason
from tests.reference.palette_files import Door, File, NotEvents, read_file
from tests.reference.palette_rows import CREDIT, GENERATION, Tables, Taken, read_tables
from tests.trials.row_differences import rows_differ
from tests.worlds.generation_worlds import FILES, STALE_HOURS, GenerationWorld, dumped, generation_world
from tests.worlds.log_worlds import KEY, TENANT

Row = dict[str, Any]
_CONTRACTS = (*GENERATION_FAMILY, *ACTIVE_FAMILY, DAYS)
_TABLE_OF = {GENERATION: "generation_events", CREDIT: "credit_transactions"}
_READ_BACK = 20
pytestmark = pytest.mark.usefixtures("older_lake")
_SHOWN = 8
_EXPORTED = ["source", "table_name", "export_day", "events", "ignored", "rejected"]
_MONEY = ["tenant", "day", "application", "kind", "currency"]


def test_worlds(trials: Trials, tmp_path: Path) -> None:
    asked, rows = trials(2, 100), 0
    failed: dict[int, list[str]] = {}
    for seed in range(asked):
        made, folder = generation_world(seed), tmp_path / str(seed)
        told, meant = by_the_product(made, folder), by_the_reference(made, folder)
        rows += sum(map(len, meant.values()))
        texts = [text for name, key in _keys().items() for text in rows_differ(name, key, told[name], meant[name])]
        if texts:
            failed[seed] = texts
        shutil.rmtree(folder)
    print(f"generation worlds: {asked} asked, {asked} run, {rows:,} rows compared, {len(failed)} failed")
    assert not failed, "\n".join(f"world {seed}: {text}" for seed, texts in failed.items() for text in texts[:_SHOWN])


def _keys() -> dict[str, list[str]]:
    names = ["source", "place", "reason"]
    return {
        **{each.name: each.key for each in _CONTRACTS}, "money_daily": _MONEY, "rejects": names, "refused": names[:2],
        EXPORTS.name: _EXPORTED[:3],
    }  # fmt: skip


# --- what the product says ---------------------------------------------------------------------------


def by_the_product(made: GenerationWorld, folder: Path) -> dict[str, list[Row]]:
    """After a run in each of the world's states, and final days made with the prices of the last one: until that is
    asked for they keep those that they were made with, and the reference knows the last state's alone."""
    settings = made.settings(folder)
    for state in made.states:
        made.lay_out(folder, state)
        summary = run(settings, now=state.at)
        assert not summary.has_failed, summary.lines()
    _with_the_last_prices(settings, made.now)
    engine = tenancy.engine(settings.warehouse.url, settings.tenant)
    try:
        with connect.reading(engine) as connection:
            told = {each.name: warehouse.read(connection, each).to_dicts() for each in _CONTRACTS}
            return {**told, "money_daily": _money(connection), **_refusals(connection)}
    finally:
        engine.dispose()


def _with_the_last_prices(settings: Settings, now: datetime) -> None:
    engine = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(engine) as connection:
        kept = [row.day for row in connection.execute(sa.select(warehouse.tables[KEPT_PRICES.name].c.day))]
    engine.dispose()
    if kept:
        backfill(settings, Task(min(kept), max(kept), reprice=True), now=now)


def _money(connection: sa.Connection) -> list[Row]:
    rows = connection.execute(
        sa.text(f"SELECT {', '.join(_MONEY)}, amount_micros, uncosted, unpriced_bytes FROM money_daily")
    )
    return [{**row, "day": str(row["day"])} for row in rows.mappings()]


def _refusals(connection: sa.Connection) -> dict[str, list[Row]]:
    objects = {
        row["object_id"]: row for row in warehouse.read(connection, OBJECTS).to_dicts() if row["state"] != "superseded"
    }
    found: Counter[tuple[str, Any, str]] = Counter()
    for row in warehouse.read(connection, REJECTS).to_dicts():
        if row["object_id"] in objects and objects[row["object_id"]]["state"] == "settled":
            found[FILES, objects[row["object_id"]]["object_key"], row["reason"]] += 1
    refused = [each["object_key"] for each in objects.values() if each["state"] == "refused"]
    exported = [row for row in warehouse.read(connection, EXPORTS).to_dicts() if row["rows_read"]]
    return {
        "rejects": _counted(found), "refused": [{"source": FILES, "place": name} for name in refused],
        EXPORTS.name: [{name: row[name] for name in _EXPORTED} for row in exported],
    }  # fmt: skip


def _counted(counts: Counter[tuple[str, Any, str]]) -> list[Row]:
    names = ("source", "place", "reason", "count")
    return [dict(zip(names, (*place, count), strict=True)) for place, count in counts.items()]


# --- what the reference says -------------------------------------------------------------------------


def by_the_reference(made: GenerationWorld, folder: Path) -> dict[str, list[Row]]:
    """The same tables, from what lies in the folder at last."""
    key, names = KEY.encode(), [name for name in made.applications if name != FILES]
    through = made.now.astimezone(UTC)
    read = frozenset(through.date() - timedelta(days=number) for number in range(_READ_BACK))
    prices = [
        reference.PriceReading(name, state.at, content.prices)
        for state in made.states
        for name, content in state.tables.items()
    ]
    world = reference.Settings(
        TENANT, made.zone.key, made.applications,
        lambda text: redact_line(text, Pseudonyms(key)), prices, frozenset({FILES}),
        made.apps,
    )  # fmt: skip
    tables = {name: _tables(made, name, folder) for name in names}
    files = [(file, _taken(file, key, made.timestamp)) for file in (File(FILES, *each[:3]) for each in _files(made))]
    taken = [*(each for of in tables.values() for each in of.values()), *(each for _, each in files if each)]
    meant = reference.compute((event for each in taken for event in each.events), world)
    complete = min(through, due_of_files(file for file, _ in files)) - timedelta(hours=6)
    days = days_of_files(Source(FILES, complete), files, world)
    rejects = Counter({(FILES, *place): n for place, n in rejects_by_reason(each for _, each in files if each).items()})
    for name, of in tables.items():
        days += days_of_tables(Source(name, through - timedelta(minutes=5), read), of, world)
    money = [{**row, "day": str(row["day"])} for row in reference.money_daily(meant)]
    refused = [{"source": FILES, "place": file.name} for file, each in files if each is None]
    exported = [row for name, of in tables.items() for row in _exported(name, of)]
    more = {"rejects": _counted(rejects), "refused": refused, EXPORTS.name: exported}
    return {**meant, "days": days, "money_daily": money, **more}


def _exported(source: str, of: dict[str, Taken]) -> list[Row]:
    rows = []
    for kind, taken in of.items():
        events = Counter(event.at.date() for event in taken.events)
        for day in sorted({*events, *taken.rejected, *taken.ignored}):
            counts = events[day], taken.ignored[day], sum(taken.rejected.get(day, Counter()).values())
            rows.append(dict(zip(_EXPORTED, (source, _TABLE_OF[kind], day, *counts), strict=True)))
    return rows


def _files(made: GenerationWorld) -> list[tuple[Any, ...]]:
    return [(file.name, file.data, file.last_modified.replace(microsecond=0)) for file in made.files]


def _tables(made: GenerationWorld, name: str, folder: Path) -> dict[str, Taken]:
    content = dumped(folder / f"{name}.sqlite")
    stale_after = timedelta(hours=STALE_HOURS)
    return read_tables(
        Tables(name, content.generations, content.credits, made.now, stale_after, partial(_pseudonym, KEY.encode()))
    )


def _taken(file: File, key: bytes, timestamp: str) -> Taken | None:
    seed = int.from_bytes(hmac.digest(key, b"line hash", "sha256")[:8])
    finished = frozenset({FILES} if timestamp == FINISHED else ())
    try:
        return read_file(file, Door(seed, partial(_pseudonym, key), finished))
    except NotEvents:
        return None


def _pseudonym(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()[:32]
