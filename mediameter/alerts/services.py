"""Channels that Apprise knows: Slack, mail, Telegram and a hundred more. What it is handed shows as it was meant,
whatever a service does with stars, brackets and tags."""

from __future__ import annotations

import functools
import html
import logging
import re
import threading
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from mediameter.alerts.addresses import TELL_TO_ALLOW, Refused, is_public, resolved
from mediameter.alerts.message import LINKS, Message
from mediameter.alerts.wording import escaped_markdown

CLEARTEXT = frozenset({"http", "json", "xml", "form"})
MAIL = frozenset({"mailto", "mailtos"})
_FETCHED = re.compile(r"(https?)://[^\s&]*", re.IGNORECASE)
_SLACK_HEADER, _SLACK_SECTION = 150, 3000  # characters; it refuses blocks with more

# To Apprise they are text; what shows it takes it for Markdown.
_MARKDOWN_ALL_THE_SAME = frozenset(
    f"Notify{name}"
    for name in (
        "Discord",
        "Fluxer",
        "Guilded",
        "HumHub",
        "Mattermost",
        "Misskey",
        "NextcloudTalk",
        "Revolt",
        "RingCentral",
        "Ryver",
        "Stackfield",
        "WhatsApp",
        "Zulip",
    )
)


def service_of(url: str) -> Any | None:
    """The Apprise service of a URL; None where it knows none."""
    import apprise  # 0.3 s, and only when there is something to tell

    _listener()
    return apprise.Apprise.instantiate(url, suppress_exceptions=True)


def refuse_options(url: str) -> None:
    """Raises ``Refused`` for a channel whose options name an address that must not be called: Apprise fetches key files
    and templates from wherever they are said to lie."""
    for named in _FETCHED.finditer(_unquoted(url.partition("://")[2])):
        if named[1].lower() == "http":
            raise Refused(f"an option of it names an address without TLS: use https, or {TELL_TO_ALLOW}")
        try:
            addresses = resolved(urlsplit(named[0]).hostname or "")
        except ValueError:
            addresses = []
        if not addresses or not all(map(is_public, addresses)):
            raise Refused(f"an option of it names a private or local address: {TELL_TO_ALLOW}")


def _unquoted(text: str) -> str:
    """The text as it is however often somebody decodes it."""
    while (decoded := unquote_plus(text)) != text:
        text = decoded
    return text


def refuse(service: Any, url: str) -> None:
    """Raises ``Refused`` for a channel that must not be called.

    Services whose address is fixed, and mail, whose relay is private more often than not, are not looked at. The
    name is resolved here and once more by Apprise: this keeps out mistakes and borrowed settings, not an attacker
    who owns the name's DNS. Our own webhooks (mediameter/alerts/webhook) resolve once.
    """
    scheme = url.partition("://")[0].lower()
    has_own_host = any("{host}" in template for template in getattr(type(service), "templates", ()))
    if scheme in MAIL or not has_own_host:
        return
    if scheme in CLEARTEXT:
        raise Refused(f"a webhook without TLS is refused: use https, or {TELL_TO_ALLOW}")
    # ntfy://TOPIC has no host at all
    if any(not is_public(address) for address in resolved(service.host or "")):
        raise Refused(f"its address is private or local: {TELL_TO_ALLOW}")


def send(service: Any, message: Message, timeout_s: float) -> str:
    """Why the service did not take the message; empty when it did. Raises whatever a plugin of Apprise raises."""
    import apprise

    service.socket_connect_timeout = service.socket_read_timeout = timeout_s
    service.redirects = False  # a redirect would lead around the refusal above
    sending = apprise.Apprise()
    sending.add(service)
    # A bool in Apprise 1, an object with a truth value in Apprise 2, None where nothing was sent.
    if sending.notify(**_dressed(service, message), notify_type=message.type):
        return ""
    return _listener().last_words() or "the service did not accept it"


def _dressed(service: Any, message: Message) -> dict[str, Any]:
    """Title and body so that nothing in them is markup for the service."""
    kind, form = type(service).__name__, str(getattr(service.notify_format, "value", service.notify_format))
    if kind == "NotifySlack":
        # Slack knows no escape for its stars and underscores, but blocks of plain text.
        service.notify_format, service.use_blocks = "text", True
        return {"title": message.head()[:_SLACK_HEADER], "body": message.body()[:_SLACK_SECTION], "body_format": "text"}
    if form == "markdown":
        # Apprise escapes what it turns from HTML into a service's own dialect, and hands on text as it is.
        return {"title": "", "body": _as_html(message), "body_format": "html"}
    if kind in _MARKDOWN_ALL_THE_SAME:
        lines = [f"{name}: {text if name in LINKS else escaped_markdown(text)}" for name, text in message.told()]
        return {"title": escaped_markdown(message.head()), "body": "\n".join(lines), "body_format": "text"}
    return {"title": message.head(), "body": message.body(), "body_format": "text"}


def _as_html(message: Message) -> str:
    lines = [f"<b>{html.escape(message.head())}</b>"]
    for name, text in message.told():
        safe = html.escape(text)
        is_link = name in LINKS and text.startswith("http")
        lines.append(f'{html.escape(name)}: <a href="{safe}">{safe}</a>' if is_link else f"{html.escape(name)}: {safe}")
    return "<br/>".join(lines)


class _Listener(logging.Handler):
    """Keeps Apprise's last warning of each thread: only the log says why a delivery failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._heard = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.text = record.getMessage()

    def last_words(self) -> str:
        return str(self._heard.__dict__.pop("text", ""))


@functools.cache
def _listener() -> _Listener:
    """Listens to Apprise from now on, in place of everybody else: what it logs may hold whole channels."""
    listener = _Listener()
    log = logging.getLogger("apprise")
    log.addHandler(listener)
    log.propagate = False
    return listener
