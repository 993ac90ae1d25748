"""The reference against cases worked out by hand: it judges the fast code, so it has to be judged first."""

from __future__ import annotations

import dataclasses
import gzip
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from schemas.records import PARSED
from schemas.rollups import AUDIENCE_FAMILY, RECONCILIATION_DAILY, TRAFFIC_FAMILY, USERS_DAILY
from schemas.vocabulary import histogram_edges
from tests.reference.lines import Ignored, Parsed, RawLine, Rejected, read_line, read_lines
from tests.reference.raw_keys import dialect_of_object
from tests.reference.response_times import EDGES, summary
from tests.reference.rollups import LogObject, PriceCard, Settings, alert_values, compute
from tests.reference.texts import endpoint_of, host_of, normalised_address

LAST_MODIFIED = datetime(2025, 11, 1, tzinfo=UTC)

# The example line of the document that the OVH source came from.
SEED_KEY = "files/1cf9a704/castingly-public/actors/1cf9a704/headshots/test.jpg"
SEED = (
    "dailey-media-api-storage 98765 dailey-media-api-storage [30/Oct/2025:21:11:08 +0000] 172.71.223.210 - ABC123 "
    f'REST.GET.OBJECT {SEED_KEY} "GET /{SEED_KEY} HTTP/1.1" 200 - 524288 524288 42 40 '
    '"https://castingly.dailey.dev" "Mozilla/5.0" -'
)
OVH_ID = "tx0123456789abcdef01234-0069035f1c"


def line(
    *,
    at: str = "30/Oct/2025:12:00:00 +0000",
    ip: str = "192.0.2.1",
    key: str = "k.jpg",
    uri: str | None = None,
    operation: str = "REST.GET.OBJECT",
    block: str = "200 - 1000 - 40 30",
    agents: str = '"-" "curl/8"',
    bucket: str = "media",
    trailing: str = "-",
) -> str:
    """A line of OVH's dialect, odd only where it is asked to be."""
    uri = f'"GET /{key} HTTP/1.1"' if uri is None else uri
    return f"proj:user {bucket} [{at}] {ip} - {OVH_ID} {operation} {key} {uri} {block} {agents} {trailing}".rstrip()


def outcome(text: str | bytes, log_bucket: str = "logs") -> Parsed | Rejected | Ignored:
    raw = text.encode() if isinstance(text, str) else text
    return read_line(raw, seed=1, last_modified=LAST_MODIFIED, log_bucket=log_bucket)


def record(text: str | bytes) -> Parsed:
    parsed = outcome(text)
    assert isinstance(parsed, Parsed), parsed
    return parsed


def world(**settings: Any) -> Settings:
    return Settings(seed=1, address_key=b"secret", **settings)


def tables(*lines: str, **settings: Any) -> dict[str, list[dict[str, Any]]]:
    log = LogObject("ovh", "a", "\n".join(lines).encode(), LAST_MODIFIED)
    return compute([log], world(**settings))


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(rows) == 1, rows
    return rows[0]


def test_the_seed_line() -> None:
    parsed = dataclasses.asdict(record(SEED))
    said = {name: value for name, value in parsed.items() if value is not None and name != "line_hash"}
    assert said == {
        "dialect": "three_id",
        "bucket_owner": "dailey-media-api-storage",
        "canonical_id": "98765",
        "bucket": "dailey-media-api-storage",
        "at": datetime(2025, 10, 30, 21, 11, 8, tzinfo=UTC),
        "remote_ip": "172.71.223.210",
        "request_id": "ABC123",
        "operation": "REST.GET.OBJECT",
        "key_raw": SEED_KEY,
        "key": SEED_KEY,
        "request_uri": f"GET /{SEED_KEY} HTTP/1.1",
        "http_status": 200,
        "bytes_sent": 524288,
        "object_size": 524288,
        "total_ms": 42,
        "turn_around_ms": 40,
        "referer": "https://castingly.dailey.dev",
        "user_agent": "Mozilla/5.0",
        "is_lossy_text": False,
        "is_ambiguous": False,
    }


