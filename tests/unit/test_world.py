"""The demo's world: the same from the same seed, with every kind of trouble in it, and a truth that adds up."""

from __future__ import annotations

import gzip
import re
import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from mediameter.demo.library import REFERERS
from mediameter.demo.oddities import KINDS, SEED_AT, SEED_LINE, Maker, amazons, seed
from mediameter.demo.truth import DayLines, DayRows, Figures, Truth, compare, observe, read_truth
from mediameter.demo.world import World, build
from schemas import TABLES
from schemas.vocabulary import IGNORE_REASONS, REJECT_REASONS
from tests.reference.lines import Parsed, read_line, unpacked
from tests.reference.rollups import LogObject, Settings, compute

LAST_DAY = date(2026, 11, 19)
NAME = re.compile(r"(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-(?:[0-9A-F]{32}|[0-9A-F]{16})")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("world"), last_day=LAST_DAY)


def objects_of(world: World) -> list[Path]:
    return sorted(path for path in world.bucket.rglob("*") if path.is_file())


def everything_in(folder: Path) -> dict[str, tuple[bytes, float]]:
    """Bytes by name; times of change where they are part of the world, in the bucket."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    names = {path: str(path.relative_to(folder)) for path in files}
    return {
        name: (path.read_bytes(), path.stat().st_mtime if name.startswith("bucket") else 0)
        for path, name in names.items()
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build(tmp_path / name, days=2, seed=3, last_day=LAST_DAY)
    assert everything_in(tmp_path / "one") == everything_in(tmp_path / "two")


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    one, two = (build(tmp_path / str(n), days=2, seed=n, last_day=LAST_DAY) for n in (3, 4))
    assert one.truth.applications != two.truth.applications
    assert {path.name for path in objects_of(one)}.isdisjoint(path.name for path in objects_of(two))


def test_the_truth_adds_up(world: World) -> None:
    truth = world.truth
    assert truth.lines == truth.parsed + sum(truth.ignored.values()) + sum(truth.rejected.values())
    assert truth.parsed == sum(day.parsed for day in truth.days.values())
    assert truth.objects == len(objects_of(world))
    assert sum(truth.bytes_by_application.values()) == sum(row.bytes_sent for row in truth.applications.values())
    assert all(row.deliveries <= row.requests for row in truth.applications.values())
    assert sum(day.duplicates for day in truth.days.values()) > 100


def test_each_outcome_is_there(world: World) -> None:
    assert set(world.truth.rejected) == set(REJECT_REASONS)
    assert set(world.truth.ignored) == set(IGNORE_REASONS)
    assert world.truth.refused == {"NOT_AN_ACCESS_LOG": 1, "TRUNCATED": 1}


def test_one_day_has_a_burst_of_errors_and_one_is_slow(world: World) -> None:
    requests, errors = Counter[date](), Counter[date]()
    for (day, _), row in world.truth.applications.items():
        requests[day] += row.requests
        errors[day] += row.errors
    assert [str(day) for day in requests if errors[day] * 100 > requests[day]] == ["2026-11-17"]
    slow = {day for (day, name), row in world.truth.applications.items() if name == "castingly" and row.p95_ms > 1000}
    assert slow == {date(2026, 11, 16)}


def test_objects_are_named_and_dated_by_their_rotation(world: World) -> None:
    late = []
    for path in objects_of(world):
        named = NAME.fullmatch(path.name)
        assert named and path.parent == world.bucket / "access-logs"
        rotated = datetime.strptime(named[1], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC).timestamp()
        assert path.stat().st_mtime == rotated
        times = re.findall(rb"-([0-9a-f]{10}) REST\.GET\.OBJECT", path.read_bytes())
        if times and rotated - max(int(time, 16) for time in times) > 86400:
            late.append(path)
    assert len(late) == 1


def test_the_bucket_holds_what_goes_wrong(world: World) -> None:
    contents = [path.read_bytes() for path in objects_of(world)]
    packed = sum(content.startswith(b"\x1f\x8b") for content in contents)
    assert 0.25 < packed / len(contents) < 0.4
    assert contents.count(b"") == 1
    assert sum(content.endswith(b"\r\n") for content in contents) == 1
    assert sum(content.startswith(b"\xef\xbb\xbf") for content in contents) == 1
    twins = [content for content, copies in Counter(contents).items() if copies == 2]
    assert len(twins) == 1
    assert SEED_LINE.encode() + b"\n" in contents
    with pytest.raises(EOFError):
        for content in contents:
            unpacked(content)


def test_the_application_has_every_kind_of_row(world: World) -> None:
    with sqlite3.connect(world.application) as connection:
        rows = connection.execute("SELECT metadata, event_type, user_id IS NULL FROM media_analytics").fetchall()
        orphans = "SELECT COUNT(*) FROM media_analytics WHERE media_file_id NOT IN (SELECT id FROM media_files)"
        assert connection.execute(orphans).fetchone() == (2,)
        assert connection.execute("SELECT COUNT(*) FROM media_files WHERE is_deleted").fetchone()[0] > 5
    kinds = {name: sum(name in row[0] for row in rows) for name in ("bytes", "roles", "ovh_logs")}
    assert all(count > 500 for count in kinds.values()), kinds
    assert {row[1] for row in rows} == {"view", "share", "transform", "hover"} and any(row[2] for row in rows)
    truth = world.truth.exports.values()
    assert sum(day.rows_read for day in truth) == len(rows)
    assert (sum(day.rejected for day in truth), sum(day.ignored for day in truth)) == (3, kinds["ovh_logs"])


def test_countries_are_said_to_be_made_up(world: World) -> None:
    comment, header, *rows = world.countries.read_text("utf-8").splitlines()
    assert comment.startswith("#") and "made-up" in comment and str(world.countries_date) in comment
    assert header == "network,country"
    assert all(re.fullmatch(r"[0-9a-f.:]+/\d+,[A-Z]{2}", row) for row in rows)


def test_the_same_world_is_built_once(tmp_path: Path) -> None:
    first = build(tmp_path, days=1, last_day=LAST_DAY)
    objects_of(first)[0].unlink()
    again = build(tmp_path, days=1, last_day=LAST_DAY)
    assert again == first
    assert len(objects_of(again)) == first.truth.objects - 1


def test_another_world_and_no_days_are_refused(tmp_path: Path) -> None:
    build(tmp_path, days=1, last_day=LAST_DAY)
    with pytest.raises(FileExistsError, match="something else"):
        build(tmp_path, days=1, seed=8, last_day=LAST_DAY)
    with pytest.raises(ValueError, match="at least one day"):
        build(tmp_path / "none", days=0, last_day=LAST_DAY)


# --- each odd line against the reference -------------------------------------------------------------


@pytest.mark.parametrize("kind", [*KINDS, amazons, lambda _: [seed()]])
def test_odd_lines_become_what_they_are_meant_to(kind: Any) -> None:
    maker = Maker(Random(1))
    maker.move(SEED_AT, SEED_AT + 1500)
    last_modified = datetime.fromtimestamp(maker.rotation, UTC)
    for line, event, reason in kind(maker):
        raw = line.encode("utf-8", "surrogateescape")
        outcome = read_line(raw, seed=0, last_modified=last_modified, log_bucket="dailey-media-logs")
        if not isinstance(outcome, Parsed):
            assert (outcome.reason, event) == (reason, None), line[:300]
            continue
        assert event is not None, line[:300]
        assert int(outcome.at.timestamp()) == event.at
        assert (outcome.http_status, outcome.bytes_sent) == (event.status, event.bytes_sent or 0), line[:300]
        assert (outcome.total_ms, outcome.turn_around_ms) == (event.total_ms, event.turn_around_ms), line[:300]


@pytest.mark.parametrize("number", [1, 3, *(pytest.param(number, marks=pytest.mark.trial) for number in (2, 4, 5))])
def test_the_reference_counts_the_same(tmp_path: Path, number: int) -> None:
    world = build(tmp_path, seed=number, days=number, last_day=LAST_DAY)
    found = counted_by_the_reference(world)
    found = replace(found, exports=world.truth.exports, generations=world.truth.generations, events=world.truth.events)
    assert compare(world.truth, found) == []


def counted_by_the_reference(world: World) -> Truth:
    """The truth with its figures and days as the reference computes them from the objects."""
    logs = []
    for path in objects_of(world):
        content = path.read_bytes()
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        try:
            is_log = not unpacked(content).startswith(b"<?xml")
        except EOFError:
            is_log = False
        if is_log:
            logs.append(LogObject("ovh", path.name, content, modified))
    settings = Settings(seed=0, address_key=b"demo", referers=REFERERS, log_buckets={"ovh": world.log_bucket})
    tables = compute(logs, settings)
    with create_engine("sqlite://").connect() as connection:
        for name in ("traffic_daily", "endpoints_daily", "response_time_daily", "audience_trailing", "days"):
            fill(connection, name, [row | ({"family": "traffic"} if name == "days" else {}) for row in tables[name]])
        for name in ("objects", "rejects", "exports"):
            fill(connection, name, [])
        seen = observe(connection)
    lines = sum(row["lines"] for row in tables["days"])
    return replace(world.truth, applications=seen.applications, days=seen.days, lines=lines)


# --- reading a warehouse -----------------------------------------------------------------------------


def fill(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    """A bare table of that name, with the contract's columns, holding the rows."""
    columns = next(table.names for table in TABLES if table.name == name)
    connection.execute(text(f"CREATE TABLE {name} ({', '.join(columns)})"))
    for row in rows:
        held = {key: str(value) if isinstance(value, date) else value for key, value in row.items()}
        connection.execute(text(f"INSERT INTO {name} ({', '.join(held)}) VALUES (:{', :'.join(held)})"), held)


