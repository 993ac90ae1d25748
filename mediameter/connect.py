"""The one room that makes engines. Every connection is UTC, durable, and says clearly why it could not be had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from mediameter.errors import UserError, WorldError

BUSY_TIMEOUT_S = 60


def engine(url: str) -> sa.Engine:
    """An engine for the warehouse; no connection is made yet.

    Raises ``UserError`` for an engine that is not supported, ``WorldError`` when the folder of an SQLite file
    cannot be made.
    """
    target = make_url(url)
    if target.get_backend_name() != "sqlite":
        raise UserError(
            f"the warehouse is {target.get_backend_name()}, and only SQLite is supported so far",
            'leave out [warehouse].url or write "sqlite:///warehouse.sqlite"',
        )
    if target.database:
        folder = Path(target.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorldError(
                f"the warehouse's folder {folder} cannot be made ({error.strerror})", "mend its rights"
            ) from None
    made = sa.create_engine(target, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
    sa.event.listen(made, "connect", _prepare_sqlite)
    sa.event.listen(made, "begin", _begin_sqlite)
    return made


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event below is the only one that begins
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer could only fail with SQLITE_BUSY.
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def reading(made: sa.Engine) -> Iterator[sa.Connection]:
    """One consistent snapshot."""
    with made.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(made: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that holds the writer's lock from its begin; all or nothing."""
    with made.connect().execution_options(is_writing=True) as connection, connection.begin():
        yield connection
