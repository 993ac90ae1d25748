"""Requests of a client that tries to lower its bill, as a store would log them, and how many bytes it was really sent.

A client writes method, target (and with it the key), referer and user agent, and chooses how long they are; in Ceph's
case a body of its own, too. A *real* emitter writes them as the five dialects do (docs/definitions.md); a *naive* one
lets raw spaces into a target, which no store that we know does.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple
from urllib.parse import quote, unquote

from tests.worlds.log_lines import line, log_time

DIALECTS = ("ovh", "aws", "three_id", "ceph", "scality")
ENCODED = ("ovh", "aws", "three_id")
_LEAST, _MOST = 10_000, 5_000_000_000
_LONGEST = 65_536
MIDNIGHT = 1_761_955_200  # of 1 November 2025


class Planted(NamedTuple):
    """A line as logged, and the bytes of its response. ``is_naive``: no store that we know would have written it."""

    line: bytes
    truth: int
    is_naive: bool = False


# --- what a client plants ------------------------------------------------------------------------------


def _number(rng: Random) -> str:
    """Less than any true response."""
    return str(rng.choice((0, 1, 5, 999, rng.randrange(_LEAST))))


def _block(rng: Random) -> str:
    """A block that says little was sent."""
    status = rng.choice(("200", "206", "304", "404", "-"))
    times = rng.choice(("1 1", "- 1", "- 1ms", "0.5 1"))
    return f"{status} {rng.choice(('-', 'NoSuchKey'))} {_number(rng)} {rng.choice(('-', '5'))} {times}"


def _end_of_a_uri(rng: Random) -> str:
    quotes = rng.choice(('"', '"', '"', "”", "%22", '\\"', "\uff02"))
    spaces = rng.choice((" ", " ", "  ", "\xa0", "%20", "+", "\t"))
    begin = f"x{spaces}HTTP/{rng.choice(('1.1', '1.0', '2'))}{quotes}{spaces}"
    return f"{begin}{_block(rng)}{spaces}{quotes}-{quotes} {quotes}y"


def _request(rng: Random) -> str:
    return f"{rng.choice(('GET', 'HEAD', 'x'))} /{rng.choice(('k', 'media/k', 'a b'))} {_end_of_a_uri(rng)[2:]}"


def _head(rng: Random) -> str:
    at = rng.choice((_now(rng), log_time(0), "[31/Feb/2025:10:00:00 +0000]", "[-]"))
    return f"o media {at} 192.0.2.9 - R1 {rng.choice(('REST.GET.OBJECT', 'BATCH.DELETE.OBJECT', 'REST.'))} k"


def _record(rng: Random) -> str:
    """A whole record that was glued on, or its begin."""
    begin = rng.choice(("", '" - - - ', '"', 'y" "z" - '))
    end = rng.choice(("", f' "GET /k HTTP/1.1" {_block(rng)} "-" "z', f' "GET /k HTTP/1.1" {_block(rng)} "-" "z" - -'))
    return f"{begin}{_head(rng)}{end}"


def _noise(rng: Random) -> str:
    return rng.choice(
        ('"', '" "', "\\", '\\"', "\r", "\0", "\x1b[2J", "\x85", "\u2028", "\u202e", "\udcff", "é", "[", "%", "%00",
         "-", "  ", "HTTP/1.1", '{"a": "b c"}', "REST.GET.OBJECT", " REST.GET.OBJECT k ", "s3access-media: ")
    )  # fmt: skip


_PLANTS: tuple[Callable[[Random], str], ...] = (_end_of_a_uri, _end_of_a_uri, _request, _head, _record, _record, _noise)


def _text(rng: Random) -> str:
    """What the client writes into a header."""
    parts = [rng.choice(_PLANTS)(rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    text = rng.choice(("", " ", "curl/8 ")).join(parts)
    if rng.random() < 0.02:
        text += rng.choice('x "-[') * rng.choice((8_000, _LONGEST - 900, _LONGEST, 3 * _LONGEST))
    return text.replace("\n", "")


def _now(rng: Random) -> str:
    return log_time(MIDNIGHT + rng.randrange(80_000))


# --- what a store makes of it --------------------------------------------------------------------------


def planted(rng: Random, dialect: str) -> Planted:
    """One request, hostile in one to three of its texts."""
    truth = rng.choice((rng.randrange(_LEAST, _MOST), _MOST))
    where = rng.sample(("agent", "referer", "path", "query", "method"), rng.choice((1, 1, 2, 3)))
    is_naive = rng.random() < 0.15
    path = f"files/u1/{_text(rng)}" if "path" in where else rng.choice(("files/u1/castingly-1/a.jpg", "a b.jpg"))
    query = f"?X-Amz-Signature={_text(rng)}" if "query" in where else rng.choice(("", "?X-Amz-Signature=abc", "?v=1"))
    method = rng.choice(('G"T', "get", "G\\ET", 'X"', "[GET]")) if "method" in where else "GET"
    target, key = _target_and_key(rng, dialect, path[:2_000], query[:2_000], is_naive=is_naive)
    referer, agent = (_text(rng) if name in where else "-" for name in ("referer", "agent"))
    whole = _logged(rng, dialect, truth, f"{method} {target} HTTP/1.1", key, referer, agent)
    return Planted(whole.replace(b"\n", b""), truth, is_naive)


def _target_and_key(rng: Random, dialect: str, path: str, query: str, *, is_naive: bool) -> tuple[str, str]:
    """The target as it was sent, and the key as it is logged: what the store makes of the target's path."""
    if is_naive:
        sent = path.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
        query = query.replace("#", "")
    else:
        sent = quote(path.encode("utf-8", "surrogateescape"), safe=rng.choice(("/", "/\"'\\[]{}()", '/"')))
        query = query.replace(" ", rng.choice(("%20", "+"))).replace("\r", "%0D").replace("\t", "%09").replace("#", "")
    key = unquote(sent, errors="surrogateescape").replace("\n", "")
    bucket = rng.choice(("", "media/"))
    if dialect not in ENCODED:
        return f"/{bucket}{sent}{query}", key
    return f"/{bucket}{sent}{query}", quote(quote(key.encode("utf-8", "surrogateescape")))


