"""A warehouse, a lake, a key and the names of sources belong together; what does not stops with the command that mends
it, and nothing is lost (cases S1 and S3)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter import connect, faults
from mediameter.commands.adopt import lines
from mediameter.doctor.case import Case
from mediameter.doctor.ownership import ownership
from mediameter.errors import UserError
from mediameter.settings.lakes import MARKER
from mediameter.settings.reading import from_mapping
from mediameter.steps.ingest.ingest import ingest
from mediameter.steps.redo.adopt import Wishes, adopt
from mediameter.steps.redo.moving import move
from mediameter.store import identity, manifests, sweeping, tenancy
from mediameter.store.warehouse import tables
from schemas.vocabulary import DEFAULT_TENANT
from tests.passes.house import NOW, House


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("house") / "original")
    house.deliver("a", range(5))
    assert house.ingest().parsed == 5
    return house


@pytest.fixture
def house(original: House, tmp_path: Path) -> Iterator[House]:
    """One that has taken in five lines."""
    yield original.copied(tmp_path / "house")
    faults.at.clear()


def found_by_the_doctor(house: House) -> list[str]:
    return [f"{each.verdict} {each.found}" for each in ownership(Case(house.settings(), lambda: NOW))]


def refused(house: House, words: str) -> None:
    """It does not run, reads nothing, deletes nothing; and the doctor says so, too."""
    before = house.files()
    for path in house.lake.rglob("*.parquet"):
        os.utime(path, (0, 0))
    with pytest.raises(UserError, match=words):
        house.ingest()
    with pytest.raises(UserError, match=words):
        ingest(house.settings(), now=NOW, dry_run=True)
    assert house.files() == before
    assert found_by_the_doctor(house)[0].startswith("error")


def test_both_sides_say_the_same_and_an_idle_pass_writes_nothing(house: House) -> None:
    marker, known = identity.read_marker(house.lake), house.recorded()
    assert marker and marker.lake_id == known["lake_id"] and marker.keys["default"] == known["key"]
    assert manifests.number(known["manifest"]) == 1
    before = {path: path.stat().st_mtime_ns for path in house.lake.rglob("*")}
    assert house.ingest().objects == 0
    assert {path: path.stat().st_mtime_ns for path in house.lake.rglob("*")} == before
    assert house.key not in (house.lake / MARKER).read_text()
    assert [each.split()[0] for each in found_by_the_doctor(house)] == ["ok"]


def test_a_lost_warehouse_is_made_anew_from_the_lake_also_without_the_logs(house: House) -> None:
    ledger = house.ledger()
    (house.folder / "bucket" / "a").unlink()
    other = replace(house, warehouse="other.sqlite")
    refused(other, "`mediameter adopt` rebuilds")
    assert "1 manifests" in lines(adopt(other.settings(), dry_run=True))[0]
    assert not (other.folder / other.warehouse).exists()
    adopt(other.settings())
    assert other.ingest().objects == 0 and other.ledger() == ledger


def test_an_older_warehouse_is_brought_up_to_the_lake(house: House) -> None:
    shutil.copy(house.folder / "warehouse.sqlite", house.folder / "backup.sqlite")
    for name, numbers in (("b", range(5, 9)), ("c", range(9, 12))):
        house.deliver(name, numbers)
        house.ingest()
    ledger = house.ledger()
    (house.folder / "backup.sqlite").rename(house.folder / "warehouse.sqlite")
    refused(house, "is older than the lake .* `mediameter adopt`")
    adopt(house.settings())
    assert house.ingest().objects == 0 and house.ledger() == ledger


def test_what_was_written_down_and_not_committed_is_done_by_the_next_run(house: House) -> None:
    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    undisturbed = house.copied(house.folder.with_name("undisturbed"))
    for each in (house, undisturbed):
        each.deliver("b", range(5, 9))
    faults.at["manifest.written"] = die
    with pytest.raises(Killed):
        house.ingest()
    faults.at.clear()
    assert len(manifests.of_number(house.lake, 2)) == 1
    assert house.ingest().objects == 0 and undisturbed.ingest().objects == 1
    assert house.ledger() == undisturbed.ledger()


def test_an_older_lake_is_refused_and_what_it_lacks_is_read_again_or_named(house: House) -> None:
    shutil.copytree(house.lake, house.folder / "backup")
    house.deliver("b", range(5, 9))
    house.deliver("c", range(9, 12))
    house.ingest()
    ledger = house.ledger()
    shutil.rmtree(house.lake)
    (house.folder / "backup").rename(house.lake)
    refused(house, "an older one .* --forget-missing")
    again = house.copied(house.folder.with_name("again"))
    forgotten = adopt(again.settings(), Wishes(forget_missing=True)).forgotten
    assert (forgotten.objects, forgotten.lost) == (2, [])
    assert again.ingest().objects == 2 and again.ledger() == ledger
    (house.folder / "bucket" / "b").unlink()
    report = adopt(house.settings(), Wishes(forget_missing=True))
    assert (report.forgotten.lost, report.forgotten.lost_lines) == (["b"], 4)
    assert any("LOST" in each and "4 lines: b" in each for each in lines(report))
    assert house.ingest().objects == 1


def test_another_lake_and_one_that_is_not_mounted(house: House, original: House, tmp_path: Path) -> None:
    stranger = House(tmp_path / "stranger")
    stranger.deliver("x", range(3))
    stranger.ingest()
    shutil.rmtree(house.lake)
    refused(house, "not the lake of the warehouse .* or not mounted")
    shutil.copytree(stranger.lake, house.lake)
    refused(house, "do not belong together")
    with pytest.raises(UserError, match="counts what lies in another lake"):
        adopt(house.settings())


def test_a_second_installation_on_the_lake(house: House, tmp_path: Path) -> None:
    second = House(tmp_path / "second")
    second.deliver("x", range(3))
    second.ingest()
    shutil.rmtree(second.lake)
    second.lake.symlink_to(house.lake)
    refused(second, "do not belong together")
    assert house.ingest().objects == 0


def test_another_key_and_a_lost_one(house: House) -> None:
    house.deliver("again", range(5))
    other = replace(house, key="another key, as long")
    refused(other, "another key than the one that the lake was made under: restore it")
    refused(replace(house, key=""), "address.key has gone")
    assert not (house.folder / "address.key").exists(), "none is made that would count every line twice"
    assert house.ingest().parsed == 5
    adopt(other.settings(), Wishes(new_key=True))
    assert other.ingest().objects == 0
    refused(house, "another key")


def test_before_anything_is_taken_in_the_key_may_change(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    (house.folder / "bucket").mkdir(parents=True)
    house.ingest()
    other = replace(house, key="another key, as long")
    other.ingest()
    other.deliver("a", range(5))
    assert other.ingest().parsed == 5
    refused(house, "another key")


def test_a_source_under_another_name_would_count_twice(house: House) -> None:
    house.ingest()  # the copy's folder is a place of its own
    refused(replace(house, source="renamed"), r"\[sources.renamed\] reads .* name it \[sources.ovh\] again")
    refused(replace(house, tenant="renamed"), 'set tenant = "default" again')
    document = {"kind": "s3_access_log", "path": "bucket"}
    twice = from_mapping(
        {"warehouse": {"url": house.url}, "privacy": {"key": house.key}, "sources": {"ovh": document, "b": document}},
        house.folder,
    )
    with pytest.raises(UserError, match=r"\[sources.ovh\] and \[sources.b\] both read"):
        ingest(twice, now=NOW)


def test_two_tenants_of_one_warehouse_and_lake(house: House) -> None:
    bolt = replace(house, tenant="bolt", source="bolt", bucket="of-bolt", key="the key of another tenant")
    bolt.deliver("x", range(20, 23))
    assert bolt.ingest().parsed == 3 and house.ingest().objects == 0 and bolt.ingest().objects == 0
    lakes = house.settings().lake.path, bolt.settings().lake.path
    assert lakes == (house.lake, house.lake / "tenants" / "bolt")
    assert [set(marker.keys) for at in lakes if (marker := identity.read_marker(at))] == [{"default"}, {"bolt"}]
    refused(replace(bolt, key=house.key), "another key")


def test_a_lake_that_two_tenants_have_shared_stays_shared(house: House) -> None:
    """As revision 0026 leaves it: one marker with both keys, and no manifest that both would go on with."""
    bolt = replace(house, tenant="bolt", source="bolt", bucket="of-bolt", key="the key of another tenant")
    known, marker = house.recorded(), identity.read_marker(house.lake)
    assert marker
    keys = {**marker.keys, "bolt": identity.key_fingerprint(bolt.key.encode())}
    identity.write_marker(house.lake, replace(marker, keys=keys))
    of_lake = {name: known[name] for name in ("lake_id", "state", "line_hash")}
    execute(
        bolt, tables["identity"].insert().values([{"tenant": "bolt", "name": n, "value": of_lake[n]} for n in of_lake])
    )
    execute(house, tables["identity"].delete().where(tables["identity"].c.name == "manifest"))
    for each, name in ((bolt, "x"), (house, "b")):
        each.deliver(name, range(20, 23))
        assert each.ingest().parsed == 3
        assert each.settings().lake.path == house.lake
    assert [each.split()[0] for each in found_by_the_doctor(house)] == ["ok"]
    assert [each.split()[0] for each in found_by_the_doctor(bolt)] == ["ok"]
    for each in (replace(house, warehouse="new.sqlite"), replace(bolt, warehouse="new.sqlite")):
        adopt(each.settings())
        assert each.ingest().objects == 0
    assert replace(house, warehouse="new.sqlite").ledger() == house.ledger()


def test_an_installation_from_before_is_taken_as_its_own_once(house: House) -> None:
    """Its lake had no marker and no manifests, its warehouse no identity."""
    shutil.rmtree(house.lake / manifests.FOLDER)
    (house.lake / MARKER).unlink()
    execute(house, tables["identity"].delete())
    lacking = house.copied(house.folder.with_name("lacking"))
    ledger = house.ledger()
    assert house.ingest().objects == 0 and manifests.newest(house.lake) == 1
    other = replace(house, warehouse="other.sqlite")
    adopt(other.settings())
    assert other.ingest().objects == 0 and other.ledger() == ledger
    shutil.rmtree(lacking.lake / "records")
    refused(lacking, "lacks files that the warehouse .* counts")


def test_a_moved_warehouse_says_where_to(house: House) -> None:
    ledger, new = house.ledger(), replace(house, warehouse="new.sqlite")
    assert move(new.settings(), house.url, dry_run=True).rows["objects"] == 1
    assert not (new.folder / new.warehouse).exists()
    move(new.settings(), house.url)
    refused(house, "was moved to .*new.sqlite")
    assert new.ingest().objects == 0 and new.ledger() == ledger
    with pytest.raises(UserError, match="is not empty"):
        move(house.settings(), new.url)


def test_a_killed_move_is_finished(house: House) -> None:
    new = replace(house, warehouse="new.sqlite")

    def die() -> None:
        raise KeyboardInterrupt

    faults.at["move.carried"] = die
    with pytest.raises(KeyboardInterrupt):
        move(new.settings(), house.url)
    faults.at.clear()
    assert "moved_to" not in house.recorded()
    assert move(new.settings(), house.url).was_there
    assert "moved_to" in house.recorded() and new.ledger() == house.ledger()


def test_a_key_that_was_made_goes_with_the_warehouse(tmp_path: Path) -> None:
    house = House(tmp_path / "house", key="", warehouse="data/warehouse.sqlite")
    house.deliver("a", range(5))
    house.ingest()
    new = replace(house, warehouse="elsewhere/warehouse.sqlite")
    move(new.settings(), house.url)
    assert (house.folder / "elsewhere" / "address.key").stat().st_mode & 0o777 == 0o600
    new.deliver("again", range(5))
    assert new.ingest().parsed == 5


def test_a_strangers_file_is_told_and_left(house: House) -> None:
    stranger = house.lake / "x.parquet"
    stranger.write_bytes(b"somebody's own")
    os.utime(stranger, (0, 0))
    house.ingest()
    assert stranger.exists()
    assert "1 files that neither ledger nor journal knows, the first: x.parquet" in found_by_the_doctor(house)[1]


def execute(house: House, statement: sa.Executable) -> None:
    made = tenancy.engine(house.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        connection.execute(statement)
    made.dispose()


def test_nothing_is_unknown_in_a_lake_of_ones_own(house: House) -> None:
    made = tenancy.engine(house.url, DEFAULT_TENANT)
    with connect.reading(made) as connection:
        assert sweeping.unknown_files(connection, house.lake) == []
    made.dispose()
