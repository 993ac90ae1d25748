"""Application and endpoint of a record: cases by hand, and a plain-Python reading of the definitions beside them."""

from __future__ import annotations

import re
from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediameter.metering.attribution import application, application_basis, capped, endpoint

REFERERS = {"app.example.org": "app", "Shop.example.org": "shop"}


def records(*rows: tuple[str | None, str | None]) -> pl.DataFrame:
    schema = {"key": pl.String, "referer_host": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(operation_class=pl.lit("get_object"))


@pytest.mark.parametrize(
    ("key", "host", "expected", "basis"),
    [
        ("files/u1/castingly-public/a/b.jpg", None, "castingly", "key_pattern"),
        ("files/u1/two-part-name-private/x", "app.example.org", "two-part-name", "key_pattern"),
        ("files/u1/a-/x", None, "a", "key_pattern"),
        ("files/u1/--x/x", None, "-", "key_pattern"),
        ("files/u1/-x/x", "app.example.org", "app", "referer"),
        ("files/u1/*-x/x", None, "unattributed", "none"),
        (f"files/u1/{64 * 'a'}-x/x", None, 64 * "a", "key_pattern"),
        (f"files/u1/{65 * 'a'}-x/x", "app.example.org", "app", "referer"),
        ("media/pal ette/u1/originals/a.png", None, "unattributed", "none"),
        ("files/u1/nodash/a-b", "app.example.org", "app", "referer"),
        ("files/u1/castingly-public", None, "unattributed", "none"),
        ("files//castingly-public/x", None, "unattributed", "none"),
        ("Files/u1/castingly-public/x", None, "unattributed", "none"),
        ("media/palette/u1/originals/a.png", "app.example.org", "palette", "key_pattern"),
        ("media/palette/u1/variants/thumb/a.png", None, "palette", "key_pattern"),
        ("media/palette/u1/variants/", None, "palette", "key_pattern"),
        ("media/palette/u1/originals", None, "unattributed", "none"),
        ("media/palette/u1/other/a.png", None, "unattributed", "none"),
        ("media/*/u1/originals/a.png", "shop.example.org", "shop", "referer"),
        ("x/media/palette/u1/originals/a", None, "unattributed", "none"),
        ("", "elsewhere.example", "unattributed", "none"),
        (None, "app.example.org", "app", "referer"),
        (None, None, "unattributed", "none"),
    ],
)
def test_application(key: str | None, host: str | None, expected: str, basis: str) -> None:
    found = records((key, host)).select(application(REFERERS), application_basis(REFERERS))
    assert found.row(0, named=True) == {"application": expected, "match_basis": basis}


def test_without_referers_the_key_alone_tells() -> None:
    found = records(("a", "app.example.org"), ("files/u/a-b/c", None)).select(application({}), application_basis({}))
    assert found.rows() == [("unattributed", "none"), ("a", "key_pattern")]


@pytest.mark.parametrize(
    ("key", "template"),
    [
        ("files/u1/castingly-public/a/b.jpg", "files/{user}/castingly-public/*"),
        ("files/u1/nodash/b.jpg", "files/{user}/nodash/*"),
        ("files/u1/b.jpg", "files/*"),
        ("media/palette/u1/originals/a.png", "media/palette/{user}/originals/*"),
        ("media/palette/u1/variants/thumb/a.png", "media/palette/{user}/variants/thumb/*"),
        ("media/palette/u1/variants/a.png", "media/*"),
        ("media/a.png", "media/*"),
        ("static/x.css", "static/*"),
        ("static/", "static/*"),
        ("/x", "/*"),
        ("12/x", "{id}/*"),
        ("1cf9a704/x", "{id}/*"),
        ("0b9e1a52-7c1d-4a3e-9f00-1234567890ab/x", "{id}/*"),
        ("abcdefab-abcd-abcd-abcd-abcdefabcdef/x", "{id}/*"),
        ("user_name-1/x", "{id}/*"),
        ("username/x", "username/*"),
        ("user.name1/x", "user.name1/*"),
        ("user1/x", "user1/*"),
        (f"{64 * 'a'}/x", f"{64 * 'a'}/*"),
        (f"{65 * 'a'}/x", "{id}/*"),
        ("files/u1/<b>-public/b.jpg", "files/*"),
        ("٣٤/x", "٣٤/*"),
        ("12", "*"),
        ("", "*"),
        (None, "-"),
    ],
)
def test_endpoint(key: str | None, template: str) -> None:
    assert records((key, None)).select(endpoint()).item() == f"get_object {template}"


# --- the definitions once more, in plain Python ------------------------------------------------------
def plain_application(key: str | None, host: str | None) -> str:
    parts = (key or "").split("/")
    name = ""
    if parts[0] == "files" and len(parts) > 3 and parts[1] and "-" in parts[2]:
        name = parts[2].rpartition("-")[0]
    elif parts[0] == "media" and len(parts) > 4 and parts[2] and parts[3] in ("originals", "variants"):
        name = parts[1]
    if not is_name(name):
        name = {known.lower(): app for known, app in REFERERS.items()}.get(host or "", "unattributed")
    return name


def is_name(text: str) -> bool:
    return 1 <= len(text) <= 64 and all(char.isascii() and (char.isalnum() or char in "_.-") for char in text)


def plain_endpoint(key: str | None) -> str:
    if key is None or "/" not in key:
        return "-" if key is None else "*"
    parts = key.split("/")
    if parts[0] == "files" and len(parts) > 3 and parts[1] and is_name(parts[2]):
        return f"files/{{user}}/{parts[2]}/*"
    if parts[0] == "media" and len(parts) > 4 and is_name(parts[1]) and parts[2]:
        if parts[3] == "originals":
            return f"media/{parts[1]}/{{user}}/originals/*"
        if parts[3] == "variants" and is_name(parts[4]) and len(parts) > 5:
            return f"media/{parts[1]}/{{user}}/variants/{parts[4]}/*"
    return "{id}/*" if plain_is_id(parts[0]) else f"{parts[0]}/*"


def plain_is_id(segment: str) -> bool:
    if len(segment) > 64:
        return True
    if re.fullmatch("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", segment):
        return True
    if not segment.isascii() or not any(char.isdigit() for char in segment):
        return False
    return segment.isdigit() or (len(segment) >= 8 and segment.replace("_", "").replace("-", "").isalnum())


SEGMENT = st.one_of(
    st.sampled_from(
        ["files", "media", "originals", "variants", "app-public", "-", "*", "*-x", "", "1", "{}", "$1", "a\nb"]
    ),
    st.text("aZ9_-.*é", max_size=10),
)
KEY = st.one_of(
    st.none(),
    st.lists(SEGMENT, max_size=7).map("/".join),
    st.tuples(st.just("files"), SEGMENT, SEGMENT, SEGMENT).map("/".join),
    st.tuples(st.just("media"), SEGMENT, SEGMENT, st.sampled_from(["originals", "variants"]), SEGMENT, SEGMENT).map(
        "/".join
    ),
)
HOST = st.sampled_from([None, "app.example.org", "shop.example.org", "elsewhere.example"])


@given(st.lists(st.tuples(KEY, HOST), min_size=1, max_size=30))
def test_attribution_agrees_with_plain_python(rows: list[tuple[str | None, str | None]]) -> None:
    found = records(*rows).select(application(REFERERS), endpoint(), application_basis(REFERERS))
    assert found["application"].to_list() == [plain_application(*row) for row in rows]
    assert found["endpoint"].to_list() == [f"get_object {plain_endpoint(key)}" for key, _ in rows]
    is_known = (found["match_basis"] != "none").to_list()
    assert is_known == [plain_application(*row) != "unattributed" for row in rows]


# --- the cap -----------------------------------------------------------------------------------------
def test_the_busiest_endpoints_keep_their_name_ties_by_name() -> None:
    rows = [("x", "b", 5), ("x", "a", 5), ("x", "c", 6), ("x", "d", 1), ("y", "d", 1)]
    counts = pl.DataFrame(rows, schema=["application", "endpoint", "requests"], orient="row")
    assert capped(counts, "endpoint", most=2)["endpoint"].to_list() == ["other", "a", "c", "other", "d"]


def test_the_cap_counts_all_rows_of_an_endpoint_and_each_day_alone() -> None:
    rows = [(1, "x", "a", 2), (1, "x", "b", 3), (1, "x", "a", 2), (2, "x", "b", 1)]
    counts = pl.DataFrame(rows, schema=["day", "application", "endpoint", "requests"], orient="row")
    found = capped(counts, "endpoint", most=1)
    assert found["endpoint"].to_list() == ["a", "other", "a", "b"]
    assert found.columns == counts.columns
    assert found["requests"].to_list() == [2, 3, 2, 1]


@given(st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from("abcdefé"), st.integers(0, 3)), max_size=30))
def test_the_cap_agrees_with_plain_python(rows: list[tuple[str, str, int]]) -> None:
    schema = {"application": pl.String, "endpoint": pl.String, "requests": pl.Int64}
    counts: Counter[tuple[str, str]] = Counter()
    for app, name, requests in rows:
        counts[app, name] += requests
    kept = {app: sorted((-n, name) for (a, name), n in counts.items() if a == app)[:3] for app in "xy"}
    expected = [name if (-counts[app, name], name) in kept[app] else "other" for app, name, _ in rows]
    assert capped(pl.DataFrame(rows, schema=schema, orient="row"), "endpoint", most=3)["endpoint"].to_list() == expected
