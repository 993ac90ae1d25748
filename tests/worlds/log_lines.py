"""Log lines as servers write them, what clients and crashes make of them, and objects packed in every allowed way.

Everything comes from a given generator of random numbers: the same seed gives the same bytes.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from urllib.parse import quote, quote_plus

DIALECTS = ("ovh", "aws", "three_id")
RAW_KEY_DIALECTS = ("ceph", "scality")
_IDS = {
    "ovh": "51a0c4e8d2f64b7f8c1e:user-pT4kWq9z",
    "aws": "e3b98a10c5d24f7790aa4c1b" * 2 + "0f6d2e9b7c813a54",
    "three_id": "media-owner 40417",
    "ceph": "acme",
    "scality": "-",
}
_TAILS = {
    "ovh": "- - SigV4 - AuthHeader media.s3.gra.io.example - -",
    "aws": "3Lg4kq Zx81/b9kQ=+ SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader media.s3.example TLSv1.3 - -",
    "three_id": "-",
    "ceph": "- - SigV4 - AuthHeader s3.example - - -",
    "scality": "- - SigV4 - AuthHeader media.s3.example TLSv1.3 - -",
}
_SIGNED = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900&X-Amz-Signature=5f0e"

# Parts of lines that were seen to confuse somebody, or that a client would plant.
SNIPPETS: tuple[bytes, ...] = (
    *(
        text.encode()
        for text in (
            " ", "  ", '"', '""', '" "', '" ', ' "', '"  "', "-", " - ", '"-"', ' "-" "-"', "[", "]", "\\", "\\\"",
            "\t", "\r", "\v", "\f", "\x1f", "\x85", "\xa0", "\u2028", "\ufeff", "\ufffd", "é", "日本", "%", "%00",
            "%25", "%2525", "+", "?", "#", "/", "//", "@", "a@b.example", "0", "-1", "-0", "+5", "007", "1e3", "٣",
            "999999999999999999999", "9223372036854775807", "9223372036854775808", "HTTP/1.1", ' HTTP/1.1"', "HTTP/2",
            ' HTTP/1.1" 200 - 5 - 1 1 "-" "-"', 'x HTTP/1.1" 200 - 999 - 1 1 "', 'HTTP/1.1" 404 NoSuchKey 1 2 3 4 -',
            " 200 - 5 - 1 1 ", '"GET / HTTP/1.1"', "[30/Oct/2025:21:11:08 +0000]", "[31/Feb/2025:10:00:00 +0000]",
            "[29/Feb/2024:23:59:60 +0000]", "[01/Jan/1970:00:00:00 +0001]", "[31/Dec/9999:23:59:59 -2359]",
            "[01/Jan/0001:00:00:00 +0001]", "o b [30/Oct/2025:21:11:08 +0000] 192.0.2.9 - R1 REST.GET.OBJECT k",
            "REST.GET.OBJECT", " REST.GET.OBJECT k ", "S3.EXPIRE.OBJECT", "BATCH.DELETE.OBJECT", "BATCH.COPY.OBJECT",
            "WEBSITE.GET.OBJECT", "SOAP.GET.OBJECT", "REST.", "REST.A.B.C.D", "s3access-media: ", "s3access-x",
            "::ffff:192.0.2.7", "X-Amz-Signature=0", '{"a":"b c"}', "<xml>",
        )
    ),
    b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x8e\xac", b"\xef\xbb\xbf",
)  # fmt: skip


# --- clean lines -------------------------------------------------------------------------------------


@lru_cache(maxsize=65_536)
def _hour(hours: int, offset_hours: int) -> str:
    return (datetime.fromtimestamp(hours * 3600, UTC) + timedelta(hours=offset_hours)).strftime("%d/%b/%Y:%H")


def log_time(at: int, offset_hours: int = 0) -> str:
    """``[dd/Mon/yyyy:hh:mm:ss ±hhmm]`` of a Unix second."""
    return f"[{_hour(at // 3600, offset_hours)}:{at // 60 % 60:02d}:{at % 60:02d} {offset_hours:+03d}00]"


def logged_key(key: str, times: int = 2) -> str:
    """A key as it stands in the log: encoded twice, or once for what the service does by itself."""
    for _ in range(times):
        key = quote_plus(key, safe="/") if " " in key else quote(key)
    return key


def request_id(rng: Random, dialect: str, at: int) -> str:
    if dialect == "ovh":
        return f"tx{rng.getrandbits(84):021x}-{at:010x}"
    if dialect == "ceph":
        zone_id = f"9e369a15-5f43-4f07-b638-de920b22f91b.4179.{rng.getrandbits(60)}"
        return rng.choice((zone_id, f"tx{rng.getrandbits(84):021x}-{at:010x}-4179-default"))
    return f"{rng.getrandbits(80):020x}" if dialect == "scality" else f"{rng.getrandbits(64):016X}"


def line(
    rng: Random,
    dialect: str,
    at: int,
    *,
    bucket: str = "media",
    address: str = "192.0.2.1",
    requester: str = "-",
    operation: str = "REST.GET.OBJECT",
    key: str = "k.jpg",
    uri: str | None = None,
    block: str = "200 - 512 2048 42 40",
    referer: str = '"-"',
    agent: str = '"curl/8.9"',
    offset_hours: int = 0,
    tail: str | None = None,
    began: int | None = None,
) -> bytes:
    """One well-formed line. Texts are given as logged; surrogate escapes stand for raw bytes. ``began``: the Unix
    second that its id tells, where ids of its dialect tell one; None: the line's own."""
    uri = f'"GET /{key} HTTP/1.1"' if uri is None else uri
    tail = _TAILS[dialect] if tail is None else tail
    name = request_id(rng, dialect, at if began is None else began)
    text = written(
        _IDS[dialect], bucket, log_time(at, offset_hours), address, requester, name, operation, key, uri, block,
        referer, agent, tail,
    )  # fmt: skip
    return text.rstrip(" ").encode("utf-8", "surrogateescape")