def test_a_record_has_the_columns_of_the_contract() -> None:
    place = {"object_id", "line_number", "byte_offset"}
    assert {field.name for field in dataclasses.fields(Parsed)} == set(PARSED.names) - place


def test_a_line_cut_off_anywhere_is_rejected_or_keeps_its_numbers() -> None:
    whole = line(agents='"https://a.b/c" "Mozilla/5.0 (X11)"', trailing="- - SigV4")
    for end in range(1, len(whole)):
        cut = outcome(whole[:end])
        if isinstance(cut, Parsed):
            assert (cut.bytes_sent, cut.total_ms, cut.user_agent) == (1000, 40, "Mozilla/5.0 (X11)")
        else:
            assert isinstance(cut, Rejected)


def test_lines_are_cut_at_newlines_with_their_places() -> None:
    assert read_lines(b"\xef\xbb\xbfone\r\n\ntwo") == [RawLine(1, 3, b"one"), RawLine(2, 8, b""), RawLine(3, 9, b"two")]
    assert read_lines(b"one\n") == [RawLine(1, 0, b"one")]
    assert read_lines(b"") == []


TARGET = "/k.jpg?q=1"
PLANTED = '"x HTTP/1.1" 404 NoSuchKey 1 1 1 1 "-" "y'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"x" * 65_537, Rejected("LONG_LINE")),
        (" \t\r", Ignored("BLANK")),
        (line().partition(' "-"')[0] + line(), Rejected("GLUED_LINES")),
        (line()[:60] + line(), Rejected("GLUED_LINES")),
        (line(at="30/Foo/2025:12:00:00 +0000"), Rejected("BAD_TIME")),
        (line(at="31/Feb/2025:12:00:00 +0000"), Rejected("BAD_TIME")),
        (line(at="30/Oct/2025:12:60:00 +0000"), Rejected("BAD_TIME")),
        (line(at="-"), Rejected("BAD_TIME")),
        ("one two REST.GET.OBJECT k", Rejected("BAD_TIME")),
        ("word " * 17, Rejected("UNREADABLE")),
        ("word " * 16, Rejected("SHORT_LINE")),
        (line(uri='"GET /k.jpg"'), Rejected("SHORT_LINE")),
        (line(agents='"-"', trailing=""), Rejected("SHORT_LINE")),
        (line(uri=f'"GET {TARGET}" 200 - 9 9 9 9 "-" "x HTTP/1.1"'), Rejected("AMBIGUOUS")),
        (line(uri=f'GET {TARGET} HTTP/1.1"'), Rejected("AMBIGUOUS")),
        (line(block="200 - -5 - 4 4"), Rejected("BAD_NUMBER")),
        (line(block=f"200 - {2**46 + 1} - 4 4"), Rejected("BAD_NUMBER")),
        (line(block=f"200 - 5 - {366 * 86_400_000 + 1} 4"), Rejected("BAD_NUMBER")),
        (line(block=f"200 - {'9' * 5000} - 4 4"), Rejected("BAD_NUMBER")),
        (line(block="099 - 5 - 4 4"), Rejected("BAD_NUMBER")),
        (line(block="200 - \u0661 - 4 4"), Rejected("BAD_NUMBER")),
        (line(at="01/Nov/2025:01:00:01 +0000"), Rejected("FUTURE_TIME")),
        (line(bucket="logs"), Ignored("LOG_BUCKET")),
        (line(bucket="logs", block="200 - -5 - 4 4"), Rejected("BAD_NUMBER")),
    ],
)
def test_a_line_that_is_no_record(text: str | bytes, expected: Rejected | Ignored) -> None:
    assert outcome(text) == expected


@pytest.mark.parametrize("target", ["/k.jpg", "/media/k.jpg", TARGET, "/other"])
def test_a_block_planted_behind_the_real_one_is_seen_through(target: str) -> None:
    parsed = record(line(uri=f'"GET {target} HTTP/1.1"', agents=f'"-" {PLANTED}"'))
    assert (parsed.http_status, parsed.bytes_sent, parsed.total_ms) == (200, 1000, 40)


