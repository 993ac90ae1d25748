"""How many rows the lake itself holds of some hours: what a rollup is held against. It is read anew, by other ways than
the rollup's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import polars as pl
import sqlalchemy as sa

from mediameter.families.generated_events import counting_events
from mediameter.families.slices import Source, files_between, slices
from mediameter.settings import Settings
from mediameter.store import lake, objects
from mediameter.store.lake import LakeFile


class LakeCount(NamedTuple):
    """Rows that count, and how many of them are distinct within their source."""

    rows: int
    distinct: int


def lake_count(connection: sa.Connection, settings: Settings, begin: datetime, end: datetime) -> LakeCount:
    """Rows of access logs.

    Raises ``WorldError`` when a lake file is missing or has changed.
    """
    files = files_between(connection, "records", begin, end)
    rows = distinct = 0
    with _told(settings, files):
        for name in {file.source for file in files} & set(settings.log_sources):
            places = {file: settings.lake.path / file.path for file in files if file.source == name}
            source = Source(places, objects.superseded(connection, name))
            # Equal lines have equal times: what is distinct adds up over slices of time.
            for _, records in slices(source, begin, end, ("line_hash",)):
                rows, distinct = rows + records.height, distinct + records["line_hash"].n_unique()
    return LakeCount(rows, distinct)


def event_count(connection: sa.Connection, settings: Settings, kind: str, begin: datetime, end: datetime) -> LakeCount:
    """Events of generating systems, of one kind of lake files (schemas.vocabulary.LAKE_OF_FEED).

    Raises ``WorldError`` when a lake file is missing or has changed.
    """
    files = [file for file in files_between(connection, kind, begin, end) if file.source in settings.generating_sources]
    rows = 0
    with _told(settings, files):
        for name in {file.source for file in files}:
            dead = objects.superseded(connection, name)
            ids = pl.concat(_ids(settings, file, dead, begin, end) for file in files if file.source == name).collect()
            rows += ids.height
        counting = counting_events(connection, settings, kind, begin, end)
        distinct = counting.select("source", "event_id").n_unique()
    return LakeCount(rows, distinct)


def _ids(settings: Settings, file: LakeFile, dead: list[int], begin: datetime, end: datetime) -> pl.LazyFrame:
    """What was exported from tables is of no object."""
    rows = pl.scan_parquet(settings.lake.path / file.path)
    if "object_id" in rows.collect_schema():
        rows = rows.filter(~pl.col("object_id").is_in(dead))
    return rows.filter(pl.col("at") >= begin, pl.col("at") < end).select("event_id")


@contextmanager
def _told(settings: Settings, files: list[LakeFile]) -> Iterator[None]:
    """Says what is wrong with which of the files, where one cannot be read."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError):
        lake.verified(settings.lake.path, files)
        raise
