"""What may not come in, stopped at the door: addresses, requesters, values in queries, mail addresses, signatures.

Everything here is pure. Each column's work is done once for each distinct text and joined back, and rows that cannot
hold what is looked for are not touched, so that a block of records costs a few milliseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

import polars as pl

from mediameter.geo import Geography
from schemas.events import EVENT
from schemas.records import RECORD

CUT = "…"
"""Stands for whatever was taken out."""

HASH_LENGTH = 32
LINE_LIMIT = 2_000
LONGEST_USER = 64


# --- pseudonyms ------------------------------------------------------------------------------------
def normalise_address(text: str) -> str:
    """One spelling for each address: mapped IPv4 as IPv4, IPv6 compressed; other text only in lower case."""
    if ":" not in text:
        return text.lower()
    try:
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        packed = bytes(16)
    if packed[:8] != bytes(8):
        return socket.inet_ntop(socket.AF_INET6, packed)
    # The exact way, for text that is no address, zones (%eth0), and what inet_ntop writes otherwise elsewhere.
    try:
        address = IPv6Address(text)
    except ValueError:
        return text.lower()
    return str(address.ipv4_mapped or address).lower()


def pseudonym(key: bytes, text: str) -> str:
    """The first 32 hex digits of HMAC-SHA256: enough to keep addresses apart, useless without the key."""
    return hmac.digest(key, text.encode(), "sha256").hex()[:HASH_LENGTH]


def line_seed(key: bytes, seed_bytes: int) -> int:
    """The secret of the line hashes, as a number of so many bytes (at most 32). Without one, an address could be found
    by hashing lines for trial."""
    return int.from_bytes(hmac.digest(key, b"line hash", "sha256")[:seed_bytes])


def of_head(key: bytes, head: bytes) -> str:
    """Of an object's first bytes, which hold addresses: the first 32 hex digits of HMAC-SHA256."""
    return hmac.digest(key, b"head of an object\0" + head, "sha256").hex()[:HASH_LENGTH]


class Pseudonyms:
    """``pseudonym`` under one key, remembered for the texts seen last; for any number of threads.

    A class for its state: the key's two prepared hashes (half the cost of an HMAC), and a memory of two generations.
    When the young one holds half of ``most``, it becomes the old one and the old one goes; threads that still hold
    the old one at worst compute again what is computed already.
    """

    def __init__(self, key: bytes, most: int = 400_000) -> None:
        if not key:
            raise ValueError("a pseudonym without a key protects nothing")
        block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self._half = max(1, most // 2)
        self._young: dict[str, str] = {}
        self._old: dict[str, str] = {}

    def of(self, text: str) -> str:
        """The text's pseudonym."""
        return self.of_all([text])[0]

    def of_all(self, texts: list[str]) -> list[str]:
        """The texts' pseudonyms, in their order."""
        found = [*map(self._young.get, texts)]
        return [known or self._recalled(text) for known, text in zip(found, texts, strict=True)]

    def _recalled(self, text: str) -> str:
        made = self._old.get(text) or self._computed(text)
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[text] = made
        return made

    def _computed(self, text: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.hexdigest()[:HASH_LENGTH]


class Addresses:
    """What becomes of an address (pseudonym, country, edge), remembered by its raw text; for any number of threads.

    A class for its memory: the same clients come again in every block. When it is full it begins anew; a thread that
    still reads the old memory keeps it to its end.
    """

    def __init__(self, pseudonyms: Pseudonyms, geography: Geography, most: int = 400_000) -> None:
        self._pseudonyms = pseudonyms
        self._geography = geography
        self._most = most
        self._known: dict[str, tuple[str, str, str]] = {}

    @property
    def nowhere(self) -> tuple[str, str]:
        """(country, edge) of a record without an address."""
        return self._geography.nowhere

    def columns(self, addresses: pl.Series) -> list[pl.Series]:
        """The columns address, country and edge of raw addresses, none of them null."""
        texts, known = addresses.to_list(), self._known
        if len(known) > self._most:
            self._known = known = {}
        fresh = [text for text in texts if text not in known]
        known.update(zip(fresh, self._looked_up(fresh), strict=True))
        rows = [known[text] for text in texts]
        return [
            pl.Series(name, [row[number] for row in rows], dtype=pl.String)
            for number, name in enumerate(("address", "country", "edge"))
        ]

    def _looked_up(self, texts: list[str]) -> list[tuple[str, str, str]]:
        spelled = [normalise_address(text) for text in texts]
        country, edge = self._geography.columns(spelled)
        return list(zip(self._pseudonyms.of_all(spelled), country.to_list(), edge.to_list(), strict=True))


# --- cutting texts ---------------------------------------------------------------------------------
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BARE_NAME = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")
_NO_NAME = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9A-Fa-f]{12}")
_EMAIL_WORD = re.compile(r'[^\s"<>(),;:\[\]\\]+')
_AT = re.compile(r"@|%(?:25)*40")
_BEHIND_DOMAIN = re.compile(r"[/?&#=]|$")
_USER_INFO = re.compile(r'//[^/?#\s"]*@')
_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/]*)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\"'<>\[\]]+)(?::(.*))?", re.DOTALL)
_PORT = re.compile(r"\d{0,5}")
_SIGNED_KEY = r"(?is)\?.*(?:x-amz-|signature=)"
_REQUEST = re.compile(r"([^ ]* )?(.*?)( HTTP/[0-9.]{1,8})?", re.DOTALL)


