"""Whether an application's tables show what they showed: looked at before anything of them is settled.

Another role, a view with a condition, the wrong database: what is hidden looks deleted, and would be taken out of days
that people have been billed for. So the rows of days that were counted before are counted first. What was deleted one
by one goes through; a table that shows nothing any more, or lacks more than a fifth, stops its source until somebody
says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta

import sqlalchemy as sa

from mediameter.connect import reading, transact
from mediameter.errors import UserError
from mediameter.metering.shrinking import HANDFUL, gone_of_days, has_shrunk, purged_days
from mediameter.sources.postgrest import RestTables
from mediameter.sources.tables import Snapshot
from mediameter.steps.export.places import Place
from mediameter.store import exports, sightings
from mediameter.store.sightings import Doubt, Sighting
from mediameter.store.warehouse import tables
from mediameter.systems.system import Feed
from schemas.application import APPLICATIONS, MEDIA_FILES
from schemas.generations import MODEL_PRICES
from schemas.palette import MODEL_PRICING
from schemas.rollups import APPLICATIONS as APPLICATIONS_HERE
from schemas.rollups import MEDIA_FILES as MEDIA_FILES_HERE
from schemas.source_table import SourceTable


class Shrunk(UserError):
    """A source shows less than it did. ``doubts``: which parts of it."""

    def __init__(self, doubts: Sequence[Doubt]) -> None:
        self.doubts = tuple(doubts)
        first, more = doubts[0], len(doubts) - 1
        also = f" (and {more} more of its tables)" if more else ""
        super().__init__(f"[sources.{first.source}]: {first.detail}{also}", first.remedy)


@dataclass(slots=True)
class Survey:
    """What a source's tables show. ``days``: of each feed, those that are to be read; ``counts``: rows by feed and day,
    as far as they were counted before; ``seen``: rows by table; ``unsure``: tables without a row that nothing vouches
    for; ``fewer``: why the source is not believed."""

    days: dict[str, list[date]] = field(default_factory=dict)
    counts: dict[str, dict[date, int]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    fewer: list[Doubt] = field(default_factory=list)
    empty: list[Doubt] = field(default_factory=list)


def survey(place: Place, days: Mapping[str, Sequence[date]], *, whole: bool, accepts_fewer: bool) -> Survey:
    """Looks at all tables before any of them is read. ``whole``: also at those without days. Days that the application
    has cleared away for their age are left out of what is to be read: what was counted of them stays.

    Raises ``Shrunk`` where a table shows so much less that nothing may be settled, unless ``accepts_fewer``.
    """
    with reading(place.made) as connection:
        known, referred = sightings.sightings(connection, place.name), _referred(connection, place)
        before = {
            feed.table.name: exports.rows_of_days(connection, place.name, feed.table.name)
            for feed in place.system.feeds
        }

    def look(seen: Snapshot | RestTables) -> tuple[Survey, dict[str, bool]]:
        found = Survey()
        for feed in place.system.feeds:
            _look_at_feed(place, feed, seen, before[feed.table.name], known, days[feed.table.name], found)
        for table in place.system.whole_tables if whole else ():
            found.seen[table.name] = seen.count(table)
            before_rows = known[table.name].seen if table.name in known else referred.get(table.name, 0)
            _hold_against(place, table, before_rows, found)
        return found, {table.name: seen.shows_all(table) for table in place.system.tables}

    found, vouched = place.database.read(look)
    _doubt_empty(place, known, vouched, found)
    if found.fewer and not accepts_fewer:
        raise Shrunk(found.fewer)
    return found


def _look_at_feed(
    place: Place, feed: Feed, seen: Snapshot | RestTables, before: dict[date, int], known: Mapping[str, Sighting],
    days: Sequence[date], found: Survey,
) -> None:  # fmt: skip
    """Counts the days that were counted before, and finds out whether the table has any row at all."""
    name, recent = feed.table.name, place.now.astimezone(UTC).date() - timedelta(days=place.source.lookback_days)
    counted = {day: rows for day, rows in before.items() if day in set(days)}
    there = seen.counts(feed.table, list(counted))
    is_less = any(there.get(day, 0) < rows for day, rows in counted.items())
    oldest = seen.oldest_day(feed.table) if is_less or not there else min(there)
    aged = place.now.astimezone(UTC).date() - timedelta(days=feed.kept_days) if feed.kept_days else None
    purged = purged_days(counted, there, oldest, recent, aged)
    found.days[name] = [day for day in days if day not in purged]
    found.counts[name] = there
    found.seen[name] = 0 if oldest is None else max(1, sum(there.values()))
    was_seen = known[name].seen if name in known else sum(before.values())
    if oldest is None and was_seen:
        found.fewer.append(_fewer(place, feed.table, "shows no row any more", counted))
        return
    rows, gone = gone_of_days({day: n for day, n in counted.items() if day not in purged}, there)
    if gone > HANDFUL and has_shrunk(rows, rows - gone):
        what = f"shows {rows - gone:,} of {rows:,} rows that were counted before"
        found.fewer.append(_fewer(place, feed.table, what, counted))


def _referred(connection: sa.Connection, place: Place) -> dict[str, int]:
    """How many rows the warehouse has of the tables that are read whole: for those that no sighting is known of yet."""
    files, applications, prices = (tables[each.name].c for each in (MEDIA_FILES_HERE, APPLICATIONS_HERE, MODEL_PRICES))
    tenant = place.settings.tenant
    queries = {
        MEDIA_FILES.name: sa.select(sa.func.count()).where(files.tenant == tenant, files.is_deleted.is_(False)),
        APPLICATIONS.name: sa.select(sa.func.count()).where(applications.tenant == tenant),
        MODEL_PRICING.name: sa.select(sa.func.count(sa.distinct(prices.model))).where(
            prices.tenant == tenant, prices.source == place.name
        ),
    }
    names = [table.name for table in place.system.whole_tables if table.name in queries]
    return {name: int(connection.execute(queries[name]).scalar_one()) for name in names}


def _hold_against(place: Place, table: SourceTable, before: int, found: Survey) -> None:
    """A table without days: all its rows now against all that it had."""
    there = found.seen[table.name]
    if has_shrunk(before, there):
        what = f"shows {there:,} of {before:,} rows" if there else "shows no row any more"
        found.fewer.append(_fewer(place, table, what, {}))


def _fewer(place: Place, table: SourceTable, what: str, days: Mapping[date, int]) -> Doubt:
    today = place.now.astimezone(UTC).date()
    first, last = (min(days), max(days)) if days else (today, today)
    name = place.database.names.get(table.name, table.name)
    remedy = (
        "see url, role, views and policies there; if rows were deleted with intent:"
        f" `mediameter backfill {first}..{last} --accept-fewer {place.name}`"
    )
    return Doubt(place.name, table.name, "fewer", f"{name} {what}; nothing was changed", remedy)


def _doubt_empty(place: Place, known: Mapping[str, Sighting], vouched: Mapping[str, bool], found: Survey) -> None:
    """A table without a row is known to be empty when the server vouches that none is hidden and the source shows rows
    elsewhere, or when somebody has said so."""
    shows_any = any(found.seen.values())
    doubted = {each.part for each in found.fewer}
    for name, rows in found.seen.items():
        is_accepted = name in known and known[name].accepted_at is not None
        if rows or name in doubted or is_accepted or (vouched[name] and shows_any):
            continue
        there = place.database.names.get(name, name)
        what = f"{there} shows no row to this user, and is not known to be empty: nothing is known of it, good or bad"
        accept = f"`mediameter backfill {place.now:%Y-%m-%d} --accept-fewer {place.name}`"
        remedy = f"see url, role, views and policies; if it is empty: {accept}"
        found.empty.append(Doubt(place.name, name, "empty", what, remedy))


def note(connection: sa.Connection, place: Place, found: Survey, *, accepted: bool) -> None:
    """Puts down what every table shows, and which are not believed. ``accepted``: somebody said that it is so."""
    doubted = {each.part for each in found.empty}
    settled = {each.part for each in (*found.fewer, *found.empty)} if accepted else set()
    for name, rows in found.seen.items():
        if accepted or name not in doubted:
            sightings.believe(connection, place.name, name, rows, place.now, accepted=name in settled)
    for each in () if accepted else found.empty:
        sightings.doubt(connection, each, place.now)


def note_shrunk(place: Place, shrunk: Shrunk) -> None:
    """Puts down why the source is not believed."""

    def write(connection: sa.Connection) -> None:
        for each in shrunk.doubts:
            sightings.doubt(connection, each, place.now)

    transact(place.made, write)
