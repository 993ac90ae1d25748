"""Trailing users: who generated something in the windows that end with a day, counted by the server."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import sqlalchemy as sa

from mediameter.families.family import Computed, DirtyDay, Family
from mediameter.settings import Settings
from mediameter.store import warehouse
from schemas.generations import ACTIVE_FAMILY, ACTIVE_USERS_TRAILING, GENERATION_USERS_DAILY
from schemas.vocabulary import AUDIENCE_WINDOWS

NAME, LEADING = "active_users", "generations"
VERSION = 6
"""Also of the generations themselves: the two rest on the same."""
_users, _active = (warehouse.tables[each.name] for each in (GENERATION_USERS_DAILY, ACTIVE_USERS_TRAILING))


def _known(connection: sa.Connection, settings: Settings) -> set[date]:
    """None of its own: a day gets its fence when somebody new is known to have generated something."""
    return set()


def _look(connection: sa.Connection, settings: Settings, day: DirtyDay) -> pl.DataFrame:
    return _trailing(connection, settings, day.day)


def _compute(made: sa.Engine, settings: Settings, day: DirtyDay, seen: pl.DataFrame) -> Computed:
    return Computed({ACTIVE_USERS_TRAILING: seen})


def _stood(connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed) -> pl.DataFrame:
    mine = sa.and_(_active.c.tenant == settings.tenant, _active.c.day == day.day)
    return warehouse.read(connection, ACTIVE_USERS_TRAILING, mine).sort(ACTIVE_USERS_TRAILING.key)


def _settle(
    connection: sa.Connection, settings: Settings, day: DirtyDay, computed: Computed, stood: pl.DataFrame
) -> bool:
    """A late user reaches many days, and changes few."""
    return not stood.equals(computed.frames[ACTIVE_USERS_TRAILING])


# --- the days that a change reaches --------------------------------------------------------------------


def users_of(connection: sa.Connection, settings: Settings, day: date) -> set[tuple[str, ...]]:
    """Who generated something on that day."""
    query = sa.select(_users.c.application, _users.c.source, _users.c.user_id).where(
        _users.c.tenant == settings.tenant, _users.c.day == day, _users.c.generations > 0
    )
    return {tuple(row) for row in connection.execute(query)}


def last_day(connection: sa.Connection, settings: Settings) -> date | None:
    """The last one on which somebody generated something: trailing users are told to there."""
    mine = sa.and_(_users.c.tenant == settings.tenant, _users.c.generations > 0)
    return connection.execute(sa.select(sa.func.max(_users.c.day)).where(mine)).scalar()


def reached(connection: sa.Connection, settings: Settings, day: date, last: date | None) -> set[date]:
    """The day and all after it to the last one: who is new there depends on who was here. Where the last is another
    than before (``last``), all between the two, too."""
    ends = [each for each in (last, last_day(connection, settings)) if each]
    first = min([day, *(end + timedelta(days=1) for end in ends)])
    return {first + timedelta(days=number) for number in range((max([day, *ends]) - first).days + 1)}


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
    last = last_day(connection, settings)
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


FAMILY = Family(
    name=NAME,
    trails=LEADING,
    tables=ACTIVE_FAMILY,
    version=VERSION,
    fingerprint=Settings.generating_fingerprint,
    known=_known,
    look=_look,
    compute=_compute,
    stood=_stood,
    settle=_settle,
)
