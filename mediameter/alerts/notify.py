"""One way to tell people that something went wrong, whatever else is down.

It needs neither the warehouse nor the lake nor Prefect: a notice goes in, one delivery per channel comes out. A
channel is any Apprise URL (``slack://``, ``mailto://``, ``jsons://`` ...) or the https URL of a webhook, which gets
JSON. Texts that arrive here come from exceptions, so they are made one line each and lose what looks like a secret.
"""

from __future__ import annotations

import functools
import ipaddress
import logging
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

Severity = Literal["critical", "warning", "info"]

_APPRISE_TYPE: dict[Severity, str] = {"critical": "failure", "warning": "warning", "info": "info"}
_LONGEST_FIELD = 400  # characters; chat services cut long messages at places of their own choosing
_LONGEST_READ = 10 * _LONGEST_FIELD  # bounds the search for secrets in an exception of megabytes
_CLEARTEXT = frozenset({"http", "json", "xml", "form"})
_MAIL = frozenset({"mailto", "mailtos"})
# Elsewhere the place of the host holds a token (slack://TOKEN/...), so only these show theirs.
_SHOWS_HOST = _CLEARTEXT | _MAIL | {"https", "jsons", "xmls", "forms"}


@dataclass(frozen=True)
class Notice:
    """What failed, in which window, why, and the command that tries it again."""

    flow: str
    window: str
    error: str
    retry_command: str
    severity: Severity = "critical"
    run_url: str | None = None

    def title(self) -> str:
        return one_line(f"[{self.severity}] mediameter {self.flow} failed ({self.window})")

    def body(self) -> str:
        fields = (
            ("What", f"flow {self.flow} failed"),
            ("Window", self.window),
            ("Error", self.error),
            ("Retry", self.retry_command),
            ("Run", self.run_url or ""),
        )
        return "\n".join(f"{name}: {one_line(text)}" for name, text in fields if text)


@dataclass(frozen=True)
class Delivery:
    """What became of a notice on one channel; ``channel`` is redacted, ``reason`` is empty when it was delivered."""

    channel: str
    delivered: bool
    reason: str = ""


def notify(
    message: Notice, channels: Sequence[str], *, timeout_s: float = 10.0, allow_private: bool = False
) -> list[Delivery]:
    """Send to every channel at the same time; one delivery per channel, in their order. Never raises.

    A channel that hangs costs ``timeout_s`` seconds and no other channel anything. It may still deliver afterwards:
    "not delivered" means "not known to be delivered". ``allow_private`` lets webhooks reach private addresses and
    go without TLS, for a network of one's own.
    """
    deadline = time.monotonic() + timeout_s
    outcomes: list[Delivery | None] = [None] * len(channels)

    def deliver(position: int, channel: str) -> None:
        reason = _send(message, channel, timeout_s, allow_private)
        outcomes[position] = Delivery(redacted(channel), not reason, reason)

    # Daemons, not a pool: a pool's threads are joined at exit, and a hanging webhook would keep the run from ending.
    threads = [threading.Thread(target=deliver, args=pair, daemon=True) for pair in enumerate(channels)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    silent = f"no answer within {timeout_s:g} s"
    return [
        outcome or Delivery(redacted(channel), False, silent)
        for channel, outcome in zip(channels, outcomes, strict=True)
    ]


def refusal(channel: str, *, allow_private: bool = False) -> str:
    """Why ``notify`` would not even call this channel; empty when it would. Sends nothing, but resolves its host."""
    try:
        service = _service(channel)
        if service is None:
            return "Apprise knows no such channel"
        return "" if allow_private else _refusal(service, channel)
    except Exception as error:  # whatever a plugin of Apprise raises
        return _without(channel, f"{type(error).__name__}: {error}")


def redacted(channel: str) -> str:
    """Scheme and host, where the host is one: the rest of a channel is, or may be, a secret."""
    scheme, separator, _ = channel.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return "…"
    scheme = scheme.lower()
    try:
        parts = urlsplit(channel)
        host = parts.hostname or ""
    except ValueError:
        return f"{scheme}://…"
    # An @ behind the host means that a raw / or # of the password was taken for the host's end.
    is_torn = "@" in parts.path + parts.fragment
    return f"{scheme}://{host}" if host and scheme in _SHOWS_HOST and not is_torn else f"{scheme}://…"


_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # As far as the last @ of the word: a password may hold / and @ itself.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)\S*@"), r"\1***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "***"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "***"),
    (re.compile(r"(?i)(https://hooks\.[\w.-]+)/\S+"), r"\1/***"),
    (re.compile(r"""(?i)(\b[\w-]*key["']?\s*=\s*)("[^"]*"|'[^']*'|[^\s&"']+)"""), r"\1***"),
    (
        re.compile(
            r"""(?i)([\w-]*(?:token|secret|passw(?:or)?d|passphrase|pwd|signature|credential|api[_-]?key)s?["']?\s*[=:]\s*)"""
            r"""("[^"]*"|'[^']*'|[^\s&"']+)"""
        ),
        r"\1***",
    ),
)


