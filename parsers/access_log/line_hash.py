"""The hash that tells whether two lines are one, 128 bits of the raw line under a secret. A lake keeps the one it was
made with: equal lines of different lakes need not be equal.

``blake3-128`` is keyed with 192 bits: who can write log lines, and sees only what is counted, learns nothing that helps
to make two of his lines collide. ``xxh3-128``, of older lakes, is no cryptographic hash (docs/decisions.md).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence

import polars as pl
import polars_hash as plh
import xxhash

from schemas.vocabulary import LINE_HASHES

SEED_BYTES = dict(zip(LINE_HASHES, (8, 32), strict=True))
"""How much of a secret each hash takes as its seed."""
_KEY_BYTES = 24  # 32 characters of text: a key of one length, before the line, cannot be taken for a part of it
_HALF = 16  # hex digits


def of_column(name: str, seed: int) -> pl.Expr:
    """The hash ``name`` of each text of the column ``line``."""
    return _OF_COLUMN[name](seed)


def of_lines(name: str, seed: int, lines: Sequence[bytes]) -> list[int]:
    """The same of raw lines, which need not be text. Of many at once: a single one costs as much as a thousand."""
    return _OF_LINES[name](seed, lines)


# --- xxh3-128 ----------------------------------------------------------------------------------------


def _xxh3_of_column(seed: int) -> pl.Expr:
    hashed: pl.Expr = plh.col("line").nchash.xxh3_128(seed=seed)
    return hashed


def _xxh3_of_lines(seed: int, lines: Sequence[bytes]) -> list[int]:
    return [xxhash.xxh3_128_intdigest(line, seed=seed) for line in lines]


# --- blake3-128: the first 128 bits of BLAKE3 over key and line ---------------------------------------
# BLAKE3 has no length extension, so a prefix makes a key of it; its own keyed mode is in no library at hand.


def _key(seed: int) -> str:
    return urlsafe_b64encode(seed.to_bytes(SEED_BYTES["blake3-128"])[:_KEY_BYTES]).decode()


def _blake3_of_column(seed: int) -> pl.Expr:
    keyed: pl.Expr = plh.concat_str(pl.lit(_key(seed)), pl.col("line"))
    return _number(keyed)


def _blake3_of_lines(seed: int, lines: Sequence[bytes]) -> list[int]:
    key = _key(seed).encode()
    keyed = pl.Series("line", [key + line for line in lines], dtype=pl.Binary)
    found: list[int] = keyed.to_frame().select(_number(plh.col("line")).alias("hash"))["hash"].to_list()
    return found


def _number(keyed: pl.Expr) -> pl.Expr:
    """Read as two halves: Polars reads 64 bits of hex faster than 128."""
    digest: pl.Expr = keyed.chash.blake3()  # type: ignore[attr-defined]  # a namespace that polars-hash adds
    high, low = (
        digest.str.slice(begin, _HALF).str.to_integer(base=16, dtype=pl.UInt64).cast(pl.UInt128) for begin in (0, _HALF)
    )
    number: pl.Expr = high * 2**64 + low
    return number


_OF_COLUMN: dict[str, Callable[[int], pl.Expr]] = dict(
    zip(LINE_HASHES, (_xxh3_of_column, _blake3_of_column), strict=True)
)
_OF_LINES: dict[str, Callable[[int, Sequence[bytes]], list[int]]] = dict(
    zip(LINE_HASHES, (_xxh3_of_lines, _blake3_of_lines), strict=True)
)
