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
    """A server that can be killed and started again. Its leases are kept as prefect.yaml recommends it.

    ``python``: what its commands, its worker and their runs are; its server is a Python of its own.
    """

    def __init__(self, home: Path, python: str = sys.executable) -> None:
        self._home, self._port, self.python = home, free_port(), python
        self.url = f"http://127.0.0.1:{self._port}/api"
        self.log = home / "worker.log"
        self.environment = server_environment(home) | {
            "PREFECT_API_URL": self.url,
            "PREFECT_WORKER_QUERY_SECONDS": "0.5",
            "PREFECT_WORKER_PREFETCH_SECONDS": "1",
        }
        self.server: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None

    def start_server(self) -> None:
        environment = server_environment(self._home) | {
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "1",
        }
        self.server = start_server(self._port, environment)
        await_health(self.server, self._port)

    def prefect(self, *words: str) -> list[str]:
        """A ``prefect`` command."""
        return [self.python, "-m", "prefect", *words]

    def start_worker(self) -> None:
        """A process worker, which adds to its log."""
        called = self.prefect("worker", "start", "--pool", POOL, "--type", "process")
        with self.log.open("ab") as output:
            self.worker = subprocess.Popen(
                called, cwd=CLONE, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )

    def kill_server(self) -> None:
        assert self.server
        kill(self.server)

    def kill_worker(self) -> None:
        assert self.worker
        kill(self.worker)

    def home_log(self) -> str:
        """What the worker has said."""
        return self.log.read_text() if self.log.exists() else ""

    def end(self) -> None:
        if self.worker:
            end(self.worker)
        if self.server:
            kill(self.server)


def command(installation: Installation, *words: str) -> str:
    """What a ``prefect`` command says; it has to succeed."""
    called = installation.prefect("--no-prompt", *words)
    done = subprocess.run(called, cwd=CLONE, env=installation.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def until(is_so: Callable[[], bool], timeout_s: float = 120.0) -> bool:
    """Whether it came to be so in time."""
    deadline = time.monotonic() + timeout_s
    while not (so := is_so()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return so
