"""The reference of generations against cases worked out by hand."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.reference.generations import PriceReading, Settings, compute, money_daily
from tests.reference.palette_files import BLANK, BROKEN, NotEvents, items
from tests.reference.palette_rows import CREDIT, GENERATION, Event, Tables, read_tables

MIDNIGHT = datetime(2026, 11, 2, tzinfo=UTC)
WORLD = Settings("t", "UTC", {"palette": "studio"}, str)


def made(event_id: str, minutes: float, **more: Any) -> Event:
    """A completed generation, so long after midnight; of the charge ``r``."""
    said = {
        "generation_type": "image", "model": "fox", "status": "completed", "charge_id": "r", "media_file_id": None,
        "duration_ms": 1000, "credits": 10, "cost_micros": None, "currency": None, "error_type": None, "message": None,
        "model_name": None,
    }  # fmt: skip
    user = more.pop("user_id", "ann")
    return Event(GENERATION, "palette", event_id, MIDNIGHT + timedelta(minutes=minutes), user, {**said, **more})


def test_a_charge_counts_at_its_first_and_goes_on_for_an_hour() -> None:
    """23:30, 0:10 and 1:10 are one charge, 2:11 begins another; Bob's is his own, and what names none is alone."""
    events = [made("a", -30), made("b", 10), made("c", 70), made("d", 131), made("e", 70, user_id="bob")]
    rows = compute([*events, made("f", 71, charge_id=None), made("g", 71, charge_id=None)], WORLD)["generations_daily"]
    assert [(row["day"].day, row["generations"], row["credits_charged"], row["uncosted"]) for row in rows] == [
        (1, 1, 10, 1), (2, 6, 40, 4)
    ]  # fmt: skip


def test_a_price_holds_from_the_day_on_which_it_was_read() -> None:
    def read(day: int, hour: int, cents: Any) -> PriceReading:
        at = datetime(2026, 11, day, hour, tzinfo=UTC)
        return PriceReading("palette", at, [{"model_id": "fox", "cost_cents": cents}])

    prices = [read(2, 9, 5), read(3, 9, 6), read(3, 10, "7.5"), read(4, 1, None)]
    events = [made(str(day), day * 1440.0, charge_id=None) for day in (-9, 0, 1, 2)]
    tables = compute(events, Settings("t", "UTC", {"palette": "studio"}, str, prices))
    told = [(row["currency"], row["cost_micros"], row["uncosted"]) for row in tables["generations_daily"]]
    assert told == [("USD", 50_000, 0), ("USD", 50_000, 0), ("USD", 75_000, 0), ("", 0, 1)]
    assert [row["amount_micros"] for row in money_daily(tables)] == [-50_000, -50_000, -75_000, None]


def test_users_are_active_in_windows_up_to_the_last_day() -> None:
    events = [made("a", 0), made("b", 0, user_id="bob"), made("c", 8 * 1440.0)]
    rows = compute(events, WORLD)["active_users_trailing"]
    told = {(row["day"].day, row["window_days"]): (row["active_users"], row["new_users"]) for row in rows}
    assert told[2, 1] == told[2, 7] == told[8, 7] == (2, None)  # nothing before the window: all would be new
    assert (told[10, 1], told[10, 7], told[10, 30]) == ((1, 0), (1, 0), (2, None))
    assert (9, 1) not in told and (9, 7) not in told and max(told)[0] == 10


def test_rows_are_rejected_for_the_first_reason() -> None:
    row = {"id": "a", "user_id": "ann", "model_id": "fox", "status": "done", "created_at": "2026-11-02 00:00:00"}
    wrong = {**row, "id": "b", "user_id": None, "credits_cost": -1}, {**row, "id": "c", "credits_cost": "-1"}
    no_day = {**row, "id": None}, {**row, "id": "d", "created_at": "soon"}
    rows = [row, dict(row), {**row, "status": "failed"}, *wrong, *no_day]
    tables = Tables("palette", rows, [], MIDNIGHT + timedelta(hours=1), timedelta(hours=24), str)
    taken = read_tables(tables)[GENERATION]
    assert taken.rejected == {date(2026, 11, 2): {"DUPLICATE_ID": 1, "NO_USER": 1, "BAD_NUMBER": 1}}
    assert (taken.ignored[date(2026, 11, 2)], [event.said["status"] for event in taken.events]) == (1, ["done"])
    money = {"id": "m", "user_id": "ann", "type": "Refund", "amount": "-5", "created_at": "2026-11-02T01:00:00+01:00"}
    paid = json.dumps(json.dumps({"amount_paid_cents": "0.00005", "currency": " eur "}))
    tables = Tables("palette", [], [{**money, "metadata": paid}], MIDNIGHT, timedelta(hours=24), str)
    [event] = read_tables(tables)[CREDIT].events
    assert (event.at, event.said["paid_micros"], event.said["currency"]) == (MIDNIGHT, 0, "EUR")  # half-even


FORMS: list[tuple[bytes, list[Any]]] = [
    (b'{"a": 1}', [{"a": 1}]),
    (b'\xef\xbb\xbf[{"a": 1},\n {"a": 2}]\n', [{"a": 1}, {"a": 2}]),
    (b'{"a": 1}\n\n[{"a": 2}, 3]\n', [{"a": 1}, BLANK, {"a": 2}, 3]),
    (b'{"a": \n{"a": 2}\n{"n": NaN}', [BROKEN, {"a": 2}, BROKEN]),
    (b'{"data": [{"a": 1}], "error": null}', [{"a": 1}]),
    (b"\n \n", [BLANK, BLANK]),
    (b"", []),
]


@pytest.mark.parametrize(("data", "meant"), FORMS)
def test_a_file_has_one_of_many_forms(data: bytes, meant: list[Any]) -> None:
    assert items(data) == items(gzip.compress(data)) == meant


@pytest.mark.parametrize("data", [b"<html>\n", b'[{"a": 1},\n{"a'])
def test_what_holds_no_events_is_refused(data: bytes) -> None:
    with pytest.raises(NotEvents):
        items(data)