def cut_query(query: str, keep: frozenset[str] = frozenset()) -> str:
    """A query (what stands behind its ``?``) without its values: ``a=1&b=2`` becomes ``a=…&b=…``.

    Names stay when they look like names; without a ``=`` only words do (``acl``), for a bare token may be a secret.
    Values stay for the names in ``keep``.
    """
    return "&".join(_cut_pair(pair, keep) for pair in query.split("&"))


def _cut_pair(pair: str, keep: frozenset[str]) -> str:
    name, equals, _ = pair.partition("=")
    if not _NAME.fullmatch(name) or _NO_NAME.search(name):
        return CUT if pair else ""
    if not equals:
        return name if len(name) <= 32 and _BARE_NAME.fullmatch(name) else CUT
    return pair if name in keep else f"{name}={CUT}"


def cut_emails(text: str) -> str:
    """The text with each mail address (``@`` or ``%40``) replaced, from the word's begin to the domain's end."""
    return _EMAIL_WORD.sub(_cut_word, text) if "@" in text or "%" in text else text


def _cut_word(word: re.Match[str]) -> str:
    text = word[0]
    *before, tail = _AT.split(text)
    if not before:
        return text
    end = _BEHIND_DOMAIN.search(tail)
    return f"{'/' * text.startswith('/')}{CUT}@{CUT}{tail[end.start() :] if end else ''}"


def cut_url(text: str, keep: frozenset[str] = frozenset()) -> tuple[str, str | None]:
    """(the URL without user info, values of its query, mail addresses and fragment; its host in lower case, or None).

    Any text will do: a referer is whatever a client wrote there.
    """
    front, mark, query = text.partition("#")[0].partition("?")
    opening = _AUTHORITY.match(front)
    authority, host = _cut_authority(opening[2]) if opening else ("", None)
    scheme, path = (opening[1], front[opening.end() :]) if opening else ("", front)
    path = cut_emails(_USER_INFO.sub("//", path))
    return f"{scheme}{authority}{path}{mark}{cut_query(query, keep)}", host


def _cut_authority(authority: str) -> tuple[str, str | None]:
    """(host and port without user info, host); what is no port may be half a password."""
    place = _HOST.fullmatch(authority.rpartition("@")[2])
    if not place:
        return CUT if authority else "", None
    port = "" if place[2] is None else f":{place[2] if _PORT.fullmatch(place[2]) else CUT}"
    return place[1] + port, place[1].lower()


def _cut_request(text: str, keep: frozenset[str]) -> str:
    """``METHOD target HTTP/x`` with its target cut as a URL."""
    request = _REQUEST.fullmatch(text)
    if request is None:
        return CUT
    return f"{request[1] or ''}{cut_url(request[2], keep)[0]}{request[3] or ''}"