def test_observing_a_warehouse_gives_the_truth() -> None:
    day = {"day": "2026-11-19"}
    of_app = day | {"application": "castingly"}
    timed = of_app | {"operation_class": "*", "measure": "total", "p50_ms": 5, "p95_ms": 9, "p99_ms": 9}
    traffic = of_app | {"requests": 2, "deliveries": 1, "bytes_sent": 50}
    ovh = {"source": "ovh"}
    settled = ovh | {"object_id": 1, "state": "settled", "lines": 9, "parsed": 5, "ignored": 3, "ignored_log_bucket": 1}
    gone = ovh | {
        "object_id": 3,
        "state": "superseded",
        "lines": 99,
        "parsed": 9,
        "ignored": 0,
        "ignored_log_bucket": 0,
    }
    empty = {"lines": 0, "parsed": 0, "ignored": 0, "ignored_log_bucket": 0}
    refused = ovh | {"object_id": 2, "state": "refused", "reason": "TRUNCATED", **empty}
    events = {"object_id": 4, "source": "storyboard", "state": "settled", **empty, "lines": 7, "parsed": 7}
    short = {"object_id": 1, "line_number": 3, "reason": "SHORT_LINE"}
    tables = {
        "traffic_daily": [traffic, traffic, day | {"application": "only-lifecycle", "requests": 0}],
        "endpoints_daily": [of_app | {"errors": 1}, of_app | {"errors": 2}],
        "response_time_daily": [timed, timed | {"measure": "turn_around"}, timed | {"operation_class": "list"}],
        "audience_trailing": [of_app | {"window_days": n, "unique_addresses": n} for n in (1, 7)],
        "days": [day | {"family": "traffic", "parsed": 5, "duplicates": 1}],
        "objects": [settled, gone, refused, events],
        "exports": [
            {
                "table_name": "media_analytics",
                "export_day": "2026-11-19",
                "rows_read": 5,
                "events": 2,
                "ignored": 1,
                "rejected": 1,
            },
            {"table_name": "media_analytics", "export_day": "2026-11-18", "rows_read": 0},
        ],
        "rejects": [
            *(short | {"object_id": number} for number in (1, 3, 4)),
            {"object_id": 2, "line_number": 0, "reason": "TRUNCATED"},
        ],
    }
    with create_engine("sqlite://").connect() as connection:
        for name, rows in tables.items():
            fill(connection, name, rows)
        seen = observe(connection)
    assert seen == Truth(
        applications={(LAST_DAY, "castingly"): Figures(4, 2, 100, 3, 5, 9, 9, 1)},
        days={LAST_DAY: DayLines(5, 1)},
        bytes_by_application={"castingly": 100},
        lines=9,
        parsed=5,
        ignored={"BLANK": 2, "LOG_BUCKET": 1},
        rejected={"SHORT_LINE": 1},
        refused={"TRUNCATED": 1},
        objects=2,
        exports={LAST_DAY: DayRows(5, 2, 1, 1)},
    )


def test_differences_are_said_in_words(world: World) -> None:
    truth = world.truth
    assert compare(truth, truth) == []
    group, figures = next(iter(truth.applications.items()))
    bent = {**truth.applications, group: replace(figures, requests=2), (LAST_DAY, "new"): figures}
    said = compare(truth, replace(truth, applications=bent, rejected={**truth.rejected, "SHORT_LINE": 0}))
    assert said[0] == "2025-10-30 castingly: requests: meant 1, found 2"
    assert said[1].startswith("2026-11-19 new: meant nothing, found {'requests': 1")
    assert said[2] == f"rejected SHORT_LINE: meant {truth.rejected['SHORT_LINE']}, found 0"


def test_the_truth_is_read_back_from_its_file(world: World) -> None:
    assert read_truth(world.bucket.parent / "truth.json") == world.truth


def test_gzip_objects_carry_no_time_of_packing(world: World) -> None:
    packed = next(path for path in objects_of(world) if path.read_bytes().startswith(b"\x1f\x8b"))
    assert packed.read_bytes()[4:8] == b"\0\0\0\0" and gzip.decompress(packed.read_bytes())
