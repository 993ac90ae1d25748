"""What a reader makes of a poisoned value costs its row in every parser: no other row changes, and each row is an
event, rejected or left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl
import pytest

from mediameter.sources.table_values import COLUMN_OF
from parsers import colouring_book, media_analytics, media_files, palette
from parsers.access_log import Context, parse_object
from parsers.palette_events import Parsed, read_events
from schemas.application import APP_EVENT, MEDIA_ANALYTICS, MEDIA_FILES
from schemas.colouring_book import GENERATION_LOGS
from schemas.frames import polars_schema, validate
from schemas.palette import CREDIT, CREDIT_TRANSACTIONS, GENERATION, GENERATION_EVENTS, OF_LAKE_KIND
from schemas.source_table import SourceTable
from tests.worlds.poisons import DEEP, LINES, POISONS, Poison, log_line

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
IN_JSON = [poison for poison in POISONS if poison.json is not None and "million" not in poison.name]
"""A million characters are read in `tests/export/test_poisons.py`: here they would only take time."""


def value_of(poison: Poison) -> Any:
    """As a driver or an API gives it."""
    try:
        return json.loads(poison.json or "null")
    except (ValueError, RecursionError):
        return poison.json


# --- rows of tables ----------------------------------------------------------------------------------


class Case(NamedTuple):
    """A table, how its rows are taken, and one good row."""

    table: SourceTable
    contract: Any
    stream: Callable[[], Any]
    good: dict[str, Any]


_PAID = '{"amount_paid_cents": 900, "currency": "EUR", "model_id": "owl"}'
CASES = (
    Case(
        GENERATION_EVENTS, GENERATION, lambda: palette.generations(NOON),
        {
            "id": "1", "user_id": "u", "prediction_id": "p", "gallery_id": "g", "generation_type": "image",
            "model_id": "owl", "model_name": "Owl", "status": "failed", "credits_cost": 20,
            "error_message": "a fox in the snow is refused", "prompt": "a fox in the snow", "created_at": NOON,
            "completed_at": NOON + timedelta(seconds=4),
        },
    ),
    Case(
        CREDIT_TRANSACTIONS, CREDIT, palette.credits,
        {"id": "1", "user_id": "u", "type": "purchase", "amount": 5, "metadata": _PAID, "created_at": NOON},
    ),
    Case(
        GENERATION_LOGS, GENERATION, lambda: colouring_book.generations({"Ghibli": "ghibli"}),
        {
            "id": "1", "user_id": None, "style": "Ghibli", "difficulty": 3, "duration_ms": 12_000,
            "costs": '{"total": 0.05}', "tokens": '{"vision_input": 1}', "success": True, "error_message": None,
            "created_at": NOON,
        },
    ),
    Case(
        MEDIA_ANALYTICS, APP_EVENT, media_analytics.Stream,
        {
            "id": "1", "media_file_id": "f", "event_type": "view", "user_id": "u", "application_id": "a",
            "ip_address": "192.0.2.7", "user_agent": "agent", "referer": None, "variant_type": None, "timestamp": NOON,
            "metadata": '{"bytes": 5, "email": "e"}',
        },
    ),
)  # fmt: skip


def page_of(case: Case, poisoned: Any = None, column: str = "") -> pl.DataFrame:
    """Three rows a minute apart; the second has the poison in that column."""
    cursor = case.table.cursor or ""
    rows = []
    for number in range(3):
        rows.append({**case.good, "id": f"row {number}", cursor: NOON + timedelta(minutes=number)})
    if column:
        rows[1][column] = poisoned
    columns = [COLUMN_OF[each.type](each.name, [row[each.name] for row in rows]) for each in case.table.contract]
    return pl.DataFrame(columns).cast(polars_schema(case.table.contract))  # type: ignore[arg-type]


def columns_of(table: SourceTable, poison: Poison) -> Iterator[str]:
    """Those of the poison's type; JSON may stand in any text."""
    kind = "text" if poison.kind == "json" else poison.kind
    yield from (column.name for column in table.contract if column.type == kind)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.table.name)
@pytest.mark.parametrize("poison", IN_JSON, ids=lambda poison: poison.name)
def test_a_parser_loses_no_other_row(poison: Poison, case: Case) -> None:
    sound = case.stream().take(page_of(case), is_last=True).events
    assert sound.height == 3
    for column in columns_of(case.table, poison):
        taken = case.stream().take(page_of(case, value_of(poison), column), is_last=True)
        assert taken.rows == 3, column
        others = taken.events.filter(pl.col("event_id").is_in(["row 0", "row 2"]))
        assert others.equals(sound.filter(pl.col("event_id").is_in(["row 0", "row 2"]))), column
        validate(taken.events.drop_nulls("at"), case.contract)
        assert taken.rejected["reason"].null_count() == 0 and taken.rejected["detail"].null_count() == 0


_FILE = {
    "id": "1", "storage_key": "k", "original_filename": "n", "user_id": "u", "application_id": "a", "file_size": 5,
    "mime_type": "image/png", "width": 1, "height": 2, "duration_seconds": 0.5, "uploaded_at": NOON, "updated_at": NOON,
    "is_deleted": False, "deleted_at": None,
}  # fmt: skip


