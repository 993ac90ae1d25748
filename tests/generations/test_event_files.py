"""Event files: every shape and spelling, what is wrong with them, and what becomes of files that change."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mediameter.commands.run import run
from tests.generations.files import (
    ADDRESS,
    CANARIES,
    STACK,
    Box,
    app_error,
    event,
    generation,
    lines,
    purchase,
    row,
    sign_in,
)
from tests.generations.palette import EMAIL, NOON, NOW, PROMPT

DAY = "2026-11-03"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


# --- what they say -----------------------------------------------------------------------------------


def test_every_shape_of_the_document(box: Box) -> None:
    box.put("hour.ndjson", lines(generation(), generation(9, status="FAILED", error_message="no", cost_cents=None),
                                 purchase(1), sign_in(2), sign_in(3, "SignUp"), app_error(4)))  # fmt: skip
    summary = box.run()
    assert "6 of the parsed lines are events of generating systems" in summary.lines()
    assert box.rows("SELECT application, source, model, status, currency, generations, cost_micros, credits_charged "
                    "FROM generations_daily ORDER BY status") == [
        ("studio", "palette", "nano-banana-pro", "completed", "USD", 1, 200_000, 2),
        ("studio", "palette", "nano-banana-pro", "failed", "", 1, 0, 2),
    ]  # fmt: skip
    assert box.rows("SELECT p50_ms, max_ms FROM generation_time_daily WHERE model = '*'") == [(4500, 4500)]
    assert box.rows("SELECT message FROM generation_failures") == [("no",)]
    assert box.rows("SELECT transaction_type, currency, transactions, credits, paid_micros FROM credits_daily") == [
        ("purchase", "USD", 1, 100, 9_990_000)
    ]
    assert box.rows("SELECT action, events FROM auth_daily ORDER BY action") == [("login", 1), ("signup", 1)]
    assert box.rows("SELECT severity, error_type, errors FROM app_errors_daily") == [("error", "generation_failed", 1)]
    assert box.days() == [(DAY, "final", 0, 1, 6, 6, 0, 0, 0)]


def test_a_table_that_was_downloaded(box: Box) -> None:
    rows = [row(0), row(1, status="failed", error_message=f"{PROMPT} is not allowed"), row(2, status="pending")]
    box.put("rows.json", json.dumps(rows, indent=2).encode())
    box.put("answer.json", json.dumps({"error": None, "data": [row(3)], "count": None, "status": 200}).encode())
    box.run()
    measures = "SELECT status, generations, credits_charged, duration_ms_sum FROM generations_daily ORDER BY status"
    assert box.rows(measures) == [("completed", 2, 40, 12_000), ("failed", 1, 20, 6_000), ("stale", 1, 20, 0)]
    assert box.rows("SELECT event_id, message FROM generation_failures") == [("row-1", "[prompt] is not allowed")]


@pytest.mark.parametrize("at_end", [False, True])
def test_of_many_rejects_of_a_file_a_thousand_are_kept_and_all_are_counted(box: Box, at_end: bool) -> None:
    numbers = ["1"] * 60_000  # of more than one part
    events = [*numbers, json.dumps(generation())] if at_end else [json.dumps(generation()), *numbers]
    box.put("numbers.json", f"[{','.join(events)}]".encode())
    box.run()
    assert box.rows("SELECT lines, parsed, ignored, rejected FROM objects") == [(60_001, 1, 0, 60_000)]
    assert box.rows("SELECT reason, COUNT(*) FROM rejects GROUP BY reason") == [("NO_OBJECT", 1_000)]
    assert [day[4:] for day in box.days()] and box.rows("SELECT SUM(rejected) FROM days") == [(60_000,)]


FILES = {
    "one object": json.dumps(generation()).encode(),
    "one object over lines": b"\xef\xbb\xbf" + json.dumps(generation(), indent=1).encode(),
    "an array": json.dumps([generation(), generation(1), sign_in(2)]).encode(),
    "an array over lines": b"\n" + json.dumps([generation(), generation(1), sign_in(2)], indent=2).encode(),
    "lines": lines(generation(), generation(1), sign_in(2)),
    "lines of Windows, blank ones, no last end": lines(generation(), sign_in(2)).replace(b"\n", b"\r\n\r\n").strip(),
    "an array a line": lines([generation(), generation(1)], [sign_in(2)]),
}
COUNTED = {"one object": (1, 0), "one object over lines": (1, 0), "lines of Windows, blank ones, no last end": (1, 1)}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", FILES)
def test_every_form_of_a_file(name: str, packed: bool, box: Box) -> None:
    box.put("file", FILES[name], packed=packed)
    box.run()
    generations, _, sign_ins, _ = box.counts()
    assert (generations, sign_ins) == COUNTED.get(name, (2, 1))
    [(lines_, parsed, ignored, rejected)] = box.rows("SELECT lines, parsed, ignored, rejected FROM objects")
    assert lines_ == parsed + ignored and rejected == 0 and parsed == generations + sign_ins


TIMES: list[dict[str, Any]] = [
    {"timestamp": "2026-11-03T12:00:00Z"},
    {"time": "2026-11-03T13:00:00+01:00"},
    {"@timestamp": "2026-11-03 12:00:00.5"},
    {"ts": 1_793_707_200},
    {"datetime": 1_793_707_200_123},
    {"created_at": "1793707200.25"},
]


@pytest.mark.parametrize("time", TIMES, ids=lambda time: next(iter(time)))
def test_every_spelling_of_a_time(time: dict[str, Any], box: Box) -> None:
    told = {name: value for name, value in generation(duration_ms=None).items() if name != "timestamp"}
    box.put("file", lines({**told, **time}))
    box.run()
    assert box.rows("SELECT hour_at, generations FROM generations_hourly") == [(f"{DAY} 12:00:00.000000", 1)]


APPS = ["directors-palette", "directors-palette", "storyboard-app", None, PROMPT + " at night, all of it"]


def test_an_event_is_of_the_application_that_it_names(box: Box) -> None:
    """27 of one and 5 of another in the small: each file holds both. What is named is kept by its name, or by the one
    that the settings give it; of what names none the settings say whose it is, and what is no name is nobody's name."""
    events = [generation(n, app=app) for n, app in enumerate(APPS)]
    others = [purchase(10, app="storyboard-app"), sign_in(11, app="lab"), app_error(12, app="lab")]
    box.put("both", lines(*events, *others))
    box.run()
    assert box.rows("SELECT application, SUM(generations) FROM generations_daily GROUP BY application ORDER BY 1") == [
        ("other", 1), ("storyboard-app", 1), ("studio", 3)
    ]  # fmt: skip
    assert box.rows("SELECT application FROM credits_daily") == [("storyboard-app",)]
    assert box.rows("SELECT application FROM auth_daily UNION SELECT application FROM app_errors_daily") == [("lab",)]
    assert box.rows("SELECT application, active_users FROM active_users_trailing WHERE window_days = 1 ORDER BY 1") == [
        ("other", 1), ("storyboard-app", 1), ("studio", 1)
    ]  # fmt: skip
    source = {"kind": "palette_events", "path": "events"}
    run(box.settings(palette=source), now=NOW)
    assert box.rows("SELECT application, SUM(generations) FROM generations_daily GROUP BY application ORDER BY 1") == [
        ("directors-palette", 2), ("other", 1), ("palette", 1), ("storyboard-app", 1)
    ]  # fmt: skip


