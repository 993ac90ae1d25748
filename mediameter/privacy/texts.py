"""Texts without what is secret in them: values of queries, mail addresses, user info of URLs."""

from __future__ import annotations

import re

CUT = "…"
"""Stands for whatever was taken out."""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_BARE_NAME = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")
_NO_NAME = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9A-Fa-f]{12}")
_EMAIL_WORD = re.compile(r'[^\s"<>(),;:\[\]\\]+')
_AT = re.compile(r"@|%(?:25)*40")
_BEHIND_DOMAIN = re.compile(r"[/?&#=]|$")
USER_INFO = re.compile(r'//[^/?#\s"]*@')
_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/]*)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\"'<>\[\]]+)(?::(.*))?", re.DOTALL)
_PORT = re.compile(r"\d{0,5}")
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
    path = cut_emails(USER_INFO.sub("//", path))
    return f"{scheme}{authority}{path}{mark}{cut_query(query, keep)}", host


def _cut_authority(authority: str) -> tuple[str, str | None]:
    """(host and port without user info, host); what is no port may be half a password."""
    place = _HOST.fullmatch(authority.rpartition("@")[2])
    if not place:
        return CUT if authority else "", None
    port = "" if place[2] is None else f":{place[2] if _PORT.fullmatch(place[2]) else CUT}"
    return place[1] + port, place[1].lower()


def cut_request(text: str, keep: frozenset[str]) -> str:
    """``METHOD target HTTP/x`` with its target cut as a URL."""
    request = _REQUEST.fullmatch(text)
    if request is None:
        return CUT
    return f"{request[1] or ''}{cut_url(request[2], keep)[0]}{request[3] or ''}"
