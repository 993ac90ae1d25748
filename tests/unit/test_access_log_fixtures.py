"""The parser against fixtures written from the format and docs/definitions.md alone, one file a kind of trouble.

How a fixture becomes bytes
    A *line* is a text, or a mapping with ``line``, ``hex``, ``base`` (a clean line of bases.yaml) or ``glue`` (parts
    put together). ``with`` replaces fields as logged, ``ends_with`` names the last field, ``then`` adds words,
    ``until`` cuts behind the first place of a text; ``repeat`` fills a mark up to a length in bytes, ``bytes_for``
    puts raw bytes for a mark.
    An *object* is ``object``, ``object_hex``, or ``lines`` with ``line_end`` and ``final_line_end``; ``before_hex``
    leads it, ``gzip`` packs it (whole, or ``each_line`` a member) and ``drop_bytes`` cuts its end off.
    ``among_others``: the line alone would be an object of nothing known, so it always follows a clean line.
    ``bounds``: least and most bytes of a reject, null where nothing tells; ``more``: how many bytes a record may have
    beyond those that are counted, ``unknown`` where others may stand behind it.
    ``dialect``: its lines only ever stand in an object that is told as this dialect's by its other lines.
"""

from __future__ import annotations

import gzip
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from parsers.access_log import Context, Refused, parse_object, read_line
from schemas.records import PARSED
from schemas.vocabulary import IGNORE_REASONS, REFUSALS, REJECT_REASONS
from tests.worlds.fixture_lines import CASES, LAST_MODIFIED, LINES, Case, line_bytes

SOURCES = {"line", "hex", "base", "glue", "object", "object_hex", "lines"}
_HEAD = "[01/Jan/2020:00:00:01 +0000] 192.0.2.1 -"
_B, _C = 'BEFORE REST.GET.OBJECT b "GET /b HTTP/1.1" 200', 'BEHIND REST.GET.OBJECT c "GET /c HTTP/1.1" 206'
NEIGHBOURS = {
    dialect: (f"{ids} {_HEAD} {_B} {before}".encode(), f"{ids} {_HEAD} {_C} {behind}".encode())
    for dialect, ids, before, behind in (
        ("", "acme media", '- 11 - 1 1 "-" "x"', '- 22 - 2 2 "-" "x"'),
        ("ceph", "acme a:media", '- - 11 - 1 - "x"', '- 22 - - 2 - "x"'),
        ("scality", "- media", '- 11 - 1 1 - "x"', '- 22 - 2 2 - "x"'),
    )
}
BEFORE, BEHIND = NEIGHBOURS[""]


@dataclass(frozen=True)
class Seen:
    """What the parser made of one line: an outcome's name, and its row where it left one."""

    outcome: str
    row: dict[str, Any]


# --- from YAML to bytes -----------------------------------------------------------------------------


def object_bytes(spec: dict[str, Any]) -> bytes:
    if "lines" in spec:
        end = spec.get("line_end", "\n").encode()
        parts = [line_bytes(line) + end for line in spec["lines"]]
        if not spec.get("final_line_end", True):
            parts[-1] = parts[-1].removesuffix(end)
    else:
        parts = [bytes.fromhex(spec["object_hex"]) if "object_hex" in spec else spec["object"].encode()]
    parts[0] = bytes.fromhex(spec.get("before_hex", "")) + parts[0]
    if spec.get("gzip") == "each_line":
        parts = [gzip.compress(part, mtime=0) for part in parts]
    whole = b"".join(parts)
    if spec.get("gzip") is True:
        whole = gzip.compress(whole, mtime=0)
    return whole[: len(whole) - spec.get("drop_bytes", 0)]


# --- from Parsed to one outcome a line --------------------------------------------------------------
def read(data: bytes, context: Context) -> tuple[dict[int, Seen], Counter[str]]:
    """Outcome by line number (ignored lines have none of their own), and the counts. Conservation always holds."""
    parsed = parse_object(data, context)
    ignored = Counter({reason: count for reason, count in parsed.ignored[0].items() if count})
    lines = parsed.lines[0]
    assert lines == parsed.frame.height + sum(ignored.values()) + parsed.rejects.height
    rows = [Seen("parsed", row) for row in parsed.frame.to_dicts()]
    rows += [Seen(row["reason"], row) for row in parsed.rejects.to_dicts()]
    seen = {one.row["line_number"]: one for one in rows}
    assert len(seen) == len(rows), "a line with two outcomes"
    assert all(1 <= number <= lines for number in seen), "a line that is not there"
    return seen, Counter(one.outcome for one in rows) + ignored