def test_a_name_of_an_application_that_is_no_name_or_too_long(box: Box) -> None:
    box.put("long", lines(generation(1, app="a" * 129), generation(2, app="write to ann@example.org"), generation(3)))
    box.run()
    assert box.rows("SELECT reason FROM rejects") == [("LONG_ID",)]
    assert box.rows("SELECT DISTINCT application FROM generations_daily ORDER BY 1") == [("other",), ("studio",)]


def test_a_model_keeps_its_name_for_people(box: Box) -> None:
    """Of several the last by its letters; what does not read like a name is none, and rejects nothing."""
    names = ("Nano Banana Pro", "Banana", "n" * 129, f"not a name, but {PROMPT}", None)
    told = [generation(n, model_name=name) for n, name in enumerate(names)]
    box.put("names", lines(*told, generation(9, model_id="other", model_name=f"{PROMPT}!")))
    box.run()
    assert box.rows("SELECT model, model_name, SUM(generations) FROM generations_daily GROUP BY 1, 2 ORDER BY 1") == [
        ("nano-banana-pro", "Nano Banana Pro", 5), ("other", None, 1)
    ]  # fmt: skip


def test_numbers_may_be_text(box: Box) -> None:
    told = {"cost_cents": "19.5", "credits_used": "2", "duration_ms": "4500.5"}
    box.put("file", lines(generation(**told), purchase(1, amount_cents="1e3", credits_purchased="100", currency="eur")))
    box.run()
    assert box.rows("SELECT cost_micros, credits_charged, duration_ms_sum FROM generations_daily") == [
        (195_000, 2, 4500)
    ]
    assert box.rows("SELECT currency, paid_micros FROM credits_daily") == [("EUR", 10_000_000)]


