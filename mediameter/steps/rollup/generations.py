"""From generations, credits, sign-ins and errors in the lake to rollups: each dirty day whole, behind its fence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import polars as pl
import sqlalchemy as sa

from mediameter.connect import reading, transact
from mediameter.errors import WorldError
from mediameter.faults import point
from mediameter.metering.generations import CHARGE_GAP, TOLD_AT, TWINS, Events, rolled_up, without_twins
from mediameter.settings import EventSource, Settings
from mediameter.steps.progress import Progress
from mediameter.steps.rollup.prices import model_prices_of_day, write_credit_prices
from mediameter.store import days, lake, ledger, warehouse
from mediameter.store.acts import Repriced, settled
from schemas.contract import Contract
from schemas.frames import polars_schema
from schemas.generations import (
    ACTIVE_USERS_TRAILING,
    GENERATION_FAMILY,
    GENERATION_USERS_DAILY,
    GENERATIONS_DAILY,
)
from schemas.palette import OF_LAKE_KIND
from schemas.vocabulary import AUDIENCE_WINDOWS, LAKE_OF_FEED, VERDICT_FENCES

VERSION = 6
FAMILY, ACTIVE = "generations", "active_users"
_users, _active = (warehouse.tables[each.name] for each in (GENERATION_USERS_DAILY, ACTIVE_USERS_TRAILING))


def basis(settings: Settings) -> str:
    """Fingerprint of what these rollups rest on beside the lake and the prices: settings and code."""
    return f"{VERSION}:{settings.generating_fingerprint()}"


def roll_up_generations(made: sa.Engine, settings: Settings, progress: Progress) -> list[date]:
    """Computes every dirty day, then the trailing users; returns the days whose generations were written.

    Raises ``WorldError`` when a lake file is missing or has changed, or the warehouse fails.
    """
    prepare(made, settings)
    rests_on = basis(settings)
    _mark_twins(made, settings, rests_on)
    dirty = _dirty(made, settings, FAMILY, rests_on, progress)
    written = [day for day in dirty if _roll_up(made, settings, day, rests_on)]
    for day in _dirty(made, settings, ACTIVE, rests_on, progress):
        _roll_up_active(made, settings, day, rests_on)
    return written


def prepare(made: sa.Engine, settings: Settings) -> None:
    """The prices of credits that the settings say; and a fence for every day that the lake has events of or that an
    event file touches: another reporting zone makes other days of them. And one for the verdict on each."""

    def write(connection: sa.Connection) -> Repriced | None:
        act = write_credit_prices(connection, settings)
        known = _known_days(connection, settings)
        ledger.mark_dirty(connection, FAMILY, known - ledger.fenced_days(connection, FAMILY))
        unjudged = ledger.fenced_days(connection, FAMILY) - ledger.fenced_days(connection, VERDICT_FENCES[FAMILY])
        ledger.mark_dirty(connection, VERDICT_FENCES[FAMILY], unjudged)
        return act

    settled(made, settings.lake.path, write)


def _known_days(connection: sa.Connection, settings: Settings) -> set[date]:
    found: set[date] = set()
    for kind in LAKE_OF_FEED:
        for file in ledger.lake_files(connection, kind, date.min, date.max):
            instants = [at for at in (file.first_at, file.last_at) if at]
            found |= ledger.days_of_generations(instants, settings.reporting.zone)
    return found | ledger.touched_days(ledger.hours_of(connection, settings.event_sources), settings.reporting.zone)


def _dirty(made: sa.Engine, settings: Settings, family: str, basis: str, progress: Progress) -> Iterator[date]:
    with reading(made) as connection:
        frozen = days.frozen(connection, settings)
        dirty = [day for day in ledger.dirty_days(connection, family, basis) if day not in frozen]
    if not dirty:
        return
    with progress.task(f"rolling up {family.replace('_', ' ')}", len(dirty), unit="days") as advance:
        for day in dirty:
            yield day
            advance(1)


# --- one day -----------------------------------------------------------------------------------------


def _roll_up(made: sa.Engine, settings: Settings, day: date, basis: str) -> bool:
    """Replaces one day; False when somebody who knew more has written it."""
    begin, end = ledger.day_bounds(day, settings.reporting.zone)
    with reading(made) as connection:
        epoch = ledger.epoch(connection, FAMILY, day)
        read = {kind: _around(connection, settings, kind, begin, end) for kind in LAKE_OF_FEED}
        prices = model_prices_of_day(connection, settings, day)
    counting = {kind: without_twins(events) for kind, events in read.items()}
    frames = _frames(settings, day, counting, prices)
    parsed, distinct = _counts(read, counting, begin, end)
    point("rollup.computed")

    def write(connection: sa.Connection) -> bool:
        if day in days.frozen(connection, settings) or not ledger.pass_fence(connection, FAMILY, day, epoch, basis):
            return False
        point("rollup.fenced")
        replaced = {contract: frames.get(contract, warehouse.empty(contract)) for contract in GENERATION_FAMILY}
        users, last = _users_of(connection, settings, day), _last_day(connection, settings)
        warehouse.replace_day(connection, settings.tenant, day, (begin, end), replaced)
        if _users_of(connection, settings, day) != users:
            ledger.mark_dirty(connection, ACTIVE, _reached(connection, settings, day, last))
        days.write_generations(connection, settings, day, parsed, distinct)
        point("rollup.before_commit")
        return True

    if is_written := transact(made, write):
        point("rollup.committed")
    return is_written


def _frames(
    settings: Settings, day: date, read: dict[str, pl.DataFrame], prices: pl.DataFrame
) -> dict[Contract, pl.DataFrame]:
    begin, end = ledger.day_bounds(day, settings.reporting.zone)
    events = Events(**read, prices=prices, without_usage=frozenset(settings.event_sources))
    try:
        return rolled_up(events, tenant=settings.tenant, day=day, begin=begin, end=end)
    except OverflowError as error:
        raise WorldError(f"{day} was not written: {error}; a number is too large", "correct it at its source") from None


def at_prices_of_today(connection: sa.Connection, settings: Settings, day: date) -> pl.DataFrame:
    """The day's row in `generations_daily`, were they made with what models cost as it is known today."""
    begin, end = ledger.day_bounds(day, settings.reporting.zone)
    read = {kind: without_twins(_around(connection, settings, kind, begin, end)) for kind in LAKE_OF_FEED}
    return _frames(settings, day, read, model_prices_of_day(connection, settings, None))[GENERATIONS_DAILY]


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
    events = without_twins(_around(connection, settings, kind, begin, end))
    return events.filter(pl.col("at") >= begin, pl.col("at") < end)


