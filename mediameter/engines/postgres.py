"""PostgreSQL (also as Supabase and others host it, behind a pooler): all of a session's settings are made anew in each
transaction, since a pooler may give each to another server process."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from mediameter.engines import trouble
from mediameter.engines.trouble import Told
from mediameter.errors import UserError

OLDEST = 13
STATEMENT_TIMEOUT_S = 600
IDLE_TIMEOUT_S = 300
"""A process that sleeps in a transaction loses it after this, so that a frozen writer does not hold up the others."""
_WRITERS_LOCK = int.from_bytes(b"mediamet")  # any constant will do that no other program is likely to choose


def new_engine(url: sa.URL, lock_timeout_s: float, connect_timeout_s: float) -> sa.Engine:
    """An engine for the server; no connection is made yet."""
    arguments = {
        "connect_timeout": max(2, round(connect_timeout_s)),
        "client_encoding": "utf8",
        "application_name": "mediameter",
        "prepare_threshold": None,  # a pooler's next server process would not know the statement
        "keepalives_idle": 30,
    }
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True, connect_args=arguments
    )

    def begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        is_writing = options.get("is_writing", False)
        mode = "READ COMMITTED" if is_writing else "REPEATABLE READ, READ ONLY"
        settings = {
            "timezone": "'UTC'",
            "datestyle": "'ISO'",
            "lock_timeout": round(lock_timeout_s * 1000),
            "statement_timeout": STATEMENT_TIMEOUT_S * 1000,
            "idle_in_transaction_session_timeout": IDLE_TIMEOUT_S * 1000,
        }
        statements = [f"SET TRANSACTION ISOLATION LEVEL {mode}"]
        statements += [f"SET LOCAL {name} = {value}" for name, value in settings.items()]
        if is_writing:
            statements.append(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")
        connection.exec_driver_sql("; ".join(statements), execution_options={"no_parameters": True})

    sa.event.listen(engine, "connect", _check)
    sa.event.listen(engine, "begin", begin)
    trouble.listen(engine, diagnosis, scrub)
    return engine


def _check(connection: Any, _record: Any) -> None:
    """Raises ``UserError`` for a server or database that cannot be a warehouse; told by the server's greeting."""
    version, encoding = connection.info.server_version // 10000, connection.info.parameter_status("server_encoding")
    if version < OLDEST:
        connection.close()
        raise UserError(f"the warehouse's server is PostgreSQL {version}", f"{OLDEST} or newer is needed")
    if encoding != "UTF8":
        connection.close()
        raise UserError(
            f"the warehouse's database has the encoding {encoding}",
            "create one with ENCODING 'UTF8' TEMPLATE template0",
        )


def copy(connection: sa.Connection, statement: str, data: bytes) -> None:
    """COPY … FROM STDIN, past SQLAlchemy, which knows no such thing; errors are told as everywhere."""
    try:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(statement) as stream:
            stream.write(data)
    except connection.dialect.loaded_dbapi.Error as error:
        ours = trouble.translated(error, connection.dialect, connection.engine.url, diagnosis, scrub)
        if isinstance(ours, trouble.Lost):
            connection.invalidate()
        raise ours from None


# --- what an error means -----------------------------------------------------------------------------

_BY_STATE: dict[str, Told] = {
    "28P01": trouble.wrong_password,
    "28000": trouble.wrong_password,
    "3D000": trouble.no_database,
    "42501": trouble.no_right,
    "25006": trouble.read_only,
    "40001": trouble.deadlock,
    "40P01": trouble.deadlock,
    "55P03": trouble.lock_timeout,
    "57014": trouble.too_slow,
    "57P03": trouble.not_yet,
    "53300": trouble.too_many,
    "53100": trouble.disk_full,
    "25P03": trouble.lost,
}
# A connection that never was has no state, only words; in another language than English they are "cannot be reached".
_BY_WORDS: dict[str, Told] = {
    "password authentication failed": trouble.wrong_password,
    "no password supplied": trouble.wrong_password,
    "no pg_hba.conf entry": trouble.wrong_password,
    "permission denied for database": trouble.no_right,
    "starting up": trouble.not_yet,
    "shutting down": trouble.not_yet,
    "too many": trouble.too_many,
    "connection slots": trouble.too_many,
    "invalid connection option": trouble.bad_option,
    "resolve host": trouble.unknown_host,
    "Name or service not known": trouble.unknown_host,
    "translate host name": trouble.unknown_host,
}


def diagnosis(error: BaseException) -> tuple[Told, str] | None:
    """What psycopg's error is, and its words; None for what is no fault of the world."""
    words, state = trouble.first_line(str(error)), getattr(error, "sqlstate", None)
    if state:
        told = _BY_STATE.get(state) or (trouble.lost if state.startswith(("08", "57P")) else None)
        return (told, words) if told else None
    if "does not exist" in words:  # of a database or a role
        return (trouble.no_database if "database" in words else trouble.wrong_password), words
    named = next((told for part, told in _BY_WORDS.items() if part in str(error)), None)
    if named:
        return named, words
    if type(error).__name__ in ("OperationalError", "ConnectionTimeout"):
        is_new = any(part in words for part in ("connection failed", "connection timeout", "could not"))
        return (trouble.unreachable if is_new else trouble.lost), words
    return None


def scrub(error: BaseException) -> None:
    """Leaves of the words only those that hold no values."""
    state = getattr(error, "sqlstate", None) or ""
    words = "" if state.startswith(("22", "23")) else trouble.first_line(str(error))
    with suppress(AttributeError):
        constraint = error.diag.constraint_name  # type: ignore[attr-defined]
        words = words or (f"constraint {constraint}" if constraint else "")
    error.args = (" ".join(part for part in (state, words) if part),)