def written(*fields: str) -> str:
    """The fields as a server puts them into a line: owner, bucket, time, address, requester, request id, operation,
    key, URI, block, referer, user agent, trailing fields."""
    return " ".join(fields)


def probe(
    at: datetime,
    name: str = "0A1B2C3D4E5F6071",
    *,
    owner: str = "0f1e",
    bucket: str = "acme-media",
    address: str = "203.0.113.7",
    operation: str = "REST.GET.OBJECT",
    key: str = "files/u-1/castingly-1/a.jpg",
    target: str = "",
    block: str = "200 - 5000 5000 42 40",
    agent: str = '"probe/1"',
) -> str:
    """One line of Amazon's dialect with nothing odd in it, for figures that are worked out by hand. ``name``: the
    request's id. The target is the key, unless another one is given."""
    uri = f'"GET /{target or key} HTTP/1.1"'
    return written(owner, bucket, log_time(int(at.timestamp())), address, "-", name, operation, key, uri, block,
                   '"-"', agent, "-")  # fmt: skip


def varied_line(rng: Random, at: int) -> bytes:
    """A well-formed line in which everything that a server may write varies."""
    dialect = rng.choice(DIALECTS)
    operation, times = rng.choice(
        (("REST.GET.OBJECT", 2), ("REST.GET.OBJECT", 2), ("REST.HEAD.OBJECT", 2), ("REST.PUT.PART", 2),
         ("REST.COPY.OBJECT_GET", 2), ("S3.EXPIRE.OBJECT", 1), ("BATCH.DELETE.OBJECT", 1), ("WEBSITE.GET.OBJECT", 2),
         ("REST.GET.BUCKET", 2), ("SOAP.X", 2))
    )  # fmt: skip
    name = rng.choice(("a.jpg", "Ünï cödé + 100% 日本.jpg", "a//b", "REST.GET.OBJECT", "x y", "%41", "q?" + "a=1"))
    key = rng.choice((f"files/u{rng.randrange(9)}/app-{rng.randrange(9)}/{name}", name, "-"))
    logged = key if key == "-" else logged_key(key, times)
    target = quote(key) + rng.choice(("", "", "?v=2", _SIGNED))
    uri = rng.choice((f'"GET /{target} HTTP/1.1"', f'"PUT /media/{target} HTTP/2"', '"-"', "-"))
    status, error = rng.choice(("200", "206", "304", "404", "499", "503", "-")), rng.choice(("-", "NoSuchKey"))
    numbers = " ".join(rng.choice(("-", "0", "17", str(_number(rng)))) for _ in range(4))
    return line(
        rng, dialect, at, operation=operation, key=logged, uri=uri, bucket=rng.choice(("media", "media", "-", "logs")),
        address=rng.choice(("192.0.2.77", "2001:db8::7", "::ffff:192.0.2.77", "-")),
        requester=rng.choice(("-", "arn:aws:iam::111122223333:user/web", "svc CloudFront Origin Access 77")),
        block=f"{status} {error} {numbers}",
        referer=rng.choice(('"-"', "-", '""', '"https://app.example/p?q=1"')),
        agent=rng.choice(('"-"', "-", '""', '"Mozilla/5.0 (X11)"', '"a "quoted" one"')),
        offset_hours=rng.choice((0, 0, 0, 2, -8, 14)),
        tail=rng.choice((None, None, "", "-", " ".join(f"f{n}" for n in range(rng.randrange(1, 14))))),
    )  # fmt: skip


