"""What of a setting no message may show, and URLs whose password can be told from the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from mediameter.sections.complaint import Complaint

_NAMES_OF_SECRETS = ("pass", "pwd", "key", "token", "secret")
_SEPARATORS = "@:/?#"
_HOST = re.compile(r"[0-9]+(\.[0-9]+){3}|[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", re.IGNORECASE)
_LEAST_TOKEN = 8


def secrets_of(text: str) -> Iterator[str]:
    """The text itself; of a URL its password (as it is written and as it is meant), and what its options call one."""
    if "://" not in text:
        yield text
        return
    try:
        parts = urlsplit(text)
        yield unquote(parts.password or "")
    except ValueError:  # nobody can tell where its password is
        yield text
        return
    yield parts.password or ""
    for name, value in parse_qsl(parts.query):
        if any(word in name.lower() for word in _NAMES_OF_SECRETS):
            yield value


def secrets_of_channel(url: str) -> Iterator[str]:
    """The whole of it, and every part that looks like a token: a service may keep one where others have a host, a user
    or a path."""
    yield url
    yield from secrets_of(url)
    for part in re.split(r"[/?&=@:#,+]", url.partition("://")[2]):
        if len(part) >= _LEAST_TOKEN and any(map(str.isdigit, part)) and not _HOST.fullmatch(part):
            yield part
            yield unquote(part)


def refuse_unencoded(url: str) -> None:
    """Raises ``Complaint`` for a URL whose password (or user) holds a separator as it is: everybody would take the rest
    of it for a host, a path or an option, and show it. Says nothing of what it holds."""
    scheme, _, rest = url.partition("://")
    user_info, at, _ = rest.rpartition("@")
    if not at or scheme.partition("+")[0] == "sqlite":
        return
    user, _, password = user_info.partition(":")
    for what, text in (("password", password), ("user name", user)):
        found = next((each for each in _SEPARATORS if each in text), None)
        if found:
            raise Complaint(f"a {what} holds {found}", f"write it as {quote(found, safe='')}")
