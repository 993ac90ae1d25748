"""A real server that speaks S3, once for all tests of this folder; a bucket, a proxy and a site for each."""

from __future__ import annotations

import http.client
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from mediameter import connect
from mediameter.sources import s3
from tests.s3.injector import Injector, injecting
from tests.s3.store import BUCKET, Site, Store


@pytest.fixture(scope="session")
def address() -> Iterator[tuple[str, int]]:
    """Where the server listens."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    connection = http.client.HTTPConnection(*server.get_host_and_port())
    connection.request("GET", "/none/warms-it-up")  # the first answer takes a second
    connection.getresponse().read()
    connection.close()
    try:
        yield server.get_host_and_port()
    finally:
        server.stop()


@pytest.fixture(autouse=True)
def _gate(plain_gate: None) -> None:
    """The gate is the subject of none of these tests."""


@pytest.fixture
def store(address: tuple[str, int]) -> Store:
    """An empty bucket."""
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()
    made = Store(BUCKET)
    made.create()
    return made


@pytest.fixture
def injector(store: Store, address: tuple[str, int]) -> Iterator[Injector]:
    with injecting(address) as proxy:
        yield proxy


@pytest.fixture
def site(store: Store, injector: Injector, tmp_path: Path) -> Site:
    """Metered through the proxy, which passes everything on until it is told otherwise."""
    return Site(tmp_path, injector.url)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits half a minute in a test; and no credentials but the settings' are found."""
    monkeypatch.setattr(s3, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(connect, "READ_TIMEOUT_S", 5)
    monkeypatch.setattr(connect, "S3_ATTEMPTS", 2)
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
