"""Sessions that only read an application's database: read-only, UTC, and each transaction is one snapshot.

A query that takes longer than the time-out is ended by the server; SQLite only waits no longer for a lock.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa

if TYPE_CHECKING:
    from psycopg.abc import Loader


def new_engine(url: sa.URL, statement_timeout_s: int, connect_timeout_s: float, read_timeout_s: float) -> sa.Engine:
    """The engine; no connection is made yet. ``url`` names its driver."""
    if url.drivername == "sqlite":
        return _sqlite(Path(url.database or ""), statement_timeout_s)
    milliseconds = statement_timeout_s * 1000
    if url.get_backend_name() == "mysql":
        times = {"connect_timeout": connect_timeout_s, "read_timeout": statement_timeout_s + read_timeout_s}
        made = _engine(url.update_query_dict({"charset": "utf8mb4"}), times)
        sa.event.listen(made, "connect", lambda connection, _: _prepare_mysql(connection, milliseconds))
        return made
    return _postgres(url, milliseconds, connect_timeout_s)


def _engine(url: sa.URL, connect_args: dict[str, Any]) -> sa.Engine:
    return sa.create_engine(url, hide_parameters=True, poolclass=sa.NullPool, connect_args=connect_args)


# --- PostgreSQL --------------------------------------------------------------------------------------


def _postgres(url: sa.URL, milliseconds: int, connect_timeout_s: float) -> sa.Engine:
    """Poolers between us and the server give each transaction another session: what is said holds for one of them."""
    made = _engine(url, {"connect_timeout": int(connect_timeout_s), "prepare_threshold": None})
    begin = (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "SET LOCAL TIME ZONE 'UTC'",
        "SET LOCAL DateStyle = 'ISO'",
        f"SET LOCAL statement_timeout = {milliseconds}",
        "SET LOCAL row_security = off",  # rows that a policy hides are an error, not rows that are not there
    )
    sa.event.listen(made, "begin", lambda connection: [connection.exec_driver_sql(text) for text in begin])
    sa.event.listen(made, "connect", lambda connection, _: _read_all_instants(connection))
    return made


def _read_all_instants(connection: Any) -> None:
    """PostgreSQL knows instants that Python does not (``infinity``, BC, the year 99999): each is None. psycopg would
    raise an error for the whole page."""
    for name in ("date", "timestamp", "timestamptz"):
        connection.adapters.register_loader(name, _none_if_unreadable(name))


@cache
def _none_if_unreadable(name: str) -> type[Loader]:
    """The loader of psycopg for that type, the fast one where it is installed, but None for what it cannot load."""
    import psycopg
    from psycopg.adapt import Loader as Base
    from psycopg.pq import Format

    known = psycopg.adapters.get_loader(psycopg.adapters.types[name].oid, Format.TEXT)
    assert known is not None
    loader: type[Loader] = known

    class NoneIfUnreadable(Base):
        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._load = loader(oid, context).load

        def load(self, data: Any) -> Any:
            try:
                return self._load(data)
            except (psycopg.DataError, ValueError, OverflowError):
                return None

    return NoneIfUnreadable


# --- MySQL, MariaDB and SQLite -----------------------------------------------------------------------


def _prepare_mysql(connection: Any, milliseconds: int) -> None:
    is_mariadb = "MariaDB" in connection.get_server_info()
    limit = f"max_statement_time = {milliseconds / 1000}" if is_mariadb else f"max_execution_time = {milliseconds}"
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET SESSION time_zone = '+00:00', {limit}")


def _sqlite(path: Path, statement_timeout_s: int) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        # SQLite would say of a missing file just what it says of a locked folder.
        if not path.is_file():
            raise sqlite3.OperationalError(f"there is no file {path}")
        uri = f"file:{quote(str(path))}?mode=ro"
        made = sqlite3.connect(uri, uri=True, timeout=statement_timeout_s, isolation_level=None)
        # Bytes that are no UTF-8 come as half characters, so that a page can begin with the key that has them.
        made.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return made

    made = sa.create_engine("sqlite://", creator=connect, hide_parameters=True, poolclass=sa.NullPool)
    sa.event.listen(made, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return made
