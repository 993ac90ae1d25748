"""Which event is which delivery, which file is which key: by hand, and against pairs looked for one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediameter.metering.bots import is_bot, is_crawler
from mediameter.metering.catalogue import FILES, application_name, files_by_key
from mediameter.metering.deliveries import READS, folded, requests_of
from mediameter.metering.matching import matched, nearest, nearest_of, unmistakable
from parsers.access_log.dialects import begins
from schemas.frames import polars_schema
from schemas.records import RECORD

NOON = datetime(2025, 10, 30, 12, tzinfo=UTC)
Point = tuple[int, int]  # group, seconds after noon


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


# --- pairs -------------------------------------------------------------------------------------------
def points(rows: list[Point], seed: int = 0) -> pl.DataFrame:
    """Their place in the list is their order; the frame's own order is any."""
    schema = {"group": pl.UInt32(), "at": pl.Datetime("us", "UTC"), "order": pl.UInt32(), "row": pl.UInt32()}
    made = [(group, at(second), place, place) for place, (group, second) in enumerate(rows)]
    return pl.DataFrame(Random(seed).sample(made, len(made)), schema=schema, orient="row")


def candidates(deliveries: list[Point], events: list[Point], tolerance: int) -> list[tuple[int, int, int]]:
    return sorted(
        (abs(one[1] - other[1]), delivery, event)
        for delivery, one in enumerate(deliveries)
        for event, other in enumerate(events)
        if one[0] == other[0] and abs(one[1] - other[1]) <= tolerance
    )


def the_nearest_first(deliveries: list[Point], events: list[Point], tolerance: int) -> set[tuple[int, int]]:
    pairs: dict[int, int] = {}
    for _, delivery, event in candidates(deliveries, events, tolerance):
        if delivery not in pairs and event not in pairs.values():
            pairs[delivery] = event
    return set(pairs.items())


def without_another(deliveries: list[Point], events: list[Point], tolerance: int) -> set[tuple[int, int]]:
    found = [(delivery, event) for _, delivery, event in candidates(deliveries, events, tolerance)]
    of_deliveries, of_events = [delivery for delivery, _ in found], [event for _, event in found]
    return {pair for pair in found if of_deliveries.count(pair[0]) == of_events.count(pair[1]) == 1}


POINTS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40)), max_size=14)


@given(POINTS, POINTS, st.sampled_from((0, 1, 3, 10)), st.integers(0, 99))
def test_pairs_are_those_found_one_by_one(one: list[Point], other: list[Point], tolerance: int, seed: int) -> None:
    frames, within = (points(one, seed), points(other, seed + 1)), timedelta(seconds=tolerance)
    assert set(nearest(*frames, within).iter_rows()) == the_nearest_first(one, other, tolerance)
    assert set(unmistakable(*frames, within).iter_rows()) == without_another(one, other, tolerance)


@given(POINTS, POINTS, st.sampled_from((0, 1, 3, 10)))
def test_a_crowd_is_matched_along_the_axis(one: list[Point], other: list[Point], tolerance: int) -> None:
    """What rounds of mutual choice leave over, as if they had left all."""
    one, other = [(0, second) for _, second in one], [(0, second) for _, second in other]
    rows = [(0, at(second), False, place, place) for place, (_, second) in enumerate(one)]
    rows += [(0, at(second), True, place, place) for place, (_, second) in enumerate(other)]
    pairs = nearest_of(sorted(rows), timedelta(seconds=tolerance))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == the_nearest_first(one, other, tolerance)


def test_a_crowd_of_thousands_is_no_square() -> None:
    crowd = points([(0, 0)] * 20_000), points([(0, second % 7) for second in range(20_000)])
    assert nearest(*crowd, timedelta(seconds=30)).height == 20_000


# --- deliveries and events ---------------------------------------------------------------------------
def sent(*rows: tuple[float, str | None, str, str]) -> pl.DataFrame:
    """Begin in seconds after noon, file, address, edge."""
    made = [("ovh", number, at(begin), *rest) for number, (begin, *rest) in enumerate(rows)]
    schema = ["source", "line_hash", "begin_at", "file", "address", "edge"]
    return pl.DataFrame(made, schema=schema, orient="row")


def told(*rows: tuple[float, str | None, str | None]) -> pl.DataFrame:
    made = [(f"e{number}", at(second), *rest) for number, (second, *rest) in enumerate(rows)]
    return pl.DataFrame(made, schema=["event_id", "at", "file", "address"], orient="row")


def bases(deliveries: pl.DataFrame, events: pl.DataFrame) -> dict[tuple[int, int], str]:
    found = matched(deliveries, events, timedelta(seconds=30), timedelta(seconds=2))
    return {(delivery, event): basis for delivery, event, basis in found.iter_rows()}


def test_file_and_address_have_to_be_the_same_and_the_time_nearly() -> None:
    deliveries = sent((0, "f", "a", "direct"), (100, "g", "a", "direct"), (200, "f", "b", "direct"))
    events = told((30, "f", "a"), (100, "f", "a"), (230.001, "f", "b"), (0, None, "a"), (0, "f", None))
    assert bases(deliveries, events) == {(0, 0): "event_address"}


def test_behind_an_edge_only_what_cannot_be_mistaken_is_matched() -> None:
    deliveries = sent((0, "f", "x", "edge"), (10, "g", "x", "edge"), (11, "g", "y", "edge"), (50, "h", "x", "direct"))
    events = told((2, "f", "a"), (11, "g", "b"), (50, "h", "c"))
    assert bases(deliveries, events) == {(0, 0): "event_edge"}


def test_an_event_that_has_found_its_delivery_is_nobodys_rival() -> None:
    deliveries = sent((0, "f", "a", "direct"), (1, "f", "x", "edge"))
    assert bases(deliveries, told((0, "f", "a"), (1, "f", "b"))) == {(0, 0): "event_address", (1, 1): "event_edge"}


