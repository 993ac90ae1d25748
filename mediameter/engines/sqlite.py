"""SQLite: a file with a journal, synced at each commit; the writer's lock is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mediameter.engines import trouble
from mediameter.errors import WorldError

_NO_WRITE = "attempt to write a readonly database"


def new_engine(url: sa.URL, lock_timeout_s: float) -> sa.Engine:
    """An engine on the file. Creates its folder; raises ``WorldError`` if that fails."""
    if url.database:
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorldError(
                f"the warehouse's folder {folder} cannot be created ({error.strerror})", "correct its permissions"
            ) from None

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's "begin" event below is the only one that begins
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={lock_timeout_s * 1000}"):
            connection.execute(f"PRAGMA {pragma}")

    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": lock_timeout_s})
    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", _begin)
    sa.event.listen(engine, "handle_error", _handle)
    return engine


def _begin(connection: sa.Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer could only fail with SQLITE_BUSY.
    is_writing = trouble.is_writing(connection)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if is_writing else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _handle(context: sa.engine.ExceptionContext) -> BaseException | None:
    """A reader's write is told as on a server; all else keeps SQLite's own words."""
    words = str(context.original_exception)
    if words != _NO_WRITE or context.connection is None or trouble.is_writing(context.connection):
        return None
    return trouble.only_reads(context.connection.engine.url.database or "", words)
