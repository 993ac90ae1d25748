"""Draws and writes the log of log.py: whole columns at once, so that a gigabyte takes seconds.

A process of its own (`python -m benchmarks.lines FOLDER SEED COUNT`), so that whoever measures stays small.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.log import BEGIN, LINES, ODD, SMALL_FILES, WINDOW_S, Truth, end_of

BUCKET = "dailey-media"
OWNER = "4c1e77d09ab3:user-Zr4kWq8N"
_KEYS, _VIEWERS, _AGENTS = 40_000, 60_000, 400
_NO_UTF8 = "\ue000"  # stands for bytes that no text can hold, until the text is bytes


def make(folder: Path, seed: int, count: int) -> None:
    """Objects 0 to ``count`` below ``folder``; those that are there are left as they are."""
    world = _World(seed)
    for number in range(count):
        if not (folder / "truth" / f"{number:05d}").exists():
            _make_object(folder, world, number)


def _make_object(folder: Path, world: _World, number: int) -> None:
    name, end = f"{number:05d}", end_of(number)
    lines, truth = world.lines(number)
    data, clean = _joined(lines["line"]), _joined(lines.filter(~lines["is_odd"])["line"])
    truth.size, truth.clean_size = len(data), len(clean)
    _write(folder / "objects" / name, data, end)
    _write(folder / "clean" / name, clean, end)
    for piece, rows in enumerate(np.array_split(np.arange(lines.height), SMALL_FILES)):
        part = lines["line"].slice(int(rows[0]), len(rows))
        _write(folder / "small" / name / f"{piece:03d}", _joined(part), end)
    _write(folder / "truth" / name, json.dumps(asdict(truth)).encode(), end)  # last: without it the object is not there


def _joined(lines: pl.Series) -> bytes:
    return ("\n".join(lines.to_list()) + "\n").encode().replace(_NO_UTF8.encode(), b"\xff\xfe")


def _write(path: Path, data: bytes, modified: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (modified.timestamp(), modified.timestamp()))


# --- who asks for what -------------------------------------------------------------------------------

# operation, method, share; a status for each is drawn from below
_OPERATIONS = (
    ("REST.GET.OBJECT", "GET", 0.870),
    ("REST.HEAD.OBJECT", "HEAD", 0.060),
    ("REST.PUT.OBJECT", "PUT", 0.045),
    ("REST.GET.BUCKET", "GET", 0.015),
    ("REST.DELETE.OBJECT", "DELETE", 0.005),
    ("S3.EXPIRE.OBJECT", "-", 0.005),
)
_STATUSES = (
    ("200", "-", 0.850),
    ("206", "-", 0.090),
    ("304", "-", 0.030),
    ("404", "NoSuchKey", 0.014),
    ("403", "AccessDenied", 0.008),
    ("499", "-", 0.006),
    ("503", "SlowDown", 0.002),
)
_SIGNED = 0.06  # of requests, whose query differs in every one
_SYSTEMS = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "iPhone; CPU iPhone OS 19_1",
)
_REFERERS = ("https://castingly.dailey.dev/actors", "https://palette.dailey.dev/projects", "https://dailey.dev/gallery")


class _World:
    """The files, the viewers, and the words that lines are made of."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        rng = np.random.default_rng(seed)
        self._keys = pl.Series([_key(rng, number) for number in range(_KEYS)])
        self._referers = pl.Series([f"{_REFERERS[n % 3]}/{n:04d}" for n in range(600)] + ["-"] * 150)
        self._agents = pl.Series([_agent(rng) for _ in range(_AGENTS)])
        self._addresses = pl.Series([_address(rng) for _ in range(_VIEWERS)])
        self._agent_of_viewer = rng.integers(0, _AGENTS, _VIEWERS)

    def lines(self, number: int) -> tuple[pl.DataFrame, Truth]:
        """Columns ``line`` and ``is_odd``, and what is true of them (but for sizes)."""
        rng = np.random.default_rng([self._seed, number])
        odd = np.sort(rng.choice(LINES, ODD, replace=False))
        words = self._words(rng, number, odd)
        plain = words.select(_LINE)["line"]
        outcomes, texts = zip(*_bent(plain[odd.tolist()]), strict=True)
        fate = pl.Series(["parsed"]).new_from_index(0, LINES).scatter(odd.tolist(), list(outcomes))
        counted = words.filter((fate == "parsed") & (words["status"] != "-"))
        truth = Truth(LINES, *(int((fate == outcome).sum()) for outcome in ("parsed", "ignored", "rejected")))
        truth.requests, truth.bytes_sent = counted.height, int(counted["sent"].cast(pl.Int64, strict=False).sum())
        is_odd = pl.Series([False]).new_from_index(0, LINES).scatter(odd.tolist(), True)
        return pl.DataFrame({"line": plain.scatter(odd.tolist(), list(texts)), "is_odd": is_odd}), truth

    def _words(self, rng: np.random.Generator, number: int, odd: np.ndarray) -> pl.DataFrame:
        """A row a line, a column a word, as logged. What is to be odd is a plain GET so far."""
        at = int(BEGIN.timestamp()) + number * WINDOW_S + np.sort(rng.integers(0, WINDOW_S, LINES))
        viewer = (_VIEWERS * rng.random(LINES) ** 2).astype(np.int64)
        total = rng.lognormal(4.0, 0.9, LINES).astype(np.int64)
        drawn = {
            "operation": _drawn(rng, _OPERATIONS),
            "drawn_status": _drawn(rng, _STATUSES),
            "is_signed": rng.random(LINES) < _SIGNED,
        }
        for column, value in zip(drawn.values(), ("REST.GET.OBJECT", "200", False), strict=True):
            column[odd] = value
        frame = pl.DataFrame(
            {
                "at": at,
                "address": self._addresses.gather(viewer),
                "agent": self._agents.gather(self._agent_of_viewer[viewer]),
                "key": self._keys.gather((_KEYS * rng.random(LINES) ** 3).astype(np.int64)),
                "referer": self._referers.gather(rng.integers(0, len(self._referers), LINES)),
                "size": rng.lognormal(11.5, 1.2, LINES).astype(np.int64),
                "total": total,
                "turn_around": (total * rng.random(LINES)).astype(np.int64),
                "id": _hex(rng, 21),
                "signature": _hex(rng, 32),
                **drawn,
            }
        )
        return frame.with_columns(*_WORDS).with_columns(*_OF_STATUS).with_columns(*_AS_LOGGED)


