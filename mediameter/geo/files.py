"""The files ranges come from: CSV with networks, and the two files of Debian's tor-geoipdb.

| first line that is no comment | what it is |
|---|---|
| ``network,country`` or ``network,cdn`` | CSV of networks, led by ``# dataset: <label>, <date>`` if you like |
| ``16777216,16777471,AU`` | tor-geoip, IPv4; the file beside it with a ``6`` behind its name is read too |
| ``2001:200::,2001:200:ffff::,JP`` | tor-geoip, IPv6 |

A file is chosen by its content, never by its name. What cannot be read is a UserError that names the file and the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path

import polars as pl

from mediameter.errors import UserError
from mediameter.geo.ranges import IPV4_BASE, Ranges, numbers, pack, ranges

REMEDY = "give a CSV with the columns network,country (or network,cdn), or tor-geoipdb's geoip"
UNNAMED = "??"  # tor-geoip's word for a range without a country

_NAME = re.compile(r"[\w .+-]{1,64}|\?\?|")
_TOR_IPV4 = re.compile(r"\d+,\d+,")
_TOR_IPV6 = re.compile(r"[0-9A-Fa-f:]+,[0-9A-Fa-f:]+,")


@dataclass(frozen=True, slots=True)
class DataSet:
    """What one file (or tor-geoip's pair) says, under which label, from which bytes."""

    ranges: Ranges
    label: str
    sha256: str


def read(path: Path) -> DataSet:
    """The ranges of a file. Raises UserError where it is missing or malformed."""
    content = _content(path)
    lines = _lines(path, content)
    frames = [_frame(path, lines)]
    beside = path.with_name(f"{path.name}6")
    if _TOR_IPV4.match(_opening(lines)) and beside.is_file():
        more = _content(beside)
        content += more
        frames.append(_frame(beside, _lines(beside, more)))
    try:
        found = ranges(pl.concat(frames))
    except ValueError as error:
        raise UserError(f"{path}: {error}", "correct these ranges") from None
    return DataSet(found, _label(path, lines), sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})", "check the path and its permissions") from None


def _lines(path: Path, content: bytes) -> list[str]:
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text", REMEDY) from None


def _opening(lines: list[str]) -> str:
    return next((line.strip() for line in lines if line.strip() and not line.startswith("#")), "")


def _frame(path: Path, lines: list[str]) -> pl.DataFrame:
    """Columns first, last, name of a file's ranges, in its own order."""
    opening = _opening(lines)
    is_csv = opening.replace(" ", "").lower() in ("network,country", "network,cdn")
    if not is_csv and not _TOR_IPV4.match(opening) and not _TOR_IPV6.match(opening):
        raise UserError(f"{path} is no table of address ranges", REMEDY)
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")][is_csv:]
    if not numbered:
        raise UserError(f"{path} holds no range", REMEDY)
    table = pl.DataFrame(numbered, schema={"line": pl.UInt32, "text": pl.String}, orient="row")
    found = _networks(table) if is_csv else _tor(table, _ipv4 if _TOR_IPV4.match(opening) else numbers)
    return _checked(path, found)


def _checked(path: Path, found: pl.DataFrame) -> pl.DataFrame:
    named = pl.col("name").str.contains(f"^(?:{_NAME.pattern})$")
    wrong = found.filter(~(named & pl.col("first").is_not_null() & pl.col("last").is_not_null()).fill_null(False))
    if wrong.height:
        raise UserError(f"{path}, line {wrong['line'][0]}: {wrong['text'][0][:80]!r} is no range and name", REMEDY)
    unnamed = pl.col("name").is_in(["", UNNAMED])
    return found.filter(~unnamed).select("first", "last", "name")


def _tor(table: pl.DataFrame, read_numbers: Callable[[pl.Series], pl.Series]) -> pl.DataFrame:
    parts = table["text"].str.strip_chars().str.split_exact(",", 2).struct.unnest()
    first, last = read_numbers(parts["field_0"]), read_numbers(parts["field_1"])
    return table.with_columns(first.alias("first"), last.alias("last"), parts["field_2"].alias("name"))


def _ipv4(texts: pl.Series) -> pl.Series:
    small = texts.cast(pl.UInt32, strict=False).cast(pl.UInt128)
    return pl.select(small + pl.lit(IPV4_BASE, pl.UInt128)).to_series()


def _networks(table: pl.DataFrame) -> pl.DataFrame:
    parts = table["text"].str.split_exact(",", 1).struct.unnest()
    bounds = [_bounds(text.strip()) for text in parts["field_0"]]
    return table.with_columns(
        pl.Series("first", [bound[0] for bound in bounds], dtype=pl.UInt128),
        pl.Series("last", [bound[1] for bound in bounds], dtype=pl.UInt128),
        parts["field_1"].str.strip_chars().alias("name"),
    )


def _bounds(network: str) -> tuple[int, int] | tuple[None, None]:
    """First and last address of a network; none where it is malformed or has bits set behind its length."""
    address, slash, length = network.partition("/")
    packed = pack(address)
    bits = 128 if ":" in address else 32
    if packed is None or (slash and not (length.isascii() and length.isdigit() and int(length) <= bits)):
        return None, None
    size = 1 << (bits - int(length) if slash else 0)
    first = int.from_bytes(packed)
    return (None, None) if first % size else (first, first + size - 1)


def _label(path: Path, lines: list[str]) -> str:
    """Name and date of the data set, as its own comments give them; else the file's name."""
    comments = [line.lstrip("# ").strip() for line in lines[:50] if line.startswith("#")]
    stated = {key.strip().lower(): value.strip() for key, mark, value in (c.partition(":") for c in comments) if mark}
    if stated.get("dataset"):
        return stated["dataset"]
    if "vendor" in stated and "generated" in stated:
        return f"{stated['vendor']} (tor-geoip), {_day(stated['generated'])}"
    old = next((comment for comment in comments if comment.startswith("Last updated based on ")), "")
    return old.removeprefix("Last updated based on ") or f"{path.name}, undated"


def _day(generated: str) -> str:
    try:
        return parsedate_to_datetime(generated).date().isoformat()
    except ValueError:
        return generated
