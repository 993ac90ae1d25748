"""The table `outbox`: one row a message and channel. `alerts` decides when a row is due and when it is given up.

Every function works inside the caller's writing transaction: writers take turns, so what the caller read there holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mediameter.store.warehouse import naive, tables

_outbox = tables["outbox"]
_UNLEASED: dict[str, Any] = {"lease": None, "leased_until_at": None}


def add(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(_outbox.insert(), [dict(row) for row in rows])


def lease(connection: sa.Connection, key: str, channel_id: str, token: str, until: datetime) -> None:
    """No other run takes the row until then."""
    leased = {"lease": token, "leased_until_at": naive(until)}
    connection.execute(_outbox.update().where(_of(key, channel_id)).values(**leased))


def release(connection: sa.Connection, key: str, channel_id: str, token: str) -> None:
    """Ends the lease, if it is still this one."""
    mine = sa.and_(_of(key, channel_id), _outbox.c.lease == token)
    connection.execute(_outbox.update().where(mine).values(**_UNLEASED))


def settle(
    connection: sa.Connection, key: str, channel_id: str, values: Mapping[str, Any], token: str | None = None
) -> bool:
    """Writes what became of a row that was waiting, and ends its lease; False when another run has settled it, or holds
    it under another lease than ``token`` (None: under whatever lease)."""
    is_ours = sa.true() if token is None else _outbox.c.lease == token
    which = sa.and_(_of(key, channel_id), _outbox.c.state == "waiting", is_ours)
    return connection.execute(_outbox.update().where(which).values(**values, **_UNLEASED)).rowcount > 0


def give_up_others(connection: sa.Connection, channel_ids: Collection[str], until: datetime, reason: str) -> int:
    """Gives up what has waited since before an instant for channels other than these; returns how many rows."""
    c = _outbox.c
    which = sa.and_(c.state == "waiting", c.channel_id.not_in(list(channel_ids)), c.created_at < naive(until))
    given_up = _outbox.update().where(which).values(state="given_up", last_error=reason, **_UNLEASED)
    return connection.execute(given_up).rowcount


def forget(connection: sa.Connection, until: datetime) -> int:
    """Deletes rows written before an instant that wait no longer; returns how many."""
    old = sa.and_(_outbox.c.state != "waiting", _outbox.c.created_at < naive(until))
    return connection.execute(_outbox.delete().where(old)).rowcount


def _of(key: str, channel_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(_outbox.c.message_key == key, _outbox.c.channel_id == channel_id)
