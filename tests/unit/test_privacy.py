"""What stops at the door, worked out by hand; and no canary gets past it, whatever it is wrapped in."""

from __future__ import annotations

import hmac
import ipaddress
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediameter.geo import Geography
from mediameter.privacy.lines import redact_line, redact_log_line
from mediameter.privacy.pseudonyms import Addresses, Pseudonyms, line_seed, normalise_address, pseudonym
from mediameter.privacy.records import at_the_door
from mediameter.privacy.texts import cut_query, cut_request, cut_url
from schemas.frames import polars_schema
from schemas.records import PARSED, RECORD
from tests.worlds.log_lines import line

KEY = b"a key for tests, of some length."
PSEUDONYMS = Pseudonyms(KEY)
ADDRESSES = Addresses(PSEUDONYMS, Geography())
ADDRESS = "198.51.100.7"


def parsed(*rows: Mapping[str, str | None]) -> pl.DataFrame:
    """PARSED records in which only the named columns matter."""
    fixed = {"at": datetime(2025, 1, 1, tzinfo=UTC), "operation": "REST.GET.OBJECT", "line_number": 1}
    return pl.DataFrame([{**fixed, **row} for row in rows], schema=polars_schema(PARSED))


def door(*rows: Mapping[str, str | None], keep: frozenset[str] = frozenset()) -> pl.DataFrame:
    return at_the_door(parsed(*rows), pseudonyms=PSEUDONYMS, addresses=ADDRESSES, keep_query=keep)


# --- pseudonyms ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("logged", "spelled"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("::FFFF:c633:6407", "198.51.100.7"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:0db8::00a1", "2001:db8::a1"),
        ("::1", "::1"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("FE80:0::1%ETH0", "fe80::1%eth0"),
        ("No.Address", "no.address"),
        ("a:b", "a:b"),
        ("", ""),
    ],
)
def test_one_spelling_for_each_address(logged: str, spelled: str) -> None:
    assert normalise_address(logged) == spelled


@given(st.ip_addresses(v=6))
def test_ipv6_is_spelled_as_the_standard_library_does(address: ipaddress.IPv6Address) -> None:
    assert normalise_address(address.exploded.upper()) == str(address.ipv4_mapped or address)


def test_a_pseudonym_is_the_begin_of_an_hmac() -> None:
    assert pseudonym(KEY, ADDRESS) == hmac.new(KEY, ADDRESS.encode(), "sha256").hexdigest()[:32]
    assert pseudonym(KEY, ADDRESS) != pseudonym(b"another key", ADDRESS)


@given(st.binary(min_size=1, max_size=200), st.text())
def test_remembered_pseudonyms_are_the_same(key: bytes, text: str) -> None:
    pseudonyms = Pseudonyms(key)
    assert [pseudonyms.of(text), *pseudonyms.of_all([text, text])] == [pseudonym(key, text)] * 3


def test_a_key_is_needed() -> None:
    with pytest.raises(ValueError, match="without a key"):
        Pseudonyms(b"")


def test_threads_share_pseudonyms_that_are_forgotten_all_the_time() -> None:
    pseudonyms = Pseudonyms(KEY, most=8)
    texts = [f"192.0.2.{n}" for n in range(100)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(pseudonyms.of_all, [texts] * 40))
    assert answers == [[pseudonym(KEY, text) for text in texts]] * 40


def test_the_seed_of_line_hashes_depends_on_the_key() -> None:
    for seed_bytes in (8, 32):
        seed = line_seed(KEY, seed_bytes)
        assert 0 <= seed < 2 ** (8 * seed_bytes)
        assert seed != line_seed(b"another key", seed_bytes)


# --- queries and URLs ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "cut"),
    [
        ("a=1&b=2", "a=…&b=…"),
        ("list-type=2&prefix=", "list-type=…&prefix=…"),
        ("acl", "acl"),
        ("versions&key=anna", "versions&key=…"),
        ("object-lock", "object-lock"),
        ("0a1b2c", "…"),
        ("anna@example.org", "…"),
        ("anna@example.org=1", "…"),
        ("192.0.2.1=1", "…"),
        ("0123456789abcdef=1", "…"),
        ("a b=1", "…"),
        ("=secret", "…"),
        ("a=b=c&&d", "a=…&&d"),
        ("", ""),
    ],
)
def test_a_query_keeps_its_names(query: str, cut: str) -> None:
    assert cut_query(query) == cut


def test_a_query_keeps_the_values_that_are_wanted() -> None:
    assert cut_query("partNumber=3&uploadId=x", frozenset({"partNumber"})) == "partNumber=3&uploadId=…"


