"""From an application's tables into the lake, on each kind of server: what comes in, what never does, what changes."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from mediameter.connect import reading, writing
from mediameter.privacy.pseudonyms import Pseudonyms
from mediameter.settings import Settings, address_key
from mediameter.steps.export.export import ALL_DAYS, ExportReport, export
from mediameter.store import exports, tenancy, warehouse
from mediameter.store.warehouse import tables
from schemas.events import EVENT
from schemas.frames import validate
from schemas.rollups import APPLICATIONS, MEDIA_FILES
from tests.export.application import DAY, NOON, NOW, Application, event, media_file, settings_for

pytestmark = pytest.mark.in_turn
BYTES = {"bytes": 1000, "tenant_id": "t1"}


@pytest.fixture
def settings(app: Application, tmp_path: Path) -> Settings:
    return settings_for(app.url, tmp_path)


def exported(settings: Settings, now: datetime = NOW, **more: Any) -> ExportReport:
    report = export(settings, now=now, **more)
    assert report.failed == []
    return report


def rows(settings: Settings, name: str) -> list[dict[str, Any]]:
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with reading(made) as connection:
        found = [dict(row) for row in connection.execute(sa.select(tables[name])).mappings()]
    made.dispose()
    return found


def events(settings: Settings, day: date = DAY) -> pl.DataFrame:
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with reading(made) as connection:
        files = exports.event_files(connection, "app", day)
    made.dispose()
    frames = [pl.read_parquet(settings.lake.path / file.path) for file in files]
    return validate(pl.concat([warehouse.empty(EVENT), *frames]).sort("at", "event_id"), EVENT)


def dirty(settings: Settings) -> dict[date, int]:
    return {row["day"]: row["dirty_epoch"] for row in rows(settings, "fences") if row["family"] == "traffic"}


# --- what comes in -----------------------------------------------------------------------------------
def test_two_rows_of_a_view_are_one_event(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event("look"), event("size", metadata=BYTES), event("later", after=60))
    report = exported(settings)
    found = events(settings)
    assert found["event_id"].to_list() == ["row-look", "row-later"]
    assert found["row_count"].to_list() == [2, 1] and found["app_bytes"].to_list() == [1000, None]
    assert found["at"].to_list() == [NOON, NOON + timedelta(seconds=60)]
    assert (report.rows, report.events, report.days) == (3, 2, ["2026-11-03"])


def test_an_event_keeps_what_it_needs_and_no_more(app: Application, settings: Settings, tmp_path: Path) -> None:
    app.insert(
        "media_analytics", event("one", user_agent="CastinglyApp/4 (mail canary@example.org)", metadata={**BYTES})
    )
    exported(settings)
    [row] = events(settings).to_dicts()
    pseudonyms = Pseudonyms(address_key(settings))
    assert row == {
        "event_id": "row-one", "at": NOON, "event_type": "view", "media_file_id": "file-1", "application_id": "app-1",
        "user_id": "user-1", "address": pseudonyms.of("198.51.100.7"), "edge": "direct",
        "user_agent": "CastinglyApp/4 (mail …@…)", "referer_host": "castingly.dailey.dev", "variant_type": None,
        "app_bytes": 1000, "row_count": 1,
    }  # fmt: skip
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "app.sqlite"]
    assert kept and not any(b"canary" in content or b"198.51.100.7" in content for content in kept)


def test_an_address_is_the_same_one_that_a_log_would_tell(app: Application, settings: Settings) -> None:
    spelled = [
        "::ffff:198.51.100.7",
        " 198.51.100.7:4711",
        "198.51.100.7, 172.71.223.210",
        "2001:DB8::1",
        "unknown",
        None,
    ]
    app.insert("media_analytics", *(event(n + 1, after=10 * n, ip_address=each) for n, each in enumerate(spelled)))
    exported(settings)
    of = Pseudonyms(address_key(settings)).of
    assert events(settings)["address"].to_list() == [of("198.51.100.7")] * 3 + [of("2001:db8::1"), None, None]


def test_an_address_of_a_cdn_is_told_as_one(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event(ip_address="172.71.223.210"))
    exported(settings)
    assert events(settings)["edge"].to_list() == ["edge"]


def test_rows_imported_from_logs_are_no_events(app: Application, settings: Settings) -> None:
    imported = {"source": "ovh_logs", "bytes": "524288", "response_time": 42, "status": 200, "error_code": None}
    app.insert("media_analytics", event(metadata=imported), event(metadata={**BYTES, "source": "web"}))
    report = exported(settings)
    assert (report.rows, report.ignored, report.events) == (2, 1, 1)


# --- what is wrong with rows -------------------------------------------------------------------------
def test_bad_rows_are_named_and_cost_no_others(app: Application, settings: Settings) -> None:
    app.let_any_text_be_metadata()
    bad = {
        "BROKEN_METADATA": event("1", metadata='{"bytes": 1'),
        "BAD_BYTES": event("2", metadata={"bytes": -1}),
        "NO_FILE": event("3", media_file_id=None),
    }
    app.insert("media_analytics", event("good", user_agent="Kino 🎬 日本"), *bad.values())
    report = exported(settings)
    assert (report.rows, report.events, report.rejected) == (4, 1, 3)
    assert events(settings)["user_agent"].to_list() == ["Kino 🎬 日本"]
    assert {row["reason"]: row["row_id"] for row in rows(settings, "row_rejects")} == {
        reason: row["id"] for reason, row in bad.items()
    }


def test_of_two_rows_with_one_id_one_counts(app: Application, settings: Settings) -> None:
    app.forget_the_primary_keys()
    twin = event("twin")
    app.insert("media_analytics", *[twin] * 250, event("twin", after=90), event("last", after=95))
    report = exported(settings)  # 250 equal rows are more than a page
    assert (report.rows, report.events, report.ignored, report.rejected) == (252, 2, 249, 1)
    [reject] = rows(settings, "row_rejects")
    assert (reject["row_id"], reject["reason"]) == ("row-twin", "DUPLICATE_ID")


def test_ids_that_differ_in_case_or_blanks_are_two(app: Application, settings: Settings) -> None:
    app.forget_the_primary_keys()
    app.insert("media_files", *(media_file(2, id=id, storage_key=f"files/{id}") for id in ("Ab", "ab", "ab ")))
    app.insert("media_analytics", *(event(id, media_file_id=id) for id in ("Ab", "ab", "ab ")))
    exported(settings)
    assert sorted(events(settings)["media_file_id"]) == ["Ab", "ab", "ab "]
    assert {row["media_file_id"] for row in rows(settings, MEDIA_FILES.name)} == {"file-1", "Ab", "ab", "ab "}


def test_rows_without_a_time_are_counted_and_named(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event("good"), event("none", timestamp=None))
    if app.kind == "mariadb":
        app.execute("UPDATE media_analytics SET `timestamp` = '0000-00-00 00:00:00' WHERE id = 'row-none'")
    report = exported(settings)
    assert (report.rows, report.events, report.rows_without_day) == (1, 1, 1)
    [reject] = rows(settings, "row_rejects")
    assert (reject["row_id"], reject["reason"], reject["export_day"]) == ("row-none", "NO_TIME", None)
    app.execute(f"UPDATE media_analytics SET {app.quoted('timestamp')} = '2026-11-03 11:00:00' WHERE id = 'row-none'")
    assert exported(settings).rows_without_day == 0 and rows(settings, "row_rejects") == []


def test_poisoned_rows_are_rejected_by_names_of_their_own(app: Application, settings: Settings) -> None:
    """Ids that collide with the names of other rejects, and JSON that is nested too deeply."""
    app.let_any_text_be_metadata()
    app.forget_the_primary_keys()
    deep = "[" * 3_000 + "]" * 3_000
    poisoned = [event("x", id=id, metadata=deep, after=n) for n, id in enumerate(("a", "a", "a#2", "a#2#2"))]
    app.insert("media_analytics", event("good"), *poisoned)
    report = exported(settings)
    assert (report.failed, report.rows, report.events, report.rejected) == ([], 5, 1, 4)
    assert sorted(row["row_id"] for row in rows(settings, "row_rejects")) == ["a", "a#2", "a#2#2", "a#3"]


def test_rows_of_days_to_come_are_told(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event("good"), event("later", timestamp=NOW + timedelta(days=40)))
    report = exported(settings)
    assert (report.rows, report.rows_without_day, report.rows_to_come) == (1, 0, 1)
    assert exported(settings, NOW + timedelta(days=41)).rows == 2


# --- what changes there ------------------------------------------------------------------------------
def test_a_second_export_finds_nothing_new(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event(), event(metadata=BYTES), event("bad", metadata={"bytes": True}))
    exported(settings)
    before = rows(settings, "lake_files"), rows(settings, "exports"), rows(settings, "row_rejects"), dirty(settings)
    assert exported(settings, NOW + timedelta(hours=1)).days == []
    after = rows(settings, "lake_files"), rows(settings, "exports"), rows(settings, "row_rejects"), dirty(settings)
    assert after == before


def test_late_changed_and_deleted_rows_converge(app: Application, settings: Settings, tmp_path: Path) -> None:
    app.insert("media_analytics", *(event(f"{n}", after=30 * n) for n in range(1, 5)))
    exported(settings)
    app.insert("media_analytics", event("late", after=45))
    app.execute("DELETE FROM media_analytics WHERE id = 'row-2'")
    app.execute("UPDATE media_analytics SET user_id = 'other' WHERE id = 'row-3'")
    assert exported(settings).days == ["2026-11-03"]
    fresh = settings_for(app.url, tmp_path / "fresh")
    exported(fresh)
    assert events(settings).equals(events(fresh))
    assert events(settings)["event_id"].to_list() == ["row-1", "row-late", "row-3", "row-4"]
    assert [row["path"] for row in rows(settings, "lake_files")] == [row["path"] for row in rows(fresh, "lake_files")]


def test_the_look_back_bounds_what_an_hourly_run_reads(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event("now"), event("old", timestamp=NOON - timedelta(days=30)))
    assert exported(settings).days == ["2026-10-04", "2026-11-03"]  # the first time, all
    app.insert("media_analytics", event("new", timestamp=NOON - timedelta(days=2)))
    app.insert("media_analytics", event("older", timestamp=NOON - timedelta(days=30)))
    assert exported(settings).days == ["2026-11-01"]
    app.execute("DELETE FROM media_analytics WHERE id = 'row-now'")
    assert exported(settings, window=ALL_DAYS).days == ["2026-10-04", "2026-11-03"]


def test_a_run_after_a_long_pause_reads_all_that_it_missed(app: Application, settings: Settings) -> None:
    exported(settings)
    app.insert("media_analytics", event("meanwhile", timestamp=NOON + timedelta(days=1)))
    assert exported(settings, NOW + timedelta(days=20)).days == ["2026-11-04"]


# --- which days it changes ---------------------------------------------------------------------------
def test_only_days_within_reach_become_dirty(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event("noon"))
    exported(settings)
    assert set(dirty(settings)) == {DAY}
    app.insert("media_analytics", event("early", timestamp=NOON.replace(hour=0, minute=30)))
    exported(settings)
    assert set(dirty(settings)) == {DAY, DAY - timedelta(days=1)}


def test_a_view_at_midnight_is_one_event_of_one_day(app: Application, settings: Settings) -> None:
    last = NOON.replace(day=2, hour=23, minute=59, second=59)
    app.insert("media_analytics", event("look", timestamp=last))
    app.insert("media_analytics", event("size", timestamp=last + timedelta(seconds=1), metadata=BYTES))
    report = exported(settings)
    assert (report.rows, report.events) == (2, 1)
    assert events(settings, DAY - timedelta(days=1))["row_count"].to_list() == [2]
    assert events(settings).height == 0
    assert {row["export_day"]: row["rows_read"] for row in rows(settings, "exports")}[DAY] == 0


# --- files and applications --------------------------------------------------------------------------
def test_files_and_applications_come_into_the_warehouse(app: Application, settings: Settings) -> None:
    app.insert(
        "media_files", media_file(2, storage_key="files/Ä/x.mp4 ", duration_seconds="12.345", application_id=None)
    )
    app.insert("applications", {"id": "app-2", "name": "No slug", "slug": None})
    report = exported(settings)
    assert (report.files, report.applications) == (2, 2)
    found = {row["media_file_id"]: row for row in rows(settings, MEDIA_FILES.name)}
    assert found["file-2"]["object_key"] == "files/Ä/x.mp4 " and found["file-2"]["duration_ms"] == 12345
    assert found["file-1"]["uploaded_at"] == (NOON - timedelta(days=9)).replace(tzinfo=None)
    names = {row["application_id"]: row["application"] for row in rows(settings, APPLICATIONS.name)}
    assert names == {"app-1": "castingly", "app-2": "app-2"}


def test_what_is_gone_there_stays_here_as_deleted(app: Application, settings: Settings) -> None:
    app.insert("media_files", media_file(2))
    exported(settings)
    app.execute("DELETE FROM media_files WHERE id = 'file-2'")
    exported(settings)
    assert not any(row["is_deleted"] for row in rows(settings, MEDIA_FILES.name))  # an hourly run sees changes alone
    exported(settings, window=ALL_DAYS)
    assert {row["media_file_id"]: row["is_deleted"] for row in rows(settings, MEDIA_FILES.name)} == {
        "file-1": False,
        "file-2": True,
    }


def test_a_changed_file_makes_just_its_days_dirty(app: Application, settings: Settings) -> None:
    app.insert(
        "media_analytics", event("one"), event("two", media_file_id="file-2", timestamp=NOON - timedelta(days=1))
    )
    exported(settings)
    _asked_for(settings, "files/u1/castingly-public/1.jpg", DAY - timedelta(days=5))
    before = dirty(settings)
    app.execute(
        "UPDATE media_files SET application_id = 'app-9', updated_at = '2026-11-03 11:00:00' WHERE id = 'file-1'"
    )
    exported(settings)
    after = dirty(settings)
    assert {day for day in after if after[day] != before.get(day)} == {DAY, DAY - timedelta(days=5)}


def test_a_new_file_makes_the_days_of_its_variants_dirty(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event("one"))
    exported(settings)
    id = "V1StGXR8_Z5jdHi6B-myT"
    for day, name in ((DAY - timedelta(days=4), id), (DAY - timedelta(days=3), "another_id_of_21_char")):
        _asked_for(settings, f"media/app-1/user-1/variants/w1280/1750000000000-{name}-still.webp", day)
    before = dirty(settings)
    app.insert("media_files", media_file(2, id=id, storage_key="media/new.jpg", updated_at=NOON))
    exported(settings)
    after = dirty(settings)
    assert {day for day in after if after[day] != before.get(day)} == {DAY - timedelta(days=4)}


def test_a_renamed_application_makes_all_days_dirty(app: Application, settings: Settings) -> None:
    app.insert("media_analytics", event("one"), event("two", timestamp=NOON - timedelta(days=9)))
    exported(settings)
    before = dirty(settings)
    app.execute("UPDATE applications SET slug = 'casting' WHERE id = 'app-1'")
    exported(settings)
    assert dirty(settings) == {day: epoch + 1 for day, epoch in before.items()} and len(before) == 2


def _asked_for(settings: Settings, key: str, day: date) -> None:
    """A row of media_file_daily, as a rollup would have it."""
    row = dict.fromkeys(warehouse.tables["media_file_daily"].c.keys(), 0)
    row |= {"tenant": "default", "day": day, "bucket": "b", "application": "x", "media_file_id": "", "object_key": key}
    row |= {"object_key_sha256": hashlib.sha256(key.encode()).hexdigest(), "last_at": NOON}
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    with writing(made) as connection:
        connection.execute(tables["media_file_daily"].insert().values(**row))
    made.dispose()
