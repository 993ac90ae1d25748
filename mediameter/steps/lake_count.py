"""How many rows the lake itself holds of some hours: what a rollup is held against."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import sqlalchemy as sa

from mediameter import lake, ledger
from mediameter.settings import Settings
from mediameter.steps.rollup import files_between
from mediameter.steps.slices import Source, slices


def lake_count(connection: sa.Connection, settings: Settings, begin: datetime, end: datetime) -> tuple[int, int]:
    """Rows of access logs that count, and how many of them are distinct within their source.

    Raises ``WorldError`` when a lake file is missing or has changed.
    """
    files = files_between(connection, "records", begin, end)
    rows = distinct = 0
    try:
        for name in {file.source for file in files} & set(settings.log_sources):
            places = {file: settings.lake.path / file.path for file in files if file.source == name}
            source = Source(places, ledger.superseded(connection, name))
            # Equal lines have equal times: what is distinct adds up over slices of time.
            for _, records in slices(source, begin, end, ("line_hash",)):
                rows, distinct = rows + records.height, distinct + records["line_hash"].n_unique()
    except (OSError, pl.exceptions.ComputeError):
        lake.verified(settings.lake.path, files)  # says what is wrong with which
        raise
    return rows, distinct
