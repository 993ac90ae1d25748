"""Servers whose own settings are not ours: every session is put right, and the whole job says the same."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter.commands.run import run
from mediameter.connect import reading, transact
from mediameter.errors import WorldError
from mediameter.store import warehouse
from schemas.internal import REJECTS
from tests import servers
from tests.conftest import emptied
from tests.trials.dump import difference, dump
from tests.trials.engines import on
from tests.worlds.log_worlds import world

_STRANGE_POSTGRES = {
    "timezone": "'Asia/Kathmandu'",
    "datestyle": "'German'",
    "default_transaction_isolation": "'serializable'",
    "standard_conforming_strings": "off",
    "statement_timeout": "'3s'",
    "search_path": '"$user", public',
}
_STRANGE_MARIADB = (
    "--sql-mode=",
    "--character-set-server=latin1",
    "--default-time-zone=+05:45",
    "--transaction-isolation=SERIALIZABLE",
    "--local-infile=0",
    "--max-allowed-packet=64K",
    "--explicit-defaults-for-timestamp=OFF",
)
_LONGEST_S = 60


def same_as_on_sqlite(url: str, folder: Path) -> None:
    made = world(4)
    settings = made.lay_out(folder)
    run(settings, now=made.now)
    run(on(settings, url), now=made.now)
    assert not difference(dump(settings.warehouse.url), dump(url))


def test_a_strange_postgres(tmp_path: Path) -> None:
    with servers.new_database("postgres", tmp_path) as url:
        target = sa.make_url(url)
        with servers.administrator(target) as connection:
            for name, value in _STRANGE_POSTGRES.items():
                connection.exec_driver_sql(f"ALTER DATABASE {target.database} SET {name} = {value}")
        same_as_on_sqlite(url, tmp_path / "world")


@pytest.fixture(scope="module")
def strange_server() -> Iterator[sa.URL]:
    """A server of the tests' own, since these settings are a server's."""
    if not shutil.which("mariadbd"):
        (pytest.fail if servers.is_ci() else pytest.skip)("mariadbd is not installed")
    with tempfile.TemporaryDirectory(prefix="mediameter-") as name:  # a socket's path must be short
        data, socket = Path(name, "data"), Path(name, "socket")
        where = ["--no-defaults", "--user=root", f"--datadir={data}"]
        install = ["mariadb-install-db", *where, "--skip-test-db", "--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, capture_output=True)
        serve = ["mariadbd", *where, f"--socket={socket}", "--skip-networking", *_STRANGE_MARIADB]
        url = sa.make_url(f"mysql+pymysql://root@localhost/mysql?unix_socket={socket}")
        with subprocess.Popen(serve, stderr=subprocess.DEVNULL) as running:
            try:
                _wait_for(url)
                yield url
            finally:
                running.terminate()


@pytest.fixture
def strange_mariadb(strange_server: sa.URL) -> Iterator[str]:
    """An empty database there."""
    with servers.database_on(strange_server) as url:
        yield url


def _wait_for(url: sa.URL) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while not servers.answers(url):
        if time.monotonic() > deadline:
            raise TimeoutError("the server does not answer")
        time.sleep(0.05)


def test_a_strange_mariadb(strange_mariadb: str, tmp_path: Path) -> None:
    same_as_on_sqlite(strange_mariadb, tmp_path / "world")


def test_many_rows_go_in_though_packets_are_small(strange_mariadb: str) -> None:
    rows = [(1, number, 0, "X", "'" * 2000, 0, None) for number in range(200)]  # each twice as long when it is escaped
    for made in emptied(strange_mariadb):
        transact(made, lambda c: warehouse.insert(c, REJECTS, warehouse.frame_of(rows, REJECTS)))
        with reading(made) as connection:
            assert warehouse.read(connection, REJECTS).sort("line_number").rows() == rows


def test_a_row_larger_than_a_packet_is_told(strange_mariadb: str) -> None:
    row = (1, 1, 0, "X", "x" * 80_000, 0, None)
    for made in emptied(strange_mariadb):
        with pytest.raises(WorldError, match="larger than max_allowed_packet"):
            transact(made, lambda c: warehouse.insert(c, REJECTS, warehouse.frame_of([row], REJECTS)))
