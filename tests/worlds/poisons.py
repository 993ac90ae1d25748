"""Values that no column should hold and that some column in the field does hold: a row each, with how it is written in
SQL and in JSON. ``LINES`` are the same for access logs.

A poison must cost its own row at most. ``reads`` says what a reader makes of the value: None is null.
"""

from __future__ import annotations

from datetime import UTC, datetime
from json import dumps
from typing import Any, NamedTuple

WHATEVER = object()
"""The engines differ in what they make of it, and each is right."""
DEEP = "[" * 3_000 + "]" * 3_000
DIGITS = "9" * 5_000
LARGEST = 2**63 - 1


class Poison(NamedTuple):
    """``kind``: type of the column that it is planted in, or ``json`` for text that should be JSON. The value as a
    literal of each engine's SQL, and as JSON; None where it cannot stand there."""

    name: str
    kind: str
    reads: Any
    postgresql: str | None = None
    mariadb: str | None = None
    sqlite: str | None = None
    json: str | None = None


def _time(name: str, text: str, *engines: str, reads: Any = None) -> Poison:
    """A time as text: everywhere in JSON and in SQLite, and in these servers."""
    sql = f"'{text}'"
    on = dict.fromkeys(("sqlite", *engines), sql)
    return Poison(name, "instant", reads, **on, json=f'"{text}"')


def _number(name: str, kind: str, literal: str, reads: Any, *engines: str) -> Poison:
    on = dict.fromkeys(("sqlite", *engines), literal)
    return Poison(name, kind, reads, **on, json=literal)


def _text(name: str, text: str, **more: Any) -> Poison:
    """A text that stands in every engine as it is."""
    sql = "'" + text.replace("'", "''") + "'"
    backslashed = sql.replace("\\", "\\\\")
    return Poison(name, "text", text, sql, backslashed, sql, dumps(text), **more)


def _document(name: str, text: str, *, is_json: bool = True) -> Poison:
    """What stands in a column of JSON; PostgreSQL's lets in JSON alone. Over REST it comes as text."""
    sql = "'" + text.replace("'", "''") + "'"
    return Poison(name, "json", text, sql if is_json else None, sql.replace("\\", "\\\\"), sql, dumps(text))


