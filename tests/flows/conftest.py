"""One real Prefect server and one real process worker for all tests of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
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
from tests.listener import Listener, listening

CLONE = Path(__file__).parents[2]
POOL = "mediameter"


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
            yield url


@pytest.fixture(scope="session")
def command_environment(server: str, prefect_home: Path) -> dict[str, str]:
    """What a ``prefect`` command of the tests runs with."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return inherited | {
        "PREFECT_API_URL": server,
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_WORKER_QUERY_SECONDS": "0.5",
        "DO_NOT_TRACK": "1",
    }


@pytest.fixture(scope="session")
def deployed(command_environment: dict[str, str]) -> None:
    """All deployments of prefect.yaml are there."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(command, cwd=CLONE, env=command_environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def worker(command_environment: dict[str, str], prefect_home: Path) -> Iterator[Path]:
    """A process worker at work; its log."""
    log = prefect_home / "worker.log"
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=CLONE, env=command_environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield log
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


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
