"""What could not be read: lines of objects (`rejects`), and rows of exported tables (`row_rejects`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from mediameter.store.warehouse import Row, chunks, frame_of, insert, tables
from schemas.internal import EXPORTS, OBJECTS, REJECTS, ROW_REJECTS

_rejects, _row_rejects = tables[REJECTS.name], tables[ROW_REJECTS.name]
_objects, _exports = tables[OBJECTS.name], tables[EXPORTS.name]
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


# --- all of them --------------------------------------------------------------------------------------


def lines(reason: str | None = None) -> sa.Select[Any]:
    """Rejected lines and refused objects that stand, the newest first. Those of an object that was overwritten since
    went with it."""
    columns = ("line_number", "byte_offset", "reason", "line", "least_bytes", "most_bytes")
    query = (
        sa.select(
            _objects.c.source, _objects.c.object_key, _objects.c.last_modified_at, *(_rejects.c[c] for c in columns)
        )
        .select_from(_rejects.join(_objects, _objects.c.object_id == _rejects.c.object_id))
        .where(_objects.c.state != "superseded")
        .order_by(_objects.c.last_modified_at.desc(), _objects.c.source, _objects.c.object_key)
        .order_by(_objects.c.object_id, _rejects.c.line_number)
    )
    return query.where(_rejects.c.reason == reason) if reason else query


def rows_of_tables(reason: str | None = None) -> sa.Select[Any]:
    """Rejected rows of tables: those of no day, then the newest first."""
    at = _row_rejects.c
    has_day = sa.case((at.export_day.is_(None), 0), else_=1)
    told = [column for column in _row_rejects.columns if column.name != "tenant"]
    query = sa.select(*told).order_by(has_day, at.export_day.desc(), at.source, at.table_name, at.row_id)
    return query.where(at.reason == reason) if reason else query


def by_reason(connection: sa.Connection, reason: str | None = None) -> dict[str, int]:
    """How many of each reason are kept, of objects, event files and tables together; the most frequent first."""
    counted = Counter[str]()
    for query in (lines(reason), rows_of_tables(reason)):
        kept = query.order_by(None).subquery()
        for name, count in connection.execute(sa.select(kept.c.reason, sa.func.count()).group_by(kept.c.reason)):
            counted[str(name)] += int(count)
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def rows_not_kept(connection: sa.Connection) -> int:
    """Rejected rows that are counted in their days and stand nowhere: of a table's day the first 1,000 are kept."""
    counted = connection.execute(sa.select(sa.func.coalesce(sa.func.sum(_exports.c.rejected), 0))).scalar_one()
    kept = sa.select(sa.func.count()).select_from(
        _row_rejects.join(
            _exports,
            sa.and_(*(_row_rejects.c[c] == _exports.c[c] for c in ("source", "table_name", "export_day"))),
        )
    )
    return max(0, int(counted) - int(connection.execute(kept).scalar_one()))
