"""Events of generating systems, as the lake holds them: generations, credits, sign-ins and errors of an app."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import sqlalchemy as sa

from mediameter.metering.calendar import Day, day_of
from mediameter.metering.generations import CHARGE_GAP, TOLD_AT, TWINS, without_twins
from mediameter.settings import Settings
from mediameter.store import lake, lake_files, objects
from schemas.frames import polars_schema
from schemas.palette import OF_LAKE_KIND
from schemas.vocabulary import LAKE_OF_FEED


def events_of(connection: sa.Connection, settings: Settings, kind: str, begin: datetime, end: datetime) -> pl.DataFrame:
    """The events of a kind of lake files on the UTC days between two instants, with ``source``, ``application`` and
    ``told_at``.

    Raises ``WorldError`` when a lake file is missing or has changed.
    """
    files = _files(connection, settings, kind, begin, end)
    return _read(settings, kind, files, _objects(connection, settings))


def counting_events(
    connection: sa.Connection, settings: Settings, kind: str, begin: datetime, end: datetime
) -> pl.DataFrame:
    """The events between two instants that count on their day: no version elsewhere knows better."""
    events = without_twins(around(connection, settings, kind, begin, end))
    return events.filter(pl.col("at") >= begin, pl.col("at") < end)


def around(connection: sa.Connection, settings: Settings, kind: str, begin: datetime, end: datetime) -> pl.DataFrame:
    """What a day's figures rest on: a charge goes on from the hour before it, and of an id in event files versions may
    be told so much earlier or later."""
    near = _files(connection, settings, kind, begin - CHARGE_GAP, end)
    wide = _files(connection, settings, kind, begin - CHARGE_GAP - TWINS, end + TWINS)
    files = [file for file in wide if file in near or file.source in settings.event_sources]
    return _read(settings, kind, files, _objects(connection, settings)).filter(
        pl.col("at") >= begin - CHARGE_GAP - TWINS, pl.col("at") < end + TWINS
    )


def days_of_twins(connection: sa.Connection, settings: Settings, day: date) -> set[date]:
    """Days that tell an id which this day tells, too, or did: one of them counts it."""
    begin, end = Day.of(day, settings.reporting.zone).bounds
    found: set[date] = set()
    for kind in LAKE_OF_FEED:
        files = _files(connection, settings, kind, begin - TWINS, end + TWINS)
        told = [file for file in files if file.source in settings.event_sources]
        if not told:
            continue
        ids = pl.concat(
            pl.read_parquet(path, columns=["event_id", "at"]).with_columns(source=pl.lit(file.source))
            for file, path in zip(told, lake.verified(settings.lake.path, told), strict=True)
        )
        is_mine = (pl.col("at") >= begin) & (pl.col("at") < end)
        others = ids.filter(~is_mine).join(ids.filter(is_mine), on=["source", "event_id"], how="semi")
        found |= {day_of(at, settings.reporting.zone) for at in others["at"].unique()}
    return found


def _objects(connection: sa.Connection, settings: Settings) -> dict[str, pl.DataFrame]:
    """By source of event files: the objects whose events count, and when each was written (``told_at``)."""
    found = {}
    for source in settings.event_sources:
        dead, told = {*objects.superseded(connection, source)}, objects.told_at(connection, source)
        rows = [(number, at) for number, at in told.items() if number not in dead]
        found[source] = pl.DataFrame(rows, schema={"object_id": pl.Int64(), "told_at": TOLD_AT}, orient="row")
    return found


def _files(
    connection: sa.Connection, settings: Settings, kind: str, begin: datetime, end: datetime
) -> list[lake.LakeFile]:
    of_days = lake_files.files_of_days(connection, kind, begin.date(), (end - timedelta(microseconds=1)).date())
    return [file for file in of_days if file.source in settings.generating_sources]


def _read(settings: Settings, kind: str, files: list[lake.LakeFile], objects: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The files' rows that count, with ``source``, ``application`` and ``told_at``. What was exported from tables is of
    no object, and stands there once."""
    of = {"source": pl.String(), "application": pl.String(), "told_at": TOLD_AT}
    schema = {**polars_schema(OF_LAKE_KIND[kind]), **of}
    frames = [pl.DataFrame(schema=schema)]
    for file, path in zip(files, lake.verified(settings.lake.path, files), strict=True):
        named = {"source": pl.lit(file.source), "application": application_of(settings, file.source)}
        rows = pl.read_parquet(path)
        older = [name for name in OF_LAKE_KIND[kind].names if name not in rows.columns]  # than these columns
        rows = rows.with_columns(pl.lit(None, pl.String()).alias(name) for name in older)
        if "object_id" in rows.columns:
            rows = rows.join(objects[file.source], on="object_id", maintain_order="left")
        else:
            rows = rows.with_columns(told_at=pl.lit(None, TOLD_AT))
        frames.append(rows.with_columns(**named).select(list(schema)))
    return pl.concat(frames)


def application_of(settings: Settings, source: str) -> pl.Expr:
    """Whose an event of a source is: what it names, else what the settings say."""
    events = settings.event_sources.get(source)
    named = pl.col("app").replace(events.apps) if events and events.apps else pl.col("app")
    return named.fill_null(settings.generating_sources[source].application or source)
