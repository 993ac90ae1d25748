"""Who tells it, for whom, and where more of it stands: the lines that every message ends with."""

from __future__ import annotations

from dataclasses import replace

from mediameter.alerts.message import Message
from mediameter.settings import Settings

PRODUCT = "mediameter"


def signed(message: Message, settings: Settings) -> Message:
    """The message with its sender (product and tenant), and where the report lies."""
    lines = (("From", f"{PRODUCT}, tenant {settings.tenant}"), ("Report", settings.report_place))
    return replace(message, lines=(*message.lines, *lines), data={**message.data, "tenant": settings.tenant})
