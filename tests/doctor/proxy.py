"""What stands between us and an S3, and misbehaves as it is told: refusals by operation, another clock."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Proxy(ThreadingHTTPServer):
    """``refusals``: operation → (status, code, headers). ``clock_off`` is added to the Date of every answer."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.refusals: dict[str, tuple[int, str, dict[str, str]]] = {}
        self.clock_off = timedelta(0)
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def refuse(self, operation: str, status: int, code: str, **headers: str) -> None:
        self.refusals[operation] = (status, code, {name.replace("_", "-"): value for name, value in headers.items()})


def operation_of(method: str, target: str) -> str:
    """``ListObjectsV2`` and the like, as far as the doctor asks for them."""
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True)
    is_object = "/" in parts.path.strip("/")
    if method == "HEAD":
        return "HeadObject" if is_object else "HeadBucket"
    if method != "GET":
        return method
    if is_object:
        return "GetObject"
    return "GetBucketLogging" if "logging" in query else "ListObjectsV2"


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        operation = operation_of(self.command, self.path)
        self.server.seen.append(operation)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refusal = self.server.refusals.get(operation)
        status, headers, answer = self._refused(*refusal) if refusal else self._asked(body)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def _refused(self, status: int, code: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        answer = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>planted</Message></Error>".encode()
        return (
            status,
            self._dated({"Content-Type": "application/xml", "Content-Length": str(len(answer)), **headers}),
            answer,
        )

    def _asked(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=20)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        answer = response.read()
        headers = {
            name: value for name, value in response.getheaders() if name not in ("Connection", "Transfer-Encoding")
        }
        if self.command != "HEAD":
            headers["Content-Length"] = str(len(answer))
        connection.close()
        return response.status, self._dated(headers), answer

    def _dated(self, headers: dict[str, str]) -> dict[str, str]:
        date = headers.get("Date", self.date_time_string())
        return headers | {"Date": format_datetime(parsedate_to_datetime(date) + self.server.clock_off, usegmt=True)}

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: pytest's output is no access log."""


@contextmanager
def proxying(upstream: str) -> Iterator[Proxy]:
    proxy = Proxy(upstream)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
