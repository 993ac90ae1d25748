"""Small worlds, nastier than the demo's: a few objects of one or two sources around midnights and clock changes.

A world knows what was asked of it, never what is true of it: that is the reference's to say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from random import Random
from string import ascii_lowercase
from typing import Any
from zoneinfo import ZoneInfo

from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from tests.reference.application import Database
from tests.reference.rollups import LogObject, PriceCard
from tests.trials.application import Served, database, keys_of, new_id
from tests.worlds.fixture_lines import LINES as CASES
from tests.worlds.fixture_lines import line_bytes
from tests.worlds.log_lines import DIALECTS, bent, gzipped, line, logged_key, packed

KEY = "the key of all worlds"
TENANT = "worlds"
REFERERS = {"castingly.example": "castingly", "Studio.Example": "palette", "[2001:db8::1]": "by-address"}
COUNTRIES = {
    "192.0.0.0/8": "AA", "192.0.2.0/24": "BB", "192.0.2.128/25": "CC", "198.51.100.0/24": "DD", "2001:db8::/32": "EE",
    "2001:db8:1::/48": "FF", "172.64.0.0/16": "GG", "203.0.113.7/32": "HH",
}  # fmt: skip
# Zones with the day that their worlds begin on, so that the clock changes in them, in one at midnight itself.
ZONES = (
    ("Europe/Paris", date(2025, 10, 25)), ("Europe/Paris", date(2026, 3, 28)), ("America/New_York", date(2025, 11, 1)),
    ("America/New_York", date(2026, 3, 7)), ("America/Havana", date(2025, 11, 1)), ("America/Havana", date(2026, 3, 7)),
    ("Pacific/Auckland", date(2025, 9, 27)), ("Pacific/Kiritimati", date(2025, 12, 30)),
    ("Asia/Tokyo", date(2026, 2, 27)), ("Pacific/Honolulu", date(2025, 6, 29)), ("UTC", date(2025, 10, 30)),
    ("UTC", date(2026, 1, 1)),
)  # fmt: skip
_ADDRESSES = (
    "192.0.2.7", "192.0.2.200", "192.1.1.1", "198.51.100.9", "203.0.113.7", "172.64.3.3", "172.65.0.1", "104.16.1.1",
    "2001:db8::1", "2001:DB8:0:0::1", "2001:db8:1::5", "2606:4700::6810:1", "::ffff:192.0.2.7", "::FFFF:c000:0207",
    "::ffff:172.64.3.3", "::1.2.3.4", "64:ff9b::1.2.3.4", "-", "-", "unknown", "Proxy.Example", "192.0.2.07", "1.2.3",
)  # fmt: skip
_EDGES = ("172.64.3.3", "172.65.0.1", "104.16.1.1", "2606:4700::6810:1", "::ffff:172.64.3.3")
_AGENTS = (
    '"Mozilla/5.0 (X11)"', '"curl/8.9"', '"-"', "-", '""', '"a "quoted" one"', '"bot (+mailto:who@agents.example)"',
    '"Caf\udce9/1.0"', '"日本 \U0001f3ac"', '"x HTTP/1.1" 200 - 5 - 1 1 "-" "-"',
)  # fmt: skip
_REFERRED = (
    '"https://castingly.example/a?b=c"', '"HTTPS://Castingly.Example:443"', '"http://user:pw@castingly.example/"', "-",
    '"https://castingly.example.evil.example/"', '"//castingly.example/"', '"castingly.example"', '"android-app://studio.example"',
    '"https://STUDIO.EXAMPLE#x"', '"https://studio.example?x"', '"https://[2001:db8::1]:8080/x"', '"https://[2001:DB8::1]"',
    '"-"', '""', '"https://x.example/@castingly.example"', '"https://castingly.example:x/y"', '" https://studio.example"',
    '"https://a"b"c@studio.example/"',
)  # fmt: skip
_NAMES = (
    "a.jpg", "Ünï cödé + 100% 日本.jpg", "nul\0.bin", "q?v=1", "a//b", "%41%2F", "tab\there", "new\nline", "x" * 300,
    "", "p?X-Amz-Signature=5f0e&x=1", "s%3FSignature=ab/c",
)  # fmt: skip
_USER = "5d41402a-bc4b-4a76-b971-9d911017c592"
_FOLDERS = (
    "files/u1/castingly-public/", "files/u1/castingly-/", "files/u2/-public/", "files/u2/nodash/", "files/u3/a-b-c-d/",
    "files/u3/ünï-public/", f"files/u4/{'n' * 64}-x/", f"files/u4/{'n' * 65}-x/", "media/palette/u1/originals/",
    "media/palette/u1/variants/thumb/", "media/palette/u1/variants/th umb/", "media/pal ette/u1/originals/",
    "media/core/u1/other/", "media/core/variants/x/", f"{_USER}/", f"{_USER.upper()}/", "12345/", "1234567a/",
    "123456a/", "abcdefgh/", "abcdefab-cdef-abcd-efab-cdefabcdefab/", f"{'y' * 64}/", f"{'y' * 65}/", "/", "", "१२३/",
    "{id}/", "other/",
)  # fmt: skip
_HUGE = str(2**62 + 1)
# Sums past 63 bits are refused: one such number a world is enough. Agents that differ in a mail address alone are one
# agent behind the door, which the reference does not stand at.
_NEVER_ODD = (re.compile(rb" 0*[0-9]{17,19}(?![0-9])"), re.compile(rb"mailto:"))
_LASTED_S = (0, 0, 0, 1, 2, 29, 90, 1800, 3599, 3600, 3601, -1, 10**6)
"""From the begin that an id tells to the line's time; the last three are not believed."""
_GETS = (("REST.GET.OBJECT", "200"), ("REST.GET.OBJECT", "206"), ("WEBSITE.GET.OBJECT", "200"))
# Operation, status, error code.
_OTHERS_TEXT = """
    REST.GET.OBJECT 304 -, REST.GET.OBJECT 404 NoSuchKey, REST.GET.OBJECT 499 -, REST.PUT.OBJECT 200 -,
    REST.GET.OBJECT 403 AccessDenied, REST.GET.OBJECT - -, REST.HEAD.OBJECT 200 -, REST.PUT.PART 200 -,
    REST.HEAD.OBJECT 404 -, REST.COPY.OBJECT_GET 200 -, REST.COPY.OBJECT_GET - -, REST.GET.BUCKET 200 -,
    REST.POST.MULTI_OBJECT_DELETE 200 -, BATCH.DELETE.OBJECT 204 -, BATCH.DELETE.OBJECT - -,
    BATCH.COPY.OBJECT 200 -, S3.EXPIRE.OBJECT - -, S3.TRANSITION_GDA.OBJECT - -, SOAP.GET.OBJECT 500 InternalError,
    REST.GET.ACL 503 SlowDown, REST.OPTIONS.PREFLIGHT 100 -, REST.DELETE.OBJECT 600 -, REST.PUT.ACL 999 Odd
"""
_OTHERS = [tuple(each.strip().split(" ", 1)) for each in _OTHERS_TEXT.split(",")]


