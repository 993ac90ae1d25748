"""Rows of media_analytics as events: what a row's metadata says, which two rows are one view, what is no event."""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.media_analytics import PAIR_GAP, Stream
from schemas.application import APP_EVENT, MEDIA_ANALYTICS
from schemas.frames import polars_schema, validate
from schemas.source_table import ROW_IGNORED, ROW_REJECTED
from tests.conftest import Trials

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
LOOK = {"tenant_id": "t", "email": "a@b.c", "roles": []}
SIZE = {"bytes": 700, "tenant_id": "t"}


def row(id: str | None, seconds: float = 0, metadata: Any = LOOK, **more: Any) -> dict[str, Any]:
    text = metadata if metadata is None or isinstance(metadata, str) else json.dumps(metadata)
    of_all = {"media_file_id": "f", "event_type": "view", "user_id": "u", "application_id": "a"}
    of_client = {"ip_address": "198.51.100.7", "user_agent": "A", "referer": None, "variant_type": None}
    at = None if seconds is None else NOON + timedelta(seconds=seconds)
    return {"id": id, **of_all, **of_client, "timestamp": at, "metadata": text, **more}


def taken(rows: list[dict[str, Any]], parts: int = 1) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Events, rejected, ignored; the rows in that many parts. Every row is in just one of them."""
    frame = pl.DataFrame(rows, schema=polars_schema(MEDIA_ANALYTICS.contract))
    stream, size = Stream(), max(1, -(-len(rows) // parts))
    found = [stream.take(frame.slice(begin, size)) for begin in range(0, len(rows), size)]
    found.append(stream.take(frame.clear(), is_last=True))
    assert sum(part.rows for part in found) == len(rows) and stream.waiting.height == 0
    contracts = zip((APP_EVENT, ROW_REJECTED, ROW_IGNORED), zip(*found, strict=True), strict=True)
    events, rejected, ignored = (validate(pl.concat(frames), contract) for contract, frames in contracts)
    return events.sort("at", "event_id"), rejected, ignored


def told(rows: list[dict[str, Any]], parts: int = 1) -> list[tuple[str, int, int | None]]:
    """(event, rows, bytes) of each event."""
    return taken(rows, parts)[0].select("event_id", "row_count", "app_bytes").rows()


# --- metadata ----------------------------------------------------------------------------------------
SHAPES: dict[str, tuple[Any, str, int | None]] = {
    "access": (LOOK, "event", None),
    "bandwidth": (SIZE, "event", 700),
    "both in one": ({**LOOK, **SIZE}, "event", 700),
    "none": (None, "event", None),
    "empty": ("", "event", None),
    "JSON's null": ("null", "event", None),
    "encoded twice": (json.dumps(json.dumps(SIZE)), "event", 700),
    "bytes as text": ({"bytes": " 524288 "}, "event", 524288),
    "bytes as decimal text": ({"bytes": "524288.000"}, "event", 524288),
    "bytes as float": ({"bytes": 1e6}, "event", 1_000_000),
    "bytes null": ({"bytes": None}, "event", None),
    "the most bytes": ({"bytes": 2**46}, "event", 2**46),
    "more than the most": ({"bytes": 2**46 + 1}, "BAD_BYTES", None),
    "negative": ({"bytes": -1}, "BAD_BYTES", None),
    "a fraction": ({"bytes": 1.5}, "BAD_BYTES", None),
    "a boolean": ({"bytes": True}, "BAD_BYTES", None),
    "words": ({"bytes": "many"}, "BAD_BYTES", None),
    "not a number": ('{"bytes": NaN}', "BAD_BYTES", None),
    "cut short": ('{"bytes": 1', "BROKEN_METADATA", None),
    "a list": ("[1]", "BROKEN_METADATA", None),
    "a number": ("12", "BROKEN_METADATA", None),
    "imported": ({"source": "ovh_logs", "bytes": "x", "status": 200}, "IMPORTED", None),
    "imported, encoded twice": (json.dumps(json.dumps({"source": "ovh_logs"})), "IMPORTED", None),
    "from elsewhere": ({"source": "web", "bytes": 5}, "event", 5),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_metadata_says(name: str) -> None:
    metadata, outcome, app_bytes = SHAPES[name]
    events, rejected, ignored = taken([row("r", metadata=metadata)])
    reasons = ["event"] * events.height + [*rejected["reason"], *ignored["reason"]]
    assert reasons == [outcome] and events["app_bytes"].to_list() == [app_bytes] * events.height


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no id": (row(None), "NO_ID"),
    "a blank id": (row("  "), "NO_ID"),
    "no time": (row("r", None), "NO_TIME"),  # type: ignore[arg-type]
    "an unknown type": (row("r", event_type="click"), "UNKNOWN_EVENT_TYPE"),
    "an invalid enum, as MySQL keeps it": (row("r", event_type=""), "UNKNOWN_EVENT_TYPE"),
    "no file": (row("r", media_file_id=None), "NO_FILE"),
    "a long id": (row("r" * 129), "LONG_ID"),
    "a long file": (row("r", media_file_id="f" * 65), "LONG_ID"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_row(name: str) -> None:
    wrong, reason = WRONG[name]
    events, rejected, _ = taken([row("good", 1), wrong])
    assert events["event_id"].to_list() == ["good"]
    assert rejected["reason"].to_list() == [reason]


def test_what_is_not_said_is_null() -> None:
    nothing = {"user_id": "", "ip_address": "-", "user_agent": "null", "referer": "undefined", "variant_type": " "}
    [event] = taken([row("r", event_type="VIEW ", **nothing)])[0].to_dicts()
    assert event["event_type"] == "view" and all(event[name] is None for name in nothing)


# --- pairs -------------------------------------------------------------------------------------------
PAIRS: dict[str, tuple[list[dict[str, Any]], list[tuple[str, int, int | None]]]] = {
    "a view": ([row("a"), row("b", 0.05, SIZE)], [("a", 2, 700)]),
    "the size comes first": ([row("b", 0, SIZE), row("a", 1)], [("a", 2, 700)]),
    "two views a second apart": (
        [row("a1"), row("b1", 0.1, SIZE), row("a2", 1), row("b2", 1.1, SIZE)],
        [("a1", 2, 700), ("a2", 2, 700)],
    ),
    "two views at once": (
        [row("a1"), row("a2"), row("b1", 0, SIZE), row("b2", 0, SIZE)],
        [("a1", 2, 700), ("a2", 2, 700)],
    ),
    "as far apart as can be": ([row("a"), row("b", 2, SIZE)], [("a", 2, 700)]),
    "too far apart": ([row("a"), row("b", 2.001, SIZE)], [("a", 1, None), ("b", 1, 700)]),
    "two sizes, one look": ([row("a"), row("b1", 0, SIZE), row("b2", 0, SIZE)], [("a", 2, 700), ("b2", 1, 700)]),
    "a look without its size, long before": (
        [row("a1"), row("a2", 1.5), row("a3", 3), row("b", 3.1, SIZE)],
        [("a1", 1, None), ("a2", 2, 700), ("a3", 1, None)],
    ),
    "of two users": ([row("a"), row("b", 0, SIZE, user_id="v")], [("a", 1, None), ("b", 1, 700)]),
    "of nobody": ([row("a", user_id=None), row("b", 0, SIZE, user_id=None)], [("a", 2, 700)]),
    "of nobody and somebody": ([row("a", user_id=None), row("b", 0, SIZE)], [("a", 1, None), ("b", 1, 700)]),
    "of two types": ([row("a"), row("b", 0, SIZE, event_type="download")], [("a", 1, None), ("b", 1, 700)]),
    "what says both takes no partner": (
        [row("w", 0, {**LOOK, **SIZE}), row("b", 0, SIZE)],
        [("b", 1, 700), ("w", 1, 700)],
    ),
    "of two variants": (
        [
            row("a1", variant_type="w1"),
            row("a2", variant_type="w2"),
            row("b1", 0, {"bytes": 2}, variant_type="w2"),
            row("b2", 0, {"bytes": 1}, variant_type="w1"),
        ],
        [("a1", 2, 1), ("a2", 2, 2)],
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_which_rows_are_one_event(name: str) -> None:
    rows, events = PAIRS[name]
    assert told(rows) == events


def test_a_pair_knows_what_either_row_says() -> None:
    size = row("b", 0, SIZE, application_id="app", variant_type="w1", referer="https://x.org/")
    [event] = taken([row("a", application_id=None), size])[0].to_dicts()
    assert (event["application_id"], event["variant_type"], event["referer"]) == ("app", "w1", "https://x.org/")


def test_of_rows_with_one_id_the_first_counts() -> None:
    rows = [row("r"), row("r"), row("r", 30, user_id="other"), row("s", 31)]
    for parts in (1, 4):
        events, rejected, ignored = taken(rows, parts)
        assert events["event_id"].to_list() == ["r", "s"]
        assert (
            rejected.height + ignored.height == 2
        )  # what is equal in another part can no longer be told from a change


# --- laws --------------------------------------------------------------------------------------------
@st.composite
def busy(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of two users who look at one file again and again, now and then with a size missing."""
    steps = draw(st.lists(st.sampled_from((0.0, 0.4, 1.0, 1.9, 2.0, 2.1, 5.0)), min_size=1, max_size=40))
    rows, at = [], 0.0
    for number, step in enumerate(steps):
        at += step
        metadata = draw(st.sampled_from((LOOK, SIZE)))
        rows.append(row(f"r{number:02d}", at, metadata, user_id=draw(st.sampled_from(("u", None)))))
    return rows


