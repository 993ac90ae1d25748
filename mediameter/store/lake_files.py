"""The ledger of the lake's files: which of them count, and which were taken out and may go from the lake one day."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from mediameter.store.lake import LakeFile, clock
from mediameter.store.warehouse import chunks, frame_of, insert, naive, tables
from schemas.internal import LAKE_FILES, LAKE_RETIRED

_files, _retired = tables[LAKE_FILES.name], tables[LAKE_RETIRED.name]
_COLUMNS = [_files.c[field.name] for field in fields(LakeFile)]


def files_of_days(connection: sa.Connection, kind: str, first: date, last: date) -> list[LakeFile]:
    """The files of these days that count, in the order of their paths."""
    of_days = sa.and_(_files.c.kind == kind, _files.c.file_day.between(first, last))
    query = sa.select(*_COLUMNS).where(of_days).order_by(_files.c.path)
    return [LakeFile(**_aware(row)) for row in connection.execute(query).mappings()]


def every_file(connection: sa.Connection) -> list[LakeFile]:
    """All files that count, in the order of their paths."""
    query = sa.select(*_COLUMNS).order_by(_files.c.path)
    return [LakeFile(**_aware(row)) for row in connection.execute(query).mappings()]


def _aware(row: sa.RowMapping) -> dict[str, Any]:
    return {k: v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for k, v in row.items()}


def insert_files(connection: sa.Connection, files: list[LakeFile]) -> None:
    """From this transaction on these files count; one that had been taken out before counts again."""
    for paths in chunks([file.path for file in files]):
        connection.execute(_retired.delete().where(_retired.c.path.in_(paths)))
    rows = [
        (f.path, f.source, f.kind, f.file_day, f.rows, f.first_at, f.last_at, f.size_bytes, f.sha256) for f in files
    ]
    insert(connection, LAKE_FILES, frame_of(rows, LAKE_FILES))


def take_out_files(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    """From this transaction on these files no longer count; returns how many there were. The one way of it, since what
    is written down here is the proof by which they may go from the lake one day."""
    gone = connection.execute(sa.select(_files.c.path, _files.c.size_bytes).where(which)).all()
    if gone:
        connection.execute(_files.delete().where(which))
        at = naive(clock())
        rows = [{"path": row.path, "retired_at": at, "size_bytes": row.size_bytes} for row in gone]
        connection.execute(_retired.insert(), rows)
    return len(gone)


def replace_audience(connection: sa.Connection, kind: str, day: date, file: LakeFile | None) -> bool:
    """Lets this file be the day's audience (of its kind); False when it was so already."""
    which = sa.and_(_files.c.kind == kind, _files.c.file_day == day)
    before = set(connection.execute(sa.select(_files.c.path).where(which)).scalars())
    if before == ({file.path} if file else set()):
        return False
    take_out_files(connection, which)
    insert_files(connection, [file] if file else [])
    return True