@dataclass(slots=True)
class World:
    """Settings in words, the objects that are access logs, and those that will be refused (as they lie there)."""

    zone: ZoneInfo
    now: datetime
    log_buckets: dict[str, str]
    objects: list[LogObject] = field(default_factory=list)
    refused: list[LogObject] = field(default_factory=list)
    prices: list[PriceCard] = field(default_factory=list)
    budget: str = ""
    has_countries: bool = True
    has_cdn: bool = True
    database: Database | None = None

    def lay_out(self, folder: Path) -> Settings:
        """The world as a folder: its buckets, empty yet, its countries, and the settings that name them."""
        for source in self.log_buckets:
            (folder / source).mkdir(parents=True)
        countries = "".join(f"{network},{country}\n" for network, country in COUNTRIES.items())
        (folder / "countries.csv").write_text(f"network,country\n{countries}")
        return self.settings(folder)

    def settings(self, folder: Path) -> Settings:
        """Its settings, with all that they name in a folder."""
        return from_mapping(self._document(), folder)

    def deliver(self, folder: Path, objects: Iterable[LogObject]) -> None:
        """Puts objects into their buckets."""
        for log in objects:
            path = folder / log.source / log.key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(log.data)
            modified_s = int(log.last_modified.timestamp())
            os.utime(path, (modified_s, modified_s))

    def _document(self) -> dict[str, Any]:
        return {
            "tenant": TENANT,
            "reporting": {"time_zone": self.zone.key},
            "sources": {
                name: {"kind": "s3_access_log", "path": name, "bucket": bucket}
                for name, bucket in self.log_buckets.items()
            },
            "attribution": {"referers": REFERERS},
            "prices": [_as_set(card) for card in self.prices],
            "alerts": {"monthly_budget": self.budget} if self.budget else {},
            "privacy": {"key": KEY},
            "quality": {"docs": "none"},
            "geo": {
                "countries": "countries.csv" if self.has_countries else "none",
                "cdn_ranges": "builtin" if self.has_cdn else "none",
            },
        }


