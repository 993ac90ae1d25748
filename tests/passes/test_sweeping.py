"""What may go from a lake, and what never does; and that what is about to count is looked at (cases S1 and S13)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from mediameter import faults
from mediameter.connect import reading, transact
from mediameter.steps.ingest.ingest import ingest
from mediameter.steps.redo.backfill import Task, backfill
from mediameter.steps.rollup.rollup import rollup
from mediameter.store import identity, lake, lake_files, sweeping, tenancy, warehouse
from mediameter.store.lake import LakeFile
from mediameter.store.sweeping import HANDFUL
from schemas.vocabulary import DEFAULT_TENANT
from tests.passes.house import NOW, House

pytestmark = pytest.mark.in_turn
DAY = date(2026, 1, 1)
TWO_DAYS = timedelta(days=2)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[sa.Engine]:
    made = tenancy.engine(f"sqlite:///{tmp_path / 'warehouse.sqlite'}", DEFAULT_TENANT)
    warehouse.ready(made)
    yield made
    made.dispose()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets some time go by."""

    def go(span: timedelta) -> None:
        monkeypatch.setattr(lake, "clock", lambda: datetime.now(UTC) + span)

    return go


def written(at: Path, made: sa.Engine, numbers: range) -> list[LakeFile]:
    """Files of a run of this warehouse, which announces them."""
    with lake.journal(at, lambda run_id: identity.register(made, run_id, lake.clock())):
        return [lake.write(at, pl.DataFrame({"n": [n]}), kind="records", source="ovh", file_day=DAY) for n in numbers]


def count(made: sa.Engine, files: list[LakeFile]) -> None:
    transact(made, lambda connection: lake_files.insert_files(connection, files))


