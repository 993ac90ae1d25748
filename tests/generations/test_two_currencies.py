"""Currencies are never added: of two like worlds whose euros alone differ, only what is of euros may differ.

Every answer, view, verdict and the report are walked, so that what is new is walked, too.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rich.console import Console

from mediameter.answers import ask, catalogue
from mediameter.commands.run import run
from mediameter.demo.lines import Event, aws_line
from mediameter.report import html, summary
from mediameter.report.figures import read
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.store import tenancy
from schemas import TABLES, VIEWS
from tests.generations.files import OF_STUDIO, generation, lines, purchase
from tests.generations.palette import DAY, NOON, NOW
from tests.warehouse.reported import Page

_RULES = """
earned:
  title: More money than ever
  needs: generations
  window: 1 day
  value: {from: credits_daily, sum: paid_micros, divide: 1000000}
  unit: units
  above: 5
  runbook: Be glad.
  tests: []
"""
_FACTS = [contract for contract in TABLES if contract.kind == "rollup" or contract.name == "alert_windows"]


@dataclass(frozen=True, slots=True)
class World:
    """An installation that has run; ``euros``: how many times as many of them as in the other."""

    settings: Settings
    connection: sa.Connection


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory, plain_gate: None) -> Iterator[tuple[World, World]]:
    made = [lived(tmp_path_factory.mktemp("world"), euros) for euros in (1, 3)]
    yield made[0], made[1]
    for each in made:
        each.connection.close()
        each.connection.engine.dispose()


def lived(folder: Path, euros: int) -> World:
    """Two applications' buckets, one billed in dollars and one in euros; generations and purchases in both."""
    events = [
        *(generation(n, user_id="ann", cost_cents=20) for n in range(6)),
        *(generation(n, user_id="bob", cost_cents=20 * euros, currency="eur") for n in range(10, 16)),
        generation(20, user_id="eve", model_id="owl", cost_cents=9 * euros, currency="EUR"),
        generation(21, user_id="eve", model_id="owl", cost_cents=9),
        generation(22, user_id="eve", model_id="elk", cost_cents=None),
        purchase(1, user_id="ann", amount_cents=1000, credits_purchased=100),
        purchase(2, user_id="ann", amount_cents=90_000 * euros, credits_purchased=9000, currency="eur"),
        purchase(3, user_id="bob", amount_cents=1500 * euros, credits_purchased=100, currency="eur"),
        purchase(4, user_id="eve", amount_cents=100_000, credits_purchased=5000, currency="jpy"),
    ]
    for event in events:
        event["id"] = event.get("transaction_id") or event["prediction_id"]
    _put(folder / "events" / "1.json", lines(*events))
    for name in ("dollars", "euros"):
        served = [aws_line(_request(name, number)).encode() + b"\n" for number in range(5)]
        _put(folder / name / "2026-11-03-13-00-00-AB12", b"".join(served))
    (folder / "alerts").mkdir()
    (folder / "alerts" / "own.yaml").write_text(_RULES)
    settings = _settings(folder, euros)
    told = run(settings, now=NOW)
    assert not told.has_failed, told.lines()
    return World(settings, tenancy.engine(settings.warehouse.url, settings.tenant).connect())


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    at = (NOW - timedelta(hours=30)).timestamp()
    os.utime(path, (at, at))


def _request(name: str, number: int) -> Event:
    at = int((NOON + timedelta(minutes=number)).timestamp())
    key = f"media/{name}/u-1/originals/1700000000000-abc{number}-a.mp4"
    uri = f'"GET /{key} HTTP/1.1"'
    return Event(
        at, "delivery", name, "REST.GET.OBJECT", key, uri, 200, 10**9, 40, 20, "192.0.2.1", '"-"', '"agent"',
        f"AB12CD34EF56AB1{number}", bucket=name,
    )  # fmt: skip


def _settings(folder: Path, euros: int) -> Settings:
    def priced(source: str, amount: float, currency: str) -> dict[str, Any]:
        price = {"source": source, "measure": "bytes_sent", "amount": f"{amount:.2f}", "currency": currency}
        return {**price, "per": "GB", "valid_from": "2026-01-01", "citation": "a test"}

    def billed(source: str, amount: float, currency: str) -> dict[str, Any]:
        bill = {"source": source, "month": "2026-11", "amount": f"{amount:.2f}", "currency": currency}
        return {**bill, "citation": "a test"}

    document = {
        "sources": {
            "palette": OF_STUDIO,
            "dollars": {"kind": "s3_access_log", "path": "dollars", "bucket": "logs-1"},
            "euros": {"kind": "s3_access_log", "path": "euros", "bucket": "logs-2"},
        },
        "prices": [priced("dollars", 0.02, "USD"), priced("euros", 0.01 * euros, "EUR")],
        "invoices": [billed("dollars", 7, "USD"), billed("euros", 8 * euros, "EUR")],
        "alerts": {"rules": {"revenue_below_expected": {"below": "50.00 USD"}}},
        "privacy": {"key": "the key of all tests"},
        "geo": {"countries": "none"},
    }  # fmt: skip
    return from_mapping(document, folder)