# --- records ---------------------------------------------------------------------------------------
def at_the_door(
    frame: pl.DataFrame, *, pseudonyms: Pseudonyms, addresses: Addresses, keep_query: frozenset[str] = frozenset()
) -> pl.DataFrame:
    """Records as parsed (PARSED) → what of RECORD rests on personal text, in RECORD's order and the rows' own order.

    Addresses and requesters become pseudonyms after country and edge are derived; queries lose their values, except
    for the names in ``keep_query``. Keys stay as they are: they are what is metered.
    """

    def requesters(texts: pl.Series) -> list[pl.Series]:
        return [pl.Series("requester_hash", pseudonyms.of_all(texts.to_list()), dtype=pl.String)]

    def urls(referers: pl.Series) -> list[pl.Series]:
        cut = [cut_url(referer, keep_query) for referer in referers]
        return [
            pl.Series("referer", [url for url, _ in cut], dtype=pl.String),
            pl.Series("referer_host", [host for _, host in cut], dtype=pl.String),
        ]

    frame = _unsigned(frame)
    uris, agents = frame["request_uri"], frame["user_agent"]
    door = frame.with_columns(
        *_each(frame["remote_ip"], addresses.columns),
        *_each(frame["requester"], requesters),
        *_each(frame["referer"], urls),
        _changed(uris, uris.str.contains(r"[?#]|://"), lambda some: _cut_requests(some, keep_query)),
        _changed(agents, agents.str.contains("[@%]"), lambda some: _each_text(some, cut_emails)),
    )
    country, edge = addresses.nowhere
    door = door.with_columns(pl.col("country").fill_null(country), pl.col("edge").fill_null(edge))
    return door.select(name for name in RECORD.names if name in door.columns)


def _unsigned(frame: pl.DataFrame) -> pl.DataFrame:
    """A broken client's key may hold the whole signed query: it ends at its ``?``, in the URI's path as well."""
    rows = frame["key"].str.contains(_SIGNED_KEY).fill_null(False)
    if not rows.any():
        return frame
    cut = {
        "key": pl.col("key").str.replace(r"(?s)\?.*", f"?{CUT}"),
        "key_raw": pl.col("key_raw").str.replace(r"(?is)(?:\?|%(?:25)*3f).*", f"?{CUT}"),
    }
    path = pl.col("request_uri").str.replace(r"(?is)(?:\?|%(?:25)*3f).*?( HTTP/[0-9.]{1,8})?$", f"?{CUT}$1")
    return frame.with_columns(
        pl.when(rows).then(change).otherwise(pl.col(name)).alias(name)
        for name, change in {**cut, "request_uri": path}.items()
    )


def _each(column: pl.Series, change: Callable[[pl.Series], list[pl.Series]]) -> list[pl.Series]:
    """What ``change`` makes of the column, for each of its rows; it sees each distinct text once. Null stays null."""
    texts = column.drop_nulls().unique().alias("_text")
    made = pl.DataFrame(change(texts)).with_columns(texts)
    rows = column.alias("_text").to_frame().join(made, on="_text", how="left", maintain_order="left")
    return rows.drop("_text").get_columns()


def _each_text(column: pl.Series, change: Callable[[str], str | None]) -> pl.Series:
    def changed(texts: pl.Series) -> list[pl.Series]:
        return [pl.Series(column.name, [change(text) for text in texts], dtype=pl.String)]

    return _each(column, changed)[0]


