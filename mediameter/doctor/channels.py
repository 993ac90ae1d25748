"""Whom a failing run tells: each channel is one that Apprise knows and that we may call; on request it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mediameter.alerts.notify import Notice, notify, redacted, refusal
from mediameter.doctor.case import Case
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, warning

SEND_TIMEOUT_S = 10.0
REMEDY = "mend it in [alerts] notify; apprise's pages list the form of each service's URL"


@dataclass(frozen=True)
class TestNotice(Notice):
    """Says of itself that nothing has happened."""

    __test__ = False  # pytest: this is no test

    def title(self) -> str:
        return "[info] mediameter doctor: a test"

    def body(self) -> str:
        return "Nothing has happened. Notices about failed runs of mediameter will come here."


def channels(case: Case) -> Iterator[Finding]:
    alerts = case.settings.alerts
    if not alerts.notify:
        remedy = 'add [alerts] notify = ["env:SLACK_URL"], or any URL that Apprise knows'
        yield warning("[alerts] notify", "no channel: nobody is told when a run fails", remedy)
    sound = []
    for channel in alerts.notify:
        reason = refusal(channel, allow_private=alerts.allow_private_channels)
        if reason:
            yield error(redacted(channel), reason, REMEDY)
            continue
        sound.append(channel)
        if not case.send_test:
            yield ok(redacted(channel), "Apprise knows the service; --send-test tries it")
    if case.send_test:
        test = TestNotice("doctor", "", "", "", severity="info")
        for told in notify(test, sound, timeout_s=SEND_TIMEOUT_S, allow_private=alerts.allow_private_channels):
            if told.delivered:
                yield ok(told.channel, "a test notice was delivered")
            else:
                yield error(told.channel, f"a test notice was not delivered: {told.reason}", REMEDY)


CHANNELS: tuple[Check[Case], ...] = (Check("channels", channels, limit_s=SEND_TIMEOUT_S + 10),)