def expected_outcome(expect: dict[str, Any]) -> str:
    return "parsed" if "parsed" in expect else str(expect.get("rejected") or expect["ignored"])


def in_utc(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def assert_line(case: Case, seen: Seen | None, offset: int) -> None:
    """The outcome at its place, every field that the case names, and a reject's own text."""
    if "ignored" in case.expect:
        assert seen is None, f"should be ignored, is {seen}"
        return
    assert seen is not None, f"ignored, should be {expected_outcome(case.expect)}"
    assert seen.outcome == expected_outcome(case.expect), seen.row
    assert seen.row.get("byte_offset", offset) == offset  # only rejects keep it
    if "parsed" in case.expect:
        wanted = {name: in_utc(value) for name, value in case.expect["parsed"].items()}
        assert {name: in_utc(seen.row[name]) for name in wanted} == wanted
    else:
        text = line_bytes(case.spec).decode(errors="replace").replace("\0", "\ufffd")
        assert seen.row["line"] == text[:2000]


def check_together(cases: Sequence[Case], line_end: bytes) -> None:
    """Clean line, the cases' lines in this order, clean line: each has the outcome that it has alone."""
    before, behind = NEIGHBOURS[cases[0].dialect]
    ahead = 20 if cases[0].dialect else 1
    lines = [*[before] * ahead, *(line_bytes(case.spec) for case in cases), behind]
    seen, counts = read(b"".join(line + line_end for line in lines), cases[0].context)
    wanted = Counter(expected_outcome(case.expect) for case in cases) + Counter(parsed=ahead + 1)
    offset = ahead * (len(before) + len(line_end))
    problems = []
    for number, (case, line) in enumerate(zip(cases, lines[ahead:], strict=False), start=ahead + 1):
        try:
            assert_line(case, seen.get(number), offset)
        except AssertionError as error:
            problems.append(f"{case.id}: {error}")
        offset += len(line) + len(line_end)
    assert not problems, "\n".join(problems)
    assert counts == wanted
    for number, id_, status, sent in ((1, "BEFORE", 200, 11), (len(lines), "BEHIND", 206, 22)):
        row = seen[number].row
        assert (row["request_id"], row["http_status"], row["bytes_sent"]) == (id_, status, sent)


OBJECTS = [case for case in CASES if case.is_object]
CONTEXTS = sorted({(case.last_modified, case.log_bucket, case.dialect) for case in LINES})


def by_id(case: Case) -> str:
    return case.id


# --- the fixtures themselves ------------------------------------------------------------------------
def test_there_are_enough_cases_and_no_name_twice() -> None:
    assert len(CASES) >= 150
    assert not [name for name, count in Counter(case.id for case in CASES).items() if count > 1]


def test_every_line_outcome_has_a_case() -> None:
    outcomes = {expected_outcome(case.expect) for case in LINES}
    assert outcomes == {"parsed", *REJECT_REASONS, *IGNORE_REASONS}


@pytest.mark.parametrize("case", CASES, ids=by_id)
def test_case_is_well_written(case: Case) -> None:
    assert len(SOURCES & case.spec.keys()) == 1
    assert len(case.expect.keys() - {"outcomes", "detail", "bounds", "more"}) == 1
    assert "bounds" not in case.expect or "rejected" in case.expect
    assert "more" not in case.expect or "parsed" in case.expect
    assert "refused" in case.expect or "detail" not in case.expect
    data = object_bytes(case.spec) if case.is_object else line_bytes(case.spec)
    assert case.is_object or b"\n" not in data
    if "parsed" in case.expect:
        assert {"http_status", "bytes_sent"} <= case.expect["parsed"].keys() <= set(PARSED.names)
        kinds: dict[str, type] = {"text": str, "int": int, "bool": bool, "instant": datetime}
        for name, value in case.expect["parsed"].items():
            assert value is None or type(value) is kinds[PARSED.column(name).type], name
    elif "counts" in case.expect:
        counts = case.expect["counts"]
        assert counts["lines"] == counts["parsed"] + counts["ignored"] + counts["rejected"]
        assert len(case.expect.get("outcomes", ())) in (0, counts["lines"])
    else:
        assert next(iter(case.expect.values())) in {*REJECT_REASONS, *IGNORE_REASONS, *REFUSALS}


# --- the parser -------------------------------------------------------------------------------------
@pytest.mark.parametrize("case", LINES, ids=by_id)
def test_line(case: Case) -> None:
    ahead = 20 if case.dialect else bool(case.spec.get("among_others"))
    before = (NEIGHBOURS[case.dialect][0] + b"\n") * ahead
    seen, counts = read(before + line_bytes(case.spec) + b"\n", case.context)
    assert_line(case, seen.get(ahead + 1), len(before))
    assert counts == Counter([expected_outcome(case.expect)]) + Counter(parsed=ahead)


@pytest.mark.parametrize("case", [case for case in LINES if {"bounds", "more"} & case.expect.keys()], ids=by_id)
def test_what_is_not_counted_is_bounded(case: Case) -> None:
    told = read_line(line_bytes(case.spec), case.context, case.dialect)
    if "bounds" in case.expect:
        assert told.bounds == tuple(case.expect["bounds"] or (None, None))
    else:
        more = case.expect["more"]
        assert (told.more_bytes, told.is_unsized) == ((0, True) if more == "unknown" else (more, False))


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("case", LINES, ids=by_id)
def test_line_harms_no_neighbour(case: Case, line_end: bytes) -> None:
    check_together([case], line_end)


@pytest.mark.parametrize("order", range(5))
@pytest.mark.parametrize("context", CONTEXTS, ids=str)
def test_all_lines_in_one_object(context: tuple[datetime, str, str], order: int) -> None:
    together = [case for case in LINES if (case.last_modified, case.log_bucket, case.dialect) == context]
    random.Random(order).shuffle(together)
    check_together(together, b"\n")


@pytest.mark.parametrize("case", OBJECTS, ids=by_id)
def test_object(case: Case) -> None:
    data = object_bytes(case.spec)
    if "refused" in case.expect:
        with pytest.raises(Refused) as refusal:
            parse_object(data, case.context)
        assert refusal.value.reason == case.expect["refused"]
        assert case.expect.get("detail", "") in refusal.value.detail
        return
    seen, counts = read(data, case.context)
    found = {"lines": counts.total(), "parsed": counts["parsed"]}
    found["ignored"] = sum(counts[reason] for reason in IGNORE_REASONS)
    found["rejected"] = sum(counts[reason] for reason in REJECT_REASONS)
    assert found == case.expect["counts"]
    for number, outcome in enumerate(case.expect.get("outcomes", ()), start=1):
        assert (seen[number].outcome if number in seen else "ignored") == (
            "ignored" if outcome in IGNORE_REASONS else outcome
        )
    if "outcomes" in case.expect:
        assert counts == Counter(case.expect["outcomes"])


def hashes(data: bytes) -> list[Any]:
    seen, _ = read(data, Context(seed=7, log_bucket="media-logs", last_modified=LAST_MODIFIED))
    return [seen[number].row["line_hash"] for number in sorted(seen)]


def test_hash_is_of_the_raw_line_without_its_end() -> None:
    alone = hashes(BEFORE)
    assert hashes(BEFORE + b"\r\n" + BEHIND + b"\n" + BEFORE + b"\n") == [*alone, *hashes(BEHIND), *alone]
    assert hashes(BEFORE) != hashes(BEHIND)


def test_hash_tells_lossy_lines_apart() -> None:
    """Both read U+FFFD, and are still two records."""
    one, other = (BEFORE.replace(b'"x"', b'"' + bad + b'"') for bad in (b"\xe9", b"\xfc"))
    first, second = hashes(one + b"\n" + other + b"\n")
    assert first != second
    assert hashes(other) == [second]
