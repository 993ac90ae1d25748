"""Whom a failing run tells: each channel is one that Apprise knows and that we may call; on request it is tried."""

from __future__ import annotations

from collections.abc import Iterator

from mediameter.alerts.channels import redacted, refusal
from mediameter.alerts.message import Message
from mediameter.alerts.notify import notify
from mediameter.doctor.case import Case
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, warning
from mediameter.settings import Channel

SEND_TIMEOUT_S = 10.0
REMEDY = "mend it in [alerts] notify or channels; apprise's pages list the form of each service's URL"


def channels(case: Case) -> Iterator[Finding]:
    alerts = case.settings.alerts
    if not alerts.every_channel:
        remedy = 'add [alerts] notify = ["env:SLACK_URL"], or any URL that Apprise knows'
        yield warning("[alerts] notify", "no channel: nobody is told when a run fails", remedy)
    sound = []
    for channel in alerts.every_channel:
        reason = refusal(channel, allow_private=alerts.allow_private_channels)
        if reason:
            yield error(redacted(channel.url), reason, REMEDY)
            continue
        sound.append(channel)
        if not case.send_test:
            yield ok(redacted(channel.url), "it may be called; --send-test tries it")
    if case.send_test:
        yield from _tried(sound, case)


def _tried(sound: list[Channel], case: Case) -> Iterator[Finding]:
    """Each channel gets a message, whatever severities it wants."""
    what = "Nothing has happened. Messages of mediameter will come here."
    key = f"doctor-{case.clock():%Y%m%dT%H%M%S%f}"
    message = Message(key, "info", "[info] mediameter doctor: a test", (("What", what),))
    allowed = case.settings.alerts.allow_private_channels
    for told in notify(message, sound, timeout_s=SEND_TIMEOUT_S, allow_private=allowed):
        if told.delivered:
            yield ok(told.channel, "a test notice was delivered")
        else:
            yield error(told.channel, f"a test notice was not delivered: {told.reason}", REMEDY)


CHANNELS: tuple[Check[Case], ...] = (Check("channels", channels, limit_s=SEND_TIMEOUT_S + 10),)
