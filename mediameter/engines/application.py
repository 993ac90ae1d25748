"""Sessions that write into an application's database: UTC, strict, and of our writers one at a time in a transaction.

A writer that falls asleep loses its session, and the lock with it, but then its transaction, too: nobody writes who
does not hold the lock. What the server gave up is told so, that it may be begun anew; the rest is for others to tell.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from mediameter.engines import mysql, postgres, trouble
from mediameter.errors import WorldError

IDLE_TIMEOUT_S = 300
_LOCK = int.from_bytes(b"mm-wback")  # any constant will do that no other program is likely to choose
_STRICT = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
_GIVEN_UP = (trouble.deadlock, trouble.lock_timeout, trouble.lost)


def new_engine(url: sa.URL, statement_timeout_s: int, lock_timeout_s: float, connect_timeout_s: float) -> sa.Engine:
    """The engine; no connection is made yet. ``url`` names its driver."""
    if url.drivername == "sqlite":
        return _sqlite(Path(url.database or ""), lock_timeout_s)
    arguments: dict[str, Any] = {"connect_timeout": max(2, round(connect_timeout_s))}
    if url.get_backend_name() == "postgresql":
        engine = _engine(url, arguments | {"prepare_threshold": None})  # behind a pooler the next process knows none
        sa.event.listen(
            engine, "begin", lambda connection: _begin_postgres(connection, statement_timeout_s, lock_timeout_s)
        )
        _tell_what_was_given_up(engine, postgres.diagnosis)
        return engine
    arguments |= {"read_timeout": statement_timeout_s + lock_timeout_s, "write_timeout": statement_timeout_s}
    engine = _engine(url.update_query_dict({"charset": "utf8mb4"}), arguments)
    sa.event.listen(
        engine, "connect", lambda connection, _: _prepare_mysql(connection, statement_timeout_s, lock_timeout_s)
    )
    sa.event.listen(engine, "begin", lambda connection: _begin_mysql(connection, lock_timeout_s))
    _tell_what_was_given_up(engine, mysql.diagnosis)
    return engine


def _engine(url: sa.URL, arguments: dict[str, Any]) -> sa.Engine:
    """Without a pool: a closed connection holds no lock."""
    return sa.create_engine(url, hide_parameters=True, poolclass=sa.NullPool, connect_args=arguments)


def _tell_what_was_given_up(engine: sa.Engine, diagnosis: trouble.Diagnosis) -> None:
    def handle(context: sa.engine.ExceptionContext) -> BaseException | None:
        if isinstance(context.sqlalchemy_exception, sa.exc.IntegrityError):
            return trouble.broken_rule(trouble.name(engine.url), "")  # the words hold values
        found = diagnosis(context.original_exception)
        if not found or found[0] not in _GIVEN_UP or not isinstance(context.sqlalchemy_exception, sa.exc.DBAPIError):
            return None
        return found[0](trouble.name(engine.url), found[1])

    sa.event.listen(engine, "handle_error", handle)


def _begin_postgres(connection: sa.Connection, statement_timeout_s: int, lock_timeout_s: float) -> None:
    settings = {
        "timezone": "'UTC'",
        "lock_timeout": round(lock_timeout_s * 1000),
        "statement_timeout": statement_timeout_s * 1000,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT_S * 1000,
        "row_security": "off",  # a row that a policy hides would be written a second time
    }
    statements = ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]
    statements += [f"SET LOCAL {name} = {value}" for name, value in settings.items()]
    statements.append(f"SELECT pg_advisory_xact_lock({_LOCK})")
    connection.exec_driver_sql("; ".join(statements), execution_options={"no_parameters": True})


def _prepare_mysql(connection: Any, statement_timeout_s: int, lock_timeout_s: float) -> None:
    is_mariadb = "MariaDB" in connection.get_server_info()
    settings = {"time_zone": "'+00:00'", "sql_mode": f"'{_STRICT}'", "innodb_lock_wait_timeout": round(lock_timeout_s)}
    if is_mariadb:
        settings |= {"max_statement_time": statement_timeout_s, "idle_transaction_timeout": IDLE_TIMEOUT_S}
    else:
        settings |= {"max_execution_time": statement_timeout_s * 1000, "wait_timeout": IDLE_TIMEOUT_S}
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SET SESSION " + ", ".join(f"{name} = {value}" for name, value in settings.items()))


def _begin_mysql(connection: sa.Connection, lock_timeout_s: float) -> None:
    """The lock ends with the connection, which is closed after each transaction."""
    if not mysql.takes_lock(connection, " write-back", lock_timeout_s):
        raise WorldError("another run writes into the application", "run again when it has ended")


def _sqlite(path: Path, lock_timeout_s: float) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        # SQLite would say of a missing file just what it says of a locked folder.
        if not path.is_file():
            raise sqlite3.OperationalError(f"there is no file {path}")
        uri = f"file:{quote(str(path))}?mode=rw"
        opened = sqlite3.connect(uri, uri=True, timeout=lock_timeout_s, isolation_level=None)
        opened.execute("PRAGMA foreign_keys = ON")
        opened.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return opened

    engine = sa.create_engine("sqlite://", creator=connect, hide_parameters=True, poolclass=sa.NullPool)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    _tell_what_was_given_up(engine, lambda error: None)
    return engine
