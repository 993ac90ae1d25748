"""What the tests of all folders share: database servers, and how often a promise is tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from hypothesis import settings

from mediameter import discretion
from mediameter.store import tenancy, warehouse
from schemas.vocabulary import DEFAULT_TENANT
from tests import gate, once, picture, scheduling, servers, turns
from tests.pictures import Warehouse

settings.register_profile("house", deadline=None)  # a loaded machine is no defect of the product
settings.load_profile("house")

Trials = Callable[[int, int], int]
_HOURS_S = 4 * 3600


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="the first world of trials on generated crowds")


def pytest_configure() -> None:
    servers.find()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> scheduling.Together:
    return scheduling.Together(config, log)


def pytest_sessionfinish() -> None:
    servers.drop_ready()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    turns.take(items, is_trial=config.option.markexpr == "trial")
    scheduling.arrange(items)


@pytest.fixture(scope="module", params=servers.ENGINES)
def warehouse_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty warehouse of the module's own, on every engine."""
    with servers.ready_database(request.param, tmp_path_factory.mktemp("warehouse")) as url:
        yield url


@pytest.fixture(scope="module", params=servers.SERVERS)
def server_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty warehouse of the module's own, on every server."""
    with servers.ready_database(request.param, tmp_path_factory.mktemp("warehouse")) as url:
        yield url


@pytest.fixture(scope="module", params=servers.SERVERS)
def new_server_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of the module's own in which nothing is made yet, on every server."""
    with servers.new_database(request.param, tmp_path_factory.mktemp("warehouse")) as url:
        yield url


@pytest.fixture(scope="module")
def migrated(warehouse_url: str) -> Iterator[sa.Engine]:
    """A warehouse with its tables, on every engine."""
    made = tenancy.engine(warehouse_url, DEFAULT_TENANT)
    warehouse.ready(made)
    yield made
    made.dispose()


@pytest.fixture
def rolled_back(migrated: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction in which anything may be written; nothing of it stays."""
    with migrated.connect().execution_options(is_writing=True) as connection:
        connection.begin()
        yield connection
        connection.rollback()


@pytest.fixture(name="warehouse")
def pictured(rolled_back: sa.Connection) -> Warehouse:
    """A warehouse to be filled from pictures; nothing of it stays."""
    return Warehouse(rolled_back)


@pytest.fixture
def made(warehouse_url: str) -> Iterator[sa.Engine]:
    """An empty warehouse on every engine."""
    yield from emptied(warehouse_url)


@pytest.fixture
def made_on_server(server_url: str) -> Iterator[sa.Engine]:
    """An empty warehouse on every server."""
    yield from emptied(server_url)


def emptied(url: str) -> Iterator[sa.Engine]:
    """The engine of a warehouse, whose tables are emptied afterwards."""
    made = tenancy.engine(url, DEFAULT_TENANT)
    warehouse.ready(made)
    yield made
    servers.empty(made)
    made.dispose()


@pytest.fixture(scope="session", autouse=True)
def _cheaper(pytestconfig: pytest.Config) -> Iterator[None]:
    """What is no test's subject is done once a process; in `make trials` as in the field."""
    if not gate.is_plain(pytestconfig):
        yield
        return
    with picture.drawn(), once.done():
        yield


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    """The secrets of a test's settings are words in the texts of the next."""
    yield
    discretion.forget()


@pytest.fixture(scope="module")
def real_migrations() -> Iterator[None]:
    """New warehouses are made by the migrations themselves: for tests whose subject they are."""
    with picture.drawn(False):
        yield


@pytest.fixture(scope="module")
def plain_gate(pytestconfig: pytest.Config) -> Iterator[None]:
    """The gate's rules held against the rows without Great Expectations: for tests whose subject is another."""
    with gate.plainly(gate.is_plain(pytestconfig)):
        yield


@pytest.fixture(
    params=["reduced", pytest.param("full", marks=[pytest.mark.trial, pytest.mark.timeout(_HOURS_S)])],
)
def trials(request: pytest.FixtureRequest) -> Trials:
    """``trials(reduced, full)``: how many trials to run. `make test` runs the reduced count, `make trials` all;
    with MEDIAMETER_TRIALS=full both run the full one, with MEDIAMETER_TRIALS=fifth both run a fifth of it."""
    asked = os.environ.get("MEDIAMETER_TRIALS", "full" if request.param == "full" else "")
    if asked == "fifth":
        return lambda reduced, full: max(reduced, full // 5)
    return lambda reduced, full: full if asked == "full" else reduced
