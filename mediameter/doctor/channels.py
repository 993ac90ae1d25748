"""What is told, and to whom: each rule can be understood; each channel is one that may be called; on request it is."""

from __future__ import annotations

from collections.abc import Iterator

from mediameter.alerts.catalogue import catalogue
from mediameter.alerts.channels import redacted, refusal
from mediameter.alerts.message import Message
from mediameter.alerts.notify import notify
from mediameter.alerts.rule_files import rules as from_files
from mediameter.alerts.rule_tests import outcomes
from mediameter.alerts.sender import signed
from mediameter.doctor.case import Case
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, warning
from mediameter.errors import UserError
from mediameter.settings import Channel

SEND_TIMEOUT_S = 10.0
REMEDY = "correct [alerts] notify or channels; Apprise's pages list each service's URL"


def channels(case: Case) -> Iterator[Finding]:
    alerts = case.settings.alerts
    if not alerts.every_channel:
        remedy = 'add [alerts] notify = ["env:SLACK_URL"], or any URL that Apprise knows'
        yield warning("[alerts] notify", "no channel: nobody is notified if a run fails", remedy)
    sound = []
    for channel in alerts.every_channel:
        reason = refusal(channel, allow_private=alerts.allow_private_channels)
        if reason:
            yield error(redacted(channel.url), reason, REMEDY)
            continue
        sound.append(channel)
        if not case.send_test:
            yield ok(redacted(channel.url), "may be called; --send-test sends a test message")
    if case.send_test:
        yield from _tried(sound, case)


def _tried(sound: list[Channel], case: Case) -> Iterator[Finding]:
    """Each channel gets a message, whatever severities it wants."""
    what = "Nothing has happened. Messages of mediameter will come here."
    key = f"doctor-{case.clock():%Y%m%dT%H%M%S%f}"
    message = signed(Message(key, "info", "[info] mediameter doctor: a test", (("What", what),)), case.settings)
    allowed = case.settings.alerts.allow_private_channels
    for told in notify(message, sound, timeout_s=SEND_TIMEOUT_S, allow_private=allowed):
        if told.delivered:
            yield ok(told.channel, "a test message was delivered")
        else:
            yield error(told.channel, f"a test message was not delivered: {told.reason}", REMEDY)


def rules(case: Case) -> Iterator[Finding]:
    """Whether every rule can be understood, and does what the tests in its file say."""
    try:
        known = catalogue(case.settings)
        failed = [each for rule in from_files(case.settings.folder) for each in outcomes(rule) if not each.is_passed]
    except UserError as trouble:
        yield error("rules of alerts", trouble.message, trouble.remedy)
        return
    for each in failed:
        found = f"{each.about}: wanted {each.wanted}, got {each.got}"
        yield error(f"rule {each.rule}", found, "after fixing it: `mediameter alerts test`")
    asleep = sum(bool(rule.dormant) for rule in known)
    if not failed:
        yield ok(
            "rules of alerts", f"{len(known) - asleep} are judged, {asleep} are disabled (`mediameter alerts list`)"
        )


CHANNELS: tuple[Check[Case], ...] = (
    Check("channels", channels, limit_s=SEND_TIMEOUT_S + 10),
    Check("rules", rules),
)
