"""A webhook on the loopback that keeps what it is sent: what the other side of a notification really gets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener(ThreadingHTTPServer):
    """Answers each POST with ``status`` and ``reply``, after ``delay_s`` seconds; ``location``: where it redirects."""

    daemon_threads = True

    def __init__(self, status: int = 200, delay_s: float = 0.0, location: str = "", reply: bytes = b"") -> None:
        self.status = status
        self.reply = reply
        self.location = location
        self.released = threading.Event()
        self.delay_s = delay_s
        self.received: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []  # names in lower case
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def url(self, scheme: str = "json", credentials: str = "") -> str:
        return f"{scheme}://{credentials}127.0.0.1:{self.server_port}/hook"

    def wait(self, count: int = 1, timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """The messages, once there are ``count``; what there is when the time is over."""
        deadline = time.monotonic() + timeout_s
        while len(self.received) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return list(self.received)


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"] or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            return  # a sender that was killed has sent nothing
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.bodies.append(body)
        self.server.received.append(json.loads(body))
        self.server.released.wait(self.server.delay_s)
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(self.server.reply)))
        with suppress(BrokenPipeError, ConnectionResetError):  # a sender that was killed waits for nothing
            self.end_headers()
            self.wfile.write(self.server.reply)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: pytest's output is no access log."""


@contextmanager
def listening(status: int = 200, delay_s: float = 0.0, location: str = "", reply: bytes = b"") -> Iterator[Listener]:
    listener = Listener(status, delay_s, location, reply)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.released.set()
        listener.shutdown()
        listener.server_close()
        thread.join()