_BOTH = ("postgresql", "mariadb")
TIMES = (
    _time("infinity", "infinity", "postgresql"),
    _time("minus infinity", "-infinity", "postgresql"),
    _time("before Christ", "0044-03-15 12:00:00 BC", "postgresql"),
    _time("year 99999", "99999-01-01 00:00:00", "postgresql"),
    _time("year 12026", "12026-11-03 12:00:00", "postgresql"),
    _time("zero date", "0000-00-00 00:00:00", "mariadb"),
    _time("zero month", "2026-00-00 00:00:00", "mariadb"),
    _time("zero day", "2026-11-00 00:00:00", "mariadb"),
    _time("31 February", "2026-02-31 00:00:00", "mariadb"),
    _time("before the year 1 in UTC", "0001-01-01 00:00:00+05:00", "postgresql"),
    _time("after the year 9999 in UTC", "9999-12-31 23:59:59-05:00", "postgresql"),
    _time("year 1", "0001-01-01 00:00:00", "postgresql", reads=datetime(1, 1, 1, tzinfo=UTC)),
    _time("last second", "9999-12-31 23:59:59", *_BOTH, reads=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    _time("epoch", "1970-01-01 00:00:00", *_BOTH, reads=datetime(1970, 1, 1, tzinfo=UTC)),
    _time("no time", ""),
    _time("now", "now"),
    _time("a clock alone", "12:00"),
    _time("julian day", "2461348.0"),
    _time("day of a week", "2026-W45-2"),
    _time("without dashes", "20261103T120000Z"),
    _time("hour 24", "2026-11-03 24:00:00"),
    _time("full-width digits", "２０２６-11-03 12:00:00"),
    _time("a blank before it", " 2026-11-03 12:00:00"),
    Poison("seconds since 1970", "instant", None, sqlite="1793707200", json="1793707200"),
    Poison("bytes of a time", "instant", None, sqlite="x'323032362d31312d30332031323a30303a3030'"),
    Poison("a time that is true", "instant", None, json="true"),
    Poison("a time that is a list", "instant", None, json="[2026, 11, 3]"),
)
WHOLE_NUMBERS = (
    _number("2**63 - 1", "int", str(LARGEST), LARGEST, *_BOTH),
    _number("2**63", "int", str(2**63), None, *_BOTH),
    _number("below -2**63", "int", str(-(2**64)), None, *_BOTH),
    _number("1e300", "int", "1e300", None, "postgresql"),
    _number("1e400", "int", "1e400", None, "postgresql"),
    _number("half", "int", "0.5", None, *_BOTH),
    _number("nearly nothing", "int", "1e-300", None, "postgresql"),
    _number("minus nothing", "int", "-0.0", 0, *_BOTH),
    Poison("5,000 digits", "int", None, f"repeat('9', {len(DIGITS)})::numeric", json=DIGITS),
    Poison("no number", "int", None, "'NaN'", json='"NaN"'),
    Poison("endless", "int", None, "'Infinity'", sqlite="9e999", json='"Infinity"'),
    Poison("endless below", "int", None, "'-Infinity'", sqlite="-9e999", json='"-Infinity"'),
    Poison("a word", "int", None, sqlite="'many'", json='"many"'),
    Poison("an underscore", "int", None, sqlite="'1_000'", json='"1_000"'),
    Poison("full-width twelve", "int", None, sqlite="'１２'", json='"１２"'),
    Poison("blanks around twelve", "int", 12, sqlite="' 12 '", json='" 12 "'),
    Poison("empty number", "int", None, sqlite="''", json='""'),
    Poison("bytes", "int", None, sqlite="x'00ff'"),
    Poison("an object", "int", None, json='{"a": 1}'),
)
FRACTIONS = (
    _number("large", "float", "1e300", 1e300, *_BOTH),
    _number("too large", "float", "1e400", WHATEVER),
    _number("smallest", "float", "5e-324", WHATEVER, "postgresql"),
    _number("minus zero", "float", "-0.0", WHATEVER, *_BOTH),
    Poison("not a number", "float", WHATEVER, "'NaN'", json='"NaN"'),
    Poison("infinite", "float", WHATEVER, "'Infinity'", sqlite="9e999", json='"Infinity"'),
    Poison("digits without end", "float", WHATEVER, json=DIGITS),
    Poison("a word for a price", "float", None, sqlite="'free'", json='"free"'),
    Poison("bytes for a price", "float", None, sqlite="x'00ff'"),
    Poison("a list of prices", "float", None, json="[1, 2]"),
)
TRUTHS = (
    Poison("two", "bool", True, mariadb="2", sqlite="2", json="2"),
    Poison("a word for true", "bool", None, sqlite="'banana'", json='"banana"'),
    Poison("an empty truth", "bool", None, sqlite="''", json='""'),
    Poison("a byte of false", "bool", False, sqlite="x'00'"),
    Poison("an object for true", "bool", None, json="{}"),
)
TEXTS = (
    _text("empty", ""),
    _text("blanks", "   "),
    _text("escape and newlines", "a\x1b[2J\r\n\tb"),
    _text("right to left", "a\u202eb\u2066c"),
    _text("no character", "a\uffff\U0001f9ff\u0301"),
    _text("what parts a filter", "a,b.c(d)\"e'f\\g;h"),
    _text("words for nothing", "undefined"),
    _text("1,100 characters", "p/" * 550),
    _text("a script", "<script>alert(1)</script>"),
    Poison("NUL", "text", "a\0b", None, "CONCAT('a', CHAR(0), 'b')", "char(97, 0, 98)", '"a\\u0000b"'),
    Poison("half a character", "text", "a\ufffdb", json='"a\\ud800b"'),
    Poison("halves in the wrong order", "text", "\ufffd\ufffd", json='"\\udc00\\ud800"'),
    Poison("no UTF-8", "text", "a\ufffdb", sqlite="CAST(x'61ff62' AS TEXT)"),
    Poison("bytes for a text", "text", "a\ufffdb", sqlite="x'61ff62'"),
    Poison("a number for a text", "text", "12", sqlite="12", json="12"),
    Poison("an object for a text", "text", '{"a": 1}', json='{"a": 1}'),
    Poison("true for a text", "text", "True", json="true"),
    Poison(
        "a million characters", "text", "x" * 10**6,
        f"repeat('x', {10**6})", f"REPEAT('x', {10**6})", f"replace(hex(zeroblob({10**6 // 2})), '0', 'x')",
        f'"{"x" * 10**6}"',
    ),
)  # fmt: skip
DOCUMENTS = (
    _document("3,000 brackets", DEEP),
    _document("3,000 brackets in a text", dumps(DEEP)),
    _document("3,000 objects", '{"a":' * 3_000 + "1" + "}" * 3_000),
    _document("half a character in JSON", '{"model_id": "\\ud800", "source": "\\udfff", "currency": "\\ud800"}'),
    _document("NUL in JSON", '{"model_id": "a\\u0000b", "source": "\\u0000"}'),
    _document("5,000 digits in JSON", f'{{"bytes": {DIGITS}, "total": {DIGITS}, "amount_paid_cents": {DIGITS}}}'),
    _document("1e400 in JSON", '{"bytes": 1e400, "total": 1e400, "amount_paid_cents": 1e400, "vision_input": 1e400}'),
    _document("1e300 in JSON", '{"bytes": 1e300, "total": 1e300, "amount_paid_cents": 1e300, "vision_input": 1e300}'),
    _document("2**63 in JSON", f'{{"bytes": {2**63}, "total": {2**63}, "amount_paid_cents": {2**63}}}'),
    _document("tiny in JSON", '{"bytes": 1e-320, "total": "1e-999999", "amount_paid_cents": 1e-320}'),
    _document("below zero in JSON", '{"bytes": -1, "total": -1, "amount_paid_cents": -0.0, "vision_input": -1}'),
    _document("true in JSON", '{"bytes": true, "total": true, "amount_paid_cents": true, "vision_input": true}'),
    _document("lists in JSON", '{"bytes": [], "total": [1], "amount_paid_cents": {}, "model_id": [], "currency": {}}'),
    _document("one key twice", '{"bytes": 1, "bytes": 2}'),
    _document("JSON in JSON", '"{\\"bytes\\": 1, \\"total\\": 1}"'),
    _document("a scalar", "5"),
    _document("a list", "[1, 2]"),
    _document("null of JSON", "null"),
    _document("NaN in JSON", '{"bytes": NaN, "total": Infinity, "amount_paid_cents": -Infinity}', is_json=False),
    _document("cut off", '{"bytes":', is_json=False),
    _document("no JSON", "not at all", is_json=False),
    _document("nothing", "", is_json=False),
)
POISONS = (*TIMES, *WHOLE_NUMBERS, *FRACTIONS, *TRUTHS, *TEXTS, *DOCUMENTS)


# --- lines of access logs ----------------------------------------------------------------------------
def log_line(number: int, *, key: str = "a.jpg", sent: object = 1_000, status: object = 200) -> str:
    """A line as OVH writes it, at noon of the day, with these parts as they are."""
    id = f"tx{number:021x}-0069089ac0"
    head = f"owner:user-1 media [03/Nov/2026:12:00:00 +0000] 192.0.2.7 owner:user-1 {id} REST.GET.OBJECT {key}"
    block = f'"GET /media/{key} HTTP/1.1" {status} - {sent} {sent} 10 9'
    return f'{head} {block} "-" "agent" - - SigV4 - AuthHeader media.s3.gra.io.example - -'


LINES: dict[str, bytes] = {
    "as many bytes as a number holds": log_line(1, sent=LARGEST).encode(),
    "more bytes than a number holds": log_line(2, sent=2**63).encode(),
    "5,000 digits of bytes": log_line(3, sent=DIGITS).encode(),
    "a path of 1,100 characters": log_line(4, key="p/" * 549 + ".x").encode(),
    "NULs": log_line(5, key="a\0b\0.jpg").encode(),
    "nothing but NULs": b"\0" * 200,
    "no UTF-8": log_line(6, key="a\xff\xfe.jpg").encode("latin-1"),
    "empty fields": b'owner logs [03/Nov/2026:12:00:00 +0000]        "" "" ""',
    "year 99999": log_line(7).replace("/2026:", "/99999:").encode(),
    "day 32": log_line(8).replace("[03/Nov", "[32/Nov").encode(),
    "a status that is none": log_line(9, status="-1").encode(),
    "a bytes field that is a word": log_line(10, sent="NaN").encode(),
    "full-width digits": log_line(11, sent="１２").encode(),
    "escape sequences": log_line(12, key="a\x1b[2J.jpg").encode(),
    "a percent too few": log_line(13, key="a%2").encode(),
    "an offset without end": log_line(14).replace("+0000", "+9999").encode(),
    "a megabyte": log_line(15, key="k" * (1 << 20)).encode(),
    "one quote": b'"',
}
"""By name, each without its newline, for objects of access logs."""