def _around(connection: sa.Connection, settings: Settings, kind: str, begin: datetime, end: datetime) -> pl.DataFrame:
    """What a day's figures rest on: a charge goes on from the hour before it, and of an id in event files versions may
    be told so much earlier or later."""
    near = _files(connection, settings, kind, begin - CHARGE_GAP, end)
    wide = _files(connection, settings, kind, begin - CHARGE_GAP - TWINS, end + TWINS)
    files = [file for file in wide if file in near or file.source in settings.event_sources]
    return _read(settings, kind, files, _objects(connection, settings)).filter(
        pl.col("at") >= begin - CHARGE_GAP - TWINS, pl.col("at") < end + TWINS
    )


def _mark_twins(made: sa.Engine, settings: Settings, rests_on: str) -> None:
    """Days that tell an id which a dirty day beside them tells, or told, too: one of them counts it."""
    with reading(made) as connection:
        dirty = set(ledger.dirty_days(connection, FAMILY, rests_on))
        done = ledger.fenced_days(connection, FAMILY) - dirty
        found = {day for each in dirty for day in _days_of_twins(connection, settings, each)} if done else set()
    if marked := found & done:
        transact(made, lambda connection: ledger.mark_dirty(connection, FAMILY, marked))


def _days_of_twins(connection: sa.Connection, settings: Settings, day: date) -> set[date]:
    """Of what no longer counts, too."""
    begin, end = ledger.day_bounds(day, settings.reporting.zone)
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
        found |= {ledger.day_of(at, settings.reporting.zone) for at in others["at"].unique()}
    return found


def _objects(connection: sa.Connection, settings: Settings) -> dict[str, pl.DataFrame]:
    """By source of event files: the objects whose events count, and when each was written (``told_at``)."""
    found = {}
    for source in settings.event_sources:
        dead, told = {*ledger.superseded(connection, source)}, ledger.told_at(connection, source)
        rows = [(number, at) for number, at in told.items() if number not in dead]
        found[source] = pl.DataFrame(rows, schema={"object_id": pl.Int64(), "told_at": TOLD_AT}, orient="row")
    return found


def _files(
    connection: sa.Connection, settings: Settings, kind: str, begin: datetime, end: datetime
) -> list[lake.LakeFile]:
    of_days = ledger.lake_files(connection, kind, begin.date(), (end - timedelta(microseconds=1)).date())
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
    of = settings.generating_sources[source]
    named = pl.col("app").replace(of.apps) if isinstance(of, EventSource) and of.apps else pl.col("app")
    return named.fill_null(of.application or source)


