"""Promise 22: no client decides whether it is metered. Counted + upper bound of what was rejected >= truth, and
counted <= truth: of each hostile request, and of whole days."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from mediameter.cli import main
from parsers.access_log import Context, Parsed, parse_object, read_line
from tests.conftest import Trials
from tests.trials.agreement import disagreements
from tests.worlds.planted_lines import DIALECTS, ENCODED, MIDNIGHT, Planted, a_day, ordinary

CONTEXT = Context(seed=3, last_modified=datetime(2025, 11, 2, 12, tzinfo=UTC))
AT_ONCE = 200


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_client_decides_whether_it_is_metered(dialect: str, trials: Trials) -> None:
    tally: Counter[str] = Counter()
    for number in range(trials(200, 2_000) // AT_ONCE):
        lines = a_day(Random(f"{dialect}/{number}"), dialect, AT_ONCE, AT_ONCE // 2)
        data = b"".join(each.line + b"\n" for each in lines)
        parsed = parse_object(data, CONTEXT)
        troubles = [*of_each(lines, parsed, dialect, tally), *of_the_day(lines, parsed)]
        assert not troubles, "\n".join(troubles[:5])
    print(f"{dialect}: {dict(tally)}")
    assert tally["hostile"] >= AT_ONCE and tally["REJECTED"] < tally["hostile"] / 2, tally


def of_each(lines: list[Planted], parsed: Parsed, dialect: str, tally: Counter[str]) -> list[str]:
    """Requests of which too much is counted, or too little can be; where keys are encoded, all that are not exact."""
    counted = dict(parsed.frame.select("line_number", "bytes_sent").iter_rows())
    rejected = {row["line_number"]: row for row in parsed.rejects.iter_rows(named=True)}
    found = []
    for number, each in enumerate(lines, start=1):
        told = read_line(each.line.removesuffix(b"\r"), CONTEXT, dialect if dialect in ("ceph", "scality") else "")
        is_known = number in counted
        bytes_counted = counted.get(number, 0)
        if is_known:
            assert told.fields is not None and told.fields["bytes_sent"] == bytes_counted, each.line
            most = None if told.is_unsized else bytes_counted + told.more_bytes + _of_a_range(told.fields, dialect)
        else:
            assert told.rejected == rejected[number]["reason"], each.line
            most = rejected[number]["most_bytes"]
        tally.update(["PARSED" if is_known else "REJECTED", "unsized" if most is None else "bounded"])
        tally["hostile"] += number > 20
        tally["exact"] += bytes_counted == each.truth
        is_decidable = dialect in ENCODED and not each.is_naive
        is_wrong = bytes_counted > each.truth or (most is not None and most < each.truth)
        if is_wrong or (is_decidable and bytes_counted != each.truth):
            found.append(
                f"counted {bytes_counted:,} to {most}, truth {each.truth:,}: {told.rejected} {each.line[:900]!r}"
            )
    return found


def _of_a_range(fields: dict[str, object], dialect: str) -> int:
    """Ceph's log does not say how much of an object a range was."""
    is_range = dialect == "ceph" and fields["http_status"] == 206
    return int(fields["object_size"] or 0) - int(fields["bytes_sent"] or 0) if is_range else 0  # type: ignore[call-overload]


def of_the_day(lines: list[Planted], parsed: Parsed) -> list[str]:
    """The same of all together, by what the parser says of the object."""
    truth, counted = sum(each.truth for each in lines), parsed.frame["bytes_sent"].sum()
    unsure = parsed.unsure.get(0)
    most = counted + (parsed.rejects["most_bytes"].sum() or 0) + (unsure.more_bytes if unsure else 0)
    is_unsized = bool(unsure and unsure.unsized) or parsed.rejects["most_bytes"].null_count() > 0
    if counted > truth or (most < truth and not is_unsized):
        return [f"the day: counted {counted:,} to {most:,}, truth {truth:,}"]
    return []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_fast_path_exact_path_and_reference_agree_on_planted_lines(dialect: str, trials: Trials) -> None:
    for number in range(trials(1, 10)):
        lines = a_day(Random(f"agree/{dialect}/{number}"), dialect, 60, 20)
        data = b"".join(each.line + b"\n" for each in lines)
        assert disagreements(data, CONTEXT) == []


# --- through a whole run --------------------------------------------------------------------------------