def _logged(rng: Random, dialect: str, truth: int, uri: str, key: str, referer: str, agent: str) -> bytes:
    at = MIDNIGHT + rng.randrange(80_000)
    operation = "REST.GET.OBJECT"
    if dialect == "scality":
        uri, referer, agent = f'"{_go(uri)}"', f'"{_go(referer)}"', f'"{_go(agent)}"'
        block = f"{rng.choice(('200', '206'))} - {truth} {_MOST} {rng.choice(('7.5', '7'))} 3"
    elif dialect == "ceph":
        # The bytes are those of a body that the client sent along.
        status, body = rng.choice((("200", "-"), ("200", _number(rng)), ("206", "-")))
        size = truth if status == "200" else _MOST
        uri, referer, agent = f'"{uri}"', referer, f'"{agent}"'
        block = f"{status} - {body} {size} - 12ms"
    else:
        uri, referer, agent = f'"{uri}"', f'"{referer}"', f'"{agent}"'
        block = f"{rng.choice(('200', '206'))} - {truth} {rng.choice(('-', str(_MOST)))} 42 40"
    return line(
        rng, dialect, at, bucket="media", operation=operation, key=key or "-", uri=uri, block=block, referer=referer,
        agent=agent,
    )  # fmt: skip


def _go(text: str) -> str:
    """As Go's ``strconv.Quote`` writes it."""
    found = []
    for character in text:
        code = ord(character)
        if character in '"\\':
            found.append("\\" + character)
        elif code < 0x20 or code == 0x7F or 0xDC80 <= code <= 0xDCFF:
            found.append(f"\\x{code & 0xFF:02x}")
        elif character.isprintable():
            found.append(character)
        else:
            found.append(f"\\u{code:04x}")
    return "".join(found)


def ordinary(rng: Random, dialect: str) -> Planted:
    """A request that means no harm."""
    truth = rng.randrange(_LEAST)
    block = {
        "ceph": f"200 - - {truth} - 12ms", "scality": f"200 - {truth} {truth} 7.5 3"
    }.get(dialect, f"200 - {truth} - 42 40")  # fmt: skip
    agent = '"Mozilla/5.0 (X11)"'
    referer = "-" if dialect in ("ceph", "scality") else '"-"'
    at = MIDNIGHT + rng.randrange(80_000)
    return Planted(line(rng, dialect, at, bucket="media", block=block, referer=referer, agent=agent), truth)


def a_day(rng: Random, dialect: str, hostile: int, ordinary_lines: int) -> list[Planted]:
    """Hostile requests among ordinary ones. The first twenty lines are ordinary: they tell the dialect."""
    first = [ordinary(rng, dialect) for _ in range(20)]
    more = [ordinary(rng, dialect) for _ in range(ordinary_lines)] + [planted(rng, dialect) for _ in range(hostile)]
    rng.shuffle(more)
    return first + more