def _drawn(rng: np.random.Generator, table: tuple[tuple[str, str, float], ...]) -> np.ndarray:
    names, _, shares = zip(*table, strict=True)
    return np.array(names)[rng.choice(len(table), LINES, p=shares)]


def _hex(rng: np.random.Generator, width: int) -> np.ndarray:
    text = rng.bytes(LINES * ((width + 1) // 2)).hex()[: LINES * width]
    return np.frombuffer(text.encode(), dtype=f"S{width}").astype(f"U{width}")


def _key(rng: np.random.Generator, number: int) -> str:
    user, name = rng.bytes(4).hex(), rng.bytes(6).hex()
    name += ".mp4" if number % 11 == 0 else ".jpg"
    if number % 50 == 0:
        name = f"take%2520{name}"  # a space, encoded twice as in every such log
    return (
        f"files/{user}/castingly-public/headshots/{name}",
        f"media/directors-palette/{user}/originals/{name}",
        f"media/dailey-core/{user}/variants/w1280/{name}",
        f"files/{user}/palette-private/boards/{name}",
    )[number % 4]


def _agent(rng: np.random.Generator) -> str:
    if rng.random() < 0.3:
        return f"aws-sdk-js/3.{int(rng.integers(400, 950))}.0 os/linux lang/js md/nodejs#22.9.0"
    major, minor = int(rng.integers(90, 150)), int(rng.integers(0, 9999))
    system = _SYSTEMS[int(rng.integers(0, len(_SYSTEMS)))]
    return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.{minor}.0 Safari/537.36"


def _address(rng: np.random.Generator) -> str:
    a, b, c, d = (int(n) for n in rng.integers(1, 255, 4))
    return f"2001:db8:{a:x}:{b:x}::{c:x}{d:02x}" if a % 20 == 0 else f"{a}.{b}.{c}.{d}"


# --- from words to lines -----------------------------------------------------------------------------

_is_kept = pl.col("operation") == "S3.EXPIRE.OBJECT"  # lifecycle: nobody asked, so there is no status
_is_written = pl.col("operation") == "REST.PUT.OBJECT"
_is_read = pl.col("operation") == "REST.GET.OBJECT"
_METHOD = {operation: method for operation, method, _ in _OPERATIONS}
_ERROR = {status: error for status, error, _ in _STATUSES}
_dash = pl.lit("-")
_WORDS = (
    pl.from_epoch("at").dt.strftime("[%d/%b/%Y:%H:%M:%S +0000]").alias("time"),
    pl.when(_is_kept).then(_dash).when(_is_read).then(pl.col("drawn_status")).otherwise(pl.lit("200")).alias("status"),
    pl.format("tx{}-{}", "id", (pl.col("at") - pl.col("total") // 1000).map_batches(
        lambda at: pl.Series([f"{second:010x}" for second in at]), return_dtype=pl.String
    )).alias("request_id"),
    pl.when("is_signed")
    .then(pl.format("?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=900&X-Amz-Signature={}", "signature"))
    .otherwise(pl.lit("")).alias("query"),
    pl.when("is_signed").then(pl.lit("SigV4")).otherwise(_dash).alias("signature_version"),
    pl.when("is_signed").then(pl.lit("QueryString")).otherwise(_dash).alias("authentication"),
    pl.when(_is_kept).then(_dash).otherwise("address").alias("address"),
    pl.col("operation").replace_strict(_METHOD).alias("method"),
)  # fmt: skip
_has_body = pl.col("status").is_in(["200", "206", "499"]) & _is_read
_OF_STATUS = (
    pl.col("status").replace_strict(_ERROR, default="-").alias("error"),
    pl.when(_has_body).then(pl.col("size").cast(pl.String))
    .when(pl.col("status").is_in(["403", "404", "503"])).then(pl.lit("243"))
    .otherwise(_dash).alias("sent"),
    pl.when(_is_written).then(pl.col("size").cast(pl.String)).otherwise(_dash).alias("body"),
    pl.when(_is_kept).then(_dash)
    .otherwise(pl.format("{} /{}{} HTTP/1.1", "method", pl.col("key").str.replace("%25", "%", literal=True), "query"))
    .alias("uri"),
)  # fmt: skip
_AS_LOGGED = (
    pl.when(_is_kept).then(_dash).otherwise(pl.col("total").cast(pl.String)).alias("total"),
    pl.when(_is_kept).then(_dash).when(_is_read).then(pl.col("turn_around").cast(pl.String)).otherwise(pl.lit("0")).alias("turn_around"),
    pl.when(_is_kept).then(_dash).otherwise("referer").alias("referer"),
    pl.when(_is_kept).then(_dash).otherwise("agent").alias("agent"),
)  # fmt: skip
_SHAPE = (
    OWNER + " " + BUCKET + ' {time} {address} - {request_id} {operation} {key} "{uri}" {status} {error} {sent} {body} '
    '{total} {turn_around} "{referer}" "{agent}" - - {signature_version} - {authentication} '
    + BUCKET
    + ".s3.gra.io.cloud.ovh.net - -"
)


def _pasted(shape: str) -> Iterator[pl.Expr]:
    for part in shape.split("{"):
        name, closed, text = part.partition("}")
        if closed:
            yield pl.col(name)
        yield pl.lit(text if closed else part)


_LINE = pl.concat_str(*_pasted(_SHAPE)).alias("line")

# --- odd lines, each with what must become of it (docs/definitions.md) ----------------------------------

_PLANTED = 'x HTTP/1.1" 200 - 999999999 - 1 1 "-" "-'
_ODDITIES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("parsed", lambda line: line.replace(' HTTP/1.1"', '?q="><script>alert(1)</script> HTTP/1.1"')),
    ("parsed", lambda line: re.sub('"(Mozilla|aws)', r'""\1', line)),
    ("parsed", lambda line: re.sub('"(?:Mozilla|aws).*?"', '"{"app":"castingly","build":"4.2 (17)"}"', line)),
    ("parsed", lambda line: re.sub('"(?:https:[^"]*|-)" "', f'"{_PLANTED}" "', line)),
    ("parsed", lambda line: line.replace(" - - - - - ", "  -  - - -  - ")),
    ("parsed", lambda line: re.sub('"(?:https:[^"]*|-)" ".*?"', "- -", line)),
    ("parsed", lambda line: re.sub('"(Mozilla|aws)', rf'"\1{_NO_UTF8}', line)),
    ("rejected", lambda line: re.sub(r"\[.*?\]", "[-]", line)),
    ("rejected", lambda line: line.replace(" 200 - ", " 200 - -")),
    ("rejected", lambda line: line[: line.index(" HTTP/1.1")]),
    ("rejected", lambda line: line + line),
    ("ignored", lambda line: ""),
)


def _bent(lines: pl.Series) -> Iterator[tuple[str, str]]:
    """(outcome, line) of each line, bent in one of these ways."""
    for number, line in enumerate(lines):
        outcome, bend = _ODDITIES[number % len(_ODDITIES)]
        yield outcome, bend(line)


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
