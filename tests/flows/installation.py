"""An installation of Prefect as in production: a server with all its services, whose port and database outlive it,
and a worker. And what the commands and the worker of any server run with."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from flows.embedded import await_health, free_port, server_environment, start_server

CLONE = Path(__file__).parents[2]
POOL = "mediameter"


def client_environment(url: str, home: Path) -> dict[str, str]:
    """What a ``prefect`` command, and a worker, of the server at this URL run with."""
    return server_environment(home) | {"PREFECT_API_URL": url, "PREFECT_WORKER_QUERY_SECONDS": "0.5"}


def command(environment: dict[str, str], *words: str) -> str:
    """What a ``prefect`` command says; it has to succeed."""
    called = [sys.executable, "-m", "prefect", "--no-prompt", *words]
    done = subprocess.run(called, cwd=CLONE, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def start_worker(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A process worker, which adds to its log there."""
    called = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
    with log.open("ab") as output:
        return subprocess.Popen(called, cwd=CLONE, env=environment, stdout=output, stderr=subprocess.STDOUT)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL: it can save nothing and tell nobody."""
    process.kill()
    process.wait()


class Installation:
    """A server that can be killed and started again. Its leases are kept as prefect.yaml recommends it."""

    def __init__(self, home: Path) -> None:
        self._home, self._port = home, free_port()
        self.url = f"http://127.0.0.1:{self._port}/api"
        self.environment = client_environment(self.url, home) | {"PREFECT_WORKER_PREFETCH_SECONDS": "1"}
        self.worker: subprocess.Popen[bytes] | None = None

    def start_server(self) -> None:
        environment = server_environment(self._home) | {
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
        }
        self.server = start_server(self._port, environment)
        await_health(self.server, self._port)

    def start_worker(self) -> None:
        self.worker = start_worker(self.environment, self._home / "worker.log")

    def kill_server(self) -> None:
        kill(self.server)

    def kill_worker(self) -> None:
        assert self.worker
        kill(self.worker)

    def home_log(self) -> str:
        """What the worker has said."""
        return (self._home / "worker.log").read_text()

    def end(self) -> None:
        if self.worker:
            end(self.worker)
        kill(self.server)


def until(is_so: Callable[[], bool], timeout_s: float = 120.0) -> bool:
    """Whether it came to be so in time."""
    deadline = time.monotonic() + timeout_s
    while not (so := is_so()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return so
