"""A dry run makes nothing at all: no warehouse, no key, no lake, no table."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from mediameter.cli import main
from mediameter.demo.oddities import SEED_AT, SEED_LINE
from mediameter.store.migration import HEAD

RUNS = (["run", "--dry-run"], ["backfill", "2025-10-30", "--dry-run"], ["migrate", "--dry-run"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh one, as after `init`: an object, and an application without a row."""
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "bucket" / "2025-10-30-22-00-00-ABCDEF"
    log.parent.mkdir()
    log.write_text(SEED_LINE + "\n")
    os.utime(log, (SEED_AT + 1732, SEED_AT + 1732))
    (tmp_path / "mediameter.toml").write_text(
        '[sources.ovh]\nkind = "s3_access_log"\npath = "bucket"\n[geo]\ncountries = "none"\n'
    )
    return tmp_path


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_on_a_fresh_folder(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything(folder)
    assert main(words) == 0, capsys.readouterr().err
    assert everything(folder) == before


def test_beside_a_warehouse_without_a_key(folder: Path) -> None:
    assert main(["migrate"]) == 0
    (folder / "address.key").unlink(missing_ok=True)
    before = everything(folder)
    assert main(["run", "--dry-run"]) == main(["backfill", "2025-10-30", "--dry-run"]) == 0
    assert {each for each in everything(folder) - before if not each.startswith("warehouse.sqlite-")} == set()


def test_a_warehouse_of_an_older_revision_is_not_migrated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    with sqlite3.connect(folder / "warehouse.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    for words in RUNS[:2]:
        assert main(words) == 2
        assert f"brings it to {HEAD}" in capsys.readouterr().err
    with sqlite3.connect(folder / "warehouse.sqlite") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