def one_after_the_other(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """The definition, as plainly as it can be said."""
    waiting: dict[Any, deque[dict[str, Any]]] = {}
    count = {row["id"]: 1 for row in rows}
    for each in sorted(rows, key=lambda row: (row["timestamp"], row["id"])):
        queue = waiting.setdefault(each["user_id"], deque())
        while queue and each["timestamp"] - queue[0]["timestamp"] > PAIR_GAP:
            queue.popleft()
        if queue and queue[0]["metadata"] != each["metadata"]:
            access, size = sorted((queue.popleft(), each), key=lambda row: "bytes" in row["metadata"])
            count[access["id"]] = 2
            del count[size["id"]]
        else:
            queue.append(each)
    return sorted(count.items())


def test_pairs_are_what_the_definition_says(trials: Trials) -> None:
    @settings(max_examples=trials(30, 500))
    @given(busy())
    def holds(rows: list[dict[str, Any]]) -> None:
        assert sorted((id, count) for id, count, _ in told(rows)) == one_after_the_other(rows)

    holds()


def test_parts_make_no_difference(trials: Trials) -> None:
    @settings(max_examples=trials(30, 500))
    @given(busy(), st.integers(2, 9))
    def holds(rows: list[dict[str, Any]], parts: int) -> None:
        assert told(rows, parts) == told(rows)

    holds()