@pytest.mark.parametrize("poison", IN_JSON, ids=lambda poison: poison.name)
def test_the_catalogue_loses_no_other_file(poison: Poison) -> None:
    for column in columns_of(MEDIA_FILES, poison):
        rows = [{**_FILE, "id": f"row {number}"} for number in range(3)]
        rows[1][column] = value_of(poison)
        series = [COLUMN_OF[each.type](each.name, [row[each.name] for row in rows]) for each in MEDIA_FILES.contract]
        found, rejected = media_files.files(pl.DataFrame(series).cast(polars_schema(MEDIA_FILES.contract)))  # type: ignore[arg-type]
        assert found.height + rejected.height == 3, column
        assert {"row 0", "row 2"} <= set(found["media_file_id"])
        if column == "deleted_at" and poison.reads is None:  # a common way to write "never"
            assert not found["is_deleted"].any()


# --- event files -------------------------------------------------------------------------------------

_EVENTS: dict[str, dict[str, Any]] = {
    "generation": {
        "event_type": "generation", "id": "1", "timestamp": "2026-11-03T12:00:00Z", "user_id": "u", "model_id": "owl",
        "model_name": "Owl", "status": "completed", "generation_type": "image", "duration_ms": 4500, "cost_cents": 4,
        "currency": "USD", "credits_used": 20, "prediction_id": "p", "gallery_id": "g", "error_message": None,
        "error_type": None, "completed_at": "2026-11-03T12:00:00Z", "prompt": "a fox in the snow", "app": "palette",
    },
    "credit_purchase": {
        "event_type": "credit_purchase", "transaction_id": "1", "timestamp": 1793707200, "user_id": "u",
        "credits_purchased": 100, "amount_cents": 900, "currency": "EUR", "app": "palette",
    },
    "auth": {"event_type": "auth", "id": "1", "timestamp": "2026-11-03T12:00:00Z", "user_id": "u", "action": "login"},
    "error": {
        "event_type": "error", "id": "1", "timestamp": "2026-11-03T12:00:00Z", "user_id": "u", "severity": "fatal",
        "error_type": "Boom", "error_message": "it\nfell",
    },
}  # fmt: skip


def parsed(lines: list[str]) -> Parsed:
    content = "\n".join(lines).encode() + b"\n"
    context = Context(seed=1, last_modified=NOON + timedelta(days=1))
    [found] = read_events([content], context)
    return found


def ids_of(found: Parsed) -> set[str]:
    for kind, frame in found.frames.items():
        validate(frame, OF_LAKE_KIND[kind])
    return {id for frame in found.frames.values() for id in frame["event_id"]}


@pytest.mark.parametrize("shape", list(_EVENTS))
@pytest.mark.parametrize("poison", IN_JSON, ids=lambda poison: poison.name)
def test_an_event_costs_itself(poison: Poison, shape: str) -> None:
    good = _EVENTS[shape]
    name = "transaction_id" if "transaction_id" in good else "id"
    for field in good:
        lines = [json.dumps({**good, name: f"row-{number}"}) for number in range(3)]
        poisoned = json.dumps({**good, name: "row-1", field: "POISON"})
        lines[1] = poisoned.replace('"POISON"', poison.json or "null")
        found = parsed(lines)
        rows = sum(frame.height for frame in found.frames.values())
        assert (found.events, rows + found.ignored + len(found.rejects)) == (3, 3), field
        assert {"row-0", "row-2"} <= ids_of(found), field
        assert all(number == 2 for number, *_ in found.rejects), field


@pytest.mark.parametrize("raw", [DEEP, '{"a":' * 3_000, "NaN", "-Infinity", '{"a":', '"\0"', '"\\u12"', "\udcff", "''"])
def test_a_line_that_is_no_json_costs_itself(raw: str) -> None:
    good = [json.dumps({**_EVENTS["generation"], "id": f"row-{number}"}) for number in range(2)]
    broken = good[0].replace('"2026-11-03T12:00:00Z"', raw, 1).encode("utf-8", "surrogateescape")
    context = Context(seed=1, last_modified=NOON + timedelta(days=1))
    [found] = read_events([b"\n".join((good[0].encode(), broken, good[1].encode())) + b"\n"], context)
    assert ids_of(found) == {"row-0", "row-1"} and found.events == 3
    assert [(number, reason) for number, _, reason, _ in found.rejects] in ([(2, "BROKEN_JSON")], [(2, "NO_TIME")])


# --- access logs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(LINES))
def test_a_line_of_a_log_costs_itself(name: str) -> None:
    lines = (log_line(90).encode(), LINES[name], log_line(91).encode())
    context = Context(seed=1, last_modified=NOON + timedelta(hours=1))
    found = parse_object(b"\n".join(lines) + b"\n", context)
    assert found.frame.height + found.rejects.height == 3
    assert found.rejects["line_number"].to_list() in ([], [2])
    assert found.frame["bytes_sent"].to_list()[:: found.frame.height - 1] == [1_000, 1_000]
