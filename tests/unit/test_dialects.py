"""Ceph's and Scality's objects: the dialect goes with the object, and the fast path reads what is well formed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mediameter.metering import deliveries
from parsers.access_log import (
    Context,
    Limits,
    Parsed,
    Piece,
    dialects,
    parse_object,
    parse_pieces,
    read_blocks,
    read_line,
)
from parsers.access_log.by_pattern import read_sound_lines
from parsers.access_log.dialects import DIALECTS
from parsers.access_log.line_hash import of_column
from schemas.internal import OBJECTS, REJECTS
from schemas.records import PARSED
from schemas.vocabulary import DIALECTS as NAMES
from schemas.vocabulary import PAST_REFUSALS, REFUSALS, operation_class
from tests.worlds import made_up_dialect

CONTEXT = Context(seed=3, last_modified=datetime(2026, 1, 2, tzinfo=UTC), log_bucket="logs")
NOT_OF_A_LINE = ("object_id", "line_number", "line_hash")  # its place, and what is made of many lines at once
TIME = "[01/Jan/2026:10:00:38 +0000]"
AWS = f'acme media {TIME} 192.0.2.3 - r1 REST.GET.OBJECT a%2520b.jpg "GET /a HTTP/1.1" 200 - 5 9 4 3 "-" "x" -'
CEPH = f'acme a:media {TIME} 192.0.2.3 web r1 REST.GET.OBJECT a%20b c.jpg "GET /a HTTP/1.1" 200 - - 9 - 3ms x "y [z]" -'
SCALITY = f'- media {TIME} 192.0.2.3 web r1 REST.GET.OBJECT a%20b c.jpg "GET /a HTTP/1.1" 200 - 5 9 4.5 3 - "y [z]" -'
OF_ITS_OWN = {"aws": AWS, "ceph": CEPH, "scality": SCALITY}


def piece(object_id: int, *lines: str) -> Piece:
    (block,) = read_blocks(["".join(f"{line}\n" for line in lines).encode()])
    return Piece.of(object_id, block, CONTEXT)


def by_object(parsed: Parsed) -> dict[int, list[tuple[str, str]]]:
    columns = parsed.frame.select("object_id", "line_number", "dialect", "key").sort("object_id", "line_number")
    return {
        number: rows.select("dialect", "key").rows()
        for (number,), rows in columns.group_by(["object_id"], maintain_order=True)
    }


def test_objects_of_all_dialects_in_one_batch() -> None:
    parsed = parse_pieces([piece(1, SCALITY), piece(2, AWS, AWS), piece(3, CEPH), piece(4, SCALITY, "cut off")])
    assert by_object(parsed) == {
        1: [("scality", "a%20b c.jpg")],
        2: [("aws", "a b.jpg")] * 2,
        3: [("ceph", "a%20b c.jpg")],
        4: [("scality", "a%20b c.jpg")],
    }
    assert parsed.lines == {1: 1, 2: 2, 3: 1, 4: 2}
    assert parsed.rejects.select("object_id", "line_number", "reason").rows() == [(4, 2, "SHORT_LINE")]
    assert set(parsed.ignored) == {1, 2, 3, 4}


def test_the_dialect_goes_with_every_block_of_the_object() -> None:
    """Later blocks may hold nothing that tells it."""
    silent = SCALITY.replace("- media", "acme media", 1).replace("4.5", "4")
    chunks = [f"{text}\n".encode() for text in [SCALITY] * 20 + [silent] * 980]
    blocks = list(read_blocks(chunks, Limits(block_bytes=4_000)))
    assert len(blocks) > 5
    parsed = parse_pieces([Piece.of(1, block, CONTEXT) for block in blocks])
    assert parsed.frame["dialect"].unique().to_list() == ["scality"]
    assert parsed.frame.height == 1_000


@pytest.mark.parametrize("dialect", ["ceph", "scality"])
def test_well_formed_lines_are_read_fast_and_just_as_exactly(dialect: str) -> None:
    sound, odd = OF_ITS_OWN[dialect], OF_ITS_OWN[dialect].replace('"y [z]"', '"y HTTP/1.1" 200 - 9 9 9 9 9')
    lines = [sound, odd, sound, "", sound.replace("a%20b", "REST.PUT.OBJECT b", 1), sound.replace("web", "-", 1)]
    places = pl.DataFrame(
        {
            "object_id": pl.Series([7] * len(lines), dtype=pl.Int64),
            "line_number": pl.Series(np.arange(1, len(lines) + 1), dtype=pl.Int64),
            "latest": pl.Series([CONTEXT.latest] * len(lines), dtype=pl.Datetime("us", "UTC")),
        }
    )
    text, hashed = "".join(f"{line}\n" for line in lines).encode(), of_column(CONTEXT.line_hash, CONTEXT.seed)
    frame, rest = read_sound_lines(text, places, hashed, DIALECTS[dialect])
    assert rest.tolist() == [1, 3]
    for row in frame.iter_rows(named=True):
        exact = read_line(lines[row["line_number"] - 1].encode(), CONTEXT, dialect).fields
        assert exact == {name: row[name] for name in PARSED.names if name not in NOT_OF_A_LINE}


def test_ceph_bytes_are_those_sent_not_those_received() -> None:
    """Its field holds the length of the request's body."""
    get, put = CEPH, CEPH.replace("REST.GET.OBJECT", "REST.PUT.OBJECT").replace("200 - - 9", "200 - 9 9")
    ranged, listed = CEPH.replace('" 200', '" 206'), CEPH.replace("GET.OBJECT", "GET.BUCKET").replace("- - 9", "- 4 -")
    parsed = parse_object("\n".join([get, put, ranged, listed]).encode(), CONTEXT)
    assert parsed.frame.sort("line_number")["bytes_sent"].to_list() == [9, 0, 0, 4]


