"""A real browser without a window, and the only network that it has: ours, which writes down what it is asked for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.packages import installed
from tests.servers import is_ci

VARIABLE = "MEDIAMETER_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOST = "pages.test"
CANARY = "/c/"
"""Where nobody looks unless a text became markup."""
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--no-pings",
    "--disable-extensions", "--disable-domain-reliability", "--disable-client-side-phishing-detection",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
)  # fmt: skip
_FRAME = """<!DOCTYPE html><meta charset="utf-8"><title>all pages</title><pre id="found"></pre>%s<script>
const says = (name) => ["src", "href", "xlink:href", "srcdoc", "action", "formaction", "data", "content"].includes(name)
  || name.startsWith("on");
onload = () => setTimeout(() => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe")) {
    found[frame.name] = [];
    for (const each of frame.contentDocument.querySelectorAll("*")) {
      for (const attribute of each.attributes)
        if (says(attribute.name) && attribute.value.includes("CANARY"))
          found[frame.name].push(`${each.tagName} ${attribute.name}`);
      if (["SCRIPT", "STYLE"].includes(each.tagName) && each.textContent.includes("CANARY"))
        found[frame.name].push(each.tagName);
    }
  }
  document.getElementById("found").textContent = JSON.stringify(found);
}, 500);
</script>""".replace("CANARY", CANARY)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the browser asked for, and where in a page (by its name) a canary is more than text."""

    requests: frozenset[str]
    markup: Mapping[str, list[str]]


def browser() -> str:
    """The browser of this machine; skips (in CI: fails) where there is none."""
    found = os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, NAMES)), None)
    if not found and installed(NAMES[0]):
        found = NAMES[0]
    if not found:
        how = f"apt-get install chromium, or set {VARIABLE}"
        (pytest.fail if is_ci() else pytest.skip)(f"no browser: {how}")
    return found


def seen(pages: Mapping[str, str], profile: Path) -> Seen:
    """Opens all pages, each in a frame of its own, in one start of the browser."""
    frames = "".join(f'<iframe name="{name}" src="/{name}"></iframe>' for name in pages)
    with _network({**pages, "all": _FRAME % frames}) as network:
        command = [
            browser(), *_FLAGS, f"--user-data-dir={profile}", f"--proxy-server=http://127.0.0.1:{network.server_port}",
            "--virtual-time-budget=20000", "--dump-dom", f"http://{HOST}/all",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    told = re.search(r'<pre id="found">(.+?)</pre>', done.stdout)
    assert told, f"the browser did not show the pages: {done.stderr[-2000:]}"
    return Seen(frozenset(network.requests), json.loads(unescape(told[1])))


class _Network(ThreadingHTTPServer):
    """A proxy behind which there is one host, with these pages."""

    daemon_threads = True

    def __init__(self, pages: Mapping[str, str]) -> None:
        self.pages = pages
        self.requests: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Network

    def do_GET(self) -> None:
        self.server.requests.add(self.path)
        parts = urlsplit(self.path)
        page = self.server.pages.get(parts.path.removeprefix("/")) if parts.hostname == HOST else None
        body = (page or "").encode()
        self.send_response(404 if page is None else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def do_CONNECT(self) -> None:
        self.server.requests.add(f"https://{self.path}")
        self.send_error(403)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what was asked for is kept."""


@contextmanager
def _network(pages: Mapping[str, str]) -> Iterator[_Network]:
    network = _Network(pages)
    thread = threading.Thread(target=network.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield network
    finally:
        network.shutdown()
        network.server_close()
        thread.join()
