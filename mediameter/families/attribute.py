"""Whose a day's deliveries are: all deliveries and events of the day and of the hours around it, held against each
other once, before the day's records are scanned for its figures.

Only what is of one object can be one. So a day that is larger than memory is put away by objects, and a part of them is
matched at a time; which parts does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.families.catalogue import read_catalogue
from mediameter.families.partitions import Partitions
from mediameter.families.slices import Source, slices
from mediameter.metering import deliveries
from mediameter.metering.caches import RANGE
from mediameter.metering.catalogue import Catalogue, files_by_key, objects_of
from mediameter.metering.reconciliation import Agreement, agreement, alone, distinct, together
from mediameter.metering.viewers import VIEWER, Known
from mediameter.settings import Settings
from mediameter.store import lake
from mediameter.store.lake import LakeFile
from parsers.access_log.dialects import begins
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
ROWS_AT_ONCE = 250_000
"""Records and events of a part, about: it holds whole objects."""
_INHERITED = timedelta(seconds=LONGEST_REQUEST_S)
_SENT = {**deliveries.DELIVERY, "source": pl.String()}
_EVENT = polars_schema(EVENT)


@dataclass(frozen=True, slots=True)
class Attribution:
    """What is known of a day's records, by source, and what became of the events of the day and around it."""

    known: Mapping[str, Known]
    events: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Day:
    """What is looked at: the sources' records and the files of events, from before a day's begin to after its end."""

    sources: Mapping[str, Source]
    event_files: Mapping[LakeFile, Path]
    begin: datetime
    end: datetime

    def slices(self, source: Source, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        for _, records in slices(source, self.begin - RECORDS_BEFORE, self.end + RECORDS_AFTER, columns):
            yield records

    def around(self, frame: pl.DataFrame, at: str) -> pl.DataFrame:
        return frame.filter(pl.col(at) >= self.begin - MATCH_BEFORE, pl.col(at) < self.end + MATCH_AFTER)

    @property
    def parts(self) -> int:
        rows = sum(file.rows for source in self.sources.values() for file in source.files)
        return -(-(rows + sum(file.rows for file in self.event_files)) // ROWS_AT_ONCE) or 1


def attribute(
    made: sa.Engine,
    settings: Settings,
    sources: Mapping[str, Source],
    event_files: Mapping[LakeFile, Path],
    begin: datetime,
    end: datetime,
) -> Attribution:
    """Matches deliveries and events of the day from ``begin`` to ``end``."""
    day = _Day(sources, event_files, begin, end)
    keys, named = _keys(day), [ids.unique() for ids in _of_events(day, "media_file_id")]
    with reading(made) as connection:
        ids = pl.concat([pl.Series([], dtype=pl.String()), *named]).unique()
        catalogue = read_catalogue(connection, settings.tenant, keys, ids)
    files = files_by_key(keys, catalogue.files)
    with lake.scratch(settings.lake.path) as names:
        found = _agreements(day, catalogue, files, settings, names)
    known = {
        name: Known(files, found.viewers.filter(pl.col("source") == name).select(VIEWER.keys()), catalogue.names)
        for name in sources
    }
    return Attribution(known, found.events)


def _agreements(day: _Day, catalogue: Catalogue, files: pl.DataFrame, settings: Settings, names: Path) -> Agreement:
    """What the parts of the objects come to, one after the other."""
    sent = Partitions(names.with_name(f"{names.name}-sent"), day.parts, _SENT)
    told = Partitions(names.with_name(f"{names.name}-told"), day.parts, _EVENT)
    _put_requests(day, files.select("key", file="media_file_id"), sent)
    _put_events(day, objects_of(catalogue.files), told)
    rules, found, earlier = settings.attribution, [], []
    for number in range(day.parts):
        folded = _folded(sent.take(number), day)
        earlier.append(_that_goes_on(folded, day))
        found.append(
            agreement(
                day.around(folded, "begin_at"), told.take(number), catalogue, rules.referers,
                timedelta(milliseconds=rules.tolerance), timedelta(milliseconds=rules.edge_tolerance),
            )
        )  # fmt: skip
    whole = together(found)
    begun = whole.viewers.filter(pl.col("begin_at") >= day.begin - _INHERITED)
    return Agreement(pl.concat([begun, *earlier]), whole.events)


def _that_goes_on(folded: pl.DataFrame, day: _Day) -> pl.DataFrame:
    """What began earlier and reaches into the day may have met events that are not looked at here: of it is known
    that it goes on, and nothing else."""
    rows = folded.filter(pl.col("begin_at") < day.begin - _INHERITED, pl.col("last_at") >= day.begin)
    return alone(rows, pl.lit(RANGE))


# --- deliveries --------------------------------------------------------------------------------------


def _keys(day: _Day) -> pl.Series:
    """The keys that records of the day and deliveries name."""
    keys = [pl.Series("key", [], pl.String())]
    for source in day.sources.values():
        for records in day.slices(source, ("at", "key", "is_delivery_candidate")):
            is_of_day = (pl.col("at") >= day.begin) & (pl.col("at") < day.end)
            named = records.filter(is_of_day | pl.col("is_delivery_candidate"))
            keys.append(named["key"].drop_nulls().unique())
    return pl.concat(keys).unique()


def _put_requests(day: _Day, file_of: pl.DataFrame, sent: Partitions) -> None:
    """Puts away the requests of deliveries by their object; what asks for no media file is no event's delivery."""
    for name, source in day.sources.items():
        for records in day.slices(source, deliveries.reads(begins())):
            requests = deliveries.requests_of(records, begins()).with_columns(source=pl.lit(name))
            sent.put(requests.join(file_of.lazy(), on="key").collect(), by="file")


def _folded(rows: pl.DataFrame, day: _Day) -> pl.DataFrame:
    """The deliveries that the requests of a part are."""
    of_sources = [
        deliveries.folded([rows.filter(pl.col("source") == name).drop("source")]).with_columns(source=pl.lit(name))
        for name in day.sources
    ]
    return pl.concat([pl.DataFrame(schema=_SENT), *of_sources])


# --- events ------------------------------------------------------------------------------------------


def _of_events(day: _Day, name: str) -> Iterator[pl.Series]:
    """One column of the events, file by file."""
    for path in day.event_files.values():
        yield day.around(pl.read_parquet(path, columns=["at", name]), "at")[name]


def _put_events(day: _Day, object_of: pl.DataFrame, told: Partitions) -> None:
    """Puts away the events by their object. Of those with one id, wherever they stand, one counts."""
    hashes = pl.concat([pl.Series([], dtype=pl.UInt64()), *(ids.hash() for ids in _of_events(day, "event_id"))])
    repeated, twins = hashes.filter(hashes.is_duplicated()).unique(), [pl.DataFrame(schema=_EVENT)]
    for path in day.event_files.values():
        events = day.around(pl.read_parquet(path).select(_EVENT.keys()), "at")
        is_twin = events["event_id"].hash().is_in(repeated.implode())
        twins.append(events.filter(is_twin))
        told.put(events.filter(~is_twin).join(object_of, on="media_file_id", how="left"), by="file")
    told.put(distinct(pl.concat(twins)).join(object_of, on="media_file_id", how="left"), by="file")