def test_a_record_counts_though_another_is_glued_behind_it() -> None:
    parsed = record(line() + line())
    assert (parsed.bytes_sent, parsed.user_agent, parsed.is_ambiguous) == (1000, None, True)


def test_a_block_planted_behind_no_uri_is_text() -> None:
    parsed = record(line(uri='"-"', block="- - - - - -", agents=f'- {PLANTED}"'))
    assert (parsed.request_uri, parsed.http_status, parsed.bytes_sent) == (None, None, 0)
    assert parsed.user_agent == PLANTED.removeprefix('"')


@pytest.mark.parametrize(
    ("agents", "referer", "agent", "is_ambiguous"),
    [
        ('"-" "-"', None, None, False),
        ("- -", None, None, False),
        ('- "curl"', None, "curl", False),
        ('"a" -', "a", None, False),
        ('"" ""', "", "", False),
        ('"a" ""Mozilla"', "a", '"Mozilla', False),
        ('"a" "Safari/604.1""', "a", 'Safari/604.1"', False),
        ('"a"  "b c"', "a", "b c", False),
        ('"a" "b" "c"', "a", 'b" "c', True),
        ('"a" " "b"', "a", ' "b', True),
        ('"-" "{"x": "\\y"}"', None, '{"x": "\\y"}', False),
    ],
)
def test_referer_and_user_agent(agents: str, referer: str | None, agent: str | None, is_ambiguous: bool) -> None:
    parsed = record(line(agents=agents, trailing="1673.1 - SigV4"))
    assert (parsed.referer, parsed.user_agent, parsed.is_ambiguous) == (referer, agent, is_ambiguous)
    assert (parsed.version_id, parsed.host_id, parsed.signature_version) == ("1673.1", None, "SigV4")


def test_exploit_text_in_the_target_stays_verbatim() -> None:
    uri = 'GET /k.jpg?x="<script>${jndi:ldap://a}</script>"200 HTTP/1.1'
    assert record(line(uri=f'"{uri}"')).request_uri == uri


def test_the_head_tolerates_spaces_prefix_and_offset() -> None:
    text = line(at="31/Oct/2025:01:30:00 +0200").replace("[", " [").replace(" - tx", " CloudFront identity E1 tx")
    parsed = record("s3access-media: " + text)
    assert (parsed.dialect, parsed.bucket_owner, parsed.bucket) == ("ovh", "proj:user", "media")
    assert parsed.requester == "CloudFront identity E1"
    assert parsed.at == datetime(2025, 10, 30, 23, 30, tzinfo=UTC)


def test_lossy_text_keeps_the_hash_of_the_bytes() -> None:
    raw = line(agents='"-" "a?b!"').encode().replace(b"?", b"\xff").replace(b"!", b"\0")
    assert (record(raw).user_agent, record(raw).is_lossy_text) == ("a\ufffdb\ufffd", True)
    assert record(raw).line_hash != record(raw.replace(b"\xff", b"\xfe")).line_hash


def test_keys_are_decoded_by_their_operation() -> None:
    assert record(line(key="a%2520b%252Bc")).key == "a b+c"
    batch = line(key="a%2520b", operation="BATCH.DELETE.OBJECT", uri="-", agents="- -")
    expired = line(key="100%25+x", operation="S3.EXPIRE.OBJECT", uri='"-"')
    assert [record(each).key for each in (batch, expired)] == ["a b", "100% x"]
    assert [record(each.replace(OVH_ID, "0A1B2C3D")).key for each in (batch, expired)] == ["a%20b", "100% x"]
    assert record(line(key="-")).key is None


def test_fields_behind_the_known_ones_are_kept() -> None:
    words = " ".join(f"f{n}" for n in range(1, 13))
    parsed = record(line(trailing=words))
    assert (parsed.version_id, parsed.source_region, parsed.extra_fields) == ("f1", "f10", "f11 f12")


def test_rows_have_the_columns_of_the_contracts() -> None:
    found = tables(SEED, line(block="404 NoSuchKey 0 - 1 1"))
    for contract in (*TRAFFIC_FAMILY, *AUDIENCE_FAMILY):
        if contract not in (RECONCILIATION_DAILY, USERS_DAILY):
            assert found[contract.name], contract.name
            assert all(list(row) == contract.names for row in found[contract.name]), contract.name