@pytest.mark.parametrize(
    ("referer", "cut", "host"),
    [
        ("https://App.Example.org:8443/a/b?x=1#top", "https://App.Example.org:8443/a/b?x=…", "app.example.org"),
        ("https://u:p@example.org/", "https://example.org/", "example.org"),
        ("https://u:p@ss@example.org", "https://example.org", "example.org"),
        ("https://u:half/of@example.org/a", "https://u:…/…@…/a", "u"),
        ("http://[2001:DB8::1]:80/", "http://[2001:DB8::1]:80/", "[2001:db8::1]"),
        ("https://example.org/unsubscribe/anna@example.com/now", "https://example.org/…@…/now", "example.org"),
        ("https://example.org/a%40example.com", "https://example.org/…@…", "example.org"),
        ("https://example.org/https://u:p@example.com/", "https://example.org/https://example.com/", "example.org"),
        ("android-app://com.example.reader/", "android-app://com.example.reader/", "com.example.reader"),
        ("https://a b/x", "https://…/x", None),
        ('https://"><script>/x', "https://…/x", None),
        ("file:///home/anna", "file:///home/anna", None),
        ("example.org/a?b=c", "example.org/a?b=…", None),
        ("", "", None),
    ],
)
def test_a_referer_loses_what_is_personal(referer: str, cut: str, host: str | None) -> None:
    assert cut_url(referer) == (cut, host)


# --- records ---------------------------------------------------------------------------------------
def test_a_record_at_the_door() -> None:
    row = door(
        {
            "remote_ip": f"::ffff:{ADDRESS}",
            "requester": "arn:aws:iam::1:user/anna",
            "key": "anna@example.org/a.jpg",
            "request_uri": 'GET /b/a".jpg?X-Amz-Signature=0f&x HTTP/1.1',
            "referer": "https://u:p@Example.org/a?b=c#d",
            "user_agent": "bot/1.0 (+mailto:bot@example.org)",
            "host_header": "b.s3.example.org",
        }
    ).row(0, named=True)
    assert row["address"] == pseudonym(KEY, ADDRESS)
    assert row["requester_hash"] == pseudonym(KEY, "arn:aws:iam::1:user/anna")
    assert row["key"] == "anna@example.org/a.jpg"
    assert row["request_uri"] == 'GET /b/a".jpg?X-Amz-Signature=…&x HTTP/1.1'
    assert (row["referer"], row["referer_host"]) == ("https://Example.org/a?b=…", "example.org")
    assert row["user_agent"] == "bot/1.0 (+mailto:…@…)"
    assert row["host_header"] == "b.s3.example.org"
    assert (row["country"], row["edge"]) == ("not_available", "not_available")


def test_columns_are_those_of_the_record_and_rows_keep_their_order() -> None:
    addresses = [f"192.0.2.{n % 7}" for n in range(50)]
    frame = door(*[{"remote_ip": address} for address in addresses])
    left_to_others = {"operation_class", "status_class", "is_request", "is_delivery_candidate"}
    assert frame.columns == [name for name in RECORD.names if name not in left_to_others]
    assert frame["address"].to_list() == [pseudonym(KEY, address) for address in addresses]


def test_null_stays_null_and_no_rows_are_no_trouble() -> None:
    personal = ["address", "requester_hash", "referer", "referer_host", "request_uri", "user_agent"]
    assert door({}).select(personal).row(0) == (None,) * 6
    assert door().height == 0
    assert door().schema == door({}).schema


@pytest.mark.parametrize(
    ("uri", "cut"),
    [
        ("GET /b/k HTTP/1.1", "GET /b/k HTTP/1.1"),
        ("GET /b/k?a=1&b=2 HTTP/1.1", "GET /b/k?a=…&b=… HTTP/1.1"),
        ("GET /b/k?acl HTTP/1.1", "GET /b/k?acl HTTP/1.1"),
        ("GET /b?u=https://x/?y=1 HTTP/1.1", "GET /b?u=… HTTP/1.1"),
        ("GET /b/k?a=1 HTTP/1.1 secret", "GET /b/k?a=…"),
        ("GET /b/k#token HTTP/1.1", "GET /b/k HTTP/1.1"),
        ("GET /b/k?a=1#token HTTP/2.0", "GET /b/k?a=… HTTP/2.0"),
        ("GET http://u:p@b/k?a=1 HTTP/1.1", "GET http://b/k?a=… HTTP/1.1"),
        ("?a=1", "?a=…"),
        ("GET /b/k? HTTP/1.1", "GET /b/k? HTTP/1.1"),
    ],
)
def test_a_request_uri_loses_its_values(uri: str, cut: str) -> None:
    both = door({"request_uri": uri}, {"request_uri": None}, {"request_uri": "GET / HTTP/1.1"})["request_uri"]
    assert both.to_list() == [cut, None, "GET / HTTP/1.1"]


