"""A reverse proxy on the loopback that does to S3's answers what networks and stores do.

A fault is a function of the true answer that says how it arrives; it may also do something to the store meanwhile.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

End = Literal["kept", "closed", "reset", "stalled"]


@dataclass(frozen=True, slots=True)
class Answer:
    """``sent``: how much of the body arrives before the ``end``. Without ``says_length``, no header tells the size."""

    status: int
    headers: dict[str, str]
    body: bytes
    sent: float = 1.0
    end: End = "kept"
    says_length: bool = True


Fault = Callable[[Answer], Answer]


@dataclass(slots=True)
class Rule:
    """The fault befalls the next ``times`` requests whose target holds ``where``."""

    where: str
    fault: Fault
    times: int


@dataclass(slots=True)
class Injector:
    """``seen``: targets of all requests, in order."""

    url: str
    upstream: tuple[str, int]
    seen: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def inject(self, where: str, fault: Fault, times: int = 1_000_000) -> None:
        self.rules.append(Rule(where, fault, times))

    def count(self, where: str) -> int:
        return sum(where in target for target in self.seen)

    def calm(self) -> None:
        """No more faults, nothing seen."""
        self.rules.clear()
        self.seen.clear()

    def through(self, method: str, target: str, headers: dict[str, str]) -> Answer:
        """What becomes of a request."""
        with self._lock:
            self.seen.append(target)
            rule = next((rule for rule in self.rules if rule.where in target and rule.times), None)
            if rule:
                rule.times -= 1
        answer = self._true_answer(method, target, headers)
        return rule.fault(answer) if rule else answer

    def _true_answer(self, method: str, target: str, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection(*self.upstream)
        try:
            connection.request(method, target, headers=headers)
            response = connection.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _OF_THE_HOP}
            return Answer(response.status, kept, response.read())
        finally:
            connection.close()


_OF_THE_HOP = {"connection", "content-length", "transfer-encoding", "date", "server"}


@contextmanager
def injecting(upstream: tuple[str, int]) -> Iterator[Injector]:
    """The proxy in front of a server."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.injector = Injector(f"http://127.0.0.1:{server.server_port}", upstream)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.injector
    finally:
        server.injector.released.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    injector: Injector


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with suppress(ConnectionError):  # whoever asked has lost patience
            self._answer()

    def _answer(self) -> None:
        injector = self.server.injector
        answer = injector.through(self.command, self.path, dict(self.headers))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.says_length:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: int(len(answer.body) * answer.sent)])
        self.wfile.flush()
        self.close_connection = answer.end != "kept" or not answer.says_length
        if answer.end == "stalled":
            injector.released.wait(60)
        if answer.end == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def finish(self) -> None:
        if self.connection.fileno() >= 0:  # a reset one is closed
            super().finish()

    def log_message(self, *_: object) -> None:
        pass


# --- the faults --------------------------------------------------------------------------------------


def refused(status: int, code: str = "", headers: dict[str, str] | None = None, message: str = "No.") -> Fault:
    """An S3 error. With status 200: the page that some stores and proxies send when they fail too late."""
    page = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    body = page.encode() if code else b""
    return lambda answer: Answer(status, {"Content-Type": "application/xml", **(headers or {})}, body)


def broken(sent: float, end: End, *, says_length: bool = True) -> Fault:
    """Only the begin of the body arrives."""
    return lambda answer: replace(answer, sent=sent, end=end, says_length=says_length)


def changed(change: Callable[[bytes], bytes]) -> Fault:
    """Another body under the same head."""
    return lambda answer: replace(answer, body=change(answer.body))


def meanwhile(action: Callable[[], None]) -> Fault:
    """Something happens to the store, and the answer says what it would have said before."""

    def act(answer: Answer) -> Answer:
        action()
        return answer

    return act