def _as_set(card: PriceCard) -> dict[str, Any]:
    return {
        "source": card.source, "measure": card.measure, "amount": str(card.amount), "currency": card.currency,
        "per": card.per, "valid_from": card.valid_from, "citation": "made up", "valid_to": card.valid_to,
    }  # fmt: skip


def world(seed: int, *, objects: int | None = None, lines: int | None = None) -> World:
    """The world of a seed: 3 to 12 objects of 20 to 300 lines, or as many as are asked for."""
    rng = Random(seed)
    place, first = rng.choice(ZONES)
    is_wide = rng.random() < 0.2
    zone, days = ZoneInfo(place), 1 if is_wide else rng.randrange(1, 5)
    end = datetime.combine(first + timedelta(days=days), datetime.min.time(), zone).astimezone(UTC)
    sources = {"main": "logs", "other": rng.choice(("", "other-logs"))}
    made = World(
        zone, now=end + timedelta(hours=rng.choice((1, 6, 7, 30))), has_countries=rng.random() < 0.8,
        has_cdn=rng.random() < 0.8, log_buckets=dict(list(sources.items())[: rng.choice((1, 2))]),
    )  # fmt: skip
    made.prices = [card for source in made.log_buckets for card in _cards(rng, source, first, days)]
    made.budget = rng.choice(("", "5.00 USD"))
    writer = Writer(rng, zone, first, days, is_wide)
    for number in range(objects or rng.randrange(10 if is_wide else 3, 13)):
        _deliver(rng, made, writer, number, lines or (300 if is_wide else rng.randrange(20, 301)))
    _deliver_oddly(rng, made, writer)
    if rng.random() < 0.7:
        made.database = database(rng, writer.served, writer.ids, writer.moments, KEY.encode())
    return made


def _cards(rng: Random, source: str, first: date, days: int) -> list[PriceCard]:
    """None, one for ever, or two that change on one of the world's days; before the first there may be no price."""
    kind, change = rng.choice(("none", "one", "late", "two", "two")), first + timedelta(days=rng.randrange(days))
    if kind == "none":
        return []
    begin = change if kind == "late" else date(2025, 1, 1)
    earlier = PriceCard(source, Decimal("0.011"), "USD", rng.choice(("GB", "GiB", "MiB")), begin)
    if kind != "two":
        return [earlier]
    later = PriceCard(source, Decimal("0.0849999"), rng.choice(("USD", "USD", "EUR")), "GB", change)
    last_day = change - timedelta(days=1)
    return [PriceCard(source, earlier.amount, "USD", earlier.per, begin, last_day), later]


