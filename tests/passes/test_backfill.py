"""Days done again and rejects read again: what is chosen, what is refused, what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest
import sqlalchemy as sa

from mediameter import connect, faults
from mediameter.cli import main
from mediameter.commands.backfill import range_of
from mediameter.commands.replay import lines
from mediameter.commands.run import run
from mediameter.errors import UserError, WorldError
from mediameter.metering.calendar import Day
from mediameter.sources.objects import ObjectVersion
from mediameter.steps.ingest import door, log_objects
from mediameter.steps.redo.backfill import Task, backfill, require_done, require_none_refused
from mediameter.steps.redo.replay import replay
from mediameter.steps.rollup.rollup import rollup
from mediameter.store import lake, lake_files, tenancy
from mediameter.store.settling import Settlement
from mediameter.store.warehouse import tables
from parsers.access_log import PARSER_VERSION
from schemas.rollups import ALERT_CHECKS_DAILY, ROLLUPS
from schemas.vocabulary import DEFAULT_TENANT
from tests.trials.dump import difference, dump
from tests.worlds.log_lines import line
from tests.worlds.month import FIRST, NEW_AGENT, NOW, as_by_an_older_parser, month
from tests.worlds.site import LogObject, Site

_SUMS = tuple(contract for contract in ROLLUPS if contract is not ALERT_CHECKS_DAILY)
SECOND = FIRST + timedelta(days=1)
WHOLE = Task(FIRST, FIRST + timedelta(days=4))
pytestmark = pytest.mark.usefixtures("plain_gate")


@pytest.fixture(scope="module")
def objects() -> list[LogObject]:
    return month(days=3)


@pytest.fixture
def site(objects: list[LogObject], tmp_path: Path) -> Site:
    site = Site(tmp_path / "site")
    site.deliver(objects)
    return site


@pytest.fixture(scope="module")
def metered_once(objects: list[LogObject], tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("metered") / "site")
    site.deliver(objects)
    run(site.settings(), now=NOW)
    return site


@pytest.fixture
def metered(metered_once: Site, tmp_path: Path) -> Site:
    """The same after a run, to be changed."""
    return metered_once.copied(tmp_path / "metered")


@contextmanager
def older_parser() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, "parse_pieces", as_by_an_older_parser)
        patch.setattr(log_objects, "PARSER_VERSION", 0)
        yield


def mended(site: Site, folder: Path) -> dict[str, list[str]]:
    """What a first run by the parser of today says of the same bucket."""
    other = site.copied(folder)
    run(other.settings(), now=NOW)
    return dump(other.url)


def execute(site: Site, statement: sa.Executable) -> list[sa.RowMapping]:
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        result = connection.execute(statement)
        rows = list(result.mappings()) if result.returns_rows else []
    made.dispose()
    return rows


# --- replay ------------------------------------------------------------------------------------------
def test_a_mended_parser_brings_the_rejects_back(site: Site, objects: list[LogObject], tmp_path: Path) -> None:
    meant = mended(site, tmp_path / "meant")
    with older_parser():
        run(site.settings(), now=NOW)
    lost = sum(text.count(NEW_AGENT.encode()) for each in objects for text in each.lines)
    found = replay(site.settings(), now=NOW)
    assert found.lines_back == found.rejected[0] - found.rejected[1] == lost
    said = dump(site.url)
    assert all(said[name] == meant[name] for name in meant if name != "objects"), "objects tell who read them"
    again = replay(site.settings(), now=NOW)
    assert (again.objects, again.days) == (0, [])
    assert lines(again) == [
        f"Nothing to replay: no object with rejects was read by a parser older than {PARSER_VERSION}."
    ]


def test_replay_leaves_what_is_new_and_what_has_gone(site: Site, objects: list[LogObject]) -> None:
    with older_parser():
        run(site.settings(), now=NOW)
    listed = execute(site, sa.select(tables["listings"]))
    bad = next(each for each in objects if b"cut short" in each.content)
    (site.bucket / bad.key).unlink()
    site.deliver([replace(objects[0], key="access-logs/new", modified_ns=objects[-1].modified_ns)])
    found = replay(site.settings(), every=True, now=NOW + timedelta(hours=1))
    assert found.vanished == 1 and found.objects > 1
    assert "1 more are gone from the bucket" in "\n".join(lines(found))
    assert execute(site, sa.select(tables["listings"])) == listed, "what was left aside is no news of completeness"


# --- what is chosen ----------------------------------------------------------------------------------
def test_only_what_an_older_parser_read_is_read_again(site: Site, tmp_path: Path) -> None:
    meant = mended(site, tmp_path / "meant")
    with older_parser():
        run(site.settings(), now=NOW)
    assert backfill(site.settings(), WHOLE, now=NOW).ingest.again == 0
    report = backfill(site.settings(), replace(WHOLE, reparse=True), now=NOW)
    assert report.ingest.again == 12 and any(change.is_different for change in report.days)
    assert difference(meant, dump(site.url)) == []
    assert backfill(site.settings(), replace(WHOLE, reparse=True), now=NOW).ingest.again == 0


def test_one_day_fetches_its_own_objects_and_leaves_the_others(site: Site) -> None:
    report = backfill(site.settings(), Task(SECOND, SECOND), now=NOW)
    # its own four, and the one of the day before that was written after its midnight
    assert (report.ingest.objects, report.ingest.left) == (5, 7)
    assert [change.day for change in report.days if change.is_different] == [FIRST, SECOND]
    [listing] = execute(site, sa.select(tables["listings"]))
    assert listing["pending"] == 7
    run(site.settings(), now=NOW)
    [listing] = execute(site, sa.select(tables["listings"]))
    assert listing["pending"] == 0


def test_what_was_damaged_in_the_warehouse_is_made_again(metered: Site) -> None:
    straight = dump(metered.url)
    for name in ("traffic_daily", "audience_trailing", "alert_checks_daily"):
        execute(metered, tables[name].delete())
    report = backfill(metered.settings(), WHOLE, now=NOW)
    assert not any(change.before.requests for change in report.days if change.before)
    assert difference(straight, dump(metered.url)) == []


def test_an_object_that_cannot_be_read_again_stays_as_it_was(
    metered: Site, objects: list[LogObject], monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = dump(metered.url)
    monkeypatch.setitem(faults.at, "ingest.listed", (metered.bucket / objects[0].key).unlink)
    report = backfill(metered.settings(), replace(WHOLE, reparse=True, every=True), now=NOW)
    assert report.ingest.failed == [f"{objects[0].key} has gone"]
    assert report.ingest.again == 11 and dump(metered.url) == straight


# --- frozen days -------------------------------------------------------------------------------------
def freeze(site: Site, day: date) -> None:
    """As retention leaves a day: its sums stay, its raw data has gone."""
    execute(site, tables["days"].update().where(tables["days"].c.day == day).values(state="frozen"))
    begin, end = Day.of(day, site.settings().reporting.zone).bounds
    kept = ~pl.col("at").is_between(begin, end, closed="left")
    made = tenancy.engine(site.url, DEFAULT_TENANT)
    with connect.writing(made) as connection:
        for file in lake_files.files_of_days(connection, "records", begin.date(), end.date()):
            rest = pl.read_parquet(site.folder / "lake" / file.path).filter(kept)
            rows = [lake.write(site.folder / "lake", rest, kind="records", source=file.source, file_day=file.file_day)]
            connection.execute(tables["lake_files"].delete().where(tables["lake_files"].c.path == file.path))
            lake_files.insert_files(connection, rows if rest.height else [])
    made.dispose()


def test_a_frozen_day_is_never_overwritten(metered: Site) -> None:
    straight = dump(metered.url, _SUMS)
    freeze(metered, FIRST)
    for task in (Task(FIRST, FIRST), replace(WHOLE, reparse=True, every=True)):
        planned = backfill(metered.settings(), task, now=NOW, dry_run=True)
        report = backfill(metered.settings(), task, now=NOW)
        assert report.refused == planned.refused == [FIRST] and report.days == planned.days
        assert FIRST not in [change.day for change in report.days]
        assert dump(metered.url, _SUMS) == straight
    with pytest.raises(UserError, match="2025-10-01 is frozen and left unchanged"):
        require_none_refused(report.refused)


def test_other_prices_do_not_touch_a_frozen_day(metered: Site) -> None:
    freeze(metered, FIRST)
    settings = metered.settings().model_copy(update={"prices": ()})
    assert FIRST.isoformat() not in rollup(settings, now=NOW).days
    cost = tables["bandwidth_cost_daily"]
    of_the_day = execute(metered, sa.select(cost.c.cost_micros).where(cost.c.day == FIRST))
    assert of_the_day and all(row["cost_micros"] is not None for row in of_the_day)


# --- a day is suspect --------------------------------------------------------------------------------
@pytest.mark.parametrize(("rejected", "is_suspect"), [(0, False), (1, False), (2, True)])
def test_more_rejects_than_the_budget_make_a_day_suspect(
    objects: list[LogObject], tmp_path: Path, rejected: int, is_suspect: bool
) -> None:
    """The budget is 1 %: of 100 lines one may be lost."""
    site = Site(tmp_path / "site")
    at = objects[0].modified_ns // 10**9 - 60
    good = [line(Random(number), "ovh", at, address=f"198.51.100.{number}") for number in range(rejected, 100)]
    lines = [each + b"\n" for each in [*good, *[b"cut short"] * rejected]]
    site.deliver([replace(objects[0], content=b"".join(lines))])
    run(site.settings(), now=NOW)
    rows = execute(site, sa.select(tables["days"]))
    assert sum(row["lines"] for row in rows) == 100 and sum(row["rejected"] for row in rows) == rejected
    assert [bool(row["is_suspect"]) for row in rows] == [is_suspect]


# --- lake files are replaced, never changed ----------------------------------------------------------
def test_a_lake_file_without_some_objects_is_another_file(tmp_path: Path) -> None:
    frame = pl.DataFrame({"at": [NOW] * 3, "object_id": [1, 1, 2]})
    file = lake.write(tmp_path, frame, kind="records", source="ovh", file_day=FIRST)
    assert lake.without(tmp_path, file, [7]) == (0, file)
    assert lake.without(tmp_path, file, [1, 2]) == (3, None)
    count, rest = lake.without(tmp_path, file, [1])
    assert count == 2 and rest and rest.rows == 1 and rest.path != file.path
    assert pl.read_parquet(tmp_path / file.path).equals(frame), "whoever reads it now goes on"
    (tmp_path / file.path).write_bytes(b"flipped")
    with pytest.raises(WorldError, match="has changed since it was written"):
        lake.without(tmp_path, file, [1])


def test_a_lake_that_lacks_rows_is_not_replaced(metered: Site) -> None:
    execute(metered, tables["lake_files"].delete().where(tables["lake_files"].c.file_day == FIRST))
    report = backfill(metered.settings(), replace(WHOLE, reparse=True, every=True), now=NOW)
    assert report.ingest.failed and all("nothing was replaced" in why for why in report.ingest.failed)
    assert FIRST.isoformat() in report.quality.suspect_days, "the gate sees that the day's rows are gone"
    with pytest.raises(WorldError, match="could not be read"):
        require_done(report)


# --- the command -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2025-10-01..2025-10-03", (FIRST, date(2025, 10, 3))),
        ("2025-10-01", (FIRST, FIRST)),
        ("last 3d", (FIRST, date(2025, 10, 3))),
        ("3d", (FIRST, date(2025, 10, 3))),
    ],
)
def test_a_range_in_words(text: str, days: tuple[date, date]) -> None:
    assert range_of(text, today=date(2025, 10, 3)) == days


SETTINGS = '[sources.ovh]\nkind = "s3_access_log"\npath = "bucket"\nbucket = "l"\n[geo]\ncountries = "none"\n'


def test_the_command_plans_does_and_refuses(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    toml = site.folder / "mediameter.toml"
    toml.write_text(SETTINGS)
    words = ["backfill", "2025-10-01..2025-10-05", "--settings", str(toml)]
    assert main([*words, "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["is_dry_run"] and planned["ingest"]["objects"] == 12
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "12 objects listed, 12 fetched" in said and "- → " in said and "not available" in said
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ingest"]["objects"] == 0
    freeze(site, SECOND)
    assert main([*words, "--dry-run"]) == 2
    captured = capsys.readouterr()
    assert "Refused, since frozen: 2025-10-02." in captured.out and "Nothing was done." in captured.out
    assert captured.err.count("\n") == 1 and "2025-10-02 is frozen and left unchanged" in captured.err


def test_a_day_that_has_not_begun_is_refused_with_a_remedy(metered: Site) -> None:
    """ "Would fetch 0" would say: there is nothing to be had."""
    today = NOW.date()
    for first, last, remedy in (
        (today + timedelta(days=1), today + timedelta(days=1), f"write {today}"),
        (FIRST, today + timedelta(days=1), f"write {FIRST}..{today}"),
    ):
        for dry_run in (True, False):
            with pytest.raises(UserError, match="has not begun") as caught:
                backfill(metered.settings(), Task(first, last), now=NOW, dry_run=dry_run)
            assert caught.value.remedy == remedy


# --- an object that was refused -----------------------------------------------------------------------
def test_a_refused_object_taints_the_day_that_its_name_tells(objects: list[LogObject], tmp_path: Path) -> None:
    """A log of the first day, uploaded again three days later as an error page: that day lacks it, not the upload's."""
    site = Site(tmp_path / "site")
    at = objects[0].modified_ns // 10**9 - 60
    page = LogObject(
        f"access-logs/{FIRST}-12-00-00-0A1B2C3D4E5F6071", b"<html><body>no</body></html>\n",
        objects[0].modified_ns + 3 * 86_400 * 10**9,
    )  # fmt: skip
    site.deliver([replace(objects[0], content=line(Random(1), "ovh", at) + b"\n"), page])
    run(site.settings(), now=NOW)
    rows = execute(site, sa.select(tables["days"]).order_by(tables["days"].c.day))
    assert [row["day"] for row in rows if row["is_suspect"]] == [FIRST]
    assert all(not row["is_suspect"] for row in rows if row["day"] != FIRST)


@pytest.mark.parametrize(
    ("key", "booked"),
    [
        ("logs/2025-10-28-06-10-00-06F16FF60272", "2025-10-28 06:00"),
        ("logs/2025-13-40-06-10-00-06F16FF60272", "2025-11-05 10:00"),
        ("logs/2026-10-28-06-10-00-06F16FF60272", "2025-11-05 10:00"),
        ("logs/today.gz", "2025-11-05 10:00"),
    ],
    ids=["its name's", "no day", "after it was written", "no name"],
)
def test_where_an_object_without_a_time_is_booked(key: str, booked: str) -> None:
    written = datetime(2025, 11, 5, 10, 30, tzinfo=UTC)
    version = ObjectVersion("ovh", key, "e", 1, written)
    assert f"{Settlement(version, 'refused', 1).anchor:%Y-%m-%d %H:%M}" == booked
