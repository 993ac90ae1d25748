"""Errors of a database that cannot be read, as one line that names the setting and the remedy.

What is not known here has "failed", with the server's own words and its state or number. "It cannot be reached" is said
only where nothing answered.
"""

from __future__ import annotations

import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from mediameter.errors import MediameterError, UserError, WorldError

T = TypeVar("T")
TRIES = 4
BACK_OFF_S = 0.5  # before the second try, twice that before the next; each times a random share


class Passing(WorldError):
    """What may be over in a moment: all that was asked in the transaction may be asked again."""

    def after(self, tries: int) -> Passing:
        """The same, when it has not passed."""
        return type(self)(f"{self.message}, {tries} times in a row", self.remedy)


Kind = Callable[[str, str], MediameterError]
_GRANT = "GRANT SELECT on its tables to the user that the url names"
_GRANT_TO_WRITE = (
    "GRANT SELECT on its three tables, and INSERT, UPDATE, DELETE on media_analytics, to the user that write_back_url "
    "(else url) names; or write_back = false"
)
ROWS_REMEDY = "ALTER ROLE … BYPASSRLS, or give url a role that no policy holds for: hidden rows would look deleted"
_LOG = "see the database's own log, and its version"
_TLS = "see the options of TLS in url (PostgreSQL: sslmode, sslrootcert; MySQL: ssl_ca, ssl_verify_cert)"
_WHAT: dict[str, tuple[Kind, str, str]] = {
    "password": (UserError, "wrong user or password", "see user and password in url"),
    "database": (UserError, "there is no such database", "see the database's name in url"),
    "sign-in": (UserError, "the server's way of signing in cannot be gone here", "see the options of TLS in url"),
    "host": (UserError, "there is no host of that name", "see the host in url"),
    "option": (UserError, "an option of url cannot be used", "see what follows the ? in url"),
    "options file": (UserError, "a file that an option of url names cannot be read", "see its path and its rights"),
    "tls": (WorldError, "no encrypted connection came about", _TLS),
    "table": (UserError, "a table is missing", "see url, and name it under [….tables]"),
    "column": (UserError, "a column is missing", "name it under [….columns.TABLE]"),
    "privilege": (UserError, "the user may not read this", _GRANT),
    "no file": (UserError, "it cannot be opened", "see the path in url, and the rights of the file and its folder"),
    "damaged": (WorldError, "the file is damaged", "restore it from a backup: `PRAGMA integrity_check` says how much"),
    "rows": (UserError, "the user may not see all rows of a table (row-level security)", ROWS_REMEDY),
    "write": (UserError, "the user may not write this", _GRANT_TO_WRITE),
    "busy": (WorldError, "another session holds it", "run again when that has ended: nothing is half written"),
    "locked": (Passing, "another session holds a lock", "run again when that has ended"),
    "conflict": (Passing, "another transaction was in the way", "run again; on a replica, raise its delay for queries"),
    "too many": (Passing, "it has too many connections", "raise its limit, or run again later"),
    "starting": (Passing, "it does not take connections now", "run again when it is up"),
    "lost": (Passing, "the connection was lost", "see the server's log, and what stands between it and here"),
    "too slow": (WorldError, "a query took too long", "raise statement_timeout_s, or put an index on the time column"),
    "down": (WorldError, "it cannot be reached", "see that it runs and that host and port in url are right"),
    "failed": (WorldError, "it failed", _LOG),
}
# By what the server says: a number (MySQL, MariaDB), a state (PostgreSQL), words (SQLite, and PostgreSQL before it
# has a session to give states in).
_NUMBERS = {
    **dict.fromkeys((1045, 1130, 1698, 1862, 3118, 4151), "password"),
    1251: "sign-in", 1046: "database", 1049: "database", 1054: "column", 1146: "table",
    **dict.fromkeys((1044, 1142, 1143, 1227, 1290, 1370, 1792), "privilege"),
    **dict.fromkeys((1969, 3024), "too slow"),
    **dict.fromkeys((2002, 2003, 1129), "down"),
    2005: "host",
    **dict.fromkeys((2026, 3159), "tls"),
    **dict.fromkeys((1040, 1203, 1226), "too many"),
    **dict.fromkeys((1020, 1213, 1412), "conflict"),
    1205: "locked",
    **dict.fromkeys((1053, 1077, 1079), "starting"),
    **dict.fromkeys((1317, 1927, 2006, 2013, 2055, 4031), "lost"),
}  # fmt: skip
_STATES = {
    "28P01": "password", "28000": "password", "3D000": "database", "42P01": "table", "42703": "column",
    "42501": "privilege", "25006": "privilege", "57014": "too slow", "40001": "conflict", "40P01": "conflict",
    "55P03": "locked", "53300": "too many", "57P01": "lost", "57P02": "lost", "57P03": "starting", "57P05": "lost",
    "25P03": "lost", "25P04": "lost",
}  # fmt: skip
_WORDS = (
    (r"row-level security policy", "rows"),
    (r"password authentication failed|no password supplied|role .* does not exist|pg_hba\.conf", "password"),
    (r"Tenant or user not found", "password"),
    (r"auth(entication)? method|authentication plugin", "sign-in"),
    (r"database .* does not exist", "database"),
    (r"too many (connections|clients)|connection slots|[Mm]ax clients|no more connections", "too many"),
    (r"starting up|shutting down|not yet accepting", "starting"),
    (r"translate host name|resolve host|Name or service not known|getaddrinfo|nodename nor servname", "host"),
    (r"invalid connection option|invalid \S+ value|unexpected keyword argument", "option"),
    (r"certificate file|private key file|root certificate", "options file"),
    (r"(?i)certificate.verify.failed|does not support SSL|SSL was required|insecure transport|SSL error", "tls"),
    (r"[Cc]onnection refused|timeout expired|[Tt]imed out|No route to host|unreachable|No such file or dir", "down"),
    (r"(?i)closed the connection|connection (was|is) (lost|closed)|terminating|EOF detected|reset by peer", "lost"),
    (r"no such table", "table"),
    (r"no such column", "column"),
    (r"database is locked", "busy"),
    (r"malformed|disk I/O error", "damaged"),
    (r"there is no file|unable to open database|not a database|readonly", "no file"),
)
# What is no error of a database at all, but what a driver lets through.
_CLASSES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "tls"),
    (socket.gaierror, "host"),
    (FileNotFoundError, "options file"),
    (PermissionError, "options file"),
    (ConnectionError, "lost"),
    (TimeoutError, "lost"),
)


