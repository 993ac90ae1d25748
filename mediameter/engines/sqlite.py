"""SQLite: a file with a journal, synced at each commit; the writer's lock is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mediameter.errors import WorldError


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
    return engine


def _begin(connection: sa.Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer could only fail with SQLITE_BUSY.
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