# --- what is wrong with them -------------------------------------------------------------------------

WRONG: list[tuple[str, Any]] = [
    ("NO_TYPE", {"timestamp": "2026-11-03T12:00:00Z"}),
    ("NO_TYPE", sign_in(action="")),
    ("UNKNOWN_EVENT_TYPE", event("page_view")),
    ("NO_TIME", generation(timestamp="yesterday")),
    ("NO_TIME", generation(timestamp=0)),
    ("NO_TIME", generation(timestamp=True)),
    ("FUTURE_TIME", generation(timestamp="2027-01-01T00:00:00Z")),
    ("NO_USER", generation(user_id=None, user_email="")),
    ("NO_MODEL", generation(model_id="null")),
    ("BAD_NUMBER", generation(duration_ms="fast")),
    ("BAD_NUMBER", generation(duration_ms=-1)),
    ("BAD_NUMBER", generation(credits_used=1.5)),
    ("BAD_NUMBER", generation(duration_ms=10**30)),
    ("BAD_NUMBER", purchase(credits_purchased=None)),
    ("BAD_MONEY", generation(cost_cents="free")),
    ("BAD_MONEY", purchase(amount_cents=-5)),
    ("LONG_ID", generation(status="x" * 33)),
    ("NO_OBJECT", 17),
    ("NO_OBJECT", [[generation()]]),
]


def test_what_is_wrong_is_named_and_costs_itself_alone(box: Box) -> None:
    broken = [lines(each) for _, each in WRONG]
    broken += [b'{"timestamp": "2026-11-03T12:00', b"\xff\xfe\n", b'{"n": NaN}\n', b"[" * 100_000 + b"\n", b"x\n"]
    box.put("file", lines(generation()) + b"".join(each.rstrip() + b"\n" for each in broken) + lines(generation(1)))
    box.run()
    reasons = [reason for reason, _ in WRONG] + ["BROKEN_JSON"] * 5
    assert box.rejects() == list(enumerate(reasons, 2))
    assert box.counts() == (2, 0, 0, 0)
    assert box.days() == [(DAY, "final", 1, 1, 26, 2, 0, 24, 0)]
    [(shown,)] = box.rows("SELECT line FROM rejects WHERE reason = 'NO_MODEL'")
    assert json.loads(shown)["event_type"] == "generation" and "user_email" not in shown


