"""What people have to be told of incidents, and in which words. Pure; who sends it is the outbox.

What is to be told is the difference between what an incident is and what was told of it. So it does not matter which
run finds it, and a run that is killed before it commits has told nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, cast

from mediameter.alerts.headlines import headline
from mediameter.alerts.incidents import FLAPS, IS_FIRING, RESOLVED, Incident
from mediameter.alerts.message import Message, Severity
from mediameter.alerts.rule import EVERYTHING, INHIBITED_BY, INHIBITORS, Rule
from mediameter.alerts.sender import PRODUCT
from mediameter.numbers import told as quantity
from mediameter.numbers import told_apart

Change = Literal["firing", "worse", "again", "flapping", "still", "resolved", "over"]
NEWS = timedelta(days=3)
"""What ended longer ago is history: it is kept, and told by nobody."""
MOST_LINES = 5
"""Of more groups of one rule, one message tells."""
MOST_IN_DATA = 50
_RANK = {"": 0, RESOLVED: 0, "warning": 1, "critical": 2}
_TAGS: dict[Change, str] = {
    "firing": "{severity}",
    "worse": "now {severity}",
    "again": "{severity} again",
    "flapping": "{severity}, comes and goes",
    "still": "still {severity}",
    "resolved": "resolved",
    "over": "already ended",
}
"""What a title begins with, in brackets."""


class Silence(NamedTuple):
    """Nothing of these is told between two instants; ``*`` is all."""

    rule: str
    group: str
    begins_at: datetime
    ends_at: datetime

    def covers(self, incident: Incident, now: datetime) -> bool:
        is_meant = self.rule in (incident.rule, EVERYTHING) and self.group in (incident.group, EVERYTHING)
        return is_meant and self.begins_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class News:
    """One change of one incident, and the incident as it is once that is told."""

    change: Change
    incident: Incident

    @property
    def key(self) -> str:
        told = self.incident
        return hashlib.sha256(f"{told.incident_id}\0{self.change}\0{told.told_times}".encode()).hexdigest()[:40]


def news(
    rules: Mapping[str, Rule], incidents: Sequence[Incident], silences: Collection[Silence], now: datetime
) -> tuple[list[News], list[Incident]]:
    """What is to be told, and what is known now without a word (silenced, or history). ``incidents``: all that are
    open, and those that ended and of which not all was told."""
    firing = [each for each in incidents if each.state == IS_FIRING]
    told: list[News] = []
    passed: list[Incident] = []
    for incident in incidents:
        change = _change(rules.get(incident.rule), incident, now)
        if change is None:
            continue
        is_silent = any(silence.covers(incident, now) for silence in silences)
        is_old = now - incident.last_bad_at > NEWS
        if change == "resolved":  # who was told of the begin is owed the end, in a silence and years later, too
            told.append(News(change, _once_told(incident, now)))
        elif incident.state == RESOLVED and (is_old or is_silent):
            passed.append(replace(incident, told=RESOLVED))
        elif not is_silent and not _is_inhibited(rules.get(incident.rule), incident, firing):
            told.append(News(change, _once_told(incident, now)))
    return told, passed


def _change(rule: Rule | None, incident: Incident, now: datetime) -> Change | None:
    if incident.state == RESOLVED:
        return None if incident.told == RESOLVED else "resolved" if _RANK[incident.told] else "over"
    if incident.state != IS_FIRING:
        return None
    if not _RANK[incident.told]:
        if not incident.told_times:  # whatever it did before anybody heard of it
            return "firing"
        return "flapping" if incident.reopened >= FLAPS else "again"
    if _RANK[incident.severity] > _RANK[incident.told]:
        return "worse"
    repeat = timedelta(seconds=rule.repeat_s) if rule else timedelta(days=1)
    is_due = incident.told_at is not None and now - incident.told_at >= repeat
    return "still" if is_due and incident.reopened < FLAPS else None


def _is_inhibited(rule: Rule | None, incident: Incident, firing: Collection[Incident]) -> bool:
    """Whether a source that it rests on had fallen silent by then: that is told instead, until it speaks again."""
    if rule is None or rule.only_grows or incident.state == RESOLVED:  # what grows is bad whatever is still to come
        return False
    of = incident.group.split(" / ")[0]
    names = {*INHIBITORS[rule.needs], *INHIBITED_BY.get(rule.name, ())}
    inhibitors = [each for each in firing if each.rule in names and incident.last_bad_at >= each.begin_at]
    return any(each.rule != rule.name and (each.group == of or EVERYTHING in (each.group, of)) for each in inhibitors)


def _once_told(incident: Incident, now: datetime) -> Incident:
    told = incident.severity if incident.state == IS_FIRING else RESOLVED
    heard = " ".join(sorted({*incident.heard.split(), incident.severity}))
    return replace(incident, told=told, heard=heard, told_at=now, told_times=incident.told_times + 1)


# --- words -------------------------------------------------------------------------------------------------------


def messages(rules: Mapping[str, Rule], told: Sequence[News]) -> list[Message]:
    """The messages, in the order of rules: one a change, or one for many groups of a rule."""
    found: list[Message] = []
    by: dict[tuple[str, Change], list[News]] = {}
    for each in told:
        by.setdefault((each.incident.rule, each.change), []).append(each)
    for (name, _), together in sorted(by.items()):
        rule = rules.get(name)
        if len(together) > MOST_LINES:
            found.append(_of_many(name, rule, together))
        else:
            found += [_of_one(rule, each) for each in together]
    return found


def _of_one(rule: Rule | None, each: News) -> Message:
    incident, name = each.incident, each.incident.rule
    of = "" if incident.group == EVERYTHING else f" ({incident.group})"
    lines = [("What", f"{rule.title if rule else name}{of}")]
    lines += _figures(rule, incident)
    lines += [("Since", f"{incident.begin_at:%Y-%m-%d %H:%MZ}")]
    if incident.resolved_at:
        lines.append(("Ended", f"{incident.last_bad_at:%Y-%m-%d %H:%MZ}"))
    if incident.note:
        lines.append(("Note", incident.note))
    lines += _advice(rule, name)
    value = incident.value if incident.state == IS_FIRING else incident.worst_value
    what = headline(rule, name, incident.group, value, incident.threshold)
    return _message(each, each.key, incident.incident_id, what, lines, [each])


def _of_many(name: str, rule: Rule | None, together: list[News]) -> Message:
    key = hashlib.sha256("\0".join(sorted(each.key for each in together)).encode()).hexdigest()[:40]
    groups = [each.incident.group for each in together]
    shown = ", ".join(groups[:MOST_LINES]) + f" and {len(groups) - MOST_LINES:,} more"
    worst = max(together, key=lambda each: _RANK[each.incident.severity])
    lines = [("What", rule.title if rule else name), ("Which", shown)]
    lines += [*_figures(rule, worst.incident), *_advice(rule, name)]
    what = f"{rule.title if rule else name}: {len(together):,} groups"
    return _message(worst, key, "", what, lines, together)


def _message(
    worst: News, key: str, fingerprint: str, what: str, lines: list[tuple[str, str]], of: Sequence[News]
) -> Message:
    """It goes to whom its severity concerns, and where the beginning went."""
    incident = worst.incident
    title = f"[{_TAGS[worst.change].format(severity=incident.severity)}] {PRODUCT}: {what}"
    data = {
        "rule": incident.rule,
        "change": worst.change,
        "incidents": [_plain(each.incident) for each in of[:MOST_IN_DATA]],
        "incident_count": len(of),
    }
    severity = cast("Severity", incident.severity)
    is_over = worst.change in ("resolved", "over")
    heard = frozenset(severity for each in of for severity in each.incident.heard.split())
    return Message(key, severity, title, tuple(lines), fingerprint, data, is_over, heard)


def _plain(incident: Incident) -> dict[str, Any]:
    """What a program that gets the message may want to know."""
    return {
        "incident_id": incident.incident_id,
        "group": incident.group,
        "state": incident.state,
        "severity": incident.severity,
        "begin_at": incident.begin_at.isoformat(),
        "last_bad_at": incident.last_bad_at.isoformat(),
        "value": incident.value,
        "worst_value": incident.worst_value,
        "threshold": incident.threshold,
        "sample": incident.sample,
    }


def _figures(rule: Rule | None, incident: Incident) -> list[tuple[str, str]]:
    unit = rule.unit if rule else ""
    worst = "" if incident.worst_value == incident.value else f", at worst {quantity(incident.worst_value, unit)}"
    side = "above" if rule is None or rule.bands.is_above else "below"
    so_far = "at least " if rule and rule.is_growing else ""
    value, limit = told_apart(incident.value, incident.threshold, unit)
    value = f"{so_far}{value}{worst}; it is not to be {side} {limit}"
    sample = [("Rests on", quantity(incident.sample, rule.sample_unit))] if rule and rule.sample_unit else []
    return [("Value", value), *sample]


def _advice(rule: Rule | None, name: str) -> list[tuple[str, str]]:
    runbook = [("Do", " ".join(rule.runbook.split()))] if rule and rule.runbook else []
    return [*runbook, ("Look", f"mediameter alerts explain {name}")]
