"""Each test runs against each kind of server that an application's database may be on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.export.application import Application, made


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Application]:
    yield from made(request.param, tmp_path)
