"""The database servers that tests may use: those an environment variable names, else those that answer here; and
databases on them: new ones, which go when the test has ended, and ready ones, which are handed on."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.store import warehouse

_VARIABLES = {
    "postgres": "MEDIAMETER_TEST_POSTGRES_URL",
    "mariadb": "MEDIAMETER_TEST_MARIADB_URL",
    "mysql": "MEDIAMETER_TEST_MYSQL_URL",
}
# where the packages' own servers listen, as their first user; a second one of the family takes the next port
_USUAL = {
    "postgres": ("postgresql+psycopg://postgres@127.0.0.1:5432/test",),
    "mariadb": ("mysql+pymysql://root@127.0.0.1:3306/test", "mysql+pymysql://root@127.0.0.1:3307/test"),
    "mysql": ("mysql+pymysql://root@127.0.0.1:3306/test", "mysql+pymysql://root@127.0.0.1:3307/test"),
}


def find() -> None:
    """Sets the variables that are not set, for servers that answer within a second."""
    for engine, variable in _VARIABLES.items():
        url = next((url for url in _USUAL[engine] if variable not in os.environ and answers(url, engine)), None)
        if url:
            os.environ[variable] = url


def answers(url: str | sa.URL, family: str = "") -> bool:
    """Whether a server is there, and of this engine; MariaDB says in its version that it is no MySQL."""
    engine = sa.create_engine(url, connect_args={"connect_timeout": 1})
    try:
        with engine.connect() as connection:
            version = str(connection.exec_driver_sql("SELECT version()").scalar()).lower()
    except sa.exc.SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return family not in ("mariadb", "mysql") or ("mariadb" in version) == (family == "mariadb")


find()  # here, since it tells which engines the tests are asked on
SERVERS = ("postgres", "mariadb", *(["mysql"] if _VARIABLES["mysql"] in os.environ else []))
"""MySQL itself is in no package that every machine can have: where there is none, one test says that it was skipped."""
ENGINES = ("sqlite", *SERVERS)


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


# --- ready ones ------------------------------------------------------------------------------------------
_kept = ExitStack()
_ready: dict[str, list[tuple[str, object]]] = {}


@contextmanager
def ready_database(engine: str, folder: Path) -> Iterator[str]:
    """The URL of a warehouse whose tables are made and empty, for tests whose subject is not how they are made.

    To make and to drop them takes a server seconds. So this process keeps what it has made, and hands it on emptied;
    what a test leaves otherwise than it was is not handed on.
    """
    if engine == "sqlite":
        shutil.copy(_ready_file(), folder / "warehouse.sqlite")
        yield f"sqlite:///{folder / 'warehouse.sqlite'}"
        return
    free = _ready.setdefault(engine, [])
    url, made_so = free.pop() if free else _made_ready(_kept.enter_context(new_database(engine, folder)))
    yield url
    made = connect.engine(url)
    empty(made)
    if _shape(made) == made_so:
        free.append((url, made_so))
    made.dispose()


def drop_ready() -> None:
    """At the end of this process's tests."""
    _ready.clear()
    _kept.close()


@cache
def _ready_file() -> Path:
    folder = Path(_kept.enter_context(tempfile.TemporaryDirectory()))
    _made_ready(f"sqlite:///{folder / 'ready.sqlite'}")
    return folder / "ready.sqlite"


def _made_ready(url: str) -> tuple[str, object]:
    made = connect.engine(url)
    warehouse.ready(made)
    shape = _shape(made)
    made.dispose()
    return url, shape


def _shape(made: sa.Engine) -> object:
    """What a test may leave otherwise than it was: revision, tables, views, their columns."""
    if made.dialect.name == "sqlite":
        return None
    place = "current_schema()" if made.dialect.name == "postgresql" else "database()"
    columns = f"""SELECT table_name, column_name, data_type, is_nullable, character_maximum_length, collation_name
        FROM information_schema.columns WHERE table_schema = {place} ORDER BY 1, 2"""
    with made.connect() as connection:
        return [
            connection.exec_driver_sql(query).all() for query in ("SELECT version_num FROM alembic_version", columns)
        ]


def empty(made: sa.Engine) -> None:
    """Leaves no row in any table of the warehouse. Most have none: those that have are asked for at once."""
    looks = [f"SELECT '{name}' FROM (SELECT 1 AS one FROM {name} LIMIT 1) AS t_{name}" for name in warehouse.tables]
    with connect.writing(made) as connection:
        for name in connection.exec_driver_sql(" UNION ALL ".join(looks)).scalars().all():
            connection.exec_driver_sql(f"DELETE FROM {name}")


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
