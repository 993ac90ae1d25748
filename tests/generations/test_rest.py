"""The same export over Supabase's REST API: pages that end early, rows that move, servers that ask to wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mediameter import connect
from mediameter.commands.run import run
from mediameter.opening import tables
from mediameter.sources import postgrest as rest
from mediameter.steps.export.export import export
from tests.export.application import Application
from tests.generations.palette import DAY, NOW, generation, palette, settings_for, transaction, uuid
from tests.generations.postgrest import KEY, Handler, Server, served
from tests.generations.rolled_up import PAID, many, rows
from tests.trials.dump import dump


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Application]:
    yield from palette("postgresql", tmp_path)


@pytest.fixture
def server(system: Application) -> Iterator[Server]:
    with served(system.url) as server:
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BACK_OFF_S", 0.01)


def over_rest(url: str, folder: Path, **more: Any) -> Any:
    return settings_for(url, folder, key=KEY, **more)


def test_more_rows_than_a_page_all_arrive(system: Application, server: Server, tmp_path: Path) -> None:
    many(system, 25_000)
    report = export(over_rest(server.url, tmp_path, page_rows=5_000), now=NOW)
    assert (report.failed, report.rows, report.events) == ([], 25_000, 25_000)


def test_it_comes_to_what_the_database_comes_to(system: Application, server: Server, tmp_path: Path) -> None:
    system.insert(
        "model_pricing", {"model_id": "nano-banana-pro", "provider": "r", "cost_cents": 12, "price_cents": 20}
    )
    system.insert("generation_events", *(generation(after=90 * n, user=n % 7) for n in range(300)))
    system.insert("credit_transactions", transaction("purchase", 9, metadata=PAID), transaction("usage", -1))
    system.insert("user_credits", {"user_id": uuid(5), "balance": 7})
    said = []
    for name, settings in (
        ("rest", over_rest(server.url, tmp_path / "rest")),
        ("sql", settings_for(system.url, tmp_path / "sql")),
    ):
        (tmp_path / name).mkdir()
        assert run(settings, now=NOW).export.failed == []
        said.append(dump(settings.warehouse.url))
    assert said[0] == said[1]


def test_a_whole_table_of_more_than_a_page_arrives(system: Application, server: Server, tmp_path: Path) -> None:
    """Its keys are texts, and hold all that parts a filter."""
    system.execute(
        "INSERT INTO model_pricing (model_id, provider, generation_type, cost_cents, price_cents)"
        " SELECT 'a \"fox\", (v' || n || '.0)\\', 'replicate', 'image', 3, 5 FROM generate_series(1, 2500) AS n"
    )
    export(over_rest(server.url, tmp_path), now=NOW)
    assert rows(tmp_path, "SELECT COUNT(*) FROM model_prices WHERE model LIKE 'a %'") == [(2500,)]


def test_a_server_that_filters_nothing_is_told(system: Application, server: Server, tmp_path: Path) -> None:
    page = {"model_id": "a", "provider": "b", "generation_type": "image", "cost_cents": None, "price_cents": 5}
    server.before = lambda handler, table: (
        (200, {"Content-Range": "0-0/1"}, [page]) if table == "model_pricing" else None
    )
    report = export(over_rest(server.url, tmp_path), now=NOW)
    assert "model_pricing: the same page came twice" in report.failed[0]


def test_other_names_are_asked_for(system: Application, server: Server, tmp_path: Path) -> None:
    system.execute("ALTER TABLE generation_events RENAME TO made")
    system.execute("ALTER TABLE made RENAME COLUMN model_id TO engine")
    many_names = {"tables": {"generation_events": "made"}, "columns": {"generation_events": {"model_id": "engine"}}}
    system.execute(
        "INSERT INTO made (id, user_id, engine, status, created_at) VALUES"
        " (gen_random_uuid(), gen_random_uuid(), 'owl', 'failed', '2026-11-03 12:00Z')"
    )
    run(over_rest(server.url, tmp_path, **many_names), now=NOW)
    assert rows(tmp_path, "SELECT model, status FROM generations_daily") == [("owl", "failed")]


def test_a_row_that_comes_in_mid_paging_is_not_missed(system: Application, server: Server, tmp_path: Path) -> None:
    many(system, 2_500)
    late = [generation(after=-60)]

    def commit_behind(handler: Handler, table: str) -> None:
        if table == "generation_events" and "or=" in handler.path and late:
            system.insert("generation_events", late.pop())

    server.before = commit_behind
    report = export(over_rest(server.url, tmp_path), now=NOW)
    assert (report.failed, report.events, late) == ([], 2_501, [])


def test_too_many_requests_and_time_outs_are_waited_for(system: Application, server: Server, tmp_path: Path) -> None:
    many(system, 1_500)
    answers = [
        (429, {"Retry-After": "0"}, {"message": "slow down"}),
        (503, {}, {}),
        (500, {}, {"code": "57014", "message": "canceling statement due to statement timeout"}),
    ]
    server.before = lambda handler, table: answers.pop() if handler.path.endswith("limit=100") and answers else None
    report = export(over_rest(server.url, tmp_path), now=NOW)
    assert (report.failed, report.events, answers) == ([], 1_500, [])
    assert any(path.endswith("limit=25") for path in server.asked)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        ("DROP TABLE user_credits", "there is no table user_credits"),
        ("ALTER TABLE generation_events DROP COLUMN status", "generation_events has no column status"),
        ("ALTER TABLE generation_events ALTER created_at TYPE text", "generation_events.created_at is text"),
    ],
)
def test_what_is_missing_is_named(
    break_it: str, said: str, system: Application, server: Server, tmp_path: Path
) -> None:
    system.execute(break_it)
    report = export(over_rest(server.url, tmp_path), now=NOW)
    assert len(report.failed) == 1 and said in report.failed[0]
    assert "[sources.palette]" in report.failed[0] and KEY not in report.failed[0]


def test_a_wrong_key_is_told_and_not_shown(server: Server, tmp_path: Path) -> None:
    settings = settings_for(server.url, tmp_path, key="a-key-that-is-wrong")
    report = export(settings, now=NOW)
    assert "the key may not read this" in report.failed[0] and "a-key-that" not in report.failed[0]


def test_a_server_that_is_away_leaves_the_day_open(server: Server, tmp_path: Path, system: Application) -> None:
    settings = over_rest(server.url, tmp_path)
    system.insert("generation_events", generation(1))
    run(settings, now=NOW - timedelta(days=1))
    server.before = lambda handler, table: (503, {}, {})
    summary = run(settings, now=NOW)
    assert summary.has_failed and "the REST API failed 5 times" in summary.export.failed[0]
    assert rows(tmp_path, "SELECT day, generations FROM generations_daily") == [(str(DAY), 1)]


_NO_JSON = b"<html><title>Project paused</title></html>"


@pytest.mark.parametrize(
    ("body", "at", "said"),
    [
        (_NO_JSON, "", "the REST API answered no JSON (200"),
        (_NO_JSON, "generation_events", "the REST API answered no JSON (200"),
        (b"", "generation_events", "the REST API answered no JSON (200"),
        (b"[" * 99_999, "generation_events", "the REST API answered no JSON (200"),
        (b"\xff\xfe{", "generation_events", "the REST API answered no JSON (200"),
        (b"[1, 2]", "", "does not describe its tables"),
        (b'{"definitions": {"generation_events": null}}', "", "does not describe its tables"),
        (b'{"definitions": 5}', "", "does not describe its tables"),
        (b'{"a": 1}', "generation_events", "answered without a list of rows"),
        (b"[1, 2]", "generation_events", "answered without a list of rows"),
        (b'[{"id": 1}]', "generation_events", "answered without the column user_id"),
    ],
)
def test_what_is_no_answer_is_one_error_of_its_source(
    body: bytes, at: str, said: str, server: Server, tmp_path: Path
) -> None:
    server.before = lambda handler, table: (200, {"Content-Range": "0-0/1"}, body) if table == at else None
    [line] = export(over_rest(server.url, tmp_path), now=NOW).failed
    assert line.startswith("[sources.palette]: ") and said in line and "url" in line


def test_a_redirect_is_told(server: Server, tmp_path: Path) -> None:
    server.before = lambda handler, table: (301, {"Location": "https://other.example.org/rest/v1/"}, b"")
    [line] = export(over_rest(server.url, tmp_path), now=NOW).failed
    assert "sends us on to other.example.org (301): set url to it" in line


def test_what_is_not_there_cannot_be_reached(tmp_path: Path) -> None:
    [line] = export(over_rest("http://127.0.0.1:1", tmp_path), now=NOW).failed
    assert "the REST API cannot be reached (ConnectError" in line and "5 times in a row" in line


def test_times_that_are_none_are_named(system: Application, server: Server, tmp_path: Path) -> None:
    """Also those that sort behind all others."""
    system.insert("generation_events", *(generation(number) for number in range(1, 5)))
    for number, at in enumerate(("infinity", "-infinity", "12026-01-01"), 1):
        system.execute(f"UPDATE generation_events SET created_at = '{at}' WHERE id = '{uuid(number)}'")
    report = export(over_rest(server.url, tmp_path), now=NOW)
    assert (report.failed, report.events, report.rows_without_day) == ([], 1, 3)
    kept = rows(tmp_path, "SELECT row_id, reason FROM row_rejects ORDER BY row_id")
    assert kept == [(uuid(number), "NO_TIME") for number in range(1, 4)]


def test_a_new_column_is_noted(system: Application, server: Server, tmp_path: Path) -> None:
    system.execute("ALTER TABLE generation_events ADD COLUMN seed BIGINT")
    assert export(over_rest(server.url, tmp_path), now=NOW).new_columns == ["generation_events.seed"]


def test_a_key_does_not_go_over_the_wire_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="sent unencrypted"):
        over_rest("http://project.example.org/rest/v1", tmp_path)


def test_its_connections_are_closed(system: Application, server: Server, tmp_path: Path) -> None:
    many(system, 10)
    clients = []

    def kept(*arguments: Any) -> Any:
        clients.append(connect.rest_client(*arguments))
        return clients[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "rest_client", kept)
        export(over_rest(server.url, tmp_path), now=NOW)
        server.before = lambda handler, table: (403, {}, {})
        assert export(over_rest(server.url, tmp_path), now=NOW).failed
    assert [client.is_closed for client in clients] == [True, True]
