"""One real Prefect server and one real process worker for all tests of this folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import (
    PREFECT_API_KEY,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from flows.embedded import embedded_server
from tests.flows.installation import POOL, client_environment, command, end, start_worker
from tests.listener import Listener, listening

BLANK = "blank.db"  # in the home: a database with all its tables and the work pool, but nothing deployed


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def server(prefect_home: Path) -> Iterator[str]:
    """The API's URL; flows of the test process run against it."""
    with embedded_server(prefect_home) as url:
        settings = {
            PREFECT_API_URL: url,
            PREFECT_API_KEY: None,
            PREFECT_HOME: prefect_home,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        with temporary_settings(settings):
            with get_client(sync_client=True) as client:
                client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
            _copy(prefect_home / "prefect.db", prefect_home / BLANK)
            yield url


def _copy(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


@pytest.fixture(scope="session")
def command_environment(server: str, prefect_home: Path) -> dict[str, str]:
    """What a ``prefect`` command of the tests runs with."""
    return client_environment(server, prefect_home)


@pytest.fixture(scope="session")
def deployed(command_environment: dict[str, str]) -> None:
    """All deployments of prefect.yaml are there."""
    command(command_environment, "deploy", "--all")


@pytest.fixture(scope="session")
def worker(command_environment: dict[str, str], prefect_home: Path) -> Iterator[Path]:
    """A process worker at work; its log."""
    log = prefect_home / "worker.log"
    process = start_worker(command_environment, log)
    yield log
    end(process)


@pytest.fixture
def hook() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def site(tmp_path: Path, hook: Listener) -> Path:
    """A settings file whose notifications go to ``hook``, beside an empty bucket."""
    (tmp_path / "bucket").mkdir()
    settings = tmp_path / "mediameter.toml"
    settings.write_text(
        '[sources.logs]\nkind = "s3_access_log"\npath = "bucket"\n\n'
        f'[alerts]\nnotify = ["{hook.url()}"]\nallow_private_channels = true\n'
    )
    return settings
