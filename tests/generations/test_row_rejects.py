"""Rows that a table's export rejects: one command shows each with its value, and every count of them is the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from mediameter.cli import main
from mediameter.commands.answer import Asked, answer
from mediameter.commands.rejects import list_rejects
from mediameter.commands.run import run
from mediameter.commands.status import status
from mediameter.settings import Settings
from mediameter.steps.export import one_day
from tests.export.application import Application
from tests.generations.palette import DAY, EMAIL, NOW, generation, settings_for, transaction

REFUNDS = (-500, -12, "twelve euros, says canary@example.org")


@pytest.fixture
def metered(system: Application, tmp_path: Path) -> Settings:
    """Three refunds that are written as negative amounts or as words, and one generation."""
    refunds = (transaction("refund", -10, metadata={"amount_paid_cents": paid}) for paid in REFUNDS)
    system.insert("credit_transactions", transaction("purchase", 100, metadata={"amount_paid_cents": 999}), *refunds)
    system.insert("generation_events", generation(1))
    settings = settings_for(system.url, tmp_path)
    run(settings, now=NOW)
    return settings


def test_each_is_shown_with_its_place_and_value(metered: Settings) -> None:
    found = list_rejects(metered, "bad_money")
    assert found.total == len(found.rejects) == 3
    for each in found.rejects:
        assert (each.source, each.table_name, each.reason, each.export_day) == (
            "palette", "credit_transactions", "BAD_MONEY", DAY
        )  # fmt: skip
        assert each.row_id and each.object_key is each.line is None
    told = " ".join(each.detail or "" for each in found.rejects)
    assert "amount_paid_cents -500" in told and "amount_paid_cents -12" in told
    assert "a text of 37 characters" in told and EMAIL not in told


def test_all_counts_agree(metered: Settings) -> None:
    seen = status(metered, now=NOW)
    assert seen.rejects == {"BAD_MONEY": 3} and list_rejects(metered).total == 3
    assert sum(day.rejected for day in seen.days) == 3 and any(day.is_suspect for day in seen.days)
    result = answer(metered, "rejects_by_reason", Asked(), now=NOW).result
    [row] = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    assert (row["source"], row["reason"], row["rejected_rows"], row["rejected_lines"]) == ("palette", "BAD_MONEY", 3, 0)


def test_rows_beyond_those_that_are_kept_are_counted(
    system: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_day, "MOST_REJECTS", 2)
    system.insert("generation_events", *(generation(number, credits_cost=-number) for number in range(1, 6)))
    settings = settings_for(system.url, tmp_path)
    run(settings, now=NOW)
    found, seen = list_rejects(settings), status(settings, now=NOW)
    assert (found.total, found.rows_not_kept) == (2, 3)
    assert (seen.rejects, seen.rows_not_kept) == ({"BAD_NUMBER": 2}, 3)


def test_programs_get_them_too(metered: Settings, system: Application, capsys: pytest.CaptureFixture[str]) -> None:
    toml = metered.folder / "mediameter.toml"
    toml.write_text(f'[sources.palette]\nkind = "directors_palette"\nurl = "{system.url}"\n[geo]\ncountries = "none"\n')
    asked = ["rejects", "list", "--settings", str(toml), "--reason", "BAD_MONEY"]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["total"], told["rows_not_kept"]) == (3, 0)
    assert {each["table_name"] for each in told["rejects"]} == {"credit_transactions"}
    assert main([*asked, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["row_id"] for row in rows] == [each["row_id"] for each in told["rejects"]]
    assert main(asked) == 0
    shown = capsys.readouterr().out
    assert f"BAD_MONEY  palette:credit_transactions row {rows[0]['row_id']} of {DAY}" in shown
    assert "3 of 3 rejects." in shown
    assert main([*asked, "--json", "--csv"]) == 2


def test_a_row_of_no_day_is_shown_first(system: Application, tmp_path: Path) -> None:
    """No day shows it, so nothing else does."""
    system.insert("generation_events", generation(1, credits_cost=-1), generation(2, created_at=None))
    settings = settings_for(system.url, tmp_path)
    run(settings, now=NOW)
    found = list_rejects(settings, limit=1)
    assert found.total == 2 and [each.reason for each in found.rejects] == ["NO_TIME"]
    assert found.rejects[0].place.endswith("of no day")
