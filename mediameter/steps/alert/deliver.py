"""The outbox, sent: all channels at the same time, each message settled as soon as its fate is known.

Killed anywhere, nothing is lost: what was leased is due again when the lease has run out, and what was sent but not
settled is sent again under the same key.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mediameter.alerts import outbox
from mediameter.alerts.channels import Channel, channel_id, reason, sender, shown, without_url
from mediameter.alerts.outbox import Row
from mediameter.connect import transact
from mediameter.faults import point
from mediameter.opening.opened import opened
from mediameter.settings import Settings

SEND_TIMEOUT_S = 10.0
"""What one message may take."""
CHANNEL_TIMEOUT_S = 30.0
"""What all messages of a channel may take in one run; the others stay for the next."""
LEASE = timedelta(minutes=5)
"""Longer than a run sends, so that no row is another's before it is settled."""


@dataclass(slots=True)
class DeliverReport:
    """What became of messages in this run, a row a message and channel. ``failed``: channel and reason, once each."""

    delivered: int = 0
    waiting: int = 0
    given_up: int = 0
    failed: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Fate:
    """Why a row was not delivered, or nothing; ``None``: it was not tried."""

    row: Row
    reason: str | None


def deliver(settings: Settings, *, now: datetime) -> DeliverReport:
    """Send what is due. ``now`` is to be the present, since leases are told by it. A channel that hangs delays no other
    one. Raises ``WorldError`` when the warehouse cannot be had; never because of a channel."""
    report = DeliverReport()
    begin = time.monotonic()

    def at() -> datetime:
        return now + timedelta(seconds=time.monotonic() - begin)

    with opened(settings) as made:
        # What an incident has to say next is due when the message before it is told.
        while _round(made, settings, at, report) and time.monotonic() - begin < CHANNEL_TIMEOUT_S:
            pass
    return report


def _round(made: sa.Engine, settings: Settings, at: Callable[[], datetime], report: DeliverReport) -> bool:
    """Send what is due now; whether more may be due afterwards."""
    channels: dict[str, Channel] = {channel_id(each): each for each in settings.alerts.every_channel}
    rows = _leased(made, channels, at(), report)
    is_clear, delivered = True, report.delivered
    for fate in _sent(rows, channels, settings.alerts.allow_private_channels):
        _settle(made, fate, channels[fate.row.channel_id], at(), report)
        is_clear &= fate.reason is not None
    return is_clear and report.delivered > delivered


def _leased(
    made: sa.Engine, channels: dict[str, Channel], now: datetime, report: DeliverReport
) -> dict[str, list[Row]]:
    """The rows that this run is to send, by channel, in their order."""

    def take(connection: sa.Connection) -> tuple[list[Row], int]:
        given_up = outbox.give_up_unknown(connection, channels, now)
        outbox.sweep(connection, now)
        rows = outbox.lease(connection, channels, now, LEASE)
        point("deliver.before_lease")
        return rows, given_up

    rows, given_up = transact(made, take)
    report.given_up += given_up
    point("deliver.leased")
    by_channel: dict[str, list[Row]] = {}
    for row in rows:
        by_channel.setdefault(row.channel_id, []).append(row)
    return by_channel


def _sent(rows: dict[str, list[Row]], channels: dict[str, Channel], allow_private: bool) -> Iterator[_Fate]:
    """The fate of every row, as soon as it is known: a thread a channel, none waited for longer than it may take."""
    fates: queue.SimpleQueue[_Fate] = queue.SimpleQueue()
    deadline = time.monotonic() + CHANNEL_TIMEOUT_S
    for name, mine in rows.items():
        # Daemons: a channel that hangs must not keep the run from ending.
        work = (channels[name], mine, allow_private, deadline, fates)
        threading.Thread(target=_send_all, args=work, daemon=True).start()
    open_rows = {(row.message.key, row.channel_id): row for each in rows.values() for row in each}
    while open_rows:
        try:
            fate = fates.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        del open_rows[fate.row.message.key, fate.row.channel_id]
        yield fate
    yield from _given_no_answer(open_rows.values())


def _given_no_answer(rows: Iterable[Row]) -> Iterator[_Fate]:
    """Of each channel that hangs, the first row that is open is the one that it hangs at; the others were not tried."""
    hanging: set[str] = set()
    for row in rows:
        is_first = row.channel_id not in hanging
        hanging.add(row.channel_id)
        yield _Fate(row, f"no answer within {CHANNEL_TIMEOUT_S:g} s" if is_first else None)


def _send_all(
    channel: Channel, rows: list[Row], allow_private: bool, deadline: float, fates: queue.SimpleQueue[_Fate]
) -> None:
    """Send a channel's rows one after the other; those that there is no time for were not tried."""
    send = None  # one for all: Apprise's services keep their own pace
    for row in rows:
        if deadline - time.monotonic() < SEND_TIMEOUT_S / 2:
            fates.put(_Fate(row, None))
            continue
        point("deliver.before_send")
        try:
            send = send or sender(channel, timeout_s=SEND_TIMEOUT_S, allow_private=allow_private)
            why = without_url(channel, send(row.message))
        except Exception as error:  # whatever a plugin of Apprise raises
            why = reason(channel, error)
        point("deliver.sent")
        fates.put(_Fate(row, why))


def _settle(made: sa.Engine, fate: _Fate, channel: Channel, now: datetime, report: DeliverReport) -> None:
    def write(connection: sa.Connection) -> str:
        if fate.reason is None:
            outbox.release(connection, [fate.row])
            state = "waiting"
        else:
            state = outbox.settle(connection, fate.row, fate.reason, now)
        point("deliver.before_settle")
        return state

    state = transact(made, write)
    point("deliver.settled")
    report.delivered += state == "delivered"
    report.waiting += state == "waiting"
    report.given_up += state == "given_up"
    why = f"{shown(channel)}: {fate.reason}"
    if fate.reason and why not in report.failed:
        report.failed.append(why)
