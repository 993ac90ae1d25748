"""What could not be read: lines of objects (`rejects`), and rows of exported tables (`row_rejects`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from mediameter.store.warehouse import Row, chunks, frame_of, insert, tables
from schemas.internal import REJECTS, ROW_REJECTS

_rejects, _row_rejects = tables[REJECTS.name], tables[ROW_REJECTS.name]
RejectRow = tuple[int, int, str, str, int | None, int | None]
"""line_number, byte_offset, reason, line, least and most bytes."""


def insert_lines(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Rejected lines: the object's id before each ``RejectRow``."""
    insert(connection, REJECTS, frame_of(rows, REJECTS))


def forget_objects(connection: sa.Connection, object_ids: list[int]) -> None:
    """Deletes what could not be read of these object versions."""
    for ids in chunks(object_ids):
        connection.execute(_rejects.delete().where(_rejects.c.object_id.in_(ids)))


def replace_row_rejects(
    connection: sa.Connection, source: str, table_name: str, day: date | None, rejects: list[tuple[str, str, str]]
) -> None:
    """Lets these be the rejected rows of one day of a table (None: of no day). A row whose time was changed is of one
    day only: the one that it was seen on last."""
    of_table = sa.and_(_row_rejects.c.source == source, _row_rejects.c.table_name == table_name)
    of_day = _row_rejects.c.export_day.is_(None) if day is None else _row_rejects.c.export_day == day
    connection.execute(_row_rejects.delete().where(of_table, of_day))
    for ids in chunks([row_id for row_id, _, _ in rejects]):
        connection.execute(_row_rejects.delete().where(of_table, _row_rejects.c.row_id.in_(ids)))
    rows: list[Row] = [(source, table_name, row_id, day, reason, detail) for row_id, reason, detail in rejects]
    insert(connection, ROW_REJECTS, frame_of(rows, ROW_REJECTS))
