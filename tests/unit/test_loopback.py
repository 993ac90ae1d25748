"""What is on this very machine is reached past every proxy; a folder shows what lies in it, and no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mediameter.connect import rest_client, s3_connection
from mediameter.loopback import is_this_machine
from mediameter.sections.buckets import BucketSource
from mediameter.sources.folder import Folder

KEY = "the-service-key"


class Asked(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.keys: list[str | None] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Asked

    def do_GET(self) -> None:
        self.server.keys.append(self.headers.get("apikey") or self.headers.get("Authorization"))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def servers() -> Iterator[tuple[Asked, Asked]]:
    """An API and a proxy."""
    both = (Asked(), Asked())
    for each in both:
        threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield both
    for each in both:
        each.shutdown()
        each.server_close()


@pytest.fixture(autouse=True)
def _proxied(servers: tuple[Asked, Asked], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{servers[1].server_port}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_key_for_this_machine_goes_to_no_proxy(host: str, servers: tuple[Asked, Asked]) -> None:
    api, proxy = servers
    with rest_client(f"http://{host}:{api.server_port}/rest/v1", KEY, 5) as client:
        assert client.get("rows").status_code == 200
    assert api.keys == [KEY] and proxy.keys == []


def test_an_api_elsewhere_is_reached_by_the_proxy(servers: tuple[Asked, Asked]) -> None:
    """Else the test above would say nothing."""
    with rest_client("http://api.invalid/rest/v1", KEY, 5) as client:
        assert client.get("rows").status_code == 200
    assert servers[1].keys == [KEY]


def test_a_bucket_on_this_machine_is_asked_past_the_proxy(servers: tuple[Asked, Asked]) -> None:
    api, proxy = servers
    place = BucketSource(
        kind="s3_access_log", bucket="logs", endpoint=f"http://127.0.0.1:{api.server_port}", access_key="A" * 20,
        secret_key="s" * 20,
    )  # fmt: skip
    connection = s3_connection(place)
    assert connection.get("a-key", {}).status == 200
    connection.client.get_object(Bucket="logs", Key="a-key")["Body"].read()
    assert len(api.keys) == 2 and proxy.keys == []


@pytest.mark.parametrize(
    ("host", "is_so"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False),
     ("localhost.example.org", False), ("0.0.0.0", False), ("", False)],
)  # fmt: skip
def test_what_this_machine_is(host: str, is_so: bool) -> None:
    assert is_this_machine(host) is is_so


# --- links -----------------------------------------------------------------------------------------------


def test_a_link_in_a_folder_is_not_followed_and_named(tmp_path: Path) -> None:
    elsewhere, bucket = tmp_path / "elsewhere", tmp_path / "bucket"
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep" / "secret.log").write_text("not a log\n")
    (bucket / "2026").mkdir(parents=True)
    (bucket / "2026" / "real").write_text("a line\n")
    (bucket / "away").symlink_to(elsewhere)
    (bucket / "loop").symlink_to(bucket)
    (bucket / "2026" / "file").symlink_to(elsewhere / "deep" / "secret.log")
    (bucket / "2026" / "dangling").symlink_to(tmp_path / "nothing")
    folder = Folder("logs", bucket)
    assert [each.key for each in folder.listing()] == ["2026/real"]
    assert {(each.key, each.why) for each in folder.left_out} == {
        (key, "a symbolic link") for key in ("away", "loop", "2026/file", "2026/dangling")
    }
    below = Folder("logs", bucket, "away/deep/")
    assert below.listing() == [] and [each.key for each in below.left_out] == ["away"]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "key").write_text("a line\n")
    (tmp_path / "named").symlink_to(tmp_path / "real")
    assert [each.key for each in Folder("logs", tmp_path / "named").listing()] == ["key"]
