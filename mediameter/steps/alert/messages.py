"""From incidents to the outbox: what has to be told goes there in the transaction that says it has been told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from mediameter.alerts import book, outbox
from mediameter.alerts.catalogue import sources_of
from mediameter.alerts.headlines import headline
from mediameter.alerts.incidents import IS_FIRING, Incident, ended
from mediameter.alerts.rule import Rule
from mediameter.alerts.sender import signed
from mediameter.alerts.telling import messages, news
from mediameter.settings import Settings


def tell(connection: sa.Connection, settings: Settings, rules: Sequence[Rule], now: datetime) -> tuple[int, list[str]]:
    """How many messages were put into the outbox, and what fires now."""
    tenant, by_name = settings.tenant, {rule.name: rule for rule in rules}
    unfinished = book.unfinished(connection, tenant)
    gone = [ended(each, now) for each in unfinished if each.is_open and not _is_judged(settings, by_name, each)]
    book.write(connection, tenant, gone)
    found = book.unfinished(connection, tenant) if gone else unfinished
    silences = [each for _, each, _ in book.silences(connection, tenant, now)]
    told, passed = news(by_name, found, silences, now)
    written = messages(by_name, told)
    for message in written:
        outbox.enqueue(connection, signed(message, settings), settings.alerts, now)
    book.write(connection, tenant, [*(each.incident for each in told), *passed])
    return len(written), [line(by_name.get(each.rule), each) for each in found if each.state == IS_FIRING]


def _is_judged(settings: Settings, rules: Mapping[str, Rule], incident: Incident) -> bool:
    rule = rules.get(incident.rule)
    if rule is None or rule.needs != "generations":
        return rule is not None
    return book.subject(incident.group) in sources_of(settings, rule)


def line(rule: Rule | None, incident: Incident) -> str:
    """A firing incident in one line."""
    what = headline(rule, incident.rule, incident.group, incident.value, incident.threshold)
    return f"{incident.severity}: {what}, since {incident.begin_at:%Y-%m-%d %H:%MZ} [{incident.rule}]"
