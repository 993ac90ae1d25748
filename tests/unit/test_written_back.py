"""Rows of the application's table from records: ids that stay, ids that tell whose they are, whose a row is."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from uuid import UUID

import polars as pl

from mediameter.metering import rollups, written_back
from mediameter.metering.viewers import VIEWER, Known

HASHES = pl.Series([0, 1, 2**128 - 1], dtype=pl.UInt128)


def test_an_id_is_a_uuid_that_never_changes() -> None:
    found = written_back.ids("ovh", HASHES, "secret").to_list()
    assert found == [
        "f4a483d1-df2a-8abd-8c9a-2396e9992232",
        "43ceeafe-b5d8-8ed7-858e-eb9e5abbb534",
        "be49feca-9970-8bdd-8327-b489bffd919b",
    ]
    assert all(UUID(each).version == 8 for each in found)
    others = [written_back.ids(*what).to_list() for what in (("aws", HASHES, "secret"), ("ovh", HASHES, "other"))]
    assert len({*found, *others[0], *others[1]}) == 9


def test_an_id_tells_whose_it_is() -> None:
    ours, theirs = (written_back.ids("ovh", HASHES, secret) for secret in ("secret", "other"))
    assert written_back.are_ours(ours, "secret").all() and not written_back.are_ours(theirs, "secret").any()
    rng = Random(1)
    strangers = [str(UUID(int=rng.getrandbits(128), version=4)) for _ in range(10_000)]
    nanoids = ["V1StGXR8_Z5jdHi6B-myT", "", "row-1", "Ünïcödé" * 6]
    assert not written_back.are_ours(pl.Series(strangers + nanoids), "secret").any()


def request(line_hash: int, key: str, **more: object) -> dict[str, object]:
    at = datetime(2026, 11, 1, 10, 0, 0, 999_000, tzinfo=UTC)
    plain = {
        "object_id": 1, "line_number": line_hash, "line_hash": line_hash, "at": at, "bucket": "b", "key": key,
        "http_status": 200, "error_code": None, "bytes_sent": 5, "total_ms": 7, "turn_around_ms": None,
        "user_agent": None, "address": None, "country": "FR", "edge": "direct", "referer_host": None,
        "operation_class": "get_object", "status_class": "2xx", "is_request": True, "is_delivery_candidate": True,
    }  # fmt: skip
    return plain | more


def test_whose_a_row_is_and_what_it_says() -> None:
    """Two applications of one name: a file's own is taken, else the one of the least id."""
    names = {"app-2": "castingly", "app-1": "castingly", "app-3": "palette"}
    files = pl.DataFrame({
        "key": ["of-file", "files/u/castingly-1/a"], "media_file_id": ["f1", "f2"], "application_id": ["app-2", None],
    })  # fmt: skip
    records = [
        request(1, "of-file"),
        request(1, "of-file", line_number=9),  # the same line once more
        request(2, "files/u/castingly-1/a", total_ms=None, error_code='"quoted"', http_status=403),
        request(3, "unknown"),
        request(4, "of-file", operation_class="lifecycle", is_request=False),
    ]
    types = {"line_hash": pl.UInt128, "referer_host": pl.String, "error_code": pl.String, "user_agent": pl.String}
    types |= {"address": pl.String, "http_status": pl.Int64, "total_ms": pl.Int64, "turn_around_ms": pl.Int64}
    frame = pl.DataFrame(records, schema_overrides=types).select(rollups.READS)
    made, skipped = written_back.rows(
        frame, source="ovh", referers={}, known=Known(files, pl.DataFrame(schema=VIEWER), names), imported="ovh_logs",
        secret="secret", is_matched_too=False,
    )  # fmt: skip
    assert skipped == {"no_media_file": 1}
    assert sorted(made.select("media_file_id", "application_id", "user_id", "metadata").rows()) == [
        ("f1", "app-2", None, '{"source": "ovh_logs", "bytes": 5, "response_time": 7, "status": 200}'),
        ("f2", "app-1", None, '{"source": "ovh_logs", "bytes": 5, "status": 403, "error_code": "\\"quoted\\""}'),
    ]
    assert set(made["at"]) == {datetime(2026, 11, 1, 10, tzinfo=UTC)}