def test_the_seed_line_in_the_rollups() -> None:
    card = PriceCard("ovh", Decimal("0.011"), "USD", "GB", date(2025, 1, 1))
    found = tables(SEED, prices=(card,), edge=lambda ip: "edge" if ip.startswith("172.71.") else "direct")
    traffic = only(found["traffic_daily"])
    assert (traffic["application"], traffic["operation_class"], traffic["status_class"]) == (
        "castingly",
        "get_object",
        "2xx",
    )
    assert [traffic[name] for name in ("records", "requests", "deliveries", "bytes_sent")] == [1, 1, 1, 524288]
    cost = only(found["bandwidth_cost_daily"])  # 524,288 x 0.011 / 10^9 dollars = 5.767168 micros
    assert (cost["price_id"], cost["cost_micros"]) == ("ovh/bytes_sent/USD/2025-01-01", 6)
    assert only(found["endpoints_daily"])["endpoint"] == "get_object files/{user}/castingly-public/*"
    assert len(found["response_time_daily"]) == 8 and len(found["audience_trailing"]) == 6
    assert all(row["is_behind_cdn"] and row["unique_addresses"] == 1 for row in found["audience_trailing"])
    assert only(found["days"]) | {"tenant": "default"} == only(found["days"])
    assert found["errors_daily"] == []


def test_the_same_line_counts_once_and_its_copy_as_duplicate() -> None:
    objects = [
        LogObject("ovh", "a", f"{SEED}\n{SEED}\n\n".encode(), LAST_MODIFIED),
        LogObject("ovh", "b", gzip.compress(SEED.encode()) + gzip.compress(b"\nnot a line\n"), LAST_MODIFIED),
        LogObject("other", "a", SEED.encode(), LAST_MODIFIED),
        LogObject("ovh", "empty", b"", LAST_MODIFIED),
    ]
    found = compute(objects, world())
    names = ("source", "objects", "lines", "parsed", "ignored", "rejected", "duplicates")
    assert [[row[name] for name in names] for row in found["days"]] == [
        ["other", 1, 1, 1, 0, 0, 0],
        ["ovh", 2, 5, 3, 1, 1, 2],
    ]
    assert only(found["traffic_hourly"])["records"] == 2


def test_deliveries_fold_over_midnight_by_gaps_of_a_minute() -> None:
    times = ("29/Oct/2025:23:59:30", "30/Oct/2025:00:00:30", "30/Oct/2025:00:01:30", "30/Oct/2025:00:02:31")
    found = tables(*(line(at=f"{at} +0000", block="206 - 10 - 1 1") for at in times))
    days = [(row["day"].day, row["requests"], row["deliveries"]) for row in found["traffic_daily"]]
    assert days == [(29, 1, 1), (30, 3, 1)]


def test_an_error_is_no_delivery_and_does_not_join_two() -> None:
    times_and_status = (("00", 200), ("50", 404))
    lines = [
        line(at=f"30/Oct/2025:12:00:{second} +0000", block=f"{status} - 1 - 1 1") for second, status in times_and_status
    ]
    found = tables(*lines, line(at="30/Oct/2025:12:01:40 +0000"))
    assert sum(row["deliveries"] for row in found["traffic_daily"]) == 2


def test_second_records_and_lifecycle_are_records_but_no_requests() -> None:
    found = tables(
        line(operation="REST.COPY.OBJECT_GET", uri="-", agents="- -"),
        line(operation="S3.EXPIRE.OBJECT", ip="-", uri='"-"', block="- - - 5 - -"),
    )
    assert [(row["status_class"], row["records"], row["requests"]) for row in found["traffic_daily"]] == [
        ("none", 1, 0),
        ("2xx", 1, 0),
    ]
    assert not found["bandwidth_cost_daily"] and not found["countries_daily"] and not found["audience_trailing"]


