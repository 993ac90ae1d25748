"""Each test runs against each kind of server that a copy of the system's database may be on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.export.application import Application
from tests.generations.palette import palette


@pytest.fixture(params=["postgresql", "sqlite", "mariadb"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Application]:
    yield from palette(request.param, tmp_path)