def _changed(column: pl.Series, where: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The column with ``change`` made of the rows for which ``where`` is true."""
    rows = where.fill_null(False).arg_true()
    return column.clone().scatter(rows, change(column.gather(rows))) if len(rows) else column


def _cut_requests(uris: pl.Series, keep: frozenset[str]) -> pl.Series:
    """Request URIs with their queries cut.

    Values differ from row to row, names hardly: values are cut over the whole column, and what is left is few texts.
    Fragments and authorities are rare in a request, and left to the exact way.
    """
    parts = (
        uris.str.splitn("?", 2)
        .struct.rename_fields(["front", "query"])
        .struct.unnest()
        .with_columns(pl.col("query").fill_null("").str.extract(r"( HTTP/[0-9.]{1,8})$").fill_null("").alias("end"))
        .with_columns(pl.col("query").str.strip_suffix(pl.col("end")))
    )
    names = parts["query"] if keep else _names_alone(parts["query"])
    query = _each_text(names, lambda text: cut_query(text, keep))
    cut = parts.select(pl.concat_str("front", pl.lit("?"), query.alias("cut"), "end")).to_series()
    is_odd = uris.str.contains("#", literal=True) | parts["front"].str.contains("://", literal=True)
    odd = uris.filter(is_odd)
    return cut.scatter(is_odd.arg_true(), _each_text(odd, lambda text: _cut_request(text, keep))).alias(uris.name)


def _names_alone(queries: pl.Series) -> pl.Series:
    """``a=1&b=2&c`` as ``a=…&b=…&c``."""
    pair = pl.element().str.splitn("=", 2).struct
    value = pl.when(pair.field("field_1").is_null()).then(pl.lit("")).otherwise(pl.lit(f"={CUT}"))
    return queries.str.split("&").list.eval(pl.concat_str(pair.field("field_0"), value)).list.join("&")


# --- events of the application ---------------------------------------------------------------------
_FORWARDED = re.compile(r"[^,]*")
_WITH_PORT = re.compile(r"\[(.*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")


def events_at_the_door(frame: pl.DataFrame, *, pseudonyms: Pseudonyms, addresses: Addresses) -> pl.DataFrame:
    """Events as read (APP_EVENT) → EVENT, in the rows' own order.

    Addresses pass the very function that the logs' addresses pass, or the two would never match. Of a referer its host
    stays, of an agent all but mail addresses; a user that is told by a mail address becomes a pseudonym.
    """

    def of_client(texts: pl.Series) -> list[pl.Series]:
        spelled = pl.Series([_client_address(text) for text in texts], dtype=pl.String)
        address, _, edge = addresses.columns(spelled.fill_null(""))
        is_known = spelled.is_not_null()
        none, nowhere = pl.Series([None], dtype=pl.String), pl.Series([addresses.nowhere[1]], dtype=pl.String)
        return [address.zip_with(is_known, none), edge.zip_with(is_known, nowhere)]

    def host(text: str) -> str | None:
        return cut_url(text)[1]

    def user(text: str) -> str:
        return pseudonyms.of(text) if "@" in text or len(text) > LONGEST_USER else text

    door = frame.with_columns(
        *_each(frame["ip_address"], of_client),
        _each_text(frame["user_agent"], cut_emails),
        _each_text(frame["referer"], host).alias("referer_host"),
        _each_text(frame["user_id"], user),
        _each_text(frame["variant_type"], cut_emails),
    )
    return door.with_columns(pl.col("edge").fill_null(addresses.nowhere[1])).select(EVENT.names)


def generations_at_the_door(frame: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """Generations, credits, sign-ins and errors as read → as they are kept, in the rows' own order.

    A user that is told by a mail address becomes a pseudonym; mail addresses are cut wherever they stand, and of a
    message all that ``redact_line`` takes out.
    """

    def user(text: str) -> str:
        return pseudonyms.of(text) if "@" in text or len(text) > LONGEST_USER else text

    changes: dict[str, Callable[[str], str | None]] = {
        name: cut_emails for name, dtype in frame.schema.items() if dtype == pl.String and name != "event_id"
    }
    changes |= {"user_id": user, "message": lambda text: redact_line(text, pseudonyms)}
    return frame.with_columns(_each_text(frame[name], changes[name]) for name in frame.columns if name in changes)


def _client_address(text: str) -> str | None:
    """The address alone: without a port, and of a list of proxies the first one, the client; None where it is none."""
    first = (_FORWARDED.match(text) or [""])[0].strip()
    found = _WITH_PORT.fullmatch(first)
    bare = found[1] or found[2] if found else first
    try:
        ip_address(bare)
    except ValueError:
        return None
    return bare


# --- rejected lines --------------------------------------------------------------------------------
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_QUERY = re.compile(r'(\?|%(?:25)*3[Ff])([^\s"]*)')
_SECRET = re.compile(
    r'((?:signature|credential|security-token|accesskeyid|policy)(?:=|%(?:25)*3D|:\s*))[^\s"&]+', re.IGNORECASE
)
_ACCESS_KEY = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}")
_ARN = re.compile(r'(arn:aws[a-z-]*:(?:iam|sts)::)[^\s"]*', re.IGNORECASE)
_LONG_HEX = re.compile(r"[0-9A-Fa-f]{40,}")
_NUMERIC = re.compile(r"[0-9A-Fa-f:.]{3,}")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3,}")
_HEX_DIGIT = re.compile(r"[0-9A-Fa-f]")
_LAST_WORD = 256


def redact_line(text: str, pseudonyms: Pseudonyms) -> str:
    """A line of unknown structure, at most 2,000 characters of it, without what may not be kept.

    In doubt it is taken out: a version number of four parts reads as an address.
    """
    line = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _whole_words(text))
    line = _QUERY.sub(lambda found: found[1] + cut_query(found[2]), line)
    line = _SECRET.sub(rf"\1{CUT}", line)
    line = _ACCESS_KEY.sub(CUT, line)
    line = _ARN.sub(rf"\1{CUT}", line)
    line = cut_emails(_USER_INFO.sub("//", line))
    line = _LONG_HEX.sub(lambda found: f"hex:{pseudonyms.of(found[0])[:8]}", line)
    line = _NUMERIC.sub(lambda found: _without_addresses(found[0], pseudonyms), line)
    return line[:LINE_LIMIT]


_OF_A_CLIENT = re.compile(
    # Behind a time: the address, and what stands before request id and operation; where no operation follows, all.
    r"(\[(?:[0-9]{2}/[^\[\]\"]{1,40}|-)\] +)([^ ]+)( [^\"]*?)?(?= +[^ \"]+ +(?:REST|WEBSITE|SOAP|BATCH|S3)\.|\"|\Z)"
)
_CUT_OFF = re.compile(r"[^ \"/]{4,}\Z")


def redact_log_line(text: str, pseudonyms: Pseudonyms) -> str:
    """A line of an access log that could not be read, as ``redact_line`` has it, without its client.

    The line may have been cut off anywhere: half an address, a name or a signature looks like nothing that could be
    recognised. So address and requester go by where they stand, and the last word by standing last.
    """

    def without_client(found: re.Match[str]) -> str:
        begin, address, requester = found.groups()
        return f"{begin}{_client(address, pseudonyms)}{'' if requester is None else _dash_or_cut(requester)}"

    line = _CUT_OFF.sub(CUT, _whole_words(text).rstrip("\r"))
    return redact_line(_OF_A_CLIENT.sub(without_client, line), pseudonyms)


def _client(text: str, pseudonyms: Pseudonyms) -> str:
    if text == "-":
        return text
    try:
        ip_address(text)
    except ValueError:
        return CUT
    return _masked(text, pseudonyms)


def _dash_or_cut(text: str) -> str:
    return text if not text.strip(" -") else f" {CUT}"


def _whole_words(text: str) -> str:
    """The text up to the limit. Its last word goes where it was cut: half an address is none to recognise."""
    if len(text) < LINE_LIMIT:
        return text
    text = text[:LINE_LIMIT]
    begin = max(text.rfind(" "), text.rfind('"')) + 1
    return text[: max(begin, LINE_LIMIT - _LAST_WORD)] + CUT


def _without_addresses(text: str, pseudonyms: Pseudonyms) -> str:
    """A run of hex digits, colons and dots. A time has three colons; an IPv6 address a double one, or seven."""

    if "::" in text or text.count(":") >= 5:
        return _masked(text.strip("."), pseudonyms) if _HEX_DIGIT.search(text) else text
    return _IPV4.sub(lambda found: _masked(found[0], pseudonyms), text)


def _masked(address: str, pseudonyms: Pseudonyms) -> str:
    return f"ip:{pseudonyms.of(normalise_address(address))[:8]}"
