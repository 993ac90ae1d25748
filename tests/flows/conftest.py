"""One real Prefect server and one real process worker for all tests of this folder, and one warm Python for all that
they start."""

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

from flows.automations import GRACE
from tests import warm
from tests.flows.installation import POOL, Installation, command
from tests.listener import Listener, listening

BLANK = "blank.db"  # in the home: a database with all its tables and the work pool, but nothing deployed


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def installation(prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server with all its services; flows of the test process run against it."""
    installation = Installation(prefect_home, python=warm.python(tmp_path_factory.mktemp("warm")))
    try:
        installation.start_server()
        settings = {
            PREFECT_API_URL: installation.url,
            PREFECT_API_KEY: None,
            PREFECT_HOME: prefect_home,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        with temporary_settings(settings):
            with get_client(sync_client=True) as client:
                client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
            copy(prefect_home / "prefect.db", prefect_home / BLANK)
            yield installation
    finally:
        installation.end()


def copy(database: Path, target: Path) -> None:
    """A database that somebody may be at work on."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copied:
        source.backup(copied)


@pytest.fixture(scope="session")
def server(installation: Installation) -> str:
    """The API's URL."""
    return installation.url


@pytest.fixture(scope="session")
def deployed(installation: Installation) -> None:
    """All deployments of prefect.yaml are there, but no schedule begins anything while a test looks at another."""
    command(installation, "deploy", "--all")
    with get_client(sync_client=True) as client:
        for name in GRACE:
            client.pause_deployment(client.read_deployment_by_name(name).id)


@pytest.fixture(scope="session")
def worker(installation: Installation) -> Path:
    """A process worker at work; its log."""
    installation.start_worker()
    return installation.log


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