def test_the_others_of_a_hundred_thousand_live(box: Box) -> None:
    whole = lines(*(sign_in(number / 10) for number in range(100_000)))
    cut = whole.index(b"\n", len(whole) // 2) - 40
    box.put("file", whole[:cut] + whole[cut + 30 :], packed=True)
    box.run()
    assert box.counts() == (0, 0, 99_999, 0)
    assert [reason for _, reason in box.rejects()] == ["BROKEN_JSON"]
    assert box.days() == [(DAY, "final", 0, 1, 100_000, 99_999, 0, 1, 0)]


REFUSED = {
    "NOT_EVENTS": b"a,b\n1,2\n",
    "TRUNCATED": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x8b",
    "TOO_LARGE": b"[" + b",\n".join([json.dumps(generation(), indent=1).encode()] * 80_000) + b"]",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_refused_as_a_whole(reason: str, box: Box) -> None:
    box.put("bad", REFUSED[reason])
    box.put("cut", b"[" + lines(generation()))
    box.put("good", lines(generation()))
    box.run()
    assert box.counts() == (1, 0, 0, 0)
    assert box.rejects() == [(0, reason), (0, "NOT_EVENTS")]
    assert {(day[0], day[2]) for day in box.days()} == {(DAY, 0), ("2026-11-05", 1)}


# --- what counts once, what goes, what comes back ----------------------------------------------------


def test_an_event_counts_once_however_often_it_comes(box: Box) -> None:
    box.put("one", lines(generation(), generation(), purchase(1), sign_in(2), app_error(3), row(4)))
    box.put("two", json.dumps([row(4), app_error(3), sign_in(2), generation()]).encode())
    box.put("three", lines(purchase(1, id="again"), generation(9, id="told"), generation(9, id="told", status="x")))
    box.run()
    assert box.counts() == (3, 1, 1, 1)
    [(_, _, _, objects, lines_, parsed, _, _, duplicates)] = box.days()
    assert (objects, lines_, parsed, duplicates) == (3, 13, 13, 7)


@pytest.mark.parametrize("first", ["early", "late"])
def test_of_several_versions_of_an_event_the_one_that_knows_best_counts(first: str, box: Box) -> None:
    """Downloads of one table: what was pending is over, and costs are told later; whichever file comes first."""
    early = lines(
        generation(1, id="a", status="pending", cost_cents=None), generation(2, id="b", cost_cents=None),
        generation(3, id="c", status="succeeded", cost_cents=9), purchase(4, transaction_id="d", amount_cents=None),
    )  # fmt: skip
    late = lines(
        generation(1, id="a", cost_cents=100), generation(2, id="b", cost_cents=1_000),
        generation(3, id="c", status="pending", cost_cents=1), purchase(4, transaction_id="d", amount_cents=500),
    )  # fmt: skip
    files = {"early": (early, NOW - timedelta(hours=2)), "late": (late, NOW - timedelta(hours=1))}
    for number, name in enumerate(sorted(files, key=lambda name: name != first)):
        box.put(name, files[name][0], at=files[name][1])
        box.run(NOW + timedelta(hours=number))
    found = box.rows("SELECT status, SUM(generations), SUM(cost_micros) FROM generations_daily GROUP BY 1 ORDER BY 1")
    assert found == [("completed", 2, 11_000_000), ("succeeded", 1, 90_000)]
    assert box.rows("SELECT SUM(paid_micros) FROM credits_daily") == [(5_000_000,)]


def test_a_file_that_is_overwritten(box: Box) -> None:
    box.put("same", lines(sign_in(5)))
    box.put("file", lines(generation(), generation(3600 * 24), b"broken".decode()))
    box.run()
    assert box.counts()[0] == 2 and len(box.rejects()) == 1
    box.put("file", lines(generation(7)), at=NOW)
    again = box.run(NOW + timedelta(hours=1))
    assert again.rollup.generation_days == [DAY, "2026-11-04"]
    assert box.counts() == (1, 0, 1, 0) and box.rejects() == []
    assert [(day[0], *day[3:8]) for day in box.days()] == [(DAY, 2, 2, 2, 0, 0)]


def test_a_version_that_comes_back_counts_again(box: Box) -> None:
    before = NOW - timedelta(hours=1)
    box.put("file", lines(generation(), generation(1)), at=before)
    box.run()
    box.put("file", lines(generation(2)), at=NOW)
    box.run(NOW + timedelta(hours=1))
    box.put("file", lines(generation(), generation(1)), at=before)
    box.run(NOW + timedelta(hours=2))
    assert box.counts()[0] == 2 and box.days()[0][3:6] == (1, 2, 2)


def test_a_file_that_has_gone_keeps_its_events_and_a_second_run_changes_nothing(box: Box) -> None:
    box.put("file", lines(generation()))
    box.run()
    (box.folder / "events" / "file").unlink()
    again = box.run(NOW + timedelta(hours=1))
    assert again.rollup.generation_days == [] and box.counts()[0] == 1


@pytest.mark.parametrize("content", [lines(generation(3600 * 11.5)), b"{"], ids=["an event", "a reject"])
def test_days_are_those_of_the_reporting_zone_and_of_another_one_later(content: bytes, tmp_path: Path) -> None:
    Box(tmp_path).put("file", content, at=NOON + timedelta(hours=11.5))
    for zone, day in (("UTC", DAY), ("Europe/Paris", "2026-11-04")):
        box = Box(tmp_path, zone)
        box.run()
        assert [(each[0], *each[3:5]) for each in box.days()] == [(day, 1, 1)]


def test_of_another_family_no_day_is_touched(box: Box) -> None:
    box.put("file", lines(generation()))
    summary = box.run()
    assert summary.rollup.days == [] and box.rows("SELECT * FROM fences WHERE family = 'traffic'") == []


# --- what may not come in ----------------------------------------------------------------------------


def test_nothing_of_a_person_comes_in(box: Box) -> None:
    told = {"prompt": PROMPT, "error_message": f"{PROMPT}: {EMAIL} from {ADDRESS}\n{STACK}"}
    good = [generation(status="failed", **told), generation(1, user_id=EMAIL), sign_in(2), app_error(3, **told)]
    good += [row(4, status="failed", error_message=f"of {PROMPT}"), purchase(5, user_id=None, transaction_id=EMAIL)]
    bad = [{**each, "timestamp": "", "created_at": "", **told} for each in good]
    half = json.dumps(generation(6, **told)).encode()[:-9]
    box.put("file", lines(*good, *bad) + half + b"\n" + half.replace(b'"', b""))
    box.run()
    assert box.counts() == (3, 1, 1, 1) and len(box.rejects()) == 8
    messages = {message for (message,) in box.rows("SELECT message FROM generation_failures")}
    assert len(messages) == 2 and "of [prompt]" in messages
    stored = [path for path in box.folder.rglob("*") if path.is_file() and "events" not in path.parts]
    assert any(path.suffix == ".parquet" for path in stored)
    for path in stored:
        assert not [canary for canary in CANARIES if canary.encode() in path.read_bytes()], path
    for path in box.folder.rglob("*.parquet"):  # whose pages are packed
        text = str(pl.read_parquet(path).to_dicts())
        assert not [canary for canary in CANARIES if canary in text], path


def test_who_is_told_by_an_address_of_mail_alone_is_one_person(box: Box) -> None:
    box.put("file", lines(generation(user_id=None), generation(1, user_id=None), generation(2)))
    box.run()
    users = box.rows("SELECT user_id, SUM(generations) FROM generation_users_daily GROUP BY user_id ORDER BY 2 DESC")
    assert [count for _, count in users] == [2, 1] and len(users[0][0]) == 32


def test_a_sentence_is_no_name(box: Box) -> None:
    """A prompt may stand where nobody looks for one, and no field called `prompt` tells that it is one."""
    said, too_long = PROMPT, f"{PROMPT} at night, in colours"
    words = ("model_id", "generation_type", "status", "prediction_id", "gallery_id", "error_type")
    box.put("file", lines(generation(**dict.fromkeys(words, said)), sign_in(1, said), purchase(2, currency=said),
                          app_error(3, severity=said, error_type=said), generation(4, status=too_long)))  # fmt: skip
    box.run()
    names = "SELECT model, generation_type, status FROM generations_daily"
    assert box.rows(names) == [("other", "other", "other")]
    assert box.rows("SELECT action FROM auth_daily") == [("other",)]
    assert box.rows("SELECT severity, error_type FROM app_errors_daily") == [("other", "other")]
    assert box.rejects() == [(3, "BAD_MONEY"), (5, "LONG_ID")]
    assert "fox" not in str(box.rows("SELECT line FROM rejects"))
    for path in box.folder.rglob("*.parquet"):
        assert "fox" not in str(pl.read_parquet(path).to_dicts()), path