def _number(rng: Random) -> int:
    """Mostly one that may be; sometimes at a limit or beyond."""
    limits = (2**46, 2**46 + 1, 366 * 86_400_000, 366 * 86_400_000 + 1, 2**63 - 1)
    return rng.choice(limits) if rng.random() < 0.05 else rng.getrandbits(rng.randrange(1, 36))


def raw_key_line(rng: Random, dialect: str, at: int) -> bytes:
    """A line of Ceph's or Scality's (``dialect``) in which everything that the server may write varies."""
    is_ceph = dialect == "ceph"
    operation = rng.choice(
        ("REST.GET.OBJECT", "REST.GET.OBJECT", "REST.PUT.OBJECT", "WEBSITE.GET.OBJECT", "REST.GET.BUCKET",
         "REST.POST.DELETE_MULTI_OBJECT", "REST.COPY.OBJECT_GET", "BATCH.DELETE.OBJECT")
    )  # fmt: skip
    key = rng.choice(("a.jpg", "a  b c.jpg", "Ünï + 100% 日本.jpg", 'say "hi" now', "x REST.GET.OBJECT y", "-", "a\\b",
                      'x "GET /x HTTP/1.1" 200 - 9 9 1 1 - "y', "k - 200 - 9 9 1 1 - - - - - - - - - - -"))  # fmt: skip
    uri = rng.choice((f'"GET /media/{quote(key)} HTTP/1.1"', '"PUT /media/x?v=\\"2 HTTP/1.1"', "-"))
    numbers = " ".join(rng.choice(("-", "0", "17", str(_number(rng)))) for _ in range(2))
    times = ("-", "7ms", "12", "0ms") if is_ceph else ("-", "7", "0.5", "1.5", "12.25", "1.234567e+06", "9e18", "1e19")
    texts = ("-", "https://app.example/p", "https://app.example/a b", 'x "y" z', '"https://app.example/"', '""')
    agents = ('"curl/8.9"', '"-"', '""', '"a "b" c"', "-")
    go_texts = (
        "-",
        '"-"',
        '""',
        '"curl/8.9"',
        r'"a \"b\" \\ \t\x1f\xff\u200b\U0001f3ac\ud800\q"',
        '"x HTTP/1.1\\" 200 - 9 9 1 1 "',
    )
    block = f"{rng.choice(('200', '206', '404', '-'))} - {numbers} {rng.choice(('-', *times))} {rng.choice(times)}"
    return line(
        rng, dialect, at, operation=operation, key=key, uri=uri, block=block,
        bucket=rng.choice(("media", "acme:media")) if is_ceph else "media",
        requester=rng.choice(("-", "acme", "Acme Ltd")),
        referer=rng.choice(texts if is_ceph else go_texts), agent=rng.choice(agents if is_ceph else go_texts),
        tail=rng.choice((None, None, None, "-", "- - x")),
    )  # fmt: skip


# --- what becomes of them ----------------------------------------------------------------------------


def _spot(rng: Random, text: bytes) -> int:
    return rng.randrange(len(text) + 1)


