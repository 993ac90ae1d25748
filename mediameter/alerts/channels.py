"""A channel: an Apprise URL, or the user's own webhook, which we call ourselves and may sign."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from mediameter.alerts import services
from mediameter.alerts.addresses import Refused
from mediameter.alerts.message import Message
from mediameter.alerts.webhook import Webhook
from mediameter.alerts.wording import one_line

Sender = Callable[[Message], str]
"""Sends a message; why it was not delivered, or nothing."""

_WEBHOOKS = frozenset({"https", "http"})
# Elsewhere the place of the host holds a token (slack://TOKEN/...), so only these show theirs.
_SHOWS_HOST = services.CLEARTEXT | services.MAIL | {"https", "jsons", "xmls", "forms"}


class Channel(Protocol):
    """A channel as the settings describe it."""

    @property
    def url(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def severities(self) -> tuple[str, ...]: ...
    @property
    def signing_key(self) -> str: ...


def wanting(channels: Iterable[Channel], severities: Collection[str]) -> list[Channel]:
    """The channels that want one of the severities, in their order."""
    return [channel for channel in channels if not set(severities).isdisjoint(channel.severities)]


def channel_id(channel: Channel) -> str:
    """By what the outbox knows a channel, at most 64 characters: its name, else a hash of its URL that does not lead
    back to it (a mail password can be guessed, so the hash is a slow one)."""
    return channel.name or _id_of_url(channel.url)


@lru_cache(maxsize=256)
def _id_of_url(url: str) -> str:
    digest = hashlib.scrypt(url.encode(), salt=b"mediameter channel", n=2**14, r=8, p=1, dklen=10)
    return f"{_scheme(url)[:32] or 'channel'}:{digest.hex()}"  # a name has no colon


def sender(channel: Channel, *, timeout_s: float, allow_private: bool) -> Sender:
    """What sends messages to this channel, each within ``timeout_s`` as far as that can be kept. Raises ``Refused``
    for a channel that is not to be called, and whatever a plugin of Apprise raises for its URL."""
    service = _service(channel, allow_private)
    if service is None:
        hook = _webhook(channel, allow_private)
        return lambda message: hook.post(message.key, message.payload(), timeout_s)
    if not allow_private:
        services.refuse(service, channel.url)
    return lambda message: services.send(service, message, timeout_s)


def _service(channel: Channel, allow_private: bool) -> Any | None:
    """What Apprise knows of the channel; None for a webhook of one's own. What its options name is looked at first:
    some services fetch it as soon as they are made."""
    if channel.signing_key:
        return None
    if not allow_private and _scheme(channel.url) not in _WEBHOOKS:
        services.refuse_options(channel.url)
    return services.service_of(channel.url)


def _webhook(channel: Channel, allow_private: bool) -> Webhook:
    if _scheme(channel.url) not in _WEBHOOKS:
        raise Refused("Apprise knows no such channel")
    return Webhook(channel.url, channel.signing_key, allow_private)


def sent(channel: Channel, message: Message, *, timeout_s: float, allow_private: bool) -> str:
    """Sends the message. Returns why it was not delivered, or an empty text. Never raises."""
    try:
        return without_url(channel, sender(channel, timeout_s=timeout_s, allow_private=allow_private)(message))
    except Exception as error:  # whatever a plugin of Apprise raises must not take the other channels along
        return reason(channel, error)


def refusal(channel: Channel, *, allow_private: bool = False) -> str:
    """Why this channel may not be called; empty if it may. Sends nothing, but resolves the host."""
    try:
        if _service(channel, allow_private) is None:
            _webhook(channel, allow_private).addresses()
        else:
            sender(channel, timeout_s=1, allow_private=allow_private)
        return ""
    except Exception as error:
        return reason(channel, error)


def reason(channel: Channel, error: BaseException) -> str:
    """An error of a channel in one line, without its URL."""
    is_plain = isinstance(error, Refused | TimeoutError)
    return without_url(channel, str(error) if is_plain and str(error) else f"{type(error).__name__}: {error}")


def without_url(channel: Channel, text: str) -> str:
    """A text on one line in which the channel's URL shows as ``redacted`` has it."""
    return one_line(text.replace(channel.url, redacted(channel.url)))


def shown(channel: Channel) -> str:
    """A channel for people: by its name, else without its secrets."""
    return channel.name or redacted(channel.url)


def redacted(url: str) -> str:
    """Scheme and host, where the host is one: the rest of a channel is, or may be, a secret."""
    scheme = _scheme(url)
    if not scheme:
        return "…"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return f"{scheme}://…"
    # An @ behind the host means that a raw / or # of the password was taken for the host's end.
    is_torn = "@" in parts.path + parts.fragment
    return f"{scheme}://{host}" if host and scheme in _SHOWS_HOST and not is_torn else f"{scheme}://…"


def _scheme(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) else ""
