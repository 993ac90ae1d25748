"""Ceph RGW's bucket logging: keys raw, durations with their unit, and bytes that are the request's, not the response's.

By its own code (ceph/ceph, `src/rgw/rgw_bucket_logging.cc`, `log_record`), in Standard mode: bucket
`[tenant:]bucket`; key not encoded; URI always `"METHOD target HTTP/1.1"`; total time always `-`, turnaround a
duration printed with its unit (`12ms`; `-` in the documents' examples); referer bare, user agent in quotes, neither
escaped. `bytes sent` is `s->content_length`, which `rgw_rest.cc` takes from the **request's** Content-Length.
"""

from __future__ import annotations

import re

import polars as pl

from parsers.access_log import raw_keys
from parsers.access_log.bounds import UNKNOWN, Bounds
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
from parsers.access_log.fields import (
    NOT_KNOWN,
    TIME,
    Agents,
    Bad,
    Body,
    Cut,
    Head,
    Numbers,
    agents_of,
    closing_quote,
    dash,
    number,
    numbers_of,
)
from parsers.access_log.raw_keys import known

# --- sniffing -------------------------------------------------------------------------------------

_MARKS = (
    re.compile(rf"[^ ]+ +[^ ]+:[^ ]+ +{TIME.pattern} "),
    re.compile(rf"{SNIFFED_HEAD}[0-9A-Za-z-]+(?:\.[0-9]+){{2,}} +{SNIFFED_OPERATION} "),
    re.compile(rf"{SNIFFED_HEAD}tx[0-9a-f]{{21}}-[0-9a-f]{{10}}-[0-9a-f]+-[^ ]+ +{SNIFFED_OPERATION} "),
)
# As the server writes it, or as its documents have it: the key first.
_JOURNAL = (
    re.compile(rf"{SNIFFED_IDS}{TIME.pattern} +{SNIFFED_OPERATION} "),
    re.compile(rf"{SNIFFED_IDS}{TIME.pattern} +(?:[^ \"]+ +){{1,2}}{SNIFFED_OPERATION}(?![^\"]*\")"),
)

# --- one line, exactly ----------------------------------------------------------------------------

_WITH_UNIT = re.compile(r"([0-9]+)ms")


def _body(text: str, head: Head, cut: Cut, *, is_whole: bool) -> Body:
    """The rest of a line behind its key and URI."""
    agents = known(cut, _bare_referer(text, cut.rest)) if is_whole else NOT_KNOWN
    if not cut.is_sure:
        raise Bad("AMBIGUOUS")
    numbers = numbers_of(cut.words, _duration)
    return Body(cut.uri, numbers, _bytes_sent(numbers, head.operation), agents)


def _bytes_sent(numbers: Numbers, operation: str) -> int:
    """The field holds the length of the request's body, which a client names: of a GET of a whole object the object's
    size was sent, and never more than that of a part. Where there is no size, a GET is believed to have no body."""
    interface, _, rest = operation.partition(".")
    if not rest.startswith("GET."):
        return 0
    sent, size = numbers.bytes_sent, numbers.object_size
    if interface not in ("REST", "WEBSITE") or rest != "GET.OBJECT" or size is None:
        return sent or 0
    return size if numbers.http_status == 200 else min(sent or 0, size)


def _duration(word: str) -> int | None:
    with_unit = _WITH_UNIT.fullmatch(word)
    return number(with_unit[1] if with_unit else word)


def _bare_referer(text: str, start: int) -> Agents | None:
    """The referer goes up to the first quote behind a space, which opens the user agent; the last one closes that."""
    try:
        return agents_of(text, start) if text[start] == '"' else _behind_a_bare_one(text, start)
    except Bad:
        return None


def _behind_a_bare_one(text: str, start: int) -> Agents:
    opening = text.find(' "', start) + 1
    if not opening:
        referer, _, rest = text[start:].partition(" ")
        return Agents(referer, *dash(rest.lstrip(" ")))
    close = closing_quote(text, opening)
    is_ambiguous = text.find(' "', opening, close) >= 0
    return Agents(text[start:opening].rstrip(" "), text[opening + 1 : close], text[close + 1 :], is_ambiguous)


# --- many lines at once ---------------------------------------------------------------------------

_WHOLE_OBJECTS = ["REST.GET.OBJECT", "WEBSITE.GET.OBJECT"]
_TIME = r"-|[0-9]{1,19}(?:ms)?"
_REGEX = (
    rf"{PATTERN_BEGIN}(?P<total>{_TIME}) (?P<turn_around>{_TIME}) "
    rf'(?P<referer>[^ "]+) "(?P<agent>[^"]*)"{PATTERN_END}'
)


def _milliseconds(word: pl.Expr) -> pl.Expr:
    return word.str.strip_suffix("ms").cast(pl.Int64, strict=False)


def _bytes_sent_of_column() -> pl.Expr:
    """As `_bytes_sent` has it: the field is the request's, so of an object's GET the size says what was sent."""
    operation, sent, size = pl.col("operation"), pl.col("sent_n").fill_null(0), pl.col("size_n")
    has_size = operation.is_in(_WHOLE_OBJECTS) & size.is_not_null()
    of_an_object = pl.when(pl.col("status_n") == 200).then(size).otherwise(pl.min_horizontal(sent, size))
    of_a_get = pl.when(has_size).then(of_an_object).otherwise(sent)
    return pl.when(operation.str.contains(r"^[A-Z0-9]+\.GET\.")).then(of_a_get).otherwise(0)


# --- what is not known ----------------------------------------------------------------------------


def _bounds(sent: int | None, size: int | None) -> Bounds:
    """The bytes sent are the request's, so only the size bounds those of the response."""
    return Bounds(0, max(sent or 0, size or 0)) if sent is not None or size is not None else UNKNOWN


def _more_bytes() -> pl.Expr:
    """The log does not say how much of an object a range was: at most all of it."""
    is_range = pl.col("operation").is_in(_WHOLE_OBJECTS) & (pl.col("http_status") == 206)
    return pl.when(is_range).then(pl.col("object_size") - pl.col("bytes_sent"))


DIALECT = Dialect(
    name="ceph",
    object_marks=_MARKS,
    refused={"a Ceph journal, which has no requests": _JOURNAL},
    cut=raw_keys.cut,
    body=_body,
    decoded=verbatim,
    pattern=Pattern(_REGEX, _milliseconds, _bytes_sent_of_column),
    bounds=_bounds,
    more_bytes=_more_bytes(),
)
