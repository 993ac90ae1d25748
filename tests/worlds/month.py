"""A month of small objects, all of whose lines a person could read: what a range of days is tried on.

Lines lie within the hour before their object was written, so some objects reach over midnight; deliveries go on from
one object into the next, a few lines come twice, a few cannot be read, and one object is no access log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from parsers.access_log import Parsed, Piece, parse_pieces
from tests.worlds.log_lines import line, logged_key
from tests.worlds.site import LogObject

FIRST, LAST = date(2025, 10, 1), date(2025, 10, 30)
NOW = datetime(2025, 11, 2, tzinfo=UTC)
NEW_AGENT = '"new/1"'  # whose lines the older parser cannot read
_WRITTEN_AT = ((4, 10), (12, 0), (20, 30), (24, 20))  # hours and minutes of a day; the last one on the next


def month(days: int = 30, seed: int = 1) -> list[LogObject]:
    """Four objects of a few lines each day from ``FIRST`` on, by key."""
    rng, objects = Random(seed), []
    for number in range(days):
        midnight = datetime(2025, 10, 1, tzinfo=UTC) + timedelta(days=number)
        for hours, minutes in _WRITTEN_AT:
            objects.append(_object(rng, midnight + timedelta(hours=hours, minutes=minutes)))
    lines = objects[1].lines
    objects[2] = replace(objects[2], content=objects[2].content + lines[0])
    objects[-3] = replace(objects[-3], content=b"<html>no access log</html>\n" * 20)
    return objects


def _object(rng: Random, written_at: datetime) -> LogObject:
    end = int(written_at.timestamp())
    lines = [_line(rng, end - rng.randrange(1, 3600)) for _ in range(rng.randrange(4, 9))]
    lines += [_line(rng, end - 20, key="files/u/castingly-1/goes-on.jpg", address="192.0.2.1")]
    if rng.random() < 0.2:
        lines.append(b"cut short")
    key = f"access-logs/{written_at:%Y-%m-%d-%H-%M-%S}-{rng.getrandbits(64):016X}"
    return LogObject(key, b"".join(each + b"\n" for each in sorted(lines)), end * 10**9)


def _line(rng: Random, at: int, key: str = "", address: str = "") -> bytes:
    key = key or f"files/u/{rng.choice(('castingly', 'palette'))}-{rng.randrange(3)}/{rng.randrange(9)}.jpg"
    size, total = rng.randrange(10**6), rng.randrange(3000)
    return line(
        rng, "ovh", at, key=logged_key(key, 2), uri=f'"GET /{key} HTTP/1.1"',
        address=address or f"192.0.2.{rng.randrange(40)}",
        block=f"{rng.choice((200, 200, 200, 206, 404, 503))} - {size} {size} {total} {total // 2}",
        agent=rng.choice(('"old/1"', '"old/2"', NEW_AGENT)),
    )  # fmt: skip


def as_by_an_older_parser(pieces: Sequence[Piece]) -> Parsed:
    """As a parser that does not know ``NEW_AGENT`` yet: it rejects these lines as too short."""
    return parse_pieces([replace(piece, data=_without_new(piece.data)) for piece in pieces])


def _without_new(data: bytes) -> bytes:
    return b"\n".join(each[:40] if NEW_AGENT.encode() in each else each for each in data.split(b"\n"))