SETTINGS = """
[privacy]
key = "sixteen characters"

[geo]
countries = "none"

[ingest]
batch_bytes = "1 MiB"
"""
DAY = "2025-11-01"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A source a dialect with a day of planted requests, run; and the true bytes of each source."""
    place, truth, settings = tmp_path_factory.mktemp("planter"), {}, SETTINGS
    for dialect in DIALECTS:
        (place / dialect).mkdir()
        truth[dialect] = 0
        for number in range(2):
            lines = a_day(Random(f"run/{dialect}/{number}"), dialect, 60, 20)
            truth[dialect] += sum(each.truth for each in lines)
            _put(place / dialect / f"object-{number}", lines)
        settings += f'\n[sources.{dialect}]\nkind = "s3_access_log"\npath = "{dialect}"\n'
    _presigned(place / "presigned")
    settings += '\n[sources.presigned]\nkind = "s3_access_log"\npath = "presigned"\n'
    _few_but_large(place / "few")
    settings += '\n[sources.few]\nkind = "s3_access_log"\npath = "few"\n'
    (place / "mediameter.toml").write_text(settings)
    before = Path.cwd()
    try:
        os.chdir(place)
        assert main(["run", "--quiet"]) == 0
    finally:
        os.chdir(before)
    return place, truth


def _put(path: Path, lines: list[Planted]) -> None:
    path.write_bytes(b"".join(each.line + b"\n" for each in lines))
    os.utime(path, (MIDNIGHT + 90_000, MIDNIGHT + 90_000))


def _few_but_large(folder: Path) -> None:
    """Of a thousand lines five cannot be read: of a gigabyte each, and all others are small."""
    folder.mkdir()
    rng = Random(5)
    lines = [ordinary(rng, "ovh") for _ in range(1_000)]
    for number in range(0, 1_000, 200):
        each = lines[number]
        absurd = each.line.replace(f" {each.truth} - 42 40 ".encode(), b" 1000000000 - 42 99999999999 ")
        lines[number] = each._replace(line=absurd)
    _put(folder / "object", lines)


def _presigned(folder: Path) -> None:
    """Ten plain requests of a kilobyte, and fifty of a gigabyte whose agent says that it was five bytes."""
    folder.mkdir()
    rng = Random(4)
    plain = [ordinary(rng, "ovh") for _ in range(10)]
    plain = [each._replace(line=each.line.replace(f" {each.truth} ".encode(), b" 1000 ")) for each in plain]
    agent = b'"x HTTP/1.1" 200 - 5 5 1 1 "-" "y"'
    hostile = [ordinary(rng, "ovh") for _ in range(50)]
    hostile = [
        each._replace(
            line=each.line.replace(f" {each.truth} ".encode(), b" 1000000000 ")
            .replace(b"k.jpg HTTP", b"k.jpg?X-Amz-Signature=abc HTTP")
            .replace(b'"Mozilla/5.0 (X11)"', agent)
        )
        for each in hostile
    ]
    _put(folder / "object", plain + hostile)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_day_says_how_many_bytes_more_it_may_be(world: tuple[Path, dict[str, int]], dialect: str) -> None:
    place, truth = world
    day = _day(place, dialect)
    most = day["bytes_sent"] + day["rejected_most_bytes"] + day["unsure_bytes"]
    assert day["bytes_sent"] <= truth[dialect]
    assert most >= truth[dialect] or day["unsized_lines"]
    assert day["lines"] == day["parsed"] + day["rejected"] and day["rejected_least_bytes"] <= day["rejected_most_bytes"]


def test_fifty_gigabytes_of_a_presigned_address_are_counted(world: tuple[Path, dict[str, int]]) -> None:
    day = _day(world[0], "presigned")
    assert (day["bytes_sent"], day["rejected"], day["unsure_lines"]) == (50_000_010_000, 0, 0)


def test_a_few_lines_that_may_hold_most_of_the_bytes_make_a_day_suspect(
    world: tuple[Path, dict[str, int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    day = _day(world[0], "few")
    assert (day["rejected"], day["rejected_least_bytes"], day["rejected_most_bytes"]) == (5, 5 * 10**9, 5 * 10**9)
    with closing(sqlite3.connect(world[0] / "warehouse.sqlite")) as connection:
        suspect = dict(connection.execute("SELECT source, is_suspect FROM days"))
        verdicts = dict(connection.execute("SELECT rule, verdict FROM alert_checks_daily WHERE check_group = 'few'"))
    assert suspect["few"] and not suspect["presigned"]
    assert verdicts == {"rejected_bytes_over_budget": "critical"}
    monkeypatch.chdir(world[0])
    assert main(["status", "--check"]) != 0
    assert "at most 5.000 GB more in 5 rejected lines (at least 5.000 GB)" in capsys.readouterr().out


def test_answer_and_status_say_it_too(
    world: tuple[Path, dict[str, int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(world[0])
    assert main(["answer", "completeness", "--last", "1d", "--format", "json"]) == 0
    said = {row["source"]: row for row in json.loads(capsys.readouterr().out)}
    for dialect in DIALECTS:
        day = _day(world[0], dialect)
        assert {name: said[dialect][name] for name in day if name in said[dialect]} == {
            name: value for name, value in day.items() if name in said[dialect]
        }
    main(["status"])
    assert " GB more in " in capsys.readouterr().out


def _day(place: Path, source: str) -> dict[str, int]:
    names = (
        "lines", "parsed", "rejected", "bytes_sent", "rejected_least_bytes", "rejected_most_bytes", "unsized_lines",
        "unsure_lines", "unsure_bytes",
    )  # fmt: skip
    with closing(sqlite3.connect(place / "warehouse.sqlite")) as connection:
        query = f"SELECT {', '.join(names)} FROM days WHERE source = ? AND day = ?"
        return dict(zip(names, connection.execute(query, (source, DAY)).fetchone(), strict=True))