def retried(work: Callable[[], T]) -> T:
    """``work``, which is one transaction: the whole of it again, up to four times in all, where what stopped it may
    pass. Raises ``Passing``, which then says how often it was tried."""
    for tries in range(1, TRIES + 1):
        try:
            return work()
        except Passing as passing:
            if tries == TRIES:
                raise passing.after(tries) from None
        time.sleep(BACK_OFF_S * 2 ** (tries - 1) * (0.5 + random.random()))
    raise AssertionError("unreachable")


@contextmanager
def explained(setting: str, password: object = None, *, is_writing: bool = False) -> Iterator[None]:
    """To be put around calls of the driver and nothing else: whatever comes out of one is a ``MediameterError`` then,
    a ``UserError`` if a setting or a right is wrong. Our own mistakes must not look like the database's."""
    try:
        yield
    except MediameterError:
        raise
    except Exception as error:
        said = getattr(error, "orig", None) or error
        raise explanation(said, setting, str(password or ""), is_writing=is_writing) from None


def explanation(said: BaseException, setting: str, password: str, *, is_writing: bool = False) -> MediameterError:
    """Our error for a driver's error. One that is not known here keeps the driver's own words."""
    words = _words(said)
    if len(password) > 3:
        words = words.replace(password, "***")
    found = _kind_of(said, words)
    if is_writing and (found == "privilege" or "readonly" in words):
        found = "write"
    kind, what, remedy = _WHAT[found]
    return kind(f"{setting}: {what} ({words})", remedy)


def _kind_of(said: Any, words: str) -> str:
    by_words = next((kind for pattern, kind in _WORDS if re.search(pattern, words)), "")
    if by_words in ("rows", "tls"):  # of TLS MySQL's driver says "cannot connect"
        return by_words
    number, state = _number(said), _state(said)
    if number in _NUMBERS:
        return "host" if by_words == "host" else _NUMBERS[number]
    if state:
        of_class = "lost" if state.startswith("08") else "failed"
        return _STATES.get(state) or by_words or of_class
    by_class = next((kind for kind_of_error, kind in _CLASSES if isinstance(said, kind_of_error)), "")
    return by_class or by_words or ("lost" if type(said).__name__ == "InterfaceError" else "failed")


def _number(said: BaseException) -> int | None:
    """MySQL's. An error of the system has its own numbers, which mean something else."""
    first = said.args[0] if said.args and not isinstance(said, OSError) else None
    return first if isinstance(first, int) else None


def _state(said: BaseException) -> str:
    """PostgreSQL's. MySQL has states, too, but its numbers say more."""
    return "" if _number(said) is not None else getattr(said, "sqlstate", None) or ""


def _words(said: BaseException) -> str:
    """The driver's words in one line; with the state, and with the class of what is no error of a database."""
    is_database = any(kind.__name__ == "Error" for kind in type(said).__mro__)
    first = _state(said) if is_database else type(said).__name__
    return (f"{first}: " if first else "") + " ".join(str(said).split())[:300]
