"""Countries and edges of addresses: each file format, nested ranges, files that are broken."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediameter.errors import UserError
from mediameter.geo import SHIPPED_CDN_RANGES, Geography, load
from mediameter.geo.ranges import _flattened

COUNTRIES = """\
# dataset: Countries for tests, 2025-01-02
network,country
192.0.2.0/24,FR
198.51.100.0/25,DE
198.51.100.200,US
2001:db8::/32,NL
203.0.113.0/24,
"""
TOR = """\
# Location Database Export
#
# Generated: Tue, 07 Jan 2025 04:32:17 GMT
# Vendor:    Some Project
#
3221225984,3221226239,FR
3325256704,3325256831,??
3325256832,3325256959,DE
"""
TOR6 = """\
# Generated: Tue, 07 Jan 2025 04:32:17 GMT
2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,NL
"""


def written(folder: Path, text: str, name: str = "countries.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def countries(geography: Geography, *addresses: str) -> list[str]:
    return [country for country, _ in geography.look_up(list(addresses))]


def test_without_data_sets_nothing_is_available() -> None:
    geography = load(None, None)
    assert geography.look_up(["192.0.2.1", ""]) == [("not_available", "not_available")] * 2
    assert geography.look_up([]) == []
    assert (geography.countries_label, geography.edges_label) == (None, None)


def test_countries_from_csv(tmp_path: Path) -> None:
    geography = load(written(tmp_path, COUNTRIES), None)
    assert countries(geography, "192.0.2.0", "192.0.2.255", "192.0.3.0", "192.0.1.255") == [
        "FR",
        "FR",
        "unknown",
        "unknown",
    ]
    assert countries(geography, "198.51.100.127", "198.51.100.128", "198.51.100.200", "198.51.100.201") == [
        "DE",
        "unknown",
        "US",
        "unknown",
    ]
    assert countries(geography, "2001:db8::1", "2001:db9::1", "::ffff:192.0.2.1") == ["NL", "unknown", "FR"]
    assert countries(geography, "203.0.113.1", "", "no address", "192.0.2", "\x00", "é") == ["unknown"] * 6
    assert geography.look_up(["192.0.2.1"]) == [("FR", "not_available")]
    assert geography.countries_label == "Countries for tests, 2025-01-02"


def test_countries_from_tors_files(tmp_path: Path) -> None:
    path = written(tmp_path, TOR, "geoip")
    alone = load(path, None)
    assert countries(alone, "192.0.2.7", "198.51.100.1", "198.51.100.128", "2001:db8::1") == [
        "FR",
        "unknown",
        "DE",
        "unknown",
    ]
    written(tmp_path, TOR6, "geoip6")
    both = load(path, None)
    assert countries(both, "192.0.2.7", "2001:db8::1", "2001:db9::") == ["FR", "NL", "unknown"]
    assert both.countries_label == "Some Project (tor-geoip), 2025-01-07"
    assert both.identity != alone.identity


def test_the_shipped_ranges_know_edges() -> None:
    geography = load(None, SHIPPED_CDN_RANGES)
    inside = ["104.16.0.0", "172.71.223.210", "131.0.75.255", "2606:4700::6810:1", "2a06:98c7::1"]
    outside = ["104.15.255.255", "131.0.76.0", "192.0.2.1", "2606:4701::1", ""]
    assert geography.look_up(inside) == [("not_available", "edge")] * len(inside)
    assert geography.look_up(outside) == [("not_available", "direct")] * len(outside)
    assert geography.edges_label == "Cloudflare, published IP ranges, 2023-09-28"


def test_the_narrowest_of_nested_networks_counts(tmp_path: Path) -> None:
    text = "network,country\n10.0.0.0/8,AA\n10.1.0.0/16,BB\n10.1.2.0/24,CC\n10.1.2.3,DD\n10.255.0.0/16,EE\n"
    geography = load(written(tmp_path, text), None)
    asked = ["10.0.0.0", "10.1.0.0", "10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.3.0", "10.2.0.0", "10.255.255.255"]
    assert countries(geography, *asked, "11.0.0.0") == ["AA", "BB", "CC", "DD", "CC", "BB", "AA", "EE", "unknown"]


def test_identity_follows_the_contents(tmp_path: Path) -> None:
    first = load(written(tmp_path, COUNTRIES), SHIPPED_CDN_RANGES).identity
    again = load(written(tmp_path, COUNTRIES, "another name"), SHIPPED_CDN_RANGES).identity
    changed = load(written(tmp_path, COUNTRIES.replace("FR", "BE")), SHIPPED_CDN_RANGES).identity
    assert first == again != changed
    assert len({load(None, None).identity, load(None, SHIPPED_CDN_RANGES).identity, first}) == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no table of address ranges"),
        ("<html></html>\n", "is no table of address ranges"),
        ("network,country\n", "holds no range"),
        ("network,country\n192.0.2.0/24,FR\n192.0.2.0/33,FR\n", "line 3: '192.0.2.0/33,FR' is no range and name"),
        ("network,country\n192.0.2.1/24,FR\n", "line 2: .* is no range and name"),
        ("network,country\n192.0.2.0/24\n", "line 2: .* is no range and name"),
        ("network,country\n192.0.2.0/24,<b>\n", "line 2: .* is no range and name"),
        ("network,country\n192.0.2.0/24,FR\n192.0.2.0/24,DE\n", "listed twice"),
        ("1,5,FR\n3,9,DE\n", "two ranges overlap"),
        ("5,1,FR\n", "ends before it begins"),
        ("1,5,FR\n6,x,DE\n", "line 2: '6,x,DE' is no range and name"),
        ("1,4294967296,FR\n", "line 1: .* is no range and name"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=complaint) as raised:
        load(path, None)
    assert str(path) in raised.value.message
    assert raised.value.remedy


def test_a_missing_file_and_one_that_is_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path / "nowhere", None)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is no text"):
        load(None, tmp_path / "binary")


NETWORKS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 255)).map(lambda pair: (pair[1] >> pair[0] << pair[0], 1 << pair[0])),
    unique=True,
    max_size=12,
)


@given(NETWORKS)
def test_flattening_agrees_with_a_search_for_the_narrowest(networks: list[tuple[int, int]]) -> None:
    rows = sorted(
        ((first, first + size - 1, f"{first}/{size}") for first, size in networks), key=lambda r: (r[0], -r[1])
    )
    flat = _flattened(rows)
    for address in range(256):
        holding = [row for row in rows if row[0] <= address <= row[1]]
        narrowest = min(holding, key=lambda row: row[1] - row[0])[2] if holding else None
        assert [name for first, last, name in flat if first <= address <= last] == [narrowest] * bool(holding)


@given(st.ip_addresses())
def test_edges_agree_with_the_standard_library(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    lines = SHIPPED_CDN_RANGES.read_text(encoding="utf-8").splitlines()[3:]
    networks = [ipaddress.ip_network(line.split(",")[0]) for line in lines]
    asked = [str(address), *(str(network[0]) for network in networks), *(str(network[-1]) for network in networks)]
    expected = ["edge" if any(ipaddress.ip_address(a) in n for n in networks) else "direct" for a in asked]
    assert [edge for _, edge in load(None, SHIPPED_CDN_RANGES).look_up(asked)] == expected