def test_status_classes() -> None:
    found = tables(*(line(block=f"{status} - 1 - 1 1") for status in (100, 204, 304, 404, 499, 503, 600)))
    counted = {row["status_class"]: row["requests"] for row in found["traffic_daily"]}
    assert counted == {"none": 2, "2xx": 1, "3xx": 1, "4xx": 1, "aborted": 1, "5xx": 1}
    endpoint = only(found["endpoints_daily"])
    assert (endpoint["errors"], endpoint["server_errors"], endpoint["client_aborts"]) == (4, 1, 1)


def test_what_a_crawler_is_refused_is_an_error_apart() -> None:
    asked = [("Googlebot/2.1", 404), ("Googlebot/2.1", 499), ("Googlebot/2.1", 503), ("curl/8", 404), ("curl/8", 200)]
    found = tables(*(line(block=f"{status} - 1 - 1 1", agents=f'"-" "{agent}"') for agent, status in asked))
    endpoint = only(found["endpoints_daily"])
    assert (endpoint["errors"], endpoint["errors_without_crawlers"]) == (4, 3)


def test_percentiles_are_nearest_rank_and_means_half_even() -> None:
    assert summary(list(range(1, 11))) == (10, 6, 5, 9, 10, 10, 10)  # the mean of 5.5 goes to the even 6
    assert summary([1, 2, 2, 5]) == (4, 2, 2, 5, 5, 5, 5)  # 2.5 goes to 2
    assert summary([7]) == (1, 7, 7, 7, 7, 7, 7)


def test_turn_around_is_of_gets_of_objects_alone() -> None:
    found = tables(line(), line(operation="REST.PUT.OBJECT", block="200 - - 9 70 0"))
    overall = {
        row["measure"]: row
        for row in found["response_time_daily"]
        if (row["application"], row["operation_class"]) == ("*", "*")
    }
    assert (overall["total"]["observations"], overall["total"]["p50_ms"], overall["total"]["max_ms"]) == (2, 40, 70)
    assert (overall["turn_around"]["observations"], overall["turn_around"]["mean_ms"]) == (1, 30)


def test_the_histogram_has_the_edges_of_the_vocabulary() -> None:
    assert histogram_edges() == EDGES
    found = tables(*(line(block=f"200 - 1 - {ms} 1") for ms in (0, 100, 101, 102)))
    assert [(row["upper_ms"], row["observations"]) for row in found["response_time_buckets_hourly"]] == [
        (0, 1),
        (101, 2),
        (103, 1),
    ]


def test_days_are_the_zones_with_25_hours_when_the_clock_goes_back() -> None:
    hours = [datetime(2025, 10, 25, 21, 30, tzinfo=UTC) + timedelta(hours=n) for n in range(27)]
    found = tables(*(line(at=f"{at:%d/%b/%Y:%H:%M:%S} +0000") for at in hours), time_zone="Europe/Paris")
    assert [(row["day"].day, row["requests"]) for row in found["traffic_daily"]] == [(25, 1), (26, 25), (27, 1)]


def test_rejected_lines_lie_on_the_day_of_the_earliest_record() -> None:
    found = tables(line(at="30/Oct/2025:00:10:00 +0000"), line(at="29/Oct/2025:23:50:00 +0000"), "short", "")
    assert [(row["day"].day, row["lines"], row["rejected"]) for row in found["days"]] == [(29, 2, 1), (30, 1, 0)]
    alone = only(tables("short")["days"])
    assert (alone["day"], alone["objects"], alone["rejected"]) == (date(2025, 11, 1), 1, 1)


def test_cost_follows_the_card_of_the_day_and_rounds_half_even_once() -> None:
    old = PriceCard("ovh", Decimal("0.5"), "EUR", "MB", date(2025, 1, 1), date(2025, 10, 29))
    new = PriceCard("ovh", Decimal("1"), "EUR", "KiB", date(2025, 10, 30))
    day_before = "29/Oct/2025:12:00:0{} +0000"
    lines = [line(at=day_before.format(n), block=f"200 - {size} - 1 1") for n, size in enumerate((1, 2, 2))]
    found = tables(*lines, line(block="200 - 512 - 1 1"), prices=(old, new))
    assert [row["cost_micros"] for row in found["bandwidth_cost_daily"]] == [2, 500_000]  # 2.5 micros go to 2
    unpriced = only(tables(line())["bandwidth_cost_daily"])
    assert (unpriced["price_id"], unpriced["currency"], unpriced["cost_micros"]) == ("", "", None)
    with pytest.raises(ValueError, match="overlap"):
        tables(line(), prices=(new, dataclasses.replace(new, currency="USD")))