def test_multi_deletes_and_copies_of_other_servers_have_their_class() -> None:
    assert operation_class("REST.POST.DELETE_MULTI_OBJECT") == "delete_object"
    assert operation_class("REST.PUT.COPY") == "copy_object"


def test_what_was_refused_once_is_still_a_known_word() -> None:
    assert not set(PAST_REFUSALS) & set(REFUSALS)
    for contract in (OBJECTS, REJECTS):
        assert {*REFUSALS, *PAST_REFUSALS} <= set(contract.column("reason").among)


# --- a dialect is a file and a row -------------------------------------------------------------------
MADE_UP = (
    f'acme media {TIME} 192.0.2.3 - made-up-1767261630 REST.GET.OBJECT a%20b.jpg "GET /a HTTP/1.1" 200 - 5 9 4500 1999 '
    '"-" "y" -'
)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DIALECTS, "made_up", made_up_dialect.DIALECT)


def test_every_file_is_a_row_and_every_row_a_file() -> None:
    files = {path.stem for path in Path(dialects.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == set(NAMES) == set(DIALECTS) == {row.name for row in DIALECTS.values()}
    assert len({(row.cut, row.body) for row in dialects.of_lines()}) == 1, "read in one form, and fast"
    assert [row.name for row in dialects.of_lines() if not (row.has_three_ids or row.request_ids)] == ["aws"]
    assert all(row.pattern for row in dialects.of_objects())


def test_a_new_dialect_is_sniffed_and_read_fast_and_exactly_alike(made_up: None) -> None:
    odd = MADE_UP.replace('"y"', '"y HTTP/1.1" 200 - 9 9 9 9 "-" "z"')
    lines = [*[MADE_UP] * 3, odd]
    parsed = parse_pieces([piece(1, *lines), piece(2, AWS), piece(3, CEPH)])
    assert by_object(parsed) == {
        1: [("made_up", "a b.jpg")] * 3,
        2: [("aws", "a b.jpg")],
        3: [("ceph", "a%20b c.jpg")],
    }
    assert parsed.rejects["reason"].to_list() == ["AMBIGUOUS"]
    fast = parsed.frame.filter(pl.col("object_id") == 1).row(0, named=True)
    assert (fast["total_ms"], fast["turn_around_ms"], fast["bytes_sent"]) == (4, 1, 5)
    exact = read_line(MADE_UP.encode(), CONTEXT, "made_up").fields
    assert exact == {name: fast[name] for name in PARSED.names if name not in NOT_OF_A_LINE}


def test_matching_knows_when_requests_of_a_new_dialect_began(made_up: None) -> None:
    """By its id; where the id tells nothing, by its end and the time taken. Others keep their own way."""
    silent = MADE_UP.replace("made-up-1767261630", "r1").replace(" 4500 ", " 12000000 ")
    swift = AWS.replace(" r1 ", f" tx{'0' * 21}-{1767261635:010x} ")
    parsed = parse_pieces([piece(1, MADE_UP, MADE_UP, silent), piece(2, swift)])
    begun = parsed.frame.sort("object_id", "line_number").select(deliveries.begun_at(dialects.begins()))
    assert [at.strftime("%H:%M:%S") for at in begun.to_series()] == ["10:00:30", "10:00:30", "10:00:26", "10:00:35"]
    assert {"dialect", "total_ms"} <= set(deliveries.reads(dialects.begins()))


def test_where_all_dialects_tell_begins_alike_nothing_more_is_read() -> None:
    assert deliveries.reads(dialects.begins()) == deliveries.READS