# --- when a delivery began ---------------------------------------------------------------------------
def told_by_id(second: int, tail: str = "") -> str:
    return f"tx{second % 2**80:021x}-{int(at(second).timestamp()):010x}{tail}"


def logged(*rows: tuple[int, str | None]) -> pl.DataFrame:
    """GETs of one client and object: seconds after noon, request id."""
    made = [
        (number, at(second), "b", request_id, "k", "agent", "a", "direct", True)
        for number, (second, request_id) in enumerate(rows)
    ]
    types = polars_schema(RECORD)
    return pl.DataFrame(made, schema={name: types[name] for name in READS}, orient="row")


def deliveries_of(records: pl.DataFrame) -> pl.DataFrame:
    return folded([requests_of(records, begins()).collect()])


@pytest.mark.parametrize(
    ("rows", "begin"),
    [
        ([(0, told_by_id(-5))], -5),
        ([(0, told_by_id(0))], 0),
        ([(0, told_by_id(-7, "-4179-default"))], -7),  # Ceph's ids go on behind it
        ([(0, told_by_id(-9, "f"))], 0),
        ([(0, told_by_id(-3600))], -3600),
        ([(0, told_by_id(-3601))], 0),  # nothing lasts so long: the id means something else
        ([(0, told_by_id(1))], 0),
        ([(0, "3F1A9C0B7D24E605")], 0),
        ([(0, None)], 0),
        ([(0, told_by_id(-1)), (50, told_by_id(-40)), (90, told_by_id(90))], -40),
    ],
)
def test_a_delivery_begins_with_its_first_request(rows: list[tuple[int, str | None]], begin: int) -> None:
    [made] = deliveries_of(logged(*rows)).to_dicts()
    assert (made["begin_at"], made["first_at"], made["last_at"]) == (at(begin), at(0), at(rows[-1][0]))


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200)), max_size=20), st.integers(0, 500))
def test_a_slice_may_cut_a_delivery_anywhere(rows: list[tuple[int, int]], cut: int) -> None:
    records = logged(*((second, told_by_id(second - lasted)) for second, lasted in rows))
    parts = [records.filter(pl.col("at") < at(cut)), records.filter(pl.col("at") >= at(cut))]
    assert folded(map(deliveries_of, parts)).equals(deliveries_of(records.reverse()))


# --- files and names ---------------------------------------------------------------------------------
NANOID, UUID = "V1StGXR8_Z5jdHi6B-myT", "0b9e1a52-7c1d-4a3e-9f00-1234567890ab"


def files(*rows: tuple[str, str, datetime | None, bool]) -> pl.DataFrame:
    made = [(name, key, "app", uploaded, is_deleted, None) for name, key, uploaded, is_deleted in rows]
    return pl.DataFrame(made, schema=FILES, orient="row")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("the/object.png", NANOID),
        (f"media/app/u1/variants/thumb/1700000000000-{NANOID}-a b.webp", NANOID),
        (f"media/app/u1/variants/thumb/1-{UUID}-a-b", UUID),
        (f"files/u1/castingly-public/a/b/1700000000000_{UUID}.mp4", UUID),
        (f"files/u1/castingly-public/1700000000000_{NANOID}.mp4.meta.json", None),
        (f"media/app/u1/variants/thumb/1-{NANOID}-a.meta.json", None),
        (f"media/app/u1/variants/thumb/{NANOID}-a.webp", None),
        (f"media/app/u1/variants/thumb/1-{NANOID}", None),
        (f"media/app/u1/originals/1-{NANOID}-a.webp", None),
        (f"files/u1/1700000000000_{NANOID}", None),
        (f"files/u1/1_{NANOID[:-1]}.png", None),
        ("media/app/u1/variants/thumb/1-aaaaaaaaaaaaaaaaaaaaa-a", None),
    ],
)
def test_which_file_a_key_is(key: str, expected: str | None) -> None:
    known = files((NANOID, "the/object.png", None, False), (UUID, "another", None, False))
    found = files_by_key(pl.Series([key, None, key]), known)
    assert found["media_file_id"].to_list() == ([expected] if expected else [])


def test_of_several_files_of_one_object_the_live_one_counts_then_the_latest() -> None:
    rows = [("a", "k", None, False), ("b", "k", at(1), False), ("c", "k", at(2), True), ("d", "k", at(1), False)]
    for order in (rows, rows[::-1]):
        assert files_by_key(pl.Series(["k"]), files(*order))["media_file_id"].to_list() == ["b"]


def test_an_application_is_called_by_its_slug_or_id_but_not_by_what_stands_for_all() -> None:
    ids = pl.DataFrame({"id": ["one", "two", "three", "", "x" * 129, None]})
    names = {"one": "slug", "three": "*"}
    assert ids.select(application_name(pl.col("id"), names))["id"].to_list() == ["slug", "two", *[None] * 4]


def test_who_calls_himself_a_bot() -> None:
    agents = ["Googlebot/2.1", "curl/8.9", "PYTHON-requests/2", "Mozilla/5.0 CUBOT X30", "Mozilla/5.0 (X11)", "", None]
    assert pl.DataFrame({"a": agents}).select(is_bot(pl.col("a")))["a"].to_list() == [True] * 3 + [False] * 4


def test_a_script_is_a_bot_and_no_crawler() -> None:
    agents = ["Googlebot/2.1", "Mozilla/5.0 (compatible; YandexBot/3.0)", "curl/8.9", "Boto3/1.40", "CUBOT X30", None]
    assert pl.DataFrame({"a": agents}).select(is_crawler(pl.col("a")))["a"].to_list() == [True] * 2 + [False] * 4