def test_applications_by_key_then_by_referer() -> None:
    lines = [
        line(key="files/u/two-words-public/x"),
        line(key="media/core/u/variants/thumb/x"),
        line(agents='"HTTPS://me@Castingly.Dev:443/a?b" "-"'),
        line(key="media/%252A/u/originals/x"),
        line(key="files/u/nodash/x", agents='"https://evil.dev/castingly.dev" "-"'),
    ]
    found = tables(*lines, referers={"castingly.dev": "castingly"})
    counted = {row["application"]: row["records"] for row in found["traffic_daily"]}
    assert counted == {"two-words": 1, "core": 1, "castingly": 1, "unattributed": 2}
    assert host_of("castingly.dev/a") is None


@pytest.mark.parametrize(
    ("key", "template"),
    [
        (None, "-"),
        ("plain.jpg", "*"),
        ("static/a/b", "static/*"),
        ("2025/a", "{id}/*"),
        ("abcdef-1/a", "{id}/*"),
        ("abcdefgh/a", "abcdefgh/*"),
        ("files/u1/castingly-public/a/b", "files/{user}/castingly-public/*"),
        ("media/core/u1/originals/a", "media/core/{user}/originals/*"),
        ("media/core/u1/variants/thumb/a", "media/core/{user}/variants/thumb/*"),
        ("media/core", "media/*"),
    ],
)
def test_endpoints(key: str | None, template: str) -> None:
    assert endpoint_of("get_object", key) == f"get_object {template}"


def test_endpoints_beyond_the_cap_are_other() -> None:
    lines = [line(key=key) for key in ("a/1", "b/1", "b/2", "c/1")]
    found = tables(*lines, line(key="c/2", block="404 NoSuchKey 7 - 1 1"), endpoint_cap=2)
    counted = {row["endpoint"]: (row["requests"], row["errors"]) for row in found["endpoints_daily"]}
    assert counted == {"get_object b/*": (2, 0), "get_object c/*": (2, 1), "other": (1, 0)}
    error = only(found["errors_daily"])
    assert (error["endpoint"], error["http_status"], error["error_code"]) == ("get_object c/*", 404, "NoSuchKey")


def test_media_files_by_decoded_key() -> None:
    found = tables(line(key="a%20b"), line(key="a%2520b", at="30/Oct/2025:13:00:00 +0000"), line(key="-"))
    row = only(found["media_file_daily"])
    assert (row["object_key"], row["requests"], row["deliveries"], row["bytes_sent"]) == ("a b", 2, 2, 2000)
    assert row["last_at"] == datetime(2025, 10, 30, 13, tzinfo=UTC)


def test_audience_windows_have_no_gaps_up_to_the_last_day() -> None:
    found = tables(
        line(at="20/Oct/2025:12:00:00 +0000"),
        line(at="22/Oct/2025:12:00:00 +0000", ip="::FFFF:192.0.2.1"),
        line(at="22/Oct/2025:12:00:01 +0000", ip="2001:DB8:0::1"),
    )
    overall = {
        (row["day"].day, row["window_days"]): row["unique_addresses"]
        for row in found["audience_trailing"]
        if row["application"] == "*"
    }
    assert overall == {
        (20, 1): 1,
        (20, 7): 1,
        (20, 30): 1,
        (21, 7): 1,
        (21, 30): 1,
        (22, 1): 2,
        (22, 7): 2,
        (22, 30): 2,
    }
    assert all(row["is_behind_cdn"] is None for row in found["audience_trailing"])


def test_addresses_are_normalised() -> None:
    given = ("192.0.2.1", "::ffff:192.0.2.1", "2001:DB8:0:0::1", "Host.Name", "unknown")
    assert [normalised_address(text) for text in given] == [
        "192.0.2.1",
        "192.0.2.1",
        "2001:db8::1",
        "host.name",
        "unknown",
    ]