# --- lines -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Writer:
    """Makes lines of a world's days; a class for the few viewers, keys and moments that come again and again.

    ``is_wide``: so many endpoints of one application on one day that not all of them keep their names.
    ``edges``: the share of viewers who come through a CDN's edge. Before the midnight ``first_logged`` there is no log.
    """

    rng: Random
    zone: ZoneInfo
    first: date
    days: int
    is_wide: bool
    moments: list[int] = field(init=False)
    folders: list[str] = field(init=False)
    written: dict[str, list[bytes]] = field(default_factory=dict, init=False)
    has_huge_number: bool = field(default=False, init=False)
    ids: list[str] = field(init=False)
    served: list[Served] = field(default_factory=list, init=False)
    edges: float = field(init=False)
    first_logged: int = field(init=False)

    def __post_init__(self) -> None:
        self.ids = [new_id(self.rng) for _ in range(6)]
        midnights = [self._midnight(n) for n in range(self.days + 1)]
        utc = [midnight - midnight % 86_400 + 86_400 for midnight in midnights[:-1]]
        hours = [self.rng.randrange(midnights[0], midnights[-1]) // 3600 * 3600 for _ in range(6)]
        self.moments = [*midnights, *midnights, *utc, *hours]
        self.edges = self.rng.choice((0.1, 0.3, 0.5, 0.7, 0.9))
        self.first_logged = midnights[self.rng.choice((0, 0, 1)) if self.days > 1 else 0] - 3600
        many = ["".join(letters) + "/" for letters in product("ab", ascii_lowercase, ascii_lowercase)]
        self.folders = [*_FOLDERS, *(many[: self.rng.choice((199, 260, 800))] if self.is_wide else [])]

    def _midnight(self, number: int) -> int:
        return int(datetime.combine(self.first + timedelta(days=number), datetime.min.time(), self.zone).timestamp())

    def moment(self) -> int:
        """Mostly shortly before or after something happens."""
        at = self._moment()
        while at < self.first_logged:
            at = self._moment()
        return at

    def _moment(self) -> int:
        if self.rng.random() < 0.3:
            return self.rng.randrange(self.moments[0], max(self.moments))
        return self.rng.choice(self.moments) + self.rng.choice(
            (-121, -61, -60, -59, -30, -1, 0, 0, 1, 29, 60, 61, 3599)
        )

    def _address(self) -> str:
        return self.rng.choice(_EDGES if self.rng.random() < self.edges else _ADDRESSES)

    def lines(self, count: int, dialects: tuple[str, ...]) -> Iterator[bytes]:
        """Requests and chains of deliveries, one after the other; then they are shuffled by whoever delivers them."""
        while count > 0:
            made = self._chain(dialects) if self.rng.random() < 0.35 else [self._other(dialects)]
            yield from made[:count]
            count -= len(made)

    def _chain(self, dialects: tuple[str, ...]) -> list[bytes]:
        """GETs of one object by one viewer, whose gaps are about a minute."""
        rng, at = self.rng, self.moment()
        key, address, agent = self._key(), self._address(), rng.choice(_AGENTS)
        dialect, bucket = rng.choice(dialects), self._bucket()
        chain = []
        for number in range(rng.randrange(2, 7)):
            operation, status = rng.choice(_GETS)
            if rng.random() < 0.1:
                status = "404"
            numbers = self._numbers()
            began = at - rng.choice(_LASTED_S)
            if number == 0:
                self.served.append(Served(key, address, _begin(dialect, at, began)))
            chain.append(
                line(
                    rng, dialect, at, bucket=bucket, operation=operation, key=logged_key(key) or "-", address=address,
                    agent=agent, block=f"{status} - {numbers}", referer=self._referer(), began=began,
                )
            )  # fmt: skip
            at += rng.choice((0, 1, 30, 59, 60, 60, 61, 61, 120))
        return chain

    def _other(self, dialects: tuple[str, ...]) -> bytes:
        rng = self.rng
        operation, status = rng.choice(_OTHERS)
        times = 1 if operation.startswith("S3.") or operation == "BATCH.DELETE.OBJECT" else 2
        key = self._key() if rng.random() < 0.8 else ""
        uri = None if rng.random() < 0.7 else rng.choice(("-", '"-"', '"GET /?list-type=2 HTTP/1.1"'))
        return line(
            rng, rng.choice(dialects), self.moment(), bucket=self._bucket(), operation=operation, uri=uri,
            key=logged_key(key, times) or "-", address=rng.choice(_ADDRESSES), agent=rng.choice(_AGENTS),
            referer=self._referer(), block=f"{status} {self._numbers()}",
            offset_hours=rng.choice((0, 0, 0, 1, -5, 13)),
        )  # fmt: skip

    def _key(self) -> str:
        if self.rng.random() < 0.15:
            return self.rng.choice(keys_of(self.rng.choice(self.ids)))
        folder = self.rng.choice(self.folders)
        return folder + (self.rng.choice(_NAMES) if self.rng.random() < 0.5 else f"{self.rng.randrange(9)}.mp4")

    def _referer(self) -> str:
        return "-" if self.is_wide and self.rng.random() < 0.8 else self.rng.choice(_REFERRED)

    def _bucket(self) -> str:
        return self.rng.choice(("media", "media", "media", "archive", "-")) if self.rng.random() < 0.95 else "logs"

    def _numbers(self) -> str:
        """Bytes sent, size, total and turn-around time; once in a world a number that is as large as it may be."""
        rng = self.rng
        sent = rng.choice(("-", "0", str(rng.randrange(10**7)), str(rng.randrange(10**7)), str(rng.randrange(10**12))))
        total = rng.choice(("-", "0", "1", str(rng.randrange(300)), str(rng.randrange(300)), str(rng.randrange(10**7))))
        if not self.has_huge_number and rng.random() < 0.01:
            self.has_huge_number, sent, total = True, _HUGE, _HUGE
        return f"{sent} {rng.choice(('-', '2048'))} {total} {rng.choice(('-', '0', str(rng.randrange(200))))}"

    def odd_line(self, clean: list[bytes]) -> bytes:
        """A case of the parser's fixtures (mostly moved into the world's days), or a clean line bent."""
        made = self._odd_line(clean)
        while any(pattern.search(made) for pattern in _NEVER_ODD):
            made = self._odd_line(clean)
        return made

    def _odd_line(self, clean: list[bytes]) -> bytes:
        rng = self.rng
        if rng.random() < 0.5:
            return bent(rng, rng.choice(clean), rng.choice(clean))
        case = line_bytes(rng.choice(CASES).spec)
        own = f"{datetime.fromtimestamp(self.moment(), UTC):%d/%b/%Y:%H:%M:%S} +0000".encode()
        return case.replace(b"01/Jan/2026:10:00:38 +0000", own) if rng.random() < 0.8 else case


def _begin(dialect: str, at: int, told: int) -> float:
    """When a request began that is logged so: what events are put near to."""
    return float(told if dialect == "ovh" and at - 3600 <= told <= at else at)


# --- objects -----------------------------------------------------------------------------------------


def _deliver(rng: Random, world: World, writer: Writer, number: int, count: int) -> None:
    """One object; now and then with lines twice, lines of an earlier object, or the same under a second key."""
    source = rng.choice(list(world.log_buckets))
    dialects = rng.choice((*((dialect,) for dialect in DIALECTS), DIALECTS))
    clean = list(writer.lines(count, dialects))
    rng.shuffle(clean)
    lines = clean + rng.sample(clean, len(clean) // 20)
    earlier = writer.written.setdefault(source, [])
    lines += rng.sample(earlier, min(len(earlier), rng.choice((0, 0, 3, 40))))
    earlier += clean
    for _ in range(round(len(clean) * rng.choice((0, 0.01, 0.1, 0.25)))):
        lines.insert(rng.randrange(_SNIFFED, len(lines) + 1), writer.odd_line(clean))
    for _ in range(rng.choice((0, 0, 3))):
        lines.insert(rng.randrange(len(lines) + 1), rng.choice((b"", b" ", b" \t ")))
    end = max(writer.moments) + 200
    modified = _at_rest(world, end if rng.random() < 0.8 else writer.moment())
    log = LogObject(source, f"{rng.choice(('', 'a/', 'b/c/'))}{number:03d}", packed(rng, lines), modified)
    world.objects.append(log)
    if rng.random() < 0.15:
        world.objects.append(log._replace(key=f"{log.key}-again", last_modified=modified + timedelta(minutes=1)))


def _at_rest(world: World, modified: float) -> datetime:
    """Long enough ago for a file to be read: one that changed just now may still be written."""
    return min(datetime.fromtimestamp(modified, UTC), world.now - timedelta(minutes=5))


_SNIFFED = 12  # clean lines that lead an object, so that it is taken for what it is


def _deliver_oddly(rng: Random, world: World, writer: Writer) -> None:
    """Objects without lines, without records, and some that are refused."""
    source = rng.choice(list(world.log_buckets))

    def put(where: list[LogObject], key: str, data: bytes) -> None:
        where.append(LogObject(source, key, data, _at_rest(world, writer.moment())))

    whole = gzipped(rng, b"\n".join(writer.lines(30, DIALECTS))).rstrip(b"\0")
    oddities: tuple[Callable[[], None], ...] = (
        lambda: put(world.objects, "odd/empty", b""),
        lambda: put(world.objects, "odd/packed-nothing", gzipped(rng, b"")),
        lambda: put(world.objects, "odd/mark-alone", b"\xef\xbb\xbf"),
        lambda: put(world.objects, "odd/blank", b"\n\r\n  \n"),
        lambda: put(world.objects, "odd/rejects-alone", b"-- MARK --\nnothing to see here\n"),
        lambda: put(world.refused, "odd/cut", whole[: len(whole) * 2 // 3]),
        lambda: put(world.refused, "odd/page", b"<html><body>503</body></html>\n"),
        lambda: put(world.refused, "odd/behind", whole + b"garbage"),
    )
    for oddity in rng.sample(oddities, rng.randrange(4)):
        oddity()
