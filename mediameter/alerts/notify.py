"""Sends a message at once, whatever else is down.

It needs neither the warehouse nor the lake nor Prefect: a message goes in, one delivery per channel comes out. What
may wait goes through the outbox instead, which tries again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mediameter.alerts.channels import Channel, redacted, sent
from mediameter.alerts.message import Message


@dataclass(frozen=True)
class Delivery:
    """The result of a message on one channel. ``channel`` is redacted; ``reason`` is empty if it was delivered."""

    channel: str
    delivered: bool
    reason: str = ""


def notify(
    message: Message, channels: Sequence[Channel], *, timeout_s: float = 10.0, allow_private: bool = False
) -> list[Delivery]:
    """Send to every channel at the same time; one delivery per channel, in their order. Never raises.

    A channel that hangs costs ``timeout_s`` seconds and no other channel anything. It may still deliver afterwards:
    "not delivered" means "not known to be delivered". ``allow_private`` lets webhooks reach private addresses and
    go without TLS, for a network of one's own.
    """
    deadline = time.monotonic() + timeout_s
    outcomes: list[Delivery | None] = [None] * len(channels)

    def deliver(position: int, channel: Channel) -> None:
        reason = sent(channel, message, timeout_s=timeout_s, allow_private=allow_private)
        outcomes[position] = Delivery(redacted(channel.url), not reason, reason)

    # Daemons, not a pool: a pool's threads are joined at exit, and a hanging webhook would keep the run from ending.
    threads = [threading.Thread(target=deliver, args=pair, daemon=True) for pair in enumerate(channels)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    silent = f"no answer within {timeout_s:g} s"
    return [
        outcome or Delivery(redacted(channel.url), False, silent)
        for channel, outcome in zip(channels, outcomes, strict=True)
    ]
