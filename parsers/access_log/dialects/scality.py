"""Scality's server access logs: keys raw, texts quoted as Go does, times with fractions.

By its own code (scality/cloudserver, `lib/utilities/serverAccessLogger.js`; scality/log-courier,
`pkg/logcourier/logobject.go`): AWS's 26 fields, an absent one `-`; key not encoded; URI, referer and user agent by
Go's `strconv.Quote`, or a bare `-`; times by `%g`, so perhaps with a fraction or an exponent.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

import polars as pl

from parsers.access_log import raw_keys
from parsers.access_log.dialect import (
    PATTERN_BEGIN,
    PATTERN_END,
    SNIFFED_HEAD,
    SNIFFED_IDS,
    SNIFFED_OPERATION,
    Dialect,
    Pattern,
    verbatim,
)
from parsers.access_log.fields import NOT_KNOWN, TIME, Agents, Bad, Body, Cut, Head, numbers_of
from parsers.access_log.raw_keys import known, undone
from schemas.vocabulary import LONGEST_MS

# --- sniffing -------------------------------------------------------------------------------------

_NUMBER, _WHOLE_TEXT = r" +(?:-|[0-9]+)", r'(?:-|"(?:[^"\\]|\\.)*+")'
_MARKS = (
    re.compile(rf"- +[^ ]+ +{TIME.pattern} "),
    re.compile(rf"{SNIFFED_HEAD}[0-9a-f]{{20}}(?::[0-9a-f]{{20}})*+ +{SNIFFED_OPERATION} "),
    # Only a whole line will do: part of one is what a client can write.
    re.compile(
        rf'{SNIFFED_IDS}{TIME.pattern} [^"]*"[A-Z]+ [^ ]+ HTTP/[0-9.]+" +[0-9]{{3}} +[^ ]+{_NUMBER}{_NUMBER}'
        rf" +(?:[0-9]+\.[0-9]+ +[^ ]+|[^ ]+ +[0-9]+\.[0-9]+) +{_WHOLE_TEXT} +{_WHOLE_TEXT}(?: +[^ \"]+){{9}}\Z"
    ),
)

# --- one line, exactly ----------------------------------------------------------------------------

_QUOTED = r'(-|"[^"\\]*+(?:\\.[^"\\]*+)*+")'
_QUOTED_AGENTS = re.compile(rf"{_QUOTED} ++{_QUOTED}(?= |\Z)")
_REAL = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")


def _body(text: str, head: Head, cut: Cut, *, is_whole: bool) -> Body:
    """The rest of a line behind its key and URI."""
    quoted = _QUOTED_AGENTS.match(text, cut.rest) if is_whole else None
    if is_whole:
        known(cut, NOT_KNOWN if quoted else None)
    if not cut.is_sure:
        raise Bad("AMBIGUOUS")
    numbers = numbers_of(cut.words, _milliseconds)
    uri, is_lossy_uri = undone(cut.uri)
    if not quoted:
        return Body(uri, numbers, numbers.bytes_sent or 0, NOT_KNOWN, is_lossy_uri)
    (referer, agent), losses = zip(*map(_unquoted, quoted.groups()), strict=True)
    agents = Agents(referer, agent, text[quoted.end() :])
    return Body(uri, numbers, numbers.bytes_sent or 0, agents, is_lossy_uri or any(losses))


def _milliseconds(word: str) -> int | None:
    """Whole milliseconds, half to even."""
    if word == "-":
        return None
    if not _REAL.fullmatch(word):
        raise Bad("BAD_NUMBER")
    rounded = int(Decimal(word).to_integral_value(ROUND_HALF_EVEN))
    if rounded > LONGEST_MS:
        raise Bad("BAD_NUMBER")
    return rounded


def _unquoted(word: str) -> tuple[str, bool]:
    """The text that Go quoted, and whether something of it was no text. What Go would not write stays as it is."""
    if word == "-":
        return word, False
    return undone(word[1:-1])


# --- many lines at once ---------------------------------------------------------------------------

# So few digits that a 64-bit float tells 0.5 from its neighbours, and only a true half is one.
_TIME = r"-|[0-9]{1,9}(?:\.[0-9]{1,5})?"
_REGEX = (
    rf"{PATTERN_BEGIN}(?P<total>{_TIME}) (?P<turn_around>{_TIME}) "
    rf'(?P<referer>-|"[^"\\]*") (?P<agent>-|"[^"\\]*"){PATTERN_END}'
)


def _milliseconds_of_column(word: pl.Expr) -> pl.Expr:
    return word.cast(pl.Float64, strict=False).round(0, mode="half_to_even").cast(pl.Int64, strict=False)


DIALECT = Dialect(
    name="scality",
    object_marks=_MARKS,
    cut=raw_keys.cut,
    body=_body,
    decoded=verbatim,
    pattern=Pattern(_REGEX, _milliseconds_of_column),
)
