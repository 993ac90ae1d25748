"""Whose a day's deliveries are: all deliveries and events of the day and of the hours around it, held against each
other once, before the day's records are scanned for its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.lake import LakeFile
from mediameter.metering import deliveries
from mediameter.metering.catalogue import files_by_key
from mediameter.metering.reconciliation import agreement
from mediameter.metering.viewers import VIEWER, Known
from mediameter.settings import Settings
from mediameter.steps.catalogue import read_catalogue
from mediameter.steps.slices import Source, slices
from schemas.events import EVENT
from schemas.frames import polars_schema
from schemas.vocabulary import (
    LONGEST_REQUEST_S,
    MATCH_AFTER_S,
    MATCH_BEFORE_S,
    RECORDS_AFTER_S,
    RECORDS_BEFORE_S,
)

RECORDS_BEFORE, RECORDS_AFTER = timedelta(seconds=RECORDS_BEFORE_S), timedelta(seconds=RECORDS_AFTER_S)
MATCH_BEFORE, MATCH_AFTER = timedelta(seconds=MATCH_BEFORE_S), timedelta(seconds=MATCH_AFTER_S)
_INHERITED = timedelta(seconds=LONGEST_REQUEST_S)


@dataclass(frozen=True, slots=True)
class Attribution:
    """What is known of a day's records, by source, and what became of the events of the day and around it."""

    known: Mapping[str, Known]
    events: pl.DataFrame


def attribute(
    made: sa.Engine,
    settings: Settings,
    sources: Mapping[str, Source],
    event_files: Mapping[LakeFile, Path],
    begin: datetime,
    end: datetime,
) -> Attribution:
    """Matches deliveries and events of the day from ``begin`` to ``end``."""
    keys: list[pl.Series] = []
    sent = [pl.DataFrame(schema={**deliveries.DELIVERY, "source": pl.String()})]
    for name, source in sources.items():
        parts = list(_scanned(source, begin, end, keys))
        sent.append(_around(deliveries.folded(parts), "begin_at", begin, end).with_columns(source=pl.lit(name)))
    events = _events(event_files, begin, end)
    all_keys = pl.concat([pl.Series("key", [], pl.String()), *keys]).unique()
    with reading(made) as connection:
        catalogue = read_catalogue(connection, settings.tenant, all_keys, events["media_file_id"])
    rules = settings.attribution
    found = agreement(
        pl.concat(sent), events, catalogue, rules.referers,
        timedelta(milliseconds=rules.tolerance), timedelta(milliseconds=rules.edge_tolerance),
    )  # fmt: skip
    # What began earlier may have met events that are not looked at here.
    viewers = found.viewers.filter(pl.col("begin_at") >= begin - _INHERITED)
    files = files_by_key(all_keys, catalogue.files)
    known = {
        name: Known(files, viewers.filter(pl.col("source") == name).select(VIEWER.keys()), catalogue.names)
        for name in sources
    }
    return Attribution(known, found.events)


def _scanned(source: Source, begin: datetime, end: datetime, keys: list[pl.Series]) -> Iterator[pl.DataFrame]:
    """Deliveries of the source's slices; ``keys`` gets the keys that requests of the day and deliveries name."""
    for _, records in slices(source, begin - RECORDS_BEFORE, end + RECORDS_AFTER, deliveries.READS):
        is_of_day = (pl.col("at") >= begin) & (pl.col("at") < end)
        named = records.filter(is_of_day | pl.col("is_delivery_candidate"))
        keys.append(named["key"].drop_nulls().unique())
        yield deliveries.deliveries_of(records)


def _around(frame: pl.DataFrame, at: str, begin: datetime, end: datetime) -> pl.DataFrame:
    return frame.filter(pl.col(at) >= begin - MATCH_BEFORE, pl.col(at) < end + MATCH_AFTER)


def _events(files: Mapping[LakeFile, Path], begin: datetime, end: datetime) -> pl.DataFrame:
    schema = polars_schema(EVENT)
    frames = [_around(pl.read_parquet(path).select(schema.keys()), "at", begin, end) for path in files.values()]
    return pl.concat([pl.DataFrame(schema=schema), *frames])
