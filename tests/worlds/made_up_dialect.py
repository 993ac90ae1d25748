"""An access-log dialect that no server writes: all that the house must be told of a new one stands in one such file.

Its ids tell the second of the begin in decimal digits, its times are microseconds, its lines are written when a request
has ended, its keys are encoded once.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import polars as pl

from parsers.access_log import raw_keys
from parsers.access_log.dialect import PATTERN_BEGIN, PATTERN_END, SNIFFED_HEAD, Dialect, Pattern
from parsers.access_log.fields import Bad, Body, Cut, Head, agents_of, number, numbers_of
from schemas.begins import Begins

_TIME = r"-|[0-9]{1,12}"


def _body(text: str, head: Head, cut: Cut, *, is_whole: bool) -> Body:
    if not cut.is_sure:
        raise Bad("AMBIGUOUS")
    numbers = numbers_of(cut.words, _milliseconds)
    return Body(cut.uri, numbers, numbers.bytes_sent or 0, agents_of(text, cut.rest))


def _milliseconds(word: str) -> int | None:
    microseconds = number(word, 10**12)
    return None if microseconds is None else microseconds // 1000


def _milliseconds_of_column(word: pl.Expr) -> pl.Expr:
    return word.cast(pl.Int64, strict=False) // 1000


def _decoded(key_raw: str, operation: str) -> str:
    return unquote(key_raw)


DIALECT = Dialect(
    name="made_up",
    object_marks=(re.compile(rf"{SNIFFED_HEAD}made-up-[0-9]{{10}} +REST\."),),
    cut=raw_keys.cut,
    body=_body,
    decoded=_decoded,
    pattern=Pattern(
        rf"{PATTERN_BEGIN}(?P<total>{_TIME}) (?P<turn_around>{_TIME}) "
        rf'(?P<referer>"[^"\\]*") (?P<agent>"[^"\\]*"){PATTERN_END}',
        _milliseconds_of_column,
    ),
    begins=Begins(in_id=r"^made-up-([0-9]{10})$", base=10, is_end_logged=True),
)
