"""As much of S3 as listing and getting take, from a folder: `python -m benchmarks.store FOLDER`.

It keeps connections open, checks no signature, and waits `--latency-ms` before each answer, as a network would.
Says its port in one line, and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class Stored:
    path: Path
    size: int
    etag: str
    modified: datetime


def stored(folder: Path) -> dict[str, Stored]:
    """All objects by key, their entity tags MD5."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        stat = path.stat()
        etag = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        modified = datetime.fromtimestamp(int(stat.st_mtime), UTC)
        found[path.relative_to(folder).as_posix()] = Stored(path, stat.st_size, etag, modified)
    return found


class Store(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, folder: Path, latency_s: float) -> None:
        self.objects = stored(folder)
        self.latency_s = latency_s
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        time.sleep(self.server.latency_s)
        target = urlsplit(self.path)
        bucket, _, key = unquote(target.path).lstrip("/").partition("/")
        if not key:
            self._answer(200, {}, self._page(bucket, parse_qs(target.query)))
        elif key not in self.server.objects:
            self._answer(404, {}, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._send(self.server.objects[key])

    def _send(self, found: Stored) -> None:
        if self.headers.get("If-Match", f'"{found.etag}"').strip('"') != found.etag:
            return self._answer(412, {}, b"<Error><Code>PreconditionFailed</Code></Error>")
        headers = {"ETag": f'"{found.etag}"'}
        if not (wanted := self.headers.get("Range")):
            return self._answer(200, headers, found.path.read_bytes())
        first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        with found.path.open("rb") as file:
            part = os.pread(file.fileno(), last - first + 1, first)
        self._answer(206, {**headers, "Content-Range": f"bytes {first}-{last}/{found.size}"}, part)

    def _page(self, bucket: str, asked: dict[str, list[str]]) -> bytes:
        prefix = asked.get("prefix", [""])[0]
        after = asked.get("continuation-token", asked.get("start-after", [""]))[0]
        count = int(asked.get("max-keys", ["1000"])[0])
        keys = [key for key in self.server.objects if key.startswith(prefix) and key > after]
        shown, is_truncated = keys[:count], len(keys) > count
        contents = "".join(_entry(key, self.server.objects[key]) for key in shown)
        more = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if is_truncated else ""
        return (
            f"<ListBucketResult><Name>{bucket}</Name><EncodingType>url</EncodingType><KeyCount>{len(shown)}</KeyCount>"
            f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated>{more}{contents}</ListBucketResult>"
        ).encode()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _entry(key: str, found: Stored) -> str:
    modified = found.modified.isoformat().replace("+00:00", "Z")
    return (
        f"<Contents><Key>{quote(key)}</Key><ETag>&quot;{found.etag}&quot;</ETag><Size>{found.size}</Size>"
        f"<LastModified>{modified}</LastModified></Contents>"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    asked = parser.parse_args()
    server = Store(asked.folder, asked.latency_ms / 1000)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
