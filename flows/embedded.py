"""A Prefect server for one run: started on a free port in a folder of its own, gone afterwards.

Prefect starts one by itself where no server is configured, but then the client imports the whole server too (4 s)
and waits idly while it starts. Here the caller does its own imports meanwhile, and the user's Prefect home, profile
and database stay untouched. For the demo and the tests; in production a server runs all the time (docs/operations).
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_IDLE = {  # nothing is to start by itself
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
}
_STARTUP_S = 120.0  # 9 s on a quiet machine, most of it migrations of an empty database


@contextmanager
def embedded_server(home: Path, meanwhile: Callable[[], object] = lambda: None) -> Iterator[str]:
    """Yield the server's API URL; ``meanwhile`` is called while it starts.

    Raises ``RuntimeError`` if the server does not come up.
    """
    port = free_port()
    server = start_server(port, server_environment(home) | _IDLE)
    try:
        meanwhile()
        await_health(server, port)
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def start_server(port: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A server that is still starting (``await_health``), on the loopback alone."""
    command = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--lifespan", "on"]
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    return subprocess.Popen([sys.executable, *command, *where], env=environment, stdout=sys.stderr)


def server_environment(home: Path) -> dict[str, str]:
    """The caller's environment without its own Prefect settings: a profile, a key or a login would get in the way."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return inherited | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_UI_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_health(server: subprocess.Popen[bytes], port: int) -> None:
    """Returns once the server answers; ``RuntimeError`` if it ends instead, or does not come up."""
    deadline = time.monotonic() + _STARTUP_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"the embedded Prefect server ended at its start with exit code {server.returncode}")
        if _is_healthy(port):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the embedded Prefect server did not come up within {_STARTUP_S:g} s")


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