Rows = list[dict[str, Any]]


def is_of_euros(row: dict[str, Any]) -> bool:
    group = str(row.get("check_group", ""))
    return row.get("currency") == "EUR" or group.endswith("EUR")


def differing(one: Rows, other: Rows) -> Rows:
    """Rows that only one of them has."""
    sides = [Counter(repr(row) for row in rows) for rows in (one, other)]
    only = (sides[0] - sides[1]) + (sides[1] - sides[0])
    return [row for row in (*one, *other) if repr(row) in only]


def answered(world: World, name: str) -> Rows:
    found = ask(world.connection, name, first_day=DAY, last_day=DAY, limit=100)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def stored(world: World, name: str) -> Rows:
    return [dict(row) for row in world.connection.execute(sa.text(f"SELECT * FROM {name}")).mappings()]


OF_MONEY = {
    "bandwidth_by_model", "checks", "cost_by_application", "cost_projection", "credits_by_type", "invoice",
    "money_by_application", "month_to_date", "provider_cost_by_model", "revenue_by_day", "top_users_by_cost",
    "top_users_by_spend",
}  # fmt: skip


def test_no_answer_adds_or_drops_a_currency(worlds: tuple[World, World]) -> None:
    changed = set()
    for answer in catalogue():
        rows = differing(*(answered(world, answer.name) for world in worlds))
        assert all(is_of_euros(row) for row in rows), (answer.name, rows)
        changed |= {answer.name} if rows else set()
    assert changed == OF_MONEY, "an answer with money says nothing of euros, or a new one does: name it here"


def test_no_view_and_no_table_adds_a_currency(worlds: tuple[World, World]) -> None:
    changed = set()
    for contract in (*VIEWS, *_FACTS):
        rows = differing(*(stored(world, contract.name) for world in worlds))
        assert all(is_of_euros(row) for row in rows), (contract.name, rows)
        changed |= {contract.name} if rows else set()
    assert changed >= {
        "money_daily", "month_to_date", "list_price_daily", "bandwidth_cost_daily", "credits_daily",
        "generations_daily", "generation_users_daily",
    }  # fmt: skip


def test_rules_judge_each_currency_by_itself(worlds: tuple[World, World]) -> None:
    """Of all rules, whose verdicts the test before compares: this one fires in three currencies, at their own sums."""
    query = "SELECT check_group, value FROM alert_windows WHERE rule = 'earned' AND verdict = 'critical'"
    told = [dict(world.connection.execute(sa.text(query)).tuples().all()) for world in worlds]
    assert told[0] == {"palette / EUR": 915.0, "palette / JPY": 100_000.0, "palette / USD": 10.0}
    assert told[1] == told[0] | {"palette / EUR": 2745.0}


def test_no_section_of_the_report_adds_a_currency(worlds: tuple[World, World]) -> None:
    pages = [Page(html.render(read(world.connection), "Media", NOW)) for world in worlds]
    changed = set()
    for caption in pages[0].tables:
        rows = differing(*([{"cells": row} for row in page.tables[caption]] for page in pages))
        assert "EUR" in caption or all("EUR" in " ".join(row["cells"]) for row in rows), (caption, rows)
        changed |= {caption} if rows else set()
    assert len(changed) >= 3
    terminals = []
    for world in worlds:
        out = io.StringIO()
        summary.render(read(world.connection), Console(file=out, width=250))
        terminals.append([{"line": line} for line in out.getvalue().splitlines()])
    assert all("EUR" in row["line"] for row in differing(*terminals))


def test_users_are_ranked_in_each_currency(worlds: tuple[World, World]) -> None:
    """ann paid 10 dollars and 900 euros: no row says 910, and eve's 100,000 smallest units are as many yen."""
    shown = [(row["currency"], row["user_id"], str(row["paid"])) for row in answered(worlds[0], "top_users_by_spend")]
    assert shown == [
        ("EUR", "ann", "900.000000"), ("EUR", "bob", "15.000000"), ("JPY", "eve", "100000.000000"),
        ("USD", "ann", "10.000000"),
    ]  # fmt: skip
