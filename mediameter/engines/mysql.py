"""MySQL 8 and MariaDB: one writer at a time by a row that each locks first; DDL commits by itself."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import sqlalchemy as sa

from mediameter.engines import trouble
from mediameter.engines.trouble import Told
from mediameter.errors import UserError, WorldError

OLDEST_MARIADB, OLDEST_MYSQL = (10, 6), (8, 0, 17)
STATEMENT_TIMEOUT_S = 600
IDLE_TIMEOUT_S = 300
"""A process that sleeps in a transaction loses it after this, so that a frozen writer does not hold up the others."""
_SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_LONGEST_STATEMENT = 1_000_000  # characters; a statement is at most four times as many bytes
# Of a connection's info: how many bytes a statement may have; LOAD DATA LOCAL is allowed on both sides.
PACKET, LOADS_FILES = "packet", "loads_files"
OPTIONS = {
    "charset",
    "local_infile",
    "unix_socket",
    "ssl_ca",
    "ssl_cert",
    "ssl_key",
    "ssl_verify_cert",
    "ssl_verify_identity",
    "ssl_disabled",
}


def new_engine(url: sa.URL, lock_timeout_s: float, connect_timeout_s: float) -> sa.Engine:
    """An engine for the server; no connection is made yet. Raises ``UserError`` for an option that cannot be kept."""
    _check_options(url)
    arguments = {
        "charset": "utf8mb4",
        "connect_timeout": max(1, round(connect_timeout_s)),
        # of silence: the longest that the server itself would let a statement take
        "read_timeout": STATEMENT_TIMEOUT_S + lock_timeout_s,
        "write_timeout": STATEMENT_TIMEOUT_S,
        "local_infile": may_load_files(url),
    }
    plain = url.set(drivername="mysql+pymysql").difference_update_query(["charset", "local_infile"])
    engine = sa.create_engine(plain, hide_parameters=True, pool_pre_ping=True, connect_args=arguments)

    def prepare(connection: Any, record: Any) -> None:
        try:
            packet, takes_files = _prepare(connection, lock_timeout_s)
            record.info.update({PACKET: packet, LOADS_FILES: takes_files and may_load_files(url)})
        except BaseException:
            connection.close()
            raise

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", lambda connection: _begin(connection, lock_timeout_s))
    trouble.listen(engine, diagnosis, scrub)
    return engine


def may_load_files(url: sa.URL) -> bool:
    """Whether the settings let the server ask for a file (LOAD DATA LOCAL): a server that is not trusted could ask for
    any."""
    return str(url.query.get("local_infile", "0")).lower() in ("1", "true")


def _check_options(url: sa.URL) -> None:
    unknown = sorted(set(url.query) - OPTIONS)
    if unknown:
        raise trouble.bad_option(trouble.name(url), ", ".join(unknown))
    charset = str(url.query.get("charset", "utf8mb4"))
    if charset != "utf8mb4":
        raise UserError(f"[warehouse] url: charset={charset} cannot hold every text", "leave it out: it is utf8mb4")


# --- a session ---------------------------------------------------------------------------------------


def _prepare(connection: Any, lock_timeout_s: float) -> tuple[int, bool]:
    """Settings of the session; returns the server's max_allowed_packet, and whether it takes LOAD DATA LOCAL."""
    version = connection.get_server_info()
    is_mariadb = "mariadb" in version.lower()
    _check_version(version, is_mariadb=is_mariadb)
    collation = "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"
    settings = {
        "time_zone": "'+00:00'",
        "sql_mode": f"'{_SQL_MODE}'",
        "innodb_lock_wait_timeout": max(1, round(lock_timeout_s)),
        "lock_wait_timeout": max(1, round(lock_timeout_s)),
    }
    if is_mariadb:
        settings |= {"max_statement_time": STATEMENT_TIMEOUT_S, "idle_transaction_timeout": IDLE_TIMEOUT_S}
    else:
        settings |= {"max_execution_time": STATEMENT_TIMEOUT_S * 1000, "wait_timeout": IDLE_TIMEOUT_S}
    with connection.cursor() as cursor:
        cursor.execute(f"SET NAMES utf8mb4 COLLATE {collation}")
        # A statement: the variable of the same meaning has another name in every family of servers.
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SET SESSION " + ", ".join(f"{name} = {value}" for name, value in settings.items()))
        cursor.execute("SELECT @@max_allowed_packet, @@local_infile")
        packet, takes_files = cursor.fetchone()
    longest = min(_LONGEST_STATEMENT, packet // 4)
    # pymysql makes one INSERT of many rows, and looks here how long it may be
    connection.cursorclass = type("Cursor", (connection.cursorclass,), {"max_stmt_length": longest})
    return packet, bool(takes_files)


def _check_version(text: str, *, is_mariadb: bool) -> None:
    numbers = re.findall(r"(?<![0-9.])([0-9]+)\.([0-9]+)\.([0-9]+)", text.removeprefix("5.5.5-"))
    version = tuple(map(int, numbers[0])) if numbers else ()
    name, oldest = ("MariaDB", OLDEST_MARIADB) if is_mariadb else ("MySQL", OLDEST_MYSQL)
    if version and version < oldest:
        raise UserError(f"the warehouse's server is {name} {text}", f"{'.'.join(map(str, oldest))} or newer is needed")


def _begin(connection: sa.Connection, lock_timeout_s: float) -> None:
    options = connection.get_execution_options()
    # Of the session: MariaDB lets DDL end a transaction that only reads, and carries it out.
    connection.exec_driver_sql(f"SET SESSION TRANSACTION READ {'WRITE' if options.get('is_writing') else 'ONLY'}")
    if options.get("is_altering"):
        # DDL would give up a row's lock with its implicit commit; this one goes with the connection.
        if not takes_lock(connection, "", lock_timeout_s):
            raise WorldError("another process migrates the warehouse", "run again when it has ended")
    elif options.get("is_writing"):
        connection.exec_driver_sql("START TRANSACTION")
        _lock_writers_row(connection)
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def takes_lock(connection: sa.Connection, purpose: str, timeout_s: float) -> bool:
    """Takes the session's lock of this database and purpose; False where another session still holds it in the end.

    The name is hashed here: a server drops its hash functions (MySQL 9.6 has no MD5), and a name may have 64
    characters.
    """
    database = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
    name = f"mediameter.{hashlib.sha256(f'{database}{purpose}'.encode()).hexdigest()[:32]}"
    return bool(connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, round(timeout_s))).scalar() == 1)