def test_values_of_the_checks() -> None:
    card = PriceCard("ovh", Decimal("1"), "USD", "KB", date(2025, 1, 1))
    at = "30/Oct/2025:00:00:00 +0000"
    found = tables(line(at=at), line(block="500 - 0 - 2000 1", at="30/Oct/2025:13:00:00 +0000"), prices=(card,))
    found["days"] = [row | {"state": "final"} for row in found["days"]]
    budgeted = world(prices=(card,), budget=(10**9, "USD"))
    values = {row["rule"]: row["value"] for row in alert_values(found, budgeted)}
    assert values == {
        "daily_bandwidth": 1000,
        "error_rate": 0.5,
        "monthly_budget": 31.0,  # one dollar in the 24 hours that are known, of thirty-one days
        "response_time_p95": 2000,
        "unique_addresses": 1,
    }


def test_the_order_of_objects_changes_nothing() -> None:
    lines = [line(at=f"30/Oct/2025:12:{n:02}:00 +0000", ip=f"192.0.2.{n % 3}") for n in range(12)]
    objects = [LogObject("ovh", str(n), text.encode(), LAST_MODIFIED) for n, text in enumerate(lines)]
    assert compute(objects, world()) == compute(objects[::-1], world())


# --- Ceph and Scality -------------------------------------------------------------------------------


def raw_key_record(dialect: str, key: str, rest: str, operation: str = "REST.GET.OBJECT") -> Parsed:
    text = f"acme a:media [30/Oct/2025:12:00:00 +0000] 192.0.2.1 web r1 {operation} {key} {rest}"
    parsed = read_line(text.encode(), seed=1, last_modified=LAST_MODIFIED, log_bucket="logs", dialect=dialect)
    assert isinstance(parsed, Parsed), parsed
    return parsed


def test_ceph_keys_bare_referers_and_bytes() -> None:
    rest = '"GET /a%20b HTTP/1.1" 200 - - 9 - 7ms https://app.example/a b "x" v1'
    parsed = raw_key_record("ceph", "a%20b  c", rest)
    assert (parsed.dialect, parsed.bucket, parsed.key, parsed.key_raw) == ("ceph", "a:media", "a%20b  c", "a%20b  c")
    assert (parsed.referer, parsed.user_agent, parsed.version_id) == ("https://app.example/a b", "x", "v1")
    assert (parsed.bytes_sent, parsed.object_size, parsed.total_ms, parsed.turn_around_ms) == (9, 9, None, 7)
    assert raw_key_record("ceph", "k", rest.replace(" 200 ", " 206 ")).bytes_sent == 0
    assert raw_key_record("ceph", "k", rest.replace("- - 9", "- 8 9"), "REST.PUT.OBJECT").bytes_sent == 0


def test_scality_quotes_as_go_does_and_rounds_half_to_even() -> None:
    rest = r'"GET /a?\"b HTTP/1.1" 200 - 5 9 2.5 1.5e+01 - "a\t\"\xff\u200b\\n\q" -'
    parsed = raw_key_record("scality", "a b", rest)
    assert (parsed.request_uri, parsed.referer) == ('GET /a?"b HTTP/1.1', None)
    assert (parsed.user_agent, parsed.is_lossy_text) == ('a\t"\ufffd\u200b\\n\\q', True)
    assert (parsed.bytes_sent, parsed.total_ms, parsed.turn_around_ms) == (5, 2, 15)


def test_the_dialect_of_an_object_is_that_of_most_records() -> None:
    ceph = line().replace("proj:user media", "acme a:media")
    scality = line().replace(OVH_ID, "0123456789abcdef0123")
    assert dialect_of_object(f"{ceph}\n{line()}\n{ceph}".encode()) == "ceph"
    assert dialect_of_object(f"{ceph}\n{line()}".encode()) == ""
    assert dialect_of_object(f"{scality}\nno record\n".encode()) == "scality"
    assert dialect_of_object(b"") == ""
