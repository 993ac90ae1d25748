"""What a scheduler tells people at once, with the warehouse down if need be: a flow failed, works again, is overdue."""

from __future__ import annotations

import uuid

from mediameter import terminal
from mediameter.alerts.channels import wanting
from mediameter.alerts.message import Message
from mediameter.alerts.notify import Delivery, notify
from mediameter.alerts.sender import signed
from mediameter.alerts.wording import one_line
from mediameter.errors import WorldError
from mediameter.scheduling.notice import in_one_line, retry_command
from mediameter.settings import load


def tell_failure(
    settings_path: str | None,
    flow: str,
    window: str,
    error: str,
    run_url: str | None = None,
    retry: str | None = None,
    key: str | None = None,
) -> list[Delivery]:
    """Tell the channels that a flow failed. ``key``: what a receiver knows a repeat by. Never raises: it runs where
    nobody catches.

    What could not be told goes to stderr, the whole message included, so that it stands at least in the log.
    """
    lines = (
        ("What", f"flow {flow} failed"),
        ("Window", window),
        ("Error", error),
        ("Retry", retry or retry_command(settings_path)),
        ("Run", run_url or ""),
    )
    title = f"[critical] mediameter {flow} failed ({window})"
    data = {"flow": flow, "window": window, "error": one_line(error)}
    return _tell(settings_path, Message(key or _new_key(), "critical", title, lines, f"flow-{flow}", data))


def tell_recovery(
    settings_path: str | None, flow: str, window: str, run_url: str | None = None, key: str | None = None
) -> list[Delivery]:
    """Tell those who heard that a flow failed that it works again. Never raises."""
    lines = (("What", f"flow {flow} works again"), ("Window", window), ("Run", run_url or ""))
    title = f"[resolved] mediameter {flow} works again ({window})"
    data = {"flow": flow, "window": window}
    return _tell(
        settings_path, Message(key or _new_key(), "critical", title, lines, f"flow-{flow}", data, is_resolved=True)
    )


def tell_overdue(settings_path: str | None, deployment: str, grace: str, key: str | None = None) -> list[Delivery]:
    """Tell the channels that no run of a deployment has ended for longer than it may. Never raises."""
    lines = (
        ("What", f"no run of {deployment} has ended for {grace}"),
        ("Look", "mediameter doctor; is there a worker, does a run hold the deployment's slot, is it paused?"),
        ("Retry", retry_command(settings_path)),
    )
    title = f"[critical] mediameter {deployment} does not run"
    data = {"deployment": deployment, "grace": grace}
    fingerprint = f"overdue-{deployment}"[:128]
    return _tell(settings_path, Message(key or _new_key(), "critical", title, lines, fingerprint, data))


def require_told(deliveries: list[Delivery]) -> None:
    """Raise ``WorldError`` when nobody was told."""
    if not any(delivery.delivered for delivery in deliveries):
        raise WorldError("no channel could be notified", "the log has the message and the reason")


def _tell(settings_path: str | None, message: Message) -> list[Delivery]:
    try:
        settings = load(settings_path)
    except Exception as trouble:  # the settings may be the very thing that failed, and they hold the channels
        _complain(message, f"the channels are unknown, {in_one_line(trouble)}")
        return []
    alerts, message = settings.alerts, signed(message, settings)
    channels = wanting(alerts.every_channel, [message.severity])
    if not channels:
        _complain(message, f"[alerts] names no channel for what is {message.severity}")
        return []
    deliveries = notify(message, channels, allow_private=alerts.allow_private_channels)
    lost = [f"{delivery.channel}: {delivery.reason}" for delivery in deliveries if not delivery.delivered]
    if lost:
        _complain(message, "; ".join(lost))
    return deliveries


def _new_key() -> str:
    """For what has no run that could lend it one."""
    return f"notice-{uuid.uuid4()}"


def _complain(message: Message, reason: str) -> None:
    terminal.complain(f"mediameter: a notification was not delivered: {one_line(reason)}")
    terminal.complain(f"{message.head()}\n{message.body()}")