def _lock_writers_row(connection: sa.Connection) -> None:
    """Alembic's one row, since every warehouse has it; without tables there is nothing to be guarded."""
    try:
        connection.exec_driver_sql("SELECT version_num FROM alembic_version FOR UPDATE").all()
    except sa.exc.ProgrammingError as error:
        if _code(error.orig) != _NO_SUCH_TABLE:
            raise


# --- what an error means -----------------------------------------------------------------------------

_NO_SUCH_TABLE = 1146
_BY_CODE: dict[int, Told] = {
    1045: trouble.wrong_password,
    1698: trouble.wrong_password,
    1130: trouble.wrong_password,
    1049: trouble.no_database,
    1046: trouble.no_database,
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370, 1410), trouble.no_right),
    **dict.fromkeys((2002, 2003, 2005, 1129, 3159), trouble.unreachable),
    **dict.fromkeys((1040, 1203, 1226), trouble.too_many),
    **dict.fromkeys((1053, 1077, 1079), trouble.not_yet),
    **dict.fromkeys((1290, 1836, 1792), trouble.read_only),
    **dict.fromkeys((3, 28, 1021, 1114), trouble.disk_full),
    **dict.fromkeys((1969, 3024), trouble.too_slow),
    1153: trouble.too_large,
    1213: trouble.deadlock,
    1020: trouble.deadlock,  # MariaDB: a record has changed since the snapshot
    1205: trouble.lock_timeout,
    1412: trouble.altered,
    **dict.fromkeys((0, 1317, 1927, 2006, 2013, 2014, 2055, 4031), trouble.lost),
}
_UNHARMFUL = {1054, 1146, 1305, 1364}  # they name columns and tables, never values


def diagnosis(error: BaseException) -> tuple[Told, str] | None:
    """What pymysql's error is, and its words; None for what is no fault of the world."""
    told = _BY_CODE.get(_code(error))
    words = trouble.first_line(str(error.args[1])) if len(error.args) > 1 else ""
    if told is trouble.unreachable and ("Name or service" in words or "getaddrinfo" in words):
        told = trouble.unknown_host
    if type(error).__name__ == "InterfaceError":
        told = trouble.lost
    return (told, words) if told else None


def scrub(error: BaseException) -> None:
    """Leaves of the words only those that hold no values: pymysql writes them into the statement itself."""
    code = _code(error)
    words = str(error.args[1]) if len(error.args) > 1 else ""
    error.args = (code, words if code in _UNHARMFUL else re.sub(r"'.*'", "'…'", words, flags=re.DOTALL))


def _code(error: BaseException | None) -> int:
    code = error.args[0] if error and error.args else -1
    return code if isinstance(code, int) else -1
