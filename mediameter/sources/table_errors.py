"""Errors of a database that cannot be read, as one line that names the setting and the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from mediameter.errors import MediameterError, UserError, WorldError

Kind = Callable[[str, str], MediameterError]
_GRANT = "GRANT SELECT on its tables to the user that the url names"
_GRANT_TO_WRITE = (
    "GRANT SELECT on its three tables, and INSERT, UPDATE, DELETE on media_analytics, to the user that write_back_url "
    "(else url) names; or write_back = false"
)
ROWS_REMEDY = "ALTER ROLE … BYPASSRLS, or give url a role that no policy holds for: hidden rows would look deleted"
_HIDDEN = "row-level security policy"
_WHAT: dict[str, tuple[Kind, str, str]] = {
    "password": (UserError, "wrong user or password", "see user and password in url"),
    "database": (UserError, "there is no such database", "see the database's name in url"),
    "table": (UserError, "a table is missing", "see url, and name it under [….tables]"),
    "column": (UserError, "a column is missing", "name it under [….columns.TABLE]"),
    "privilege": (UserError, "the user may not read this", _GRANT),
    "no file": (UserError, "it cannot be opened", "see the path in url, and the rights of the file and its folder"),
    "rows": (UserError, "the user may not see all rows of a table (row-level security)", ROWS_REMEDY),
    "write": (UserError, "the user may not write this", _GRANT_TO_WRITE),
    "busy": (WorldError, "another session holds it", "run again when that has ended: nothing is half written"),
    "too slow": (WorldError, "a query took too long", "raise statement_timeout_s, or put an index on the time column"),
    "down": (WorldError, "it cannot be reached", "see that it runs and that host and port in url are right"),
}
# By what the server says: a number (MySQL, MariaDB), a state (PostgreSQL), words (SQLite, and PostgreSQL before it
# has a session to give states in).
_NUMBERS = {
    1044: "privilege", 1045: "password", 1049: "database", 1054: "column", 1142: "privilege", 1143: "privilege",
    1146: "table", 1227: "privilege", 1370: "privilege", 1290: "privilege",
    1792: "privilege", 1698: "password", 1969: "too slow", 3024: "too slow",
    2002: "down", 2003: "down", 2005: "down", 2006: "down", 2013: "down",
}  # fmt: skip
_STATES = {
    "28P01": "password", "28000": "password", "3D000": "database", "42P01": "table", "42703": "column",
    "42501": "privilege", "25006": "privilege", "57014": "too slow",
}  # fmt: skip
_WORDS = (
    (r"password authentication failed|no password supplied|role .* does not exist|pg_hba\.conf", "password"),
    (r"database .* does not exist", "database"),
    (r"no such table", "table"),
    (r"no such column", "column"),
    (r"database is locked", "busy"),
    (r"there is no file|unable to open database|not a database|readonly", "no file"),
)


@contextmanager
def explained(setting: str, password: object = None, *, is_writing: bool = False) -> Iterator[None]:
    """Turns any error of the database or its driver into a ``UserError`` if a setting or a right is wrong, else into a
    ``WorldError``."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise explanation(error.orig, setting, str(password or ""), is_writing=is_writing) from None
    except sa.exc.SQLAlchemyError as error:
        raise WorldError(f"{setting}: {_one_line(error)}", "see the database's own log") from None


def explanation(
    said: BaseException | None, setting: str, password: str, *, is_writing: bool = False
) -> MediameterError:
    """Our error for a driver's error. An unknown code keeps the driver's own words."""
    words = _one_line(said)
    if len(password) > 3:
        words = words.replace(password, "***")
    found = _kind_of(said, words)
    if is_writing and (found == "privilege" or "readonly" in words):
        found = "write"
    kind, what, remedy = _WHAT[found]
    return kind(f"{setting}: {what} ({words})", remedy)


def _kind_of(said: Any, words: str) -> str:
    state = getattr(said, "sqlstate", None)
    if state == "42501" and _HIDDEN in words:
        return "rows"
    if state in _STATES:
        return _STATES[state]
    number = said.args[0] if said is not None and said.args else None
    if isinstance(number, int) and number in _NUMBERS:
        return _NUMBERS[number]
    return next((kind for pattern, kind in _WORDS if re.search(pattern, words)), "down")


def _one_line(said: object) -> str:
    return " ".join(str(said).split())[:300]