def one_line(text: str) -> str:
    """The text on one line, without secrets, without what chat services take for a mention or a link."""
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())[:_LONGEST_READ]
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    text = text.replace("<", "‹").replace(">", "›")
    text = re.sub(r"@(?=(?:everyone|here|channel)\b)", "@ ", text)
    return text if len(text) <= _LONGEST_FIELD else text[: _LONGEST_FIELD - 1] + "…"


def _send(message: Notice, channel: str, timeout_s: float, allow_private: bool) -> str:
    """Why the notice did not get through; empty when it did."""
    try:
        service = _service(channel)
        if service is None:
            return "Apprise knows no such channel"
        if not allow_private and (refusal := _refusal(service, channel)):
            return refusal
        service.socket_connect_timeout = service.socket_read_timeout = timeout_s
        service.redirects = False  # a redirect would lead around the refusal above
        if _accepted(service, message):
            return ""
        return _without(channel, _listener().last_words()) or "the service did not accept it"
    except Exception as error:  # whatever a plugin of Apprise raises must not take the other channels along
        return _without(channel, f"{type(error).__name__}: {error}")


def _service(channel: str) -> Any | None:
    """The Apprise service of a channel. An http(s) URL that belongs to none is a webhook that takes JSON."""
    import apprise  # 0.3 s, and only when there is something to tell

    _listener()
    scheme, _, rest = channel.partition("://")
    service = apprise.Apprise.instantiate(channel, suppress_exceptions=True)
    if service is None and scheme.lower() in {"http", "https"}:
        service = apprise.Apprise.instantiate(f"json{scheme[4:].lower()}://{rest}", suppress_exceptions=True)
    return service


def _accepted(service: Any, message: Notice) -> bool:
    import apprise

    outbox = apprise.Apprise()
    outbox.add(service)
    # A bool in Apprise 1, an object with a truth value in Apprise 2, None where nothing was sent.
    return bool(
        outbox.notify(
            title=message.title(),
            body=message.body(),
            body_format="text",
            notify_type=_APPRISE_TYPE[message.severity],
        )
    )


def _refusal(service: Any, channel: str) -> str:
    """Why a channel must not be called; empty when it may.

    Services whose address is fixed, and mail, whose relay is private more often than not, are not looked at. The
    name is resolved here and once more by the request: this keeps out mistakes and borrowed settings, not an
    attacker who owns the name's DNS.
    """
    scheme = channel.partition("://")[0].lower()
    has_own_host = any("{host}" in template for template in getattr(type(service), "templates", ()))
    if scheme in _MAIL or not has_own_host:
        return ""
    if scheme in _CLEARTEXT:
        return "a webhook without TLS is refused: use https, or set alerts.allow_private_channels"
    if any(not _is_public(address) for address in _addresses(service.host or "")):
        return "its address is private or local: set alerts.allow_private_channels to allow it"
    return ""


def _addresses(host: str) -> set[str]:
    """All addresses of a host; none where it does not resolve (ntfy://TOPIC has no host at all)."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host.strip("[]"), None)}
    except socket.gaierror:
        return set()


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast


def _without(channel: str, text: str) -> str:
    return one_line(text.replace(channel, redacted(channel)))


class _Listener(logging.Handler):
    """Keeps Apprise's last warning of each thread: only the log says why a delivery failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._heard = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.text = record.getMessage()

    def last_words(self) -> str:
        return str(getattr(self._heard, "text", ""))


@functools.cache
def _listener() -> _Listener:
    """Listens to Apprise from now on, in place of everybody else: what it logs may hold whole channels."""
    listener = _Listener()
    log = logging.getLogger("apprise")
    log.addHandler(listener)
    log.propagate = False
    return listener
