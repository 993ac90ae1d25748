"""A webhook of one's own: JSON over TLS, signed, to an address that was looked at before.

The signature is HMAC-SHA256 of "{timestamp}.{body}" under the channel's key; docs/operations.md has the receiver's
side. A repeat has the same Idempotency-Key and body, and a timestamp and signature of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from mediameter.alerts.addresses import TELL_TO_ALLOW, Refused, resolved, vetted

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where it is, and under which key it is signed; without one it is not signed."""

    url: str = field(repr=False)
    signing_key: str = field(default="", repr=False)
    allow_private: bool = False

    def addresses(self) -> list[str]:
        """Those that may be called. Raises ``Refused`` for what is no https webhook of the open internet."""
        parts = _parts(self.url)
        if parts.scheme == "http" and not self.allow_private:
            raise Refused(f"a webhook without TLS is refused: use https, or {TELL_TO_ALLOW}")
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        if not self.allow_private:
            return vetted(host, port)
        addresses = resolved(host, port)
        if not addresses:
            raise Refused("its host does not resolve")
        return addresses

    def post(self, key: str, payload: str, timeout_s: float) -> str:
        """Why it did not take the payload; empty when it did. No redirect is followed, and no answer read but its
        status. Raises ``Refused``, ``OSError`` (``TimeoutError`` when it was not over in time), ``HTTPException``."""
        parts, body = _parts(self.url), payload.encode()
        headers = {"Content-Type": "application/json", "User-Agent": "mediameter", "Idempotency-Key": key}
        headers |= _authorization(parts) | self._signature(body)
        with _ending(timeout_s) as ending:
            connection = self._connected(parts, ending)
            try:
                connection.request("POST", _target(parts), body, headers)
                status = connection.getresponse().status
            finally:
                connection.close()
        if 300 <= status < 400:
            return f"it answered {status}, and redirects are not followed"
        return "" if 200 <= status < 300 else f"it answered {status}"

    def _signature(self, body: bytes) -> dict[str, str]:
        if not self.signing_key:
            return {}
        timestamp = str(int(time.time()))
        signed = hmac.new(self.signing_key.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        return {"X-Mediameter-Timestamp": timestamp, "X-Mediameter-Signature": f"v1={signed.hexdigest()}"}

    def _connected(self, parts: SplitResult, ending: _Ending) -> http.client.HTTPConnection:
        """A connection to one of the vetted addresses and no other; the certificate is held against the name."""
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        plain = _first(self.addresses(), port, ending)
        if parts.scheme == "http":
            connection = http.client.HTTPConnection(host, parts.port)
            connection.sock = ending.watch(plain)
            return connection
        context = ssl.create_default_context()
        wrapped = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        ending.watch(wrapped)
        try:
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        secure = http.client.HTTPSConnection(host, parts.port, context=context)
        secure.sock = wrapped
        return secure


class _Ending:
    """The end of the time that a call may take in all: a server that sends a byte now and then would never end it."""

    def __init__(self, timeout_s: float) -> None:
        self.at = time.monotonic() + timeout_s
        self.is_over = False
        self._socket: socket.socket | None = None

    def left_s(self) -> float:
        return max(0.01, self.at - time.monotonic())

    def watch(self, watched: socket.socket) -> socket.socket:
        self._socket = watched
        return watched

    def end(self) -> None:
        self.is_over = True
        if self._socket:
            # Of the plain socket: the one of ssl would take its own state away under the reader.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@contextmanager
def _ending(timeout_s: float) -> Iterator[_Ending]:
    ending = _Ending(timeout_s)
    timer = threading.Timer(timeout_s, ending.end)
    timer.daemon = True
    timer.start()
    try:
        yield ending
    except (OSError, http.client.HTTPException) as error:
        if ending.is_over or isinstance(error, TimeoutError):
            raise TimeoutError(f"no answer within {timeout_s:g} s") from None
        raise
    finally:
        timer.cancel()


def _first(addresses: list[str], port: int, ending: _Ending) -> socket.socket:
    """A socket to the first address that answers."""
    trouble: OSError = OSError("there is no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=ending.left_s())
        except OSError as error:
            trouble = error
    raise trouble


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise Refused("this is not the https URL of a webhook")
    return parts


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _authorization(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}