def _counts(
    read: dict[str, pl.DataFrame], counting: dict[str, pl.DataFrame], begin: datetime, end: datetime
) -> tuple[dict[str, int], dict[str, int]]:
    """Events of the day, and those that count, by source."""

    def of_day(frames: dict[str, pl.DataFrame], number: pl.Expr) -> dict[str, int]:
        rows = [each.filter(pl.col("at") >= begin, pl.col("at") < end) for each in frames.values()]
        each = pl.concat(frame.group_by("source").agg(number.alias("number").cast(pl.Int64)) for frame in rows)
        return {source: int(count) for source, count in each.group_by("source").agg(pl.col("number").sum()).iter_rows()}

    return of_day(read, pl.len()), of_day(counting, pl.col("event_id").n_unique())


# --- trailing users ------------------------------------------------------------------------------------


def _users_of(connection: sa.Connection, settings: Settings, day: date) -> set[tuple[str, ...]]:
    """Who generated something on that day."""
    query = sa.select(_users.c.application, _users.c.source, _users.c.user_id).where(
        _users.c.tenant == settings.tenant, _users.c.day == day, _users.c.generations > 0
    )
    return {tuple(row) for row in connection.execute(query)}


def _last_day(connection: sa.Connection, settings: Settings) -> date | None:
    """The last one on which somebody generated something: trailing users are told to there."""
    mine = sa.and_(_users.c.tenant == settings.tenant, _users.c.generations > 0)
    return connection.execute(sa.select(sa.func.max(_users.c.day)).where(mine)).scalar()


def _reached(connection: sa.Connection, settings: Settings, day: date, last: date | None) -> set[date]:
    """The day and all after it to the last one: who is new there depends on who was here. Where the last is another
    than before (``last``), all between the two, too."""
    ends = [each for each in (last, _last_day(connection, settings)) if each]
    first = min([day, *(end + timedelta(days=1) for end in ends)])
    return {first + timedelta(days=number) for number in range((max([day, *ends]) - first).days + 1)}


def _roll_up_active(made: sa.Engine, settings: Settings, day: date, basis: str) -> bool:
    with reading(made) as connection:
        epoch = ledger.epoch(connection, ACTIVE, day)
        frames = {ACTIVE_USERS_TRAILING: _trailing(connection, settings, day)}

    def write(connection: sa.Connection) -> bool:
        if not ledger.pass_fence(connection, ACTIVE, day, epoch, basis):
            return False
        mine = sa.and_(_active.c.tenant == settings.tenant, _active.c.day == day)
        before = warehouse.read(connection, ACTIVE_USERS_TRAILING, mine).sort(ACTIVE_USERS_TRAILING.key)
        warehouse.replace_day(connection, settings.tenant, day, ledger.day_bounds(day, settings.reporting.zone), frames)
        if not before.equals(frames[ACTIVE_USERS_TRAILING]):  # a late user reaches many days, and changes few
            ledger.mark_dirty(connection, VERDICT_FENCES[FAMILY], {day})
        return True

    return transact(made, write)


def _trailing(connection: sa.Connection, settings: Settings, day: date) -> pl.DataFrame:
    """Who is active in a window was last seen in it, who is new was first seen in it; nobody after the last day. Who is
    new is not known (NULL) where the window reaches back to the source's first day or before: all would be. The server
    counts: of users there are many, of applications few."""
    place = (_users.c.application, _users.c.source)
    seen = sa.select(*place, sa.func.min(_users.c.day).label("first"), sa.func.max(_users.c.day).label("last"))
    seen = seen.where(_users.c.tenant == settings.tenant, _users.c.generations > 0, _users.c.day <= day)
    users = seen.group_by(*place, _users.c.user_id).subquery()
    begins = {window: day - timedelta(days=window - 1) for window in AUDIENCE_WINDOWS}
    counts = [
        sa.func.sum(sa.case((users.c[which] >= begin, 1), else_=0)).label(f"{which}_{window}")
        for window, begin in begins.items()
        for which in ("last", "first")
    ]
    first_day = sa.func.min(users.c.first).label("first_day")
    query = sa.select(users.c.application, users.c.source, first_day, *counts)
    query = query.group_by(users.c.application, users.c.source)
    last = _last_day(connection, settings)
    found = connection.execute(query).mappings() if last is not None and day <= last else ()
    rows = [
        (
            settings.tenant, day, row["application"], row["source"], window, int(active),
            int(row[f"first_{window}"]) if row["first_day"] < begin else None,
        )
        for row in found
        for window, begin in begins.items()
        if (active := row[f"last_{window}"])
    ]  # fmt: skip
    return warehouse.frame_of(rows, ACTIVE_USERS_TRAILING).sort(ACTIVE_USERS_TRAILING.key)
