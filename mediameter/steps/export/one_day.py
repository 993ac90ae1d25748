"""One UTC day of one table: read whole, in parts that fit into memory, made events, and settled in one transaction."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from typing import NamedTuple

import polars as pl
import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.errors import WorldError
from mediameter.faults import point
from mediameter.metering.shrinking import HANDFUL, has_shrunk
from mediameter.sources.postgrest import Moved, RestTables
from mediameter.sources.table_errors import retried
from mediameter.sources.tables import Snapshot, day_bounds
from mediameter.steps.export.places import Place
from mediameter.steps.export.report import ExportReport
from mediameter.steps.export.row_rejects import MOST_REJECTS, told_apart
from mediameter.store import exports, lake
from mediameter.store.acts import Exported, settled
from mediameter.store.settling import AlreadySettled
from mediameter.systems.system import Feed
from schemas.frames import polars_schema, validate

PART_ROWS = 100_000
_TRIES = 5


class _Day(NamedTuple):
    """What the rows of one day came to. ``there``: rows whose own time is of the day; an event may be of another."""

    export: exports.Export
    files: list[lake.LakeFile]
    there: int


def export_day(place: Place, feed: Feed, day: date, surveyed: int, report: ExportReport) -> None:
    """Reads and settles one day; once more where another run has settled it meanwhile. ``surveyed``: the rows that it
    had when the source was believed; what is hidden since must not be settled either."""
    for _ in range(_TRIES):
        try:
            found = retried(partial(_read_day, place, feed, day))
        except Moved:
            continue
        if surveyed - found.there > HANDFUL and has_shrunk(surveyed, found.there):
            continue
        point("export.read")
        if place.is_dry_run or _settle(place, found):
            break
    else:
        raise WorldError(
            f"[sources.{place.name}]: {feed.table.name} of {day} kept changing while it was read", "run again"
        )
    export = found.export
    report.days_read += 1
    report.rows += export.rows_read
    report.events += export.events
    report.ignored += export.ignored
    report.rejected += export.rejected
    if export.content_sha256 != (export.known or _NOTHING):
        report.days.append(day.isoformat())


def _settle(place: Place, found: _Day) -> bool:
    """One transaction for the day; False when another run settled other content of it first."""
    export = found.export
    point("export.before_settle")
    act = Exported(export, found.files)

    def settle(connection: sa.Connection) -> Exported | None:
        is_news = not exports.is_recorded(connection, export)
        act.do(connection, place.settings.reporting.zone)
        point("export.in_settle")
        return act if is_news else None

    try:
        settled(place.made, place.settings.lake.path, settle)
    except (AlreadySettled, lake.Gone):
        return False
    point("export.settled")
    return True


def _read_day(place: Place, feed: Feed, day: date) -> _Day:
    """All of a day in one snapshot, in parts that fit into memory, each its own lake file."""
    begin, end = day_bounds(day)
    with reading(place.made) as connection:
        known = exports.export_hash(connection, place.name, feed.table.name, day)
    stream, digest, counts = feed.stream(place.source, place.now), hashlib.sha256(), Counter[str]()
    files: list[lake.LakeFile] = []
    rejects: list[tuple[str, str, str]] = []
    with place.database.snapshot() as seen:
        for rows, is_last in _parts(seen, feed, begin - feed.margin, end + feed.margin):
            taken = stream.take(rows, is_last=is_last)
            counts.update(read=rows.height, taken=taken.rows, there=_within(rows, begin, end, feed.table.cursor).height)
            events, ignored, rejected = (
                _within(each, begin, end) for each in (taken.events, taken.ignored, taken.rejected)
            )
            shut = feed.door(events, place.door)
            kept = validate(shut.events, feed.contract).sort("at", "event_id")
            digest.update(_bytes_of(kept))
            if kept.height and not place.is_dry_run:
                files.append(_written(place, feed, kept, day))
            counts.update(rows=shut.rows, events=kept.height, unsettled=shut.unsettled)
            counts.update(ignored=ignored.height, rejected=rejected.height)
            rejects += rejected.select("row_id", "reason", "detail").head(MOST_REJECTS - len(rejects)).rows()
    if counts["read"] != counts["taken"]:
        raise AssertionError(
            f"{day}: {counts['read']:,} rows were read, {counts['taken']:,} taken; nothing was settled"
        )
    of_events, left_out, refused = (counts[name] for name in ("rows", "ignored", "rejected"))
    export = exports.Export(
        place.name, feed.table.name, feed.kind, day, of_events + left_out + refused, of_events, counts["events"],
        left_out, refused, counts["unsettled"], digest.hexdigest(), known, told_apart(rejects, place.door.pseudonyms),
    )  # fmt: skip
    return _Day(export, files, counts["there"])


_NOTHING = hashlib.sha256().hexdigest()


def _parts(
    seen: Snapshot | RestTables, feed: Feed, begin: datetime, end: datetime
) -> Iterator[tuple[pl.DataFrame, bool]]:
    """Pages put together, and whether they are the last."""
    held: list[pl.DataFrame] = [pl.DataFrame(schema=polars_schema(feed.table.contract))]
    for page in seen.day(feed.table, begin, end):
        held.append(page)
        if sum(each.height for each in held) >= PART_ROWS:
            yield pl.concat(held), False
            held = held[:1]
    yield pl.concat(held), True


def _within(frame: pl.DataFrame, begin: datetime, end: datetime, at: str | None = None) -> pl.DataFrame:
    """What the day answers for. An event is of the day of its time, with all its rows, wherever they lie."""
    return frame.filter((pl.col(at or "at") >= begin) & (pl.col(at or "at") < end))


def _bytes_of(events: pl.DataFrame) -> bytes:
    """The events as text that no version of a file format changes; nothing of no events."""
    return events.write_csv(include_header=False, null_value="\\N").encode()


def _written(place: Place, feed: Feed, events: pl.DataFrame, day: date) -> lake.LakeFile:
    return lake.write(place.settings.lake.path, events, kind=feed.kind, source=place.name, file_day=day)
