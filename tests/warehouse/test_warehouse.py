"""The tables, the fence, the ledger's refusals: on every engine."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mediameter.connect import reading, writing
from mediameter.errors import WorldError
from mediameter.metering.calendar import Day
from mediameter.sources.objects import ObjectVersion
from mediameter.store import fences, lake, migration, objects, settling, warehouse
from mediameter.store.settling import AlreadySettled, Settlement
from schemas.rollups import TRAFFIC_DAILY

DAY = date(2025, 10, 30)
NOON = datetime(2025, 10, 30, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def version(key: str = "a", etag: str = "1") -> ObjectVersion:
    return ObjectVersion("ovh", key, etag, 10, NOON)


def settled(of: ObjectVersion, **more: object) -> Settlement:
    return Settlement(of, "settled", 1, lines=1, hours={NOON: 1}, first_at=NOON, last_at=NOON, **more)  # type: ignore[arg-type]


def test_the_migrations_make_the_contracts_tables(made: sa.Engine) -> None:
    with made.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), warehouse.metadata) == []


def test_a_newer_warehouse_is_refused_by_name(made: sa.Engine) -> None:
    with writing(made) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WorldError, match="9999"):
        warehouse.ready(made)
    with writing(made) as connection:
        connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{migration.HEAD}'"))


def test_an_object_is_settled_once(made: sa.Engine) -> None:
    with writing(made) as connection:
        assert settling.settle(connection, [settled(version())], [], UTC_ZONE, "traffic") == {DAY}
    with pytest.raises(AlreadySettled), writing(made) as connection:
        settling.settle(connection, [settled(version("b")), settled(version())], [], UTC_ZONE, "traffic")
    with reading(made) as connection:
        assert objects.known_versions(connection, "ovh") == {version().object_id}


def test_lines_that_do_not_add_up_are_not_settled(made: sa.Engine) -> None:
    with pytest.raises(AssertionError, match="nothing was settled"), writing(made) as connection:
        settling.settle(connection, [settled(version(), ignored=1)], [], UTC_ZONE, "traffic")
    with reading(made) as connection:
        assert objects.known_versions(connection, "ovh") == set()


def test_a_newer_version_supersedes_and_dirties_the_days_of_the_old_one(made: sa.Engine) -> None:
    with writing(made) as connection:
        settling.settle(connection, [settled(version())], [], UTC_ZONE, "traffic")
    later = NOON.replace(day=31)
    newer = Settlement(version(etag="2"), "settled", 1, lines=1, hours={later: 1}, first_at=later, last_at=later)
    with writing(made) as connection:
        assert settling.settle(connection, [newer], [], UTC_ZONE, "traffic") == {DAY, date(2025, 10, 31)}
        assert objects.superseded(connection, "ovh") == [version().object_id]


def test_the_fence_lets_pass_only_who_knows_more(made: sa.Engine) -> None:
    with writing(made) as connection:
        fences.mark_dirty(connection, "traffic", {DAY})
        old = fences.epoch(connection, "traffic", DAY)
        fences.mark_dirty(connection, "traffic", {DAY})
        new = fences.epoch(connection, "traffic", DAY)
        assert fences.pass_fence(connection, "traffic", DAY, new, "basis")
        assert not fences.pass_fence(connection, "traffic", DAY, old, "basis"), "a zombie with older knowledge"
        assert not fences.pass_fence(connection, "traffic", DAY, new, "basis"), "the same again"
        assert fences.dirty_days(connection, "traffic", "basis") == []
        assert fences.dirty_days(connection, "traffic", "other settings") == [DAY]
        assert fences.pass_fence(connection, "traffic", DAY, new, "other settings")


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 6, 1), 24)])
def test_a_day_has_as_many_hours_as_its_zone_gives_it(day: date, hours: int) -> None:
    begin, end = Day.of(day, ZoneInfo("Europe/Paris")).bounds
    assert (end - begin).total_seconds() == hours * 3600


def test_a_day_is_replaced_whole_or_not_at_all(made: sa.Engine) -> None:
    row = ("default", DAY, "app", "media", "get_object", "2xx", 1, 1, 1, 5, 7, 1)
    frame = warehouse.frame_of([row], TRAFFIC_DAILY)
    bounds = Day.of(DAY, UTC_ZONE).bounds
    with writing(made) as connection:
        warehouse.replace_day(connection, "default", DAY, bounds, {TRAFFIC_DAILY: frame})
    with pytest.raises(sa.exc.IntegrityError), writing(made) as connection:
        twice = pl.concat([frame, frame])
        warehouse.replace_day(connection, "default", DAY, bounds, {TRAFFIC_DAILY: twice})
    with reading(made) as connection:
        assert warehouse.read(connection, TRAFFIC_DAILY).equals(frame)


def test_a_lake_file_is_named_by_its_content_and_a_changed_one_is_not_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"at": [NOON], "n": [1]})
    file = lake.write(tmp_path, frame, kind="records", source="ovh", file_day=DAY)
    assert lake.write(tmp_path, frame, kind="records", source="ovh", file_day=DAY) == file
    (path,) = lake.verified(tmp_path, [file])
    assert pl.read_parquet(path).equals(frame)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(WorldError, match="has changed since it was written"):
        lake.verified(tmp_path, [file])
