"""Each test runs against each kind of server that an application's database may be on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.export.application import Application, made


@pytest.fixture(scope="module", autouse=True)
def _gate(plain_gate: None) -> None:
    """Those of the gate itself (`test_quality`) have the real one where they say so."""


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Application]:
    yield from made(request.param, tmp_path)
