"""A poisoned row costs itself: every reader gives all other rows as they are, and of this one what can be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from mediameter.connect import rest_client, source_engine
from mediameter.sources.api_keys import ApiKey, read_key
from mediameter.sources.postgrest import Rest, RestTables
from mediameter.sources.tables import Database, Snapshot
from schemas.contract import Column, Contract
from schemas.source_table import SourceTable
from tests.export.application import Application, made
from tests.generations.postgrest import KEY, Handler, Server, served
from tests.worlds.poisons import POISONS, WHATEVER, Poison

DAY, TOMORROW = date(2026, 11, 3), date(2026, 11, 4)
BEGIN, END = datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC)
TYPES = {
    "postgresql": {
        "text": "TEXT", "int": "NUMERIC", "float": "FLOAT8", "bool": "BOOLEAN", "instant": "TIMESTAMPTZ",
        "json": "JSON",
    },
    "mariadb": {
        "text": "LONGTEXT", "int": "DECIMAL(60,5)", "float": "DOUBLE", "bool": "INT", "instant": "DATETIME(6)",
        "json": "LONGTEXT",
    },
    "sqlite": dict.fromkeys(("text", "int", "float", "bool", "instant", "json"), ""),
}  # fmt: skip
COLUMNS = {
    "text": "words",
    "int": "whole",
    "float": "fraction",
    "bool": "truth",
    "instant": "later",
    "json": "document",
}
TABLE = SourceTable(
    Contract(
        "poisoned",
        "row",
        "A column of each type.",
        (
            Column("id", "text", "Key.", null="none"),
            Column("at", "instant", "Time.", null="none"),
            *(
                Column(name, "text" if kind == "json" else kind, "Poisoned.", null="none")  # type: ignore[arg-type]
                for kind, name in COLUMNS.items()
            ),
        ),
        kind="frame",
    ),
    "id",
    cursor="at",
    json=frozenset({"document"}),
)
SOUND: dict[str, Any] = {
    "words": "fox", "whole": 7, "fraction": 0.5, "truth": True, "later": datetime(2026, 11, 3, 13, tzinfo=UTC),
    "document": '{"a": 1}',
}  # fmt: skip
_LITERALS = {
    "id": "'{id}'", "at": "'2026-11-03 12:00:0{n}'", "words": "'fox'", "whole": "7", "fraction": "0.5",
    "later": "'2026-11-03 13:00:00'", "document": "'{{\"a\": 1}}'",
}  # fmt: skip
IDS = ("a", "b", "c")


def row(number: int) -> dict[str, Any]:
    return {"id": IDS[number], "at": datetime(2026, 11, 3, 12, 0, number, tzinfo=UTC), **SOUND}


# --- databases ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    yield from made(request.param, tmp_path_factory.mktemp("poisoned"), furnished)


def furnished(kind: str, url: str, engine: Any) -> Application:
    types = TYPES[kind]
    columns = ", ".join(f"{name} {types[kind]}" for kind, name in COLUMNS.items())
    more = " CHARACTER SET utf8mb4" if kind == "mariadb" else ""
    system = Application(kind, url, engine)
    written(system, f"CREATE TABLE poisoned (id {types['text']}, at {types['instant']}, {columns}){more}")
    return system


def written(system: Application, *statements: str) -> None:
    """As an application that lets anything in."""
    with system.engine.begin() as connection:
        if system.kind == "mariadb":
            connection.exec_driver_sql("SET sql_mode = 'ALLOW_INVALID_DATES'")
        if system.kind == "postgresql":
            connection.exec_driver_sql("SET synchronous_commit = off")  # nothing here has to outlive the server
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def planted(system: Application, literal: str, column: str) -> None:
    """Three rows, of which the second has the poison in that column."""
    truth = "TRUE" if system.kind != "sqlite" else "1"
    statements = ["DELETE FROM poisoned"]
    for number, id in enumerate(IDS):
        values = {name: text.format(id=id, n=number) for name, text in _LITERALS.items()} | {"truth": truth}
        if number == 1:
            values[column] = literal
        statements.append(f"INSERT INTO poisoned ({', '.join(values)}) VALUES ({', '.join(values.values())})")
    written(system, *statements)


def database(system: Application) -> Database:
    return Database("[sources.poisoned]", source_engine(system.url, 5), page_rows=2)


def wherever(poisons: Iterable[Poison]) -> pytest.MarkDecorator:
    """Each poison on each engine that can hold it."""
    found = list(poisons)
    pairs = [(engine, each) for engine in TYPES for each in found if getattr(each, engine) is not None]
    names = [f"{engine}-{each.name}" for engine, each in pairs]
    return pytest.mark.parametrize(("system", "poison"), pairs, ids=names, indirect=["system"])


def rows_of(seen: Snapshot | RestTables) -> list[dict[str, Any]]:
    pages = list(seen.day(TABLE, BEGIN, END))
    return pl.concat(pages).sort("at", "id").to_dicts() if pages else []


@wherever(POISONS)
def test_a_value_costs_itself(poison: Poison, system: Application) -> None:
    column = COLUMNS[poison.kind]
    planted(system, getattr(poison, system.kind), column)
    found, whole = database(system).read(lambda seen: (rows_of(seen), pl.concat(list(seen.whole(TABLE))).sort("id")))
    assert [found[0], found[2]] == [row(0), row(2)] == [whole.row(n, named=True) for n in (0, 2)]
    assert {**found[1], column: None} == {**row(1), column: None}
    assert poison.reads is WHATEVER or found[1][column] == poison.reads


@wherever(poison for poison in POISONS if poison.kind == "instant")
def test_a_time_costs_its_row_which_is_named_and_counted(poison: Poison, system: Application) -> None:
    """rows = of days + of days to come + of no day."""
    planted(system, getattr(poison, system.kind), "at")

    def look(seen: Snapshot) -> tuple[Any, ...]:
        days, oldest = seen.days(TABLE), seen.oldest_day(TABLE)
        return rows_of(seen), days, oldest, seen.counts(TABLE, [DAY]), seen.misfits(TABLE), seen.census(TABLE, TOMORROW)

    rows, days, oldest, counts, (count, misfits), census = database(system).read(look)
    assert (rows, oldest, counts) == ([row(0), row(2)], DAY, {DAY: 2})
    is_to_come = poison.reads is not None and poison.reads > BEGIN
    assert days == ({DAY, poison.reads.date()} if is_to_come else {DAY})
    assert (census.rows, census.dated, census.to_come, count) == (3, 2, int(is_to_come), int(not is_to_come))
    assert [each.row_id for each in misfits] == ([] if is_to_come else ["b"])


@wherever(poison for poison in POISONS if poison.kind == "text" and "million" not in poison.name)
def test_an_id_costs_no_other_row(poison: Poison, system: Application) -> None:
    """Pages begin with the id that the one before ended with, whatever stands there."""
    planted(system, getattr(poison, system.kind), "id")
    found = database(system).read(rows_of)
    assert [each["id"] for each in found] == ["a", poison.reads, "c"]


@pytest.mark.parametrize("system", list(TYPES), indirect=True)
def test_a_row_without_an_id_is_counted(system: Application) -> None:
    planted(system, "NULL", "id")
    rows, (count, misfits), census = database(system).read(
        lambda seen: (rows_of(seen), seen.misfits(TABLE), seen.census(TABLE, TOMORROW))
    )
    assert rows == [row(0), row(2)] and count == 1 and misfits[0].row_id is None
    assert (census.rows, census.dated, census.to_come) == (3, 2, 0)


# --- a REST API --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served("no database is asked") as server:
        yield server


def answers(literal: str, column: str) -> Callable[[Handler, str], tuple[int, dict[str, str], Any]]:
    """The three rows as JSON, the poison as it stands there; behind them an empty page."""
    rows = [{**row(n), "at": f"2026-11-03T12:00:0{n}+00:00", "later": "2026-11-03T13:00:00+00:00"} for n in range(3)]
    texts = [json.dumps(each) for each in rows]
    texts[1] = json.dumps({**rows[1], column: "POISON"}).replace('"POISON"', literal)
    page = f"[{', '.join(texts)}]".encode()

    def answer(handler: Handler, table: str) -> tuple[int, dict[str, str], Any]:
        return 200, {"Content-Range": "0-2/3"}, [] if "or=" in handler.path else page

    return answer


@pytest.mark.parametrize("poison", [each for each in POISONS if each.json], ids=lambda poison: poison.name)
def test_a_value_of_an_api_costs_itself(poison: Poison, server: Server) -> None:
    column = COLUMNS[poison.kind]
    assert poison.json is not None
    server.before = answers(poison.json, column)
    key: ApiKey = read_key(KEY)
    api = Rest("[sources.poisoned]", rest_client(server.url, KEY, 5), key, key.role or "")
    try:
        found = api.read(rows_of)
    finally:
        api.close()
    assert [found[0], found[2]] == [row(0), row(2)]
    assert {**found[1], column: None} == {**row(1), column: None}
    assert poison.reads is WHATEVER or found[1][column] == poison.reads