@given(st.lists(st.text("ab1.=&?# /\"'\n-", max_size=30), min_size=1, max_size=8), st.sampled_from(["", "a", "a1"]))
def test_the_fast_way_cuts_as_the_exact_way(targets: list[str], kept: str) -> None:
    keep = frozenset({kept} - {""})
    uris = [f"GET {target} HTTP/1.1" for target in targets]
    cut = door(*[{"request_uri": uri} for uri in uris], keep=keep)["request_uri"].to_list()
    assert cut == [cut_request(uri, keep) for uri in uris]


# --- rejected lines --------------------------------------------------------------------------------
def masked(address: str) -> str:
    return f"ip:{pseudonym(KEY, address)[:8]}"


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        (f"b [30/Oct/2025:21:11:08 +0000] {ADDRESS} -", f"b [30/Oct/2025:21:11:08 +0000] {masked(ADDRESS)} -"),
        (f"::ffff:{ADDRESS} 2001:DB8::1.", f"{masked(ADDRESS)} {masked('2001:db8::1')}"),
        ('"GET /k?a=1&acl HTTP/1.1" 200', '"GET /k?a=…&acl HTTP/1.1" 200'),
        ('"https://u:p@example.org/a"', '"https://example.org/a"'),
        ("mail anna@example.org now", "mail …@… now"),
        ("X-Amz-Signature=abc&X-Amz-Date=1", "X-Amz-Signature=…&X-Amz-Date=1"),
        ("x%3FX-Amz-Credential%3DAKIA1/2 y", "x%3F… y"),
        ("AWSAccessKeyId=AKIA0 Signature: abc", "AWSAccessKeyId=… Signature: …"),
        ("AKIAIOSFODNN7EXAMPLE", "…"),
        ("arn:aws:iam::123456789012:user/anna x", "arn:aws:iam::… x"),
        ("arn:aws:sts::1:assumed-role/r/anna", "arn:aws:sts::…"),
        ("a\x00b\tc\x1b[0m\u202e", "a\ufffdb\ufffdc\ufffd[0m\ufffd"),
        ("f" * 64, f"hex:{pseudonym(KEY, 'f' * 64)[:8]}"),
    ],
)
def test_a_rejected_line_is_redacted(line: str, redacted: str) -> None:
    assert redact_line(line, PSEUDONYMS) == redacted


def test_a_long_line_ends_with_a_whole_word() -> None:
    line = "x " * 993 + "y " + ADDRESS + " tail"
    assert len(line) == 2_005
    assert redact_line(line, PSEUDONYMS) == "x " * 993 + "y …"
    assert len(redact_line("1.2.3.4 " * 1_000, PSEUDONYMS)) <= 2_000


SAID = "[30/Oct/2025:21:11:08 +0000]"


@pytest.mark.parametrize(
    ("line", "redacted"),
    [
        (f"o b {SAID} 192.0.2.", f"o b {SAID} …"),
        (
            f"o b {SAID} {ADDRESS} proj:user-1 tx01 REST.GET.OBJECT k -",
            f"o b {SAID} {masked(ADDRESS)} … tx01 REST.GET.OBJECT k -",
        ),
        (f"o b {SAID} - - R1 REST.GET.OBJECT k - ", f"o b {SAID} - - R1 REST.GET.OBJECT k - "),
        (f"o b {SAID} 2001:db8:0:", f"o b {SAID} …"),
        (f"o b {SAID} {ADDRESS} Anna of the", f"o b {SAID} {masked(ADDRESS)} …"),
        (f"o b {SAID} 198.5o b {SAID} {ADDRESS} - R1 REST.GET.OBJECT k -", f"o b {SAID} … … R1 REST.GET.OBJECT k -"),
        ('o b "GET /files/u1/anna', 'o b "GET /files/u1/…'),
        ('- "curl/8 anna', '- "curl/8 …'),
        ('HTTP/1.1" 200 - 512 2048 42 40 "-"', 'HTTP/1.1" 200 - 512 2048 42 40 "-"'),
    ],
)
def test_a_rejected_line_of_a_log_keeps_nothing_of_its_client(line: str, redacted: str) -> None:
    assert redact_log_line(line, PSEUDONYMS) == redacted


# --- canaries --------------------------------------------------------------------------------------
NOISE = st.text("abz019 .,:;/?&=#%@\"'()[]{}<>+-_\\é\t", max_size=12)
EMAIL = st.builds("canary{}{}mail{}.example".format, st.integers(0, 99), st.sampled_from(["@", "%40"]), NOISE.map(len))
SIGNATURE = st.one_of(
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.binary(min_size=20, max_size=20).map(lambda digest: urlsafe_b64encode(digest).decode()),
)


