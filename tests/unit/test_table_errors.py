"""Whatever comes out of a driver becomes one error of its source, of the right kind; our own mistakes do not."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import psycopg
import pymysql
import pytest

from mediameter.connect import source_engine, write_back_engine
from mediameter.errors import MediameterError, UserError, WorldError
from mediameter.sources import table_errors
from mediameter.sources.table_errors import Passing, explained, retried
from mediameter.sources.tables import Database


def told(error: BaseException, password: str = "", *, is_writing: bool = False) -> MediameterError:
    with pytest.raises(MediameterError) as raised, explained("[sources.app]", password, is_writing=is_writing):
        raise error
    assert str(raised.value).startswith("[sources.app]: ") and raised.value.remedy
    return raised.value


def of_state(state: str, words: str = "it says so") -> psycopg.Error:
    return type("Said", (psycopg.OperationalError,), {"sqlstate": state})(words)


PASSING = [
    (of_state("40001", "canceling statement due to conflict with recovery"), "another transaction was in the way"),
    (of_state("40P01"), "another transaction was in the way"),
    (of_state("57P01", "terminating connection due to administrator command"), "the connection was lost"),
    (of_state("57P03"), "it does not take connections now"),
    (of_state("53300", "remaining connection slots are reserved"), "it has too many connections"),
    (of_state("08006"), "the connection was lost"),
    (psycopg.OperationalError("connection failed: FATAL:  sorry, too many clients already"), "too many connections"),
    (psycopg.OperationalError("connection failed: FATAL: the database system is starting up"), "does not take"),
    (psycopg.OperationalError("server closed the connection unexpectedly"), "the connection was lost"),
    (psycopg.OperationalError("SSL connection has been closed unexpectedly: closed the connection"), "was lost"),
    (pymysql.err.OperationalError(1213, "Deadlock found"), "another transaction was in the way"),
    (pymysql.err.OperationalError(1205, "Lock wait timeout exceeded"), "another session holds a lock"),
    (pymysql.err.OperationalError(1040, "Too many connections"), "it has too many connections"),
    (pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query"), "the connection was lost"),
    (pymysql.err.InterfaceError(0, ""), "the connection was lost"),
    (ConnectionResetError(104, "Connection reset by peer"), "the connection was lost"),
]


@pytest.mark.parametrize(("error", "words"), PASSING, ids=lambda each: str(each)[:40])
def test_what_may_pass_is_told_as_such(error: BaseException, words: str) -> None:
    found = told(error)
    assert type(found) is Passing and words in found.message and "reached" not in found.message


OTHERS = [
    (psycopg.OperationalError('connection to server at "db", port 1 failed: Connection refused'), "cannot be reached"),
    (psycopg.errors.ConnectionTimeout("connection timeout expired"), "cannot be reached"),
    (pymysql.err.OperationalError(2003, "Can't connect to MySQL server on 'db' (timed out)"), "cannot be reached"),
    (of_state("XX000", "corrupted page"), "it failed (XX000: corrupted page)"),
    (of_state("22008", "timestamp out of range"), "it failed (22008: timestamp out of range)"),
    (psycopg.DataError("timestamp too large (after year 10K): 'infinity'"), "it failed (timestamp too large"),
    (pymysql.err.InternalError(1105, "Unknown error"), "it failed ((1105, 'Unknown error'))"),
    (TypeError("unsupported operand"), "it failed (TypeError: unsupported operand)"),
    (AttributeError("'NoneType' object has no attribute 'read'"), "it failed (AttributeError: "),
    (ValueError("invalid literal for int()"), "it failed (ValueError: "),
    (AssertionError("Could not determine version from string 'CockroachDB'"), "it failed (AssertionError: "),
    (OSError(5, "Input/output error"), "it failed (OSError: "),
    (ssl.SSLError(1, "wrong version number"), "no encrypted connection came about"),
    (pymysql.err.OperationalError(2003, "Can't connect ([SSL: CERTIFICATE_VERIFY_FAILED] x)"), "no encrypted"),
]


@pytest.mark.parametrize(("error", "words"), OTHERS, ids=lambda each: str(each)[:40])
def test_what_is_not_known_has_failed_in_its_own_words(error: BaseException, words: str) -> None:
    found = told(error)
    assert type(found) is WorldError and words in found.message
    assert ("reached" in found.message) == ("reached" in words)


MENDED = [
    (psycopg.ProgrammingError('invalid connection option "colour"'), "an option of url cannot be used"),
    (psycopg.OperationalError('connection failed: invalid sslmode value: "maybe"'), "an option of url cannot be used"),
    (TypeError("Connection.__init__() got an unexpected keyword argument 'ssl-mode'"), "an option of url"),
    (FileNotFoundError(2, "No such file or directory"), "a file that an option of url names cannot be read"),
    (RuntimeError("'cryptography' package is required for caching_sha2_password auth methods"), "way of signing in"),
    (psycopg.OperationalError("FATAL: Tenant or user not found"), "wrong user or password"),
    (socket.gaierror(-2, "Name or service not known"), "there is no host of that name"),
    (pymysql.err.OperationalError(2003, "Can't connect to 'x' ([Errno -2] Name or service not known)"), "no host"),
    (of_state("42501", "permission denied for table x"), "the user may not read this"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "words"), MENDED, ids=lambda each: str(each)[:40])
def test_what_a_setting_mends_is_a_users(error: BaseException, words: str) -> None:
    assert isinstance(told(error), UserError) and words in told(error).message


def test_an_error_of_ours_goes_through_and_a_password_does_not() -> None:
    ours = UserError("as it is", "so")
    with pytest.raises(UserError) as raised, explained("[sources.app]"):
        raise ours
    assert raised.value is ours
    assert "canary" not in str(told(RuntimeError("login canary-7 failed"), "canary-7"))
    assert "may not write" in told(of_state("42501"), is_writing=True).message


def test_a_mistake_of_ours_is_not_the_databases(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").touch()
    database = Database("[sources.app]", source_engine(f"sqlite:///{tmp_path / 'a.sqlite'}", 5))
    with pytest.raises(KeyError), database.snapshot():
        raise KeyError("a mistake of ours")


def test_it_is_tried_four_times_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(table_errors.time, "sleep", waits.append)
    tried: list[int] = []

    def work() -> int:
        tried.append(1)
        if len(tried) < succeeds_at:
            raise Passing("[sources.app]: another transaction was in the way", "run again")
        return len(tried)

    succeeds_at = 4
    assert retried(work) == 4 and len(waits) == 3 and sum(waits) < 6
    tried.clear()
    succeeds_at = 99
    with pytest.raises(Passing, match="in the way, 4 times in a row: run again"):
        retried(work)
    assert len(tried) == 4


# --- options of a URL --------------------------------------------------------------------------------

OPTIONS = [
    ("mysql://u:x@h/d?ssl-mode=REQUIRED", "ssl-mode is no option of MySQL and MariaDB: write ssl_ca=FILE"),
    ("mariadb://u:x@h/d?useSSL=true", "useSSL is no option of MySQL and MariaDB: write ssl_ca=FILE"),
    ("mysql://u:x@h/d?sslaccept=strict", "sslaccept is no option of MySQL and MariaDB: write ssl_ca=FILE"),
    ("mysql://u:x@h/d?local_infile=1", "local_infile is no option of MySQL and MariaDB: leave it out"),
    ("postgresql://u:x@h/d?pgbouncer=true", "pgbouncer is no option of PostgreSQL: leave it out"),
    ("postgresql://u:x@h/d?sslmode=require&connection_limit=1", "connection_limit is no option of PostgreSQL: leave"),
    ("postgres://u:x@h/d?supa=base-pooler.x", "supa is no option of PostgreSQL: leave it out"),
    ("postgresql://u:x@h/d?ssl=true", "ssl is no option of PostgreSQL: write sslmode=require instead"),
    ("postgresql://u:x@h/d?schema=app", "schema is no option of PostgreSQL: name the tables with their schema"),
    ("postgresql://u:x@h/d?colour=red", "colour is no option of PostgreSQL: leave it out"),
    ("sqlite:///app.sqlite?mode=rwc", "mode is no option of SQLite: leave it out"),
    ("postgresql://h/d?canary7=1@h/d", "what follows the ? is no option of PostgreSQL: leave it out; if the password"),
    ("postgresql://u:x@h:canary/d", "this is not the URL of a database"),
    ("oracle://u:canary@h/d", "this is not the URL of a database"),
]


@pytest.mark.parametrize(("url", "words"), OPTIONS, ids=lambda each: str(each)[:50])
@pytest.mark.parametrize("engine", [source_engine, write_back_engine])
def test_an_option_of_nobodys_is_named_with_what_to_write(engine: object, url: str, words: str) -> None:
    with pytest.raises(UserError) as raised:
        engine(url, 5, "[sources.app] url")  # type: ignore[operator]
    assert str(raised.value).startswith(f"[sources.app] url: {words}") and "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["postgresql://u@h/d?sslmode=verify-full&sslrootcert=/a.pem&application_name=x&host=/var/run",
     "mysql://u@h/d?ssl_ca=/a.pem&ssl_verify_cert=true&charset=utf8mb4&unix_socket=/a"],
)  # fmt: skip
def test_options_of_the_drivers_are_taken(url: str) -> None:
    source_engine(url, 5).dispose()
    write_back_engine(url, 5).dispose()
