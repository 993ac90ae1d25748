"""A source's records from the lake, in slices of whole hours that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.store import lake, lake_files
from mediameter.store.lake import LakeFile

ROWS_AT_ONCE = 200_000
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Source:
    """The lake files of a source that count, with their places, and the object versions that no longer do."""

    files: Mapping[LakeFile, Path]
    dead: Sequence[int]


def slices(
    source: Source, begin: datetime, end: datetime, columns: Sequence[str], look_back: timedelta = timedelta(0)
) -> Iterator[tuple[datetime, pl.DataFrame]]:
    """Begin of each slice that holds a record, with its records and those ``look_back`` before it, in any order."""
    hours = max(1, int(24 * ROWS_AT_ONCE / max(1, sum(file.rows for file in source.files))))
    while begin < end:
        until = min(begin + hours * _HOUR, end)
        records = _records(source, begin - look_back, until, columns)
        if records.height:
            yield begin, records
        begin = until


def _records(source: Source, since: datetime, until: datetime, columns: Sequence[str]) -> pl.DataFrame:
    paths = [
        path
        for file, path in source.files.items()
        if file.first_at and file.last_at and file.first_at < until and file.last_at >= since
    ]
    if not paths:
        return pl.DataFrame()
    at = pl.col("at")
    scan = pl.scan_parquet(paths).filter((at >= since) & (at < until))
    if source.dead:
        scan = scan.filter(~pl.col("object_id").is_in(source.dead))
    return scan.select(columns).collect()


def files_between(connection: sa.Connection, kind: str, begin: datetime, end: datetime) -> list[LakeFile]:
    """Files with instants between these two."""
    of_days = lake_files.files_of_days(connection, kind, begin.date(), (end - timedelta(microseconds=1)).date())
    return [
        file for file in of_days if file.first_at and file.last_at and file.first_at < end and file.last_at >= begin
    ]


def verified(settings: Settings, files: list[LakeFile]) -> dict[LakeFile, Path]:
    """The files with their places; raises ``WorldError`` when one has changed."""
    return dict(zip(files, lake.verified(settings.lake.path, files), strict=True))
