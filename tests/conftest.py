"""What the tests of all folders share: database servers, and how often a promise is tried."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import settings

from tests import servers

settings.register_profile("house", deadline=None)  # a loaded machine is no defect of the product
settings.load_profile("house")

Trials = Callable[[int, int], int]
_HOURS_S = 4 * 3600


def pytest_configure() -> None:
    servers.find()


@pytest.fixture(
    params=["reduced", pytest.param("full", marks=[pytest.mark.trial, pytest.mark.timeout(_HOURS_S)])],
)
def trials(request: pytest.FixtureRequest) -> Trials:
    """``trials(reduced, full)``: how many trials to run. `make test` runs the reduced count, `make trials` all;
    with MEDIAMETER_TRIALS=full both run the full one."""
    is_full = request.param == "full" or os.environ.get("MEDIAMETER_TRIALS") == "full"
    return lambda reduced, full: full if is_full else reduced