def _span(rng: Random, text: bytes) -> tuple[int, int]:
    begin = _spot(rng, text)
    return begin, min(len(text), begin + rng.choice((1, 1, 2, 5, 20, 80)))


def _cut_end(rng: Random, text: bytes, _: bytes) -> bytes:
    return text[: _spot(rng, text)]


def _cut_begin(rng: Random, text: bytes, _: bytes) -> bytes:
    return text[_spot(rng, text) :]


def _drop(rng: Random, text: bytes, _: bytes) -> bytes:
    begin, end = _span(rng, text)
    return text[:begin] + text[end:]


def _double(rng: Random, text: bytes, _: bytes) -> bytes:
    begin, end = _span(rng, text)
    return text[:end] + text[begin:]


def _plant(rng: Random, text: bytes, _: bytes) -> bytes:
    at = _spot(rng, text)
    return text[:at] + rng.choice(SNIPPETS) + text[at:]


def _plant_beside_a_mark(rng: Random, text: bytes, _: bytes) -> bytes:
    """Where fields and quotes meet, not just anywhere."""
    marks = [n for n, byte in enumerate(text) if byte in b' "[]/']
    if not marks:
        return text
    at = rng.choice(marks) + rng.randrange(2)
    return text[:at] + rng.choice(SNIPPETS) + text[at:]


def _replace_word(rng: Random, text: bytes, _: bytes) -> bytes:
    words = text.split(b" ")
    words[rng.randrange(len(words))] = rng.choice(SNIPPETS)
    return b" ".join(words)


def _swap_words(rng: Random, text: bytes, _: bytes) -> bytes:
    words = text.split(b" ")
    one, other = rng.randrange(len(words)), rng.randrange(len(words))
    words[one], words[other] = words[other], words[one]
    return b" ".join(words)


def _replace_byte(rng: Random, text: bytes, _: bytes) -> bytes:
    at = _spot(rng, text)
    return text[:at] + bytes([rng.randrange(256)]).replace(b"\n", b"\r") + text[at + 1 :]


def _glue(rng: Random, text: bytes, other: bytes) -> bytes:
    return text[: rng.choice((len(text), _spot(rng, text)))] + rng.choice((b"", b" ")) + other[_spot(rng, other) // 2 :]


def _widen(rng: Random, text: bytes, _: bytes) -> bytes:
    return text.replace(b" ", b"  ") if rng.random() < 0.5 else b" " * rng.randrange(3) + text + b" " * rng.randrange(3)


_BENDS: tuple[Callable[[Random, bytes, bytes], bytes], ...] = (
    _cut_end, _cut_begin, _drop, _double, _plant, _plant, _plant_beside_a_mark, _plant_beside_a_mark,
    _plant_beside_a_mark, _replace_word, _replace_word, _swap_words, _replace_byte, _glue, _widen,
)  # fmt: skip


def bent(rng: Random, text: bytes, other: bytes) -> bytes:
    """The line after one to three mishaps, in some of which another line has a part. Never more than one line."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        text = rng.choice(_BENDS)(rng, text, other)
    return text.replace(b"\n", b"")


# --- objects -----------------------------------------------------------------------------------------


def packed(rng: Random, lines: Sequence[bytes]) -> bytes:
    """An object of these lines: line ends, byte-order mark, gzip of one or several members as it happens."""
    end = rng.choice((b"\n", b"\n", b"\n", b"\r\n"))
    plain = b"".join(text + end for text in lines)
    if rng.random() < 0.2:
        plain = plain.removesuffix(end)
    if rng.random() < 0.1:
        plain = b"\xef\xbb\xbf" + plain
    return gzipped(rng, plain) if rng.random() < 0.4 else plain


def gzipped(rng: Random, plain: bytes) -> bytes:
    """One to four members, cut anywhere; sometimes padded with NULs behind the last one, as tapes do."""
    cuts = sorted(_spot(rng, plain) for _ in range(rng.choice((0, 0, 1, 3))))
    parts = [plain[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(plain)], strict=True)]
    return b"".join(gzip.compress(part, rng.randrange(1, 7), mtime=0) for part in parts) + b"\0" * rng.choice((0, 0, 7))
