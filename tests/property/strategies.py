"""Values, frames and lines made from the contracts: whatever a contract allows may come."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import polars as pl
from hypothesis import strategies as st

from schemas.contract import Column, Contract
from schemas.frames import polars_schema
from schemas.records import PARSED, TRAILING_FIELDS
from schemas.vocabulary import LARGEST_BYTES, LONGEST_MS
from tests.worlds.log_lines import bent, log_time, packed, varied_line

LARGEST = 2**63 - 1
FIRST, LAST = datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 1, tzinfo=UTC)
_LETTERS = "abcXYZ0189._~:/@=&;,()+-%éß日本🎬"


def values(column: Column) -> st.SearchStrategy[Any]:
    """Whatever the column's contract allows, NULL included."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "text": st.sampled_from(column.among) if column.among else st.text(max_size=12),
        "int": st.integers(column.least or 0, LARGEST),
        "float": st.floats(0, 1e12),
        "bool": st.booleans(),
        "instant": _instants(),
        "day": st.dates(FIRST.date(), LAST.date()),
        "hash128": st.integers(0, 2**128 - 1),
    }
    return st.none() | kinds[column.type] if column.is_nullable else kinds[column.type]


def _instants() -> st.SearchStrategy[datetime]:
    return st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))


def frames(contract: Contract, most: int = 4) -> st.SearchStrategy[pl.DataFrame]:
    """One to ``most`` rows that keep the contract."""
    row = st.tuples(*(values(column) for column in contract))
    schema = polars_schema(contract)
    return st.lists(row, min_size=1, max_size=most).map(lambda rows: pl.DataFrame(rows, schema=schema, orient="row"))


# --- lines -------------------------------------------------------------------------------------------


def _word(column: Column) -> st.SearchStrategy[str | None]:
    word = st.text(_LETTERS, min_size=1, max_size=20).filter(lambda text: text != "-")
    return st.none() | word if column.is_nullable else word


def _client_text() -> st.SearchStrategy[str | None]:
    """What a client may write without planting anything: the hostile rest is the mutations' to find."""
    return st.none() | st.text(_LETTERS + " ?#\\'{}<>", max_size=30).filter(lambda text: text != "-")


_OPERATIONS = ("REST.GET.OBJECT", "REST.PUT.PART", "WEBSITE.GET.OBJECT", "S3.EXPIRE.OBJECT", "BATCH.DELETE.OBJECT")
_TARGET = st.text(_LETTERS, min_size=1, max_size=30)
_SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    # An owner `-`, or a bucket with a colon, is how other dialects begin: lines of them alone are refused as such.
    "bucket_owner": st.text(_LETTERS, min_size=2, max_size=20),
    "bucket": st.text("abcz019.-", min_size=3, max_size=20),
    "at": _instants().map(lambda at: at.replace(microsecond=0)),
    "operation": st.sampled_from(_OPERATIONS),
    "request_uri": st.none() | st.builds("{} /{} HTTP/1.1".format, st.sampled_from(("GET", "PUT", "HEAD")), _TARGET),
    "http_status": st.none() | st.integers(100, 999),
    "bytes_sent": st.none() | st.integers(0, LARGEST_BYTES),
    "object_size": st.none() | st.integers(0, LARGEST_BYTES),
    "total_ms": st.none() | st.integers(0, LONGEST_MS),
    "turn_around_ms": st.none() | st.integers(0, LONGEST_MS),
    "referer": _client_text(),
    "user_agent": _client_text(),
    # A key that needs no decoding: what decoding does is a table of cases, not a law.
    "key_raw": st.none() | st.text("abcXYZ09._/-日", min_size=2, max_size=30),
}
_HEAD = ("bucket_owner", "bucket", "at", "remote_ip", "requester", "request_id", "operation", "key_raw", "request_uri")
_BLOCK = ("http_status", "error_code", "bytes_sent", "object_size", "total_ms", "turn_around_ms")
LOGGED = (*_HEAD, *_BLOCK, "referer", "user_agent", *TRAILING_FIELDS[:-1])


def records() -> st.SearchStrategy[dict[str, Any]]:
    """Values of the logged fields, by the contract's names."""
    return st.fixed_dictionaries({name: _logged(PARSED.column(name)) for name in LOGGED})


def _logged(column: Column) -> st.SearchStrategy[Any]:
    if column.name in _SPECIAL:
        return _SPECIAL[column.name]
    return values(column) if column.type == "int" else _word(column)


def as_logged(record: dict[str, Any]) -> bytes:
    """The line that says so."""
    return " ".join(_field(name, record[name]) for name in LOGGED).encode()


def _field(name: str, value: Any) -> str:
    if name == "at":
        return log_time(int(value.timestamp()))
    if name in ("request_uri", "referer", "user_agent"):
        return '"-"' if value is None else f'"{value}"'
    return "-" if value is None else str(value)


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """An object of clean, odd and hostile lines, packed in any way; its first line is beyond doubt."""
    rng = Random(draw(st.integers(0, 2**32)))
    clean = as_logged(draw(records()))
    raw = st.binary(max_size=60).map(lambda text: text.replace(b"\n", b""))
    varied = st.integers(0, 2**32).map(lambda seed: varied_line(Random(seed), int(FIRST.timestamp()) + seed % 86_400))
    odd = st.builds(lambda seed, text: bent(Random(seed), text, clean), st.integers(0, 2**32), varied | st.just(clean))
    lines = draw(st.lists(st.one_of(varied, odd, odd, raw, records().map(as_logged)), max_size=6))
    return packed(rng, [clean, *lines])
