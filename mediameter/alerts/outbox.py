"""Messages, written in the transaction of their cause and sent afterwards, at least once.

One row a message and channel. Every function works on a connection it is given, inside its writing transaction: writers
take turns, so what is read there stays as it is until it is written.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from mediameter.alerts.channels import Channel, channel_id, wanting
from mediameter.alerts.message import Message, from_payload
from mediameter.store import outbox as at_rest
from mediameter.store.warehouse import naive, tables

__all__ = ["Message", "Row", "Unsent", "enqueue", "give_up_unknown", "lease", "release", "settle", "sweep", "unsent"]

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=60)
FURTHEST = LONGEST_WAIT + timedelta(hours=1)
"""No instant that we write lies further ahead, not even by the clock of a machine that is an hour fast."""
GIVEN_UP_AFTER = timedelta(days=3)
LEAST_ATTEMPTS = 5
"""Before a message is given up: a clock that leaps three days ahead must not empty the outbox."""
UNKNOWN_AFTER = timedelta(days=1)
KEPT = timedelta(days=90)
"""How long rows that are done with stay, and with them the keys that would be a repeat."""
_MOST_OF_A_CHANNEL = 50  # rows of a lease; counted by channel, so that one which hangs takes no other's place

_outbox = tables["outbox"]


class AlertsSettings(Protocol):
    """What the settings say of channels."""

    @property
    def every_channel(self) -> tuple[Channel, ...]: ...


@dataclass(frozen=True, slots=True)
class Row:
    """A message that only this run may send to this channel, while the lease holds."""

    message: Message
    channel_id: str
    attempts: int
    created_at: datetime
    lease: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """A channel's undelivered messages: how many wait, since when, how many were given up, the last reason."""

    channel_id: str
    waiting: int
    given_up: int
    oldest_at: datetime
    last_error: str | None


# --- written -----------------------------------------------------------------------------------------
def enqueue(connection: sa.Connection, message: Message, alerts: AlertsSettings, now: datetime) -> int:
    """Writes a row for each channel that wants the message's severity, or has heard of what it is about; returns how
    many. One that is there already stays as it is: the same key twice is one message."""
    severities = {message.severity, *message.heard}
    wanted = list(dict.fromkeys(map(channel_id, wanting(alerts.every_channel, severities))))
    known = sa.select(_outbox.c.channel_id).where(_outbox.c.message_key == message.key)
    there = set(connection.execute(known).scalars())
    missing = [each for each in wanted if each not in there]
    if not missing:
        return 0
    last = connection.execute(sa.select(sa.func.max(_outbox.c.sequence))).scalar()
    shared = {
        "message_key": message.key,
        "sequence": (last or 0) + 1,
        "fingerprint": message.fingerprint,
        "severity": message.severity,
        "payload": message.payload(),
        "state": "waiting",
        "created_at": naive(now),
        "attempts": 0,
        "next_attempt_at": naive(now),
    }
    at_rest.add(connection, [{**shared, "channel_id": each} for each in missing])
    return len(missing)


# --- sent --------------------------------------------------------------------------------------------
def lease(connection: sa.Connection, known: Collection[str], now: datetime, lasting: timedelta) -> list[Row]:
    """Takes what is due on these channels, oldest first: no other run gets these rows until the lease has run out.

    Of an incident, a channel's later messages are due when the earlier ones are done with. Instants that are further
    ahead than clocks of two machines differ are of a clock that was set back since, and do not count.
    """
    c = _outbox.c
    waiting = sa.and_(c.state == "waiting", c.channel_id.in_(list(known)))
    query = sa.select(_outbox).where(waiting).order_by(c.sequence, c.message_key, c.channel_id)
    token, taken, rows = uuid.uuid4().hex, Counter[str](), []
    for row in _foremost(connection.execute(query).mappings()):
        if taken[row["channel_id"]] < _MOST_OF_A_CHANNEL and _is_due(row, naive(now)):
            taken[row["channel_id"]] += 1
            at_rest.lease(connection, row["message_key"], row["channel_id"], token, now + lasting)
            rows.append(_row(row, token))
    return rows