def test_an_orphan_of_our_own_goes_to_the_trash_after_a_day_and_for_good_after_a_week(
    made: sa.Engine, tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    at = tmp_path / "lake"
    known, orphan = written(at, made, range(2))
    count(made, [known])
    assert sweeping.sweep(made, at, 7) == sweeping.Swept(0), "its run may be about to settle it"
    later(TWO_DAYS)
    assert sweeping.sweep(made, at, 7).files == 1
    assert (at / known.path).exists() and not (at / orphan.path).exists()
    [trash] = (at / lake.TRASH).rglob("*.parquet")
    assert trash.as_posix().endswith(orphan.path)
    for days, is_there in ((8, True), (11, False)):
        later(timedelta(days=days))
        sweeping.sweep(made, at, 7)
        assert trash.exists() is is_there
    assert (at / known.path).exists()


def test_a_replaced_file_has_a_day_from_then(
    made: sa.Engine, tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    at = tmp_path / "lake"
    old, new = written(at, made, range(2))
    os.utime(at / old.path, (0, 0))
    transact(made, lambda connection: lake_files.replace_audience(connection, "records", DAY, old))
    transact(made, lambda connection: lake_files.replace_audience(connection, "records", DAY, new))
    assert sweeping.sweep(made, at, 7).files == 0
    later(TWO_DAYS)
    assert sweeping.sweep(made, at, 7).files == 1
    assert not (at / old.path).exists() and (at / new.path).exists()


def test_one_that_counts_again_is_left(made: sa.Engine, tmp_path: Path, later: Callable[[timedelta], None]) -> None:
    at = tmp_path / "lake"
    one, other = written(at, made, range(2))
    for file in (one, other, one):
        transact(made, lambda connection, file=file: lake_files.replace_audience(connection, "records", DAY, file))
    later(TWO_DAYS)
    sweeping.sweep(made, at, 7)
    assert (at / one.path).exists() and not (at / other.path).exists()


def test_what_nobody_of_ours_announced_is_left(
    made: sa.Engine, tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    """A stranger's file, one of another warehouse's run, one that only looks like ours."""
    at = tmp_path / "lake"
    [known] = written(at, made, range(1))
    count(made, [known])
    unannounced = lake.write(at, pl.DataFrame({"n": [7]}), kind="records", source="ovh", file_day=DAY)
    (at / lake.RUNS / ("f" * 32)).write_text(f"{unannounced.path}\n../warehouse.sqlite\n{known.path}\n")
    (at / "x.parquet").write_bytes(b"theirs")
    later(timedelta(days=400))
    assert sweeping.sweep(made, at, 7).files == 0
    assert (at / unannounced.path).exists() and (at / "x.parquet").exists() and (at / known.path).exists()
    with reading(made) as connection:
        assert sweeping.unknown_files(connection, at) == ["x.parquet"]


def test_a_journal_of_ours_that_somebody_wrote_into_proves_nothing_outside_our_layout(
    made: sa.Engine, tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    at = tmp_path / "lake"
    [known] = written(at, made, range(1))
    count(made, [known])
    (tmp_path / "precious").write_text("x")
    [journal] = (at / lake.RUNS).iterdir()
    journal.write_text(
        f"../precious\n{tmp_path}/precious\nlake.json\nrecords/source=../../day=2026-01-01/{'a' * 40}.parquet\n"
    )
    (at / "lake.json").write_text("{}")
    later(TWO_DAYS)
    assert sweeping.sweep(made, at, 7).files == 0
    assert (tmp_path / "precious").exists() and (at / "lake.json").exists()


def test_more_than_a_small_share_goes_only_when_somebody_says_so(
    made: sa.Engine, tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    at = tmp_path / "lake"
    files = written(at, made, range(100 + HANDFUL + 1))
    count(made, files[:100])
    later(TWO_DAYS)
    found = sweeping.sweep(made, at, 7)
    assert found.files == 0 and "21 files that no longer count were left in the lake, beside 100" in found.held_back
    assert all((at / file.path).exists() for file in files)
    assert sweeping.sweep(made, at, 7, every=True).files == HANDFUL + 1
    assert all((at / file.path).exists() for file in files[:100])


def test_a_sweep_does_not_stumble_over_drafts_of_others(
    made: sa.Engine, tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    at, is_over = tmp_path / "lake", threading.Event()

    def write() -> None:
        with lake.journal(at, lambda run_id: identity.register(made, run_id, lake.clock())):
            while not is_over.is_set():
                lake.write(at, pl.DataFrame({"x": [0]}), kind="records", source="ovh", file_day=DAY)

    later(TWO_DAYS)  # to the sweeps the writer is long dead
    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(50):
        sweeping.sweep(made, at, 7, every=True)
    is_over.set()
    writer.join()


@pytest.mark.parametrize(("point", "gone"), [("ingest.before_settle", "records"), ("rollup.computed", "audience")])
def test_a_file_that_went_before_it_was_to_count_is_made_again(point: str, gone: str, tmp_path: Path) -> None:
    """A run that was frozen for a day between the two, and whose files another one has swept."""
    house = House(tmp_path / "house")
    house.deliver("a", range(5))
    undisturbed = house.copied(tmp_path / "undisturbed")
    times = []

    def sweep_all() -> None:
        if not times:
            times.append(point)
            for path in house.lake.rglob("*.parquet"):
                if path.relative_to(house.lake).parts[0] == gone:
                    path.unlink()

    for each in (house, undisturbed):
        faults.at[point] = sweep_all if each is house else lambda: None
        assert ingest(each.settings(), now=NOW).parsed == 5
        rollup(each.settings(), now=NOW)
    faults.at.clear()
    assert times and house.files() == undisturbed.files() and house.ledger() == undisturbed.ledger()
    made = tenancy.engine(house.url, DEFAULT_TENANT)
    with reading(made) as connection:
        lake.verified(house.lake, lake_files.every_file(connection))
    made.dispose()
    assert replace(house).ingest().objects == 0


def test_a_file_made_anew_that_went_before_it_was_to_count(tmp_path: Path) -> None:
    """The same of a backfill that reads its objects again."""
    house = House(tmp_path / "house")
    house.deliver("a", range(5))
    assert ingest(house.settings(), now=NOW).parsed == 5
    gone = list[Path]()

    def sweep() -> None:
        if not gone:
            gone.extend((house.lake / "records").rglob("*.parquet"))
            for path in gone:
                path.unlink()

    faults.at["ingest.before_settle"] = sweep
    day = date(NOW.year, NOW.month, NOW.day)
    report = backfill(house.settings(), Task(day - TWO_DAYS, day, reparse=True, every=True), now=NOW)
    faults.at.clear()
    assert gone and report.ingest.again == 1
    made = tenancy.engine(house.url, DEFAULT_TENANT)
    with reading(made) as connection:
        files = lake_files.every_file(connection)
    made.dispose()
    lake.verified(house.lake, files)
