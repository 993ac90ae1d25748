"""What a server's error means: whose fault it is, the remedy, and whether the transaction may be tried again.

The drivers' own words hold values ("Duplicate entry 'x'"): only those of a failed connection are handed on.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from mediameter.bulkheads import remedy_of_a_file
from mediameter.errors import MediameterError, Unavailable, UserError, WorldError


class TryAgain(WorldError):
    """The server aborted the transaction and wrote nothing of it: the whole of it may be tried again."""


class Lost(TryAgain, Unavailable):
    """The connection was lost. Before COMMIT was sent, nothing was written; after that, it is not known."""


# Told of a database as it is shown, and the driver's words.
Told = Callable[[str, str], MediameterError]


def _user(message: str, remedy: str) -> Told:
    return lambda shown, words: UserError(f"{shown}: {message} ({words})" if words else f"{shown}: {message}", remedy)


def _world(message: str, remedy: str, kind: type[WorldError] = WorldError) -> Told:
    return lambda shown, words: kind(f"{shown}: {message} ({words})" if words else f"{shown}: {message}", remedy)


wrong_password = _user("wrong user or password", "see [warehouse] url; special characters are written as %XX")
no_database = _user("the database does not exist", "create it (README: a warehouse on a server), or correct the url")
no_right = _user("a privilege is missing", "grant it: README, a warehouse on a server")
unknown_host = _user("there is no host of that name", "correct the host in [warehouse] url")
bad_option = _user("the url has an unknown option", "remove what follows the ? in [warehouse] url")
unreachable = _world(
    "cannot be reached", "see host and port in [warehouse] url, and whether the server runs", Unavailable
)
too_many = _world("has too many connections", "raise its limit, or run again later", Unavailable)
not_yet = _world("does not take connections now", "run again when the server is up", Unavailable)
read_only = _world(
    "takes no writes: a replica, or a read-only user", "name the primary server in [warehouse] url", Unavailable
)
only_reads = _user("a query that only reads tried to write; nothing was written", "make it a SELECT that only reads")
disk_full = _world("its disk is full", "free some space there, then run again: nothing is half written", Unavailable)
too_slow = _world("a statement took too long", "see what else the server does, then run again")
too_large = _world("a row is larger than max_allowed_packet", "raise it on the server, to 16M at least")
deadlock = _world("another session was in the way", "run again: nothing is half written", TryAgain)
lock_timeout = _world("another process holds it", "run again when that has ended: nothing is half written", TryAgain)
altered = _world("another process migrates its tables", "run again when that has ended", TryAgain)
broken_rule = _world(
    "a row breaks a rule of a table, or what it refers to has gone meanwhile",
    "run again; if it stays so, see which columns are unique, NOT NULL or foreign keys there",
    TryAgain,
)
lost = _world("the connection was lost", "run again: nothing is half written", Lost)


# What a driver's error is, with the words that may be told of it; None: it is none of the world's.
Diagnosis = Callable[[BaseException], tuple[Told, str] | None]


def listen(engine: sa.Engine, diagnosis: Diagnosis, scrub: Callable[[BaseException], None]) -> None:
    """Turns what the engine's driver raises into our errors; what is none of these keeps its class, not its values."""

    def handle(context: sa.engine.ExceptionContext) -> BaseException | None:
        if context.is_pre_ping or not isinstance(context.sqlalchemy_exception, sa.exc.DBAPIError):
            return None
        found = diagnosis(context.original_exception)
        if found and found[0] is read_only and context.connection is not None and not is_writing(context.connection):
            return only_reads(name(engine.url), found[1])
        return translated(context.original_exception, context.dialect, engine.url, diagnosis, scrub)

    sa.event.listen(engine, "handle_error", handle)


def is_writing(connection: sa.Connection) -> bool:
    """Whether the connection was taken to write. All others read, and the engine refuses what they would write."""
    return bool(connection.get_execution_options().get("is_writing", False))


def translated(
    error: BaseException,
    dialect: sa.Dialect,
    url: sa.URL,
    diagnosis: Diagnosis,
    scrub: Callable[[BaseException], None],
) -> BaseException:
    """A driver's error as ours; or, without its values, as SQLAlchemy's."""
    found = diagnosis(error)
    if found:
        told, words = found
        error.args = (words,)  # it stays as the cause: PostgreSQL's lines below the first hold values
        return told(name(url), words)
    scrub(error)
    return sa.exc.DBAPIError.instance(
        None, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
    )


def refused(made: sa.Engine, error: sa.exc.SQLAlchemyError) -> WorldError:
    """What is said of an error that no diagnosis knows: the database's own words, and no guess at its cause.

    Only SQLite's errors are of files and disks. A server answered, so it could be reached; it refused a statement.
    """
    words = first_line(str(getattr(error, "orig", None) or type(error).__name__))
    if made.dialect.name == "sqlite":
        remedy = remedy_of_a_file(words) or "if that says nothing to you, please report it"
        return Unavailable(f"the warehouse {made.url.database or ''} cannot be opened ({words})", remedy)
    return WorldError(
        f"{name(made.url)}: the server refuses a statement of mediameter's ({words})",
        "see the server's own log, and README, a warehouse on a server, for the versions that are supported; if yours"
        " is one of them, please report it",
    )


def first_line(words: str) -> str:
    """PostgreSQL's details, in the lines below the first, hold values."""
    return (words.strip().splitlines() or [""])[0].strip()


def name(url: sa.URL) -> str:
    """A database's name for messages, without user, password and options."""
    host = f"[{url.host}]" if url.host and ":" in url.host else url.host or "localhost"
    return f"{url.get_backend_name()}://{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"