def _foremost(rows: Iterable[sa.RowMapping]) -> list[sa.RowMapping]:
    """Of each channel and incident the earliest row; all rows that are about none."""
    seen: set[tuple[str, str]] = set()
    found = []
    for row in rows:
        line = (row["channel_id"], row["fingerprint"])
        if line not in seen:
            found.append(row)
        if row["fingerprint"]:
            seen.add(line)
    return found


def _is_due(row: sa.RowMapping, now: datetime) -> bool:
    return not any(
        at is not None and now < at <= now + FURTHEST for at in (row["leased_until_at"], row["next_attempt_at"])
    )


def _row(row: sa.RowMapping, token: str) -> Row:
    created_at = row["created_at"].replace(tzinfo=UTC)
    return Row(from_payload(row["payload"]), row["channel_id"], row["attempts"], created_at, token)


def settle(connection: sa.Connection, row: Row, reason: str, now: datetime) -> str:
    """What became of a row: delivered where there is no reason why not, else waiting for its next attempt, or given
    up. Returns the state, and "superseded" where another run has taken the row over and knows better.

    Only a delivery is believed from a run whose lease has run out: it has happened.
    """
    if not reason:
        values = {"state": "delivered", "delivered_at": naive(now), "last_error": None}
        return _settled(connection, row, values)
    attempts = row.attempts + 1
    is_over = now - row.created_at > GIVEN_UP_AFTER and attempts >= LEAST_ATTEMPTS
    values = {"state": "given_up" if is_over else "waiting", "last_error": reason}
    values["next_attempt_at"] = naive(now + wait_after(attempts))
    return _settled(connection, row, values, row.lease)


def _settled(connection: sa.Connection, row: Row, values: dict[str, Any], lease: str | None = None) -> str:
    values = {**values, "attempts": row.attempts + 1}
    is_ours = at_rest.settle(connection, row.message.key, row.channel_id, values, lease)
    return str(values["state"]) if is_ours else "superseded"


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1, 2, 4 … minutes, at most an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 16)))


def release(connection: sa.Connection, rows: Iterable[Row]) -> None:
    """Gives rows back that were leased and not tried: they are due again at once."""
    for row in rows:
        at_rest.release(connection, row.message.key, row.channel_id, row.lease)


def give_up_unknown(connection: sa.Connection, known: Collection[str], now: datetime) -> int:
    """Gives up what has waited for a day for channels that are not in the settings; returns how many rows. Not at once:
    somebody else's settings, with no channels, may have been used for a single run."""
    return at_rest.give_up_others(connection, known, now - UNKNOWN_AFTER, "the channel is not in the settings any more")


def sweep(connection: sa.Connection, now: datetime) -> int:
    """Deletes rows that have been done with for long; returns how many."""
    return at_rest.forget(connection, now - KEPT)


# --- read --------------------------------------------------------------------------------------------
def unsent(connection: sa.Connection, now: datetime, *, late_after: timedelta, told_for: timedelta) -> list[Unsent]:
    """By channel, what has waited for longer than ``late_after``, and what was given up of the messages of the last
    ``told_for``."""
    c = _outbox.c
    waiting = sa.and_(c.state == "waiting", c.created_at < naive(now - late_after))
    given_up = sa.and_(c.state == "given_up", c.created_at >= naive(now - told_for))
    query = sa.select(c.channel_id, c.state, c.created_at, c.last_error).where(sa.or_(waiting, given_up))
    found: dict[str, list[sa.Row[Any]]] = {}
    for row in connection.execute(query.order_by(c.channel_id, c.sequence)):
        found.setdefault(row.channel_id, []).append(row)
    return [_unsent(channel, rows) for channel, rows in found.items()]


def _unsent(channel: str, rows: list[sa.Row[Any]]) -> Unsent:
    waiting = sum(row.state == "waiting" for row in rows)
    reasons = [row.last_error for row in rows if row.last_error]
    oldest = min(row.created_at for row in rows).replace(tzinfo=UTC)
    return Unsent(channel, waiting, len(rows) - waiting, oldest, reasons[-1] if reasons else None)
