"""The fences: which days of a family are dirty, and who may write a day. An epoch a family and day, compared and set
inside the transaction that writes, keeps a computation that read old input from overwriting a newer one.

As everywhere in `store`, whoever calls decides what is one transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa

from mediameter.store.warehouse import chunks, tables

_fences = tables["fences"]


def mark_dirty(connection: sa.Connection, family: str, days: Collection[date]) -> None:
    """Raises the dirty epoch of each day: whoever read before cannot claim to be up to date."""
    for part in chunks(sorted(days)):
        which = sa.and_(_fences.c.family == family, _fences.c.day.in_(part))
        connection.execute(_fences.update().where(which).values(dirty_epoch=_fences.c.dirty_epoch + 1))
        known = set(connection.execute(sa.select(_fences.c.day).where(which)).scalars())
        fresh = [
            {"family": family, "day": day, "dirty_epoch": 1, "done_epoch": 0, "basis": ""}
            for day in part
            if day not in known
        ]
        if fresh:
            connection.execute(_fences.insert(), fresh)


def dirty_days(connection: sa.Connection, family: str, basis: str) -> list[date]:
    """Days to be computed: something they rest on has changed, or the settings or the code have."""
    stale = sa.or_(_fences.c.dirty_epoch > _fences.c.done_epoch, _fences.c.basis != basis)
    query = sa.select(_fences.c.day).where(_fences.c.family == family, stale)
    return sorted(connection.execute(query).scalars())


def fenced_days(connection: sa.Connection, family: str) -> set[date]:
    """Days that the family has a fence for."""
    return set(connection.execute(sa.select(_fences.c.day).where(_fences.c.family == family)).scalars())


def done_days(connection: sa.Connection, family: str) -> set[date]:
    """Days that are up to date: no input has changed since they were computed. Settings and code are not compared."""
    is_done = sa.and_(_fences.c.done_epoch > 0, _fences.c.done_epoch == _fences.c.dirty_epoch)
    return set(connection.execute(sa.select(_fences.c.day).where(_fences.c.family == family, is_done)).scalars())


def epoch(connection: sa.Connection, family: str, day: date) -> int:
    """What a computation that begins now can claim to know."""
    query = sa.select(_fences.c.dirty_epoch).where(_fences.c.family == family, _fences.c.day == day)
    return int(connection.execute(query).scalar_one())


class Fence(NamedTuple):
    """A day of a family: what it was computed from, and whether something has changed since."""

    basis: str
    done_epoch: int
    is_dirty: bool


def by_day(connection: sa.Connection, family: str) -> dict[date, Fence]:
    """The fences of a family, by day."""
    rows = connection.execute(sa.select(_fences).where(_fences.c.family == family)).mappings()
    return {row["day"]: Fence(row["basis"], row["done_epoch"], row["dirty_epoch"] > row["done_epoch"]) for row in rows}


def pass_fence(connection: sa.Connection, family: str, day: date, known: int, basis: str) -> bool:
    """Law 7, inside the writing transaction: False when the day was written by somebody who knew as much or more, and
    when what it rests on has changed since: whoever changed that computes the day after it."""
    newer = sa.or_(_fences.c.done_epoch < known, _fences.c.basis != basis)
    which = sa.and_(_fences.c.family == family, _fences.c.day == day, _fences.c.dirty_epoch == known, newer)
    return connection.execute(_fences.update().where(which).values(done_epoch=known, basis=basis)).rowcount == 1