@given(st.data())
def test_no_canary_survives_in_a_rejected_line(data: st.DataObject) -> None:
    email, signature = data.draw(EMAIL), data.draw(SIGNATURE)
    address = str(data.draw(st.ip_addresses().filter(lambda address: int(address) > 0)))
    name = data.draw(st.sampled_from(["X-Amz-Signature=", "&Signature=", "AWSAccessKeyId=", "x-amz-credential%3D"]))
    noise = st.one_of(NOISE, st.just("x " * data.draw(st.integers(900, 1_000))))
    words = data.draw(st.permutations([address, email, f"{name}{signature}"]))
    redacted = redact_line("".join(data.draw(noise) + word for word in words) + data.draw(noise), PSEUDONYMS)
    assert address not in redacted
    assert "canary" not in redacted
    assert signature[:16] not in redacted
    assert len(redacted) <= 2_000


@given(st.data())
def test_no_canary_survives_at_the_door(data: st.DataObject) -> None:
    email, signature = data.draw(EMAIL), data.draw(SIGNATURE)
    address = str(data.draw(st.ip_addresses()))
    secret = f"{data.draw(NOISE)}&X-Amz-Signature={signature}&{email}={address}&x={email}"
    path = data.draw(st.text("ab/.%2\"'", max_size=10))
    frame = door(
        {
            "remote_ip": address,
            "requester": f"arn:aws:iam::1:user/{email}",
            "request_uri": f"GET /{path}?{secret} HTTP/1.1",
            "referer": f"https://{signature}:{signature}@example.org/{path}/{email}?{secret}#{email}",
            "user_agent": f"{data.draw(NOISE)} {email} {data.draw(NOISE)}",
        },
        {"request_uri": f"GET http://canary:{signature}@example.org/{path}#{secret} HTTP/1.1", "referer": email},
    )
    texts = frame.select(pl.col(pl.String)).rows()
    assert all(text is None or "canary" not in text for row in texts for text in row)
    assert all(text is None or signature[:16] not in text for row in texts for text in row)
    assert all(text is None or len(address) < 4 or address not in text for row in texts for text in row)


def test_a_key_that_holds_a_signed_query_ends_at_its_question_mark() -> None:
    signed = "a/b.jpg?X-Amz-Signature=cafebabe&X-Amz-Credential=AKIA"
    uri = "GET /a/b.jpg%3FX-Amz-Signature=cafebabe&X-Amz-Credential=AKIA HTTP/1.1"
    raw = "a/b.jpg%253FX-Amz-Signature=cafebabe&X-Amz-Credential=AKIA"
    behind_a_line = {"key": "a?\nX-Amz-Signature=cafebabe", "key_raw": "a%253F%250AX-Amz-Signature%253Dcafebabe"}
    assert door(behind_a_line)["key"].item() == "a?…"
    plain = {"key": "what?.jpg", "key_raw": "what%253F.jpg", "request_uri": "GET /what%3F.jpg HTTP/1.1"}
    shut = door({"key": signed, "key_raw": raw, "request_uri": uri}, plain)
    assert shut.select("key", "key_raw", "request_uri").rows() == [
        ("a/b.jpg?…", "a/b.jpg?…", "GET /a/b.jpg?… HTTP/1.1"),
        tuple(plain.values()),
    ]


# What may not be kept, in any spelling; of each a few characters may, since nobody is found by them.
SECRETS = (
    "198.51.100.77",
    "2001:db8:77::abcd",
    "canary77@mail.example",
    "canary77%40mail.example",
    "5f0e77" * 10,
    "Zed-Canary",
)
LONGEST_KEPT = 4


@pytest.mark.parametrize("dialect", ["ovh", "aws", "three_id", "ceph", "scality"])
@pytest.mark.parametrize("address", SECRETS[:2])
def test_no_line_that_was_cut_anywhere_keeps_more_than_a_few_characters(dialect: str, address: str) -> None:
    rng = Random(dialect)
    logged = (
        "files%252Fcanary77%252540mail.example"
        if dialect in ("ovh", "aws", "three_id")
        else "files/canary77@mail.example"
    )
    whole = line(
        rng, dialect, 1_760_000_000, address=address, requester="Zed-Canary of the house", key=logged,
        uri=f'"GET /files/canary77%40mail.example?X-Amz-Signature={SECRETS[4]}&v=2 HTTP/1.1"',
        referer='"https://app.example/canary77@mail.example"', agent='"agent (canary77@mail.example; 198.51.100.77)"',
    ).decode()  # fmt: skip
    for end in range(1, len(whole) + 1):
        for text in (whole[:end], whole[:end] + "\r"):
            kept = redact_log_line(text, PSEUDONYMS)
            found = [secret for secret in SECRETS if secret[: LONGEST_KEPT + 1] in kept]
            assert not found, (found, text, kept)
