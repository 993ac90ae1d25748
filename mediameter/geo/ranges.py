"""Ranges of addresses with a name each, and the question which range an address lies in.

Both families live in one 128-bit space, IPv4 where RFC 4291 maps it (``::ffff:0:0/96``), so that one sorted column
and one binary search serve both.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

IPV4_PREFIX = bytes(10) + b"\xff\xff"
IPV4_BASE = 0xFFFF << 32

Range = tuple[int, int, str]
"""First address, last address (inclusive), name."""


def pack(address: str) -> bytes | None:
    """The 16 bytes of an address, or None when the text is none."""
    try:
        if ":" in address:
            return socket.inet_pton(socket.AF_INET6, address)
        return IPV4_PREFIX + socket.inet_pton(socket.AF_INET, address)
    except (OSError, ValueError):  # ValueError: a NUL, or a character that is not ASCII
        return None


def numbers(addresses: Iterable[str]) -> pl.Series:
    """Addresses as 128-bit numbers, null where the text is no address."""
    packed = pl.Series([pack(address) for address in addresses], dtype=pl.Binary)
    return packed.bin.reinterpret(dtype=pl.UInt128, endianness="big")


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges that do not overlap, sorted by their first address."""

    first: pl.Series
    last: pl.Series
    name: pl.Series

    def find(self, addresses: pl.Series) -> pl.Series:
        """The name of the range each number lies in; null where it lies in none, or is null."""
        before = self.first.search_sorted(addresses.fill_null(0), side="right").cast(pl.Int64) - 1
        at = before.clip(lower_bound=0)
        is_inside = (before >= 0) & (addresses <= self.last.gather(at))
        return self.name.gather(at).set(~is_inside.fill_null(False), None)


def ranges(frame: pl.DataFrame) -> Ranges:
    """Ranges from the columns first, last (128-bit numbers) and name.

    Of nested ranges the narrowest counts. Raises ValueError, naming it, at a range that ends before it begins, at two
    that overlap without one holding the other, and at one that is listed twice under two names.
    """
    ordered = frame.unique().sort("first", "last", descending=[False, True])
    backwards = ordered.filter(pl.col("last") < pl.col("first"))
    if backwards.height:
        raise ValueError(f"a range ends before it begins ({backwards['name'][0]})")
    if ordered.select((pl.col("first") <= pl.col("last").shift()).any()).item():
        ordered = _frame(_flattened(ordered.rows()))
    return Ranges(ordered["first"], ordered["last"], ordered["name"])


def _frame(rows: list[Range]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"first": pl.UInt128, "last": pl.UInt128, "name": pl.String}, orient="row")


def _flattened(rows: Iterable[Range]) -> list[Range]:
    """Nested ranges cut into ones that do not overlap. ``rows`` come outer ranges first."""
    flat: list[Range] = []
    around: list[Range] = []  # the ranges that are open here, the innermost last
    at = 0  # everything below is written

    def write_until(end: int) -> None:
        nonlocal at
        if at <= end:
            flat.append((at, end, around[-1][2]))
        at = end + 1

    def close() -> None:
        write_until(around[-1][1])
        around.pop()

    for inner in rows:
        while around and around[-1][1] < inner[0]:
            close()
        if around:
            _check_nested(around[-1], inner)
            write_until(inner[0] - 1)
        at = inner[0]
        around.append(inner)
    while around:
        close()
    return flat


def _check_nested(outer: Range, inner: Range) -> None:
    if inner[1] > outer[1]:
        raise ValueError(f"two ranges overlap, and neither holds the other ({outer[2]}, {inner[2]})")
    if inner[:2] == outer[:2]:
        raise ValueError(f"a range is listed twice ({outer[2]}, {inner[2]})")
