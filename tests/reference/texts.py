"""What single texts of a record tell: its key, referer, address, request id. Once more in plain Python."""

from __future__ import annotations

import hmac
import ipaddress
import re
from datetime import UTC, datetime, timedelta

LONGEST_REQUEST = timedelta(hours=1)
NAME = "([A-Za-z0-9_.-]{1,64})"
FILES_KEY = re.compile(rf"files/[^/]+/{NAME}/")
DASHED_KEY = re.compile(rf"files/[^/]+/{NAME}-[^/-]*/")
MEDIA_KEY = re.compile(rf"media/{NAME}/[^/]+/(originals|variants)/")
VARIANT_KEY = re.compile(rf"media/{NAME}/[^/]+/variants/{NAME}/")
BEGIN = re.compile("tx[0-9A-Fa-f]{21}-([0-9A-Fa-f]{10})(?:-|$)")
UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
MIXED_ID = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9_-]{8,}")
SIGNATURE = re.compile("X-Amz-|Signature=", re.IGNORECASE)
SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*")


def begin_of(at: datetime, request_id: str | None) -> datetime:
    """When a request began: some ids end in that second; it is believed from an hour before the line's time on."""
    found = BEGIN.match(request_id or "")
    if not found:
        return at
    told = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(found[1], 16))
    return told if at - LONGEST_REQUEST <= told <= at else at


def kept_key(key: str | None) -> str | None:
    """The key without what a broken client put behind its ``?``, where that holds a signature."""
    if key is None or not SIGNATURE.search(key.partition("?")[2]):
        return key
    return f"{key.partition('?')[0]}?…"


def normalised_address(text: str) -> str:
    """An IPv4 address inside IPv6 as IPv4, IPv6 compressed and in lower case, any other text in lower case."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text.lower()
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).compressed.lower()


def pseudonym(address: str, key: bytes) -> str:
    return hmac.digest(key, address.encode(), "sha256").hex()[:32]


def status_class(status: int | None) -> str:
    if status == 499:
        return "aborted"
    return f"{status // 100}xx" if status is not None and 200 <= status <= 599 else "none"


def host_of(referer: str) -> str | None:
    """What stands behind the scheme and a user's name, before port, path, query and fragment; where it can be one."""
    scheme, opened, rest = referer.partition("://")
    if not opened or not SCHEME.fullmatch(scheme):
        return None
    place = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].lower()
    if place.startswith("["):
        inside, _, port = place[1:].partition("]")
        is_one = place[: len(inside) + 2] == f"[{inside}]" and inside and set(inside) <= set("0123456789abcdef:.")
        return f"[{inside}]" if is_one and port[:1] in ("", ":") else None
    host = place.partition(":")[0]
    return host if host and not any(sign.isspace() or sign in "\"'<>[]" for sign in host) else None


def application_in(key: str | None) -> str | None:
    """The application that a key names."""
    named = DASHED_KEY.match(key or "") or MEDIA_KEY.match(key or "")
    return named[1] if named else None


def endpoint_of(kind: str, key: str | None) -> str:
    """Operation class and key template, ids replaced."""
    return f"{kind} {_template(key)}"


def _template(key: str | None) -> str:
    if key is None or "/" not in key:
        return "-" if key is None else "*"
    if found := FILES_KEY.match(key):
        return f"files/{{user}}/{found[1]}/*"
    if found := VARIANT_KEY.match(key):
        return f"media/{found[1]}/{{user}}/variants/{found[2]}/*"
    if (found := MEDIA_KEY.match(key)) and found[2] == "originals":
        return f"media/{found[1]}/{{user}}/originals/*"
    first = key.partition("/")[0]
    return "{id}/*" if is_id(first) else f"{first}/*"


def is_id(segment: str) -> bool:
    is_number = segment.isascii() and segment.isdigit()
    return is_number or len(segment) > 64 or bool(UUID.fullmatch(segment) or MIXED_ID.fullmatch(segment))
