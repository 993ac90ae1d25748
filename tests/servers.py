"""The database servers that tests may use: those an environment variable names, else those that answer here; and new
databases on them, which go when the test has ended."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

# variable → where Debian's own packages listen, as their first user
_USUAL = {
    "MEDIAMETER_TEST_POSTGRES_URL": "postgresql+psycopg://postgres@127.0.0.1:5432/test",
    "MEDIAMETER_TEST_MARIADB_URL": "mysql+pymysql://root@127.0.0.1:3306/test",
}
_VARIABLES = {
    "postgres": "MEDIAMETER_TEST_POSTGRES_URL",
    "mariadb": "MEDIAMETER_TEST_MARIADB_URL",
    "mysql": "MEDIAMETER_TEST_MYSQL_URL",
}
SERVERS = ("postgres", "mariadb", *(["mysql"] if "MEDIAMETER_TEST_MYSQL_URL" in os.environ else []))
ENGINES = ("sqlite", *SERVERS)


def find() -> None:
    """Sets the variables that are not set, for servers that answer within a second."""
    for variable, url in _USUAL.items():
        if variable not in os.environ and answers(url):
            os.environ[variable] = url


@contextmanager
def new_database(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty warehouse on an engine (of ENGINES), in the folder where it is a file.

    Skips the test where there is no such server; in CI that is a failure.
    """
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'warehouse.sqlite'}"
        return
    with database_on(sa.make_url(server_url(engine))) as url:
        yield url


@contextmanager
def database_on(server: sa.URL) -> Iterator[str]:
    """The URL of an empty database on this server."""
    name = f"mediameter_{uuid.uuid4().hex[:12]}"
    with administrator(server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with administrator(server) as connection:
            # PostgreSQL alone refuses to drop what somebody still has open.
            how = " WITH (FORCE)" if server.get_backend_name() == "postgresql" else ""
            connection.exec_driver_sql(f"DROP DATABASE {name}{how}")


@contextmanager
def administrator(server: sa.URL) -> Iterator[sa.Connection]:
    """A connection past the house's own, whose statements commit one by one."""
    made = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with made.connect() as connection:
            yield connection
    finally:
        made.dispose()


def server_url(engine: str) -> str:
    """Where the server is; skips (in CI: fails) where there is none."""
    variable = _VARIABLES[engine]
    url = os.environ.get(variable)
    if not url:
        (pytest.fail if is_ci() else pytest.skip)(f"no {engine}: {variable} is not set")
    return url


def is_ci() -> bool:
    """Where a missing server is a failure."""
    return bool(os.environ.get("CI"))


def answers(url: str | sa.URL) -> bool:
    engine = sa.create_engine(url, connect_args={"connect_timeout": 1})
    try:
        with engine.connect():
            return True
    except sa.exc.SQLAlchemyError:
        return False
    finally:
        engine.dispose()
