"""Nobody's own settings; and an S3 on the loopback behind a proxy that can be told to misbehave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from mediameter.alerts.rule import Rule
from mediameter.alerts.rule_tests import Outcome, outcomes
from mediameter.doctor import channels
from tests.doctor.proxy import Proxy, proxying
from tests.doctor.site import Folder, lines, whole_second
from tests.doctor.store import Bucket, bucket, client_of


@pytest.fixture(autouse=True)
def nobodys_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("MEDIAMETER_TOML", "PREFECT_API_URL", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_REGION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def rules_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests in a rule's file say of the rule is the same each time: a shipped one is tried once a session."""
    monkeypatch.setattr(channels, "outcomes", _once)


_tried: dict[str, list[Outcome]] = {}


def _once(rule: Rule) -> list[Outcome]:
    words = repr(rule)
    if words not in _tried:
        _tried[words] = outcomes(rule)
    return _tried[words]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A clean one: nothing of it is an error or a warning but that nobody is told."""
    site = Folder(tmp_path, whole_second())
    site.deliver(lines(site.now - timedelta(minutes=10)))
    return site


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def client(moto: str) -> Any:
    return client_of(moto)


@pytest.fixture
def proxy(moto: str) -> Iterator[Proxy]:
    with proxying(moto) as made:
        yield made


@pytest.fixture
def store(client: Any, proxy: Proxy, tmp_path: Path) -> Bucket:
    """A clean one, with logs just delivered and logging on."""
    return bucket(client, proxy, tmp_path)
