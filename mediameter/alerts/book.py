"""Verdicts by window, incidents and silences in the warehouse. All functions work on the caller's connection."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mediameter.alerts.continuity import Changed, carried
from mediameter.alerts.evaluate import NOT_YET_KNOWABLE, Judged
from mediameter.alerts.incidents import DROPPED, IS_FIRING, PENDING, RESOLVED, Incident, fingerprint, followed
from mediameter.alerts.rule import EVERYTHING, Rule, is_rest
from mediameter.alerts.telling import Silence
from mediameter.metering import calendar
from mediameter.store import incidents as incident_rows
from mediameter.store import silences as silence_rows
from mediameter.store import verdicts
from mediameter.store.warehouse import naive, tables
from schemas.alerts import ALERT_SILENCES, ALERT_WINDOWS, INCIDENTS

KEPT = timedelta(days=35)
_windows, _incidents, _silences = (tables[each.name] for each in (ALERT_WINDOWS, INCIDENTS, ALERT_SILENCES))
Key = tuple[str, str, datetime]


# --- windows -------------------------------------------------------------------------------------------------


def windows(
    connection: sa.Connection, tenant: str, rules: Collection[str], ends: tuple[datetime, datetime] | None = None
) -> list[Judged]:
    """What is known of these rules, by rule, group and time. ``ends``: of windows that end after the one instant, and
    at the other at the latest; not by their day, which may have been of another zone."""
    query = sa.select(_windows).where(_windows.c.tenant == tenant, _windows.c.rule.in_(list(rules)))
    if ends:
        query = query.where(_windows.c.end_at > naive(ends[0]), _windows.c.end_at <= naive(ends[1]))
    query = query.order_by(_windows.c.rule, _windows.c.check_group, _windows.c.end_at)
    return [_judged(row) for row in connection.execute(query).mappings()]


def replace_windows(
    connection: sa.Connection, tenant: str, zone: ZoneInfo, known: Sequence[Judged], found: Sequence[Judged]
) -> list[Changed]:
    """Lets ``found`` be what is known in place of ``known``; returns what differs, in the order of time."""
    before = {_key(each): each for each in known}
    after = {_key(each): each for each in found}
    changed = [Changed(before.get(at), after.get(at)) for at in {**before, **after} if before.get(at) != after.get(at)]
    rows = [_row(tenant, zone, each.now) for each in changed if each.now]
    verdicts.replace_windows(connection, tenant, (_key(each.before) for each in changed if each.before), rows)
    return sorted(changed, key=lambda each: (each.of.end, each.of.rule, each.of.group))


def subject(group: str) -> str:
    """The source of a group, if it has one. Each source's verdicts arrive in order, independently of other sources."""
    return group.split(" / ")[0]


def is_one_of_many(rule: Rule, group: str) -> bool:
    """Whether a rule has a row of the group only where it fires, or something of it is open."""
    return len(rule.group_by) > (rule.needs == "generations") and group != summary(rule, group)


def summary(rule: Rule, group: str) -> str:
    """The group whose row only says that the window was judged."""
    return subject(group) if rule.needs == "generations" else EVERYTHING


def forget(connection: sa.Connection, tenant: str, now: datetime) -> None:
    """Verdicts by window are kept for ``KEPT``; by day they stand in alert_checks_daily."""
    verdicts.forget_windows(connection, tenant, now - KEPT)


def _key(each: Judged) -> Key:
    return each.rule, each.group, each.end


def _row(tenant: str, zone: ZoneInfo, each: Judged) -> tuple[object, ...]:
    return (tenant, each.rule, each.group, each.end, each.begin, day_of(each, zone), each.value, each.threshold,
            each.verdict, each.sample)  # fmt: skip


def day_of(each: Judged, zone: ZoneInfo) -> date:
    """The reporting day that a window ends on."""
    return calendar.day_of(each.end - timedelta(microseconds=1), zone)


def _judged(row: sa.RowMapping) -> Judged:
    return Judged(
        row["rule"], row["check_group"], _aware(row["begin_at"]), _aware(row["end_at"]), row["value"], row["threshold"],
        row["verdict"], int(row["sample"]),
    )  # fmt: skip


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)


# --- incidents -----------------------------------------------------------------------------------------------


def unfinished(connection: sa.Connection, tenant: str) -> list[Incident]:
    """Open incidents, and ended ones whose last messages were not sent yet."""
    some = sa.or_(_incidents.c.state.in_((PENDING, IS_FIRING)), _incidents.c.told != RESOLVED)
    return _read(connection, tenant, some)


def incidents(connection: sa.Connection, tenant: str, since: datetime) -> list[Incident]:
    """Incidents that were bad since then, and open ones, sorted by their begin."""
    some = sa.or_(_incidents.c.last_bad_at >= naive(since), _incidents.c.state != RESOLVED)
    return _read(connection, tenant, some)


def _read(connection: sa.Connection, tenant: str, which: sa.ColumnElement[bool]) -> list[Incident]:
    query = sa.select(_incidents).where(_incidents.c.tenant == tenant, which)
    rows = connection.execute(query.order_by(_incidents.c.begin_at, _incidents.c.incident_id)).mappings()
    return [_incident(row) for row in rows]


def unjudged(
    connection: sa.Connection, tenant: str, rules: Sequence[Rule], ends: tuple[datetime, datetime]
) -> set[str]:
    """Rules with an open incident of a group that has no verdicts between two instants, although the rule was judged
    there: late data revealed the incident after the later windows were judged."""
    named = {rule.name: rule for rule in rules}
    query = sa.and_(_incidents.c.state != RESOLVED, _incidents.c.begin_at < naive(ends[1]))
    opened = [each for each in _read(connection, tenant, query) if each.rule in named]
    opened = [each for each in opened if is_one_of_many(named[each.rule], each.group) and not is_rest(each.group)]
    there: dict[tuple[str, str], set[datetime]] = defaultdict(set)
    for each in windows(connection, tenant, {one.rule for one in opened}, ends):
        there[each.rule, each.group].add(each.end)
    return {
        each.rule
        for each in opened
        if there[each.rule, summary(named[each.rule], each.group)] - there[each.rule, each.group]
    }


def fold(
    connection: sa.Connection, rules: Sequence[Rule], tenant: str, changes: Sequence[Changed], now: datetime
) -> None:
    """Lets the rules' incidents follow these verdicts, which stand in ``alert_windows`` already."""
    groups: dict[tuple[str, str], list[Changed]] = defaultdict(list)
    for each in changes:
        if each.of.end >= now - KEPT:
            groups[each.of.rule, each.of.group].append(each)
    named, spans = {rule.name: rule for rule in rules}, _spans(connection, tenant, changes) if groups else {}
    for name, group in spans:
        if is_rest(group) and any(each.of.rule == name for each in changes):
            groups[name, group] += []  # has a row only while there are so many: without one, it has ended
    for (name, group), of_group in groups.items():
        of = spans.get((name, group), [])
        if (is_rest(group) and of) or any(_matters(named[name], each, of) for each in of_group):
            _fold_group(connection, named[name], tenant, group, of_group, now)


def _spans(
    connection: sa.Connection, tenant: str, changes: Sequence[Changed]
) -> dict[tuple[str, str], list[tuple[datetime, datetime | None]]]:
    """Begin and end of each incident that had not ended before the first of these windows, by rule and group."""
    first = min(each.of.begin for each in changes)
    some = sa.or_(_incidents.c.state != RESOLVED, _incidents.c.resolved_at >= naive(first))
    found: dict[tuple[str, str], list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for each in _read(connection, tenant, sa.and_(some, _incidents.c.bad_windows > 0)):
        found[each.rule, each.group].append((each.begin_at, each.resolved_at))
    return found


def _matters(rule: Rule, changed: Changed, spans: Sequence[tuple[datetime, datetime | None]]) -> bool:
    """What is bad always does; what is fine, or not known, where it may end an incident, or no longer does: also one
    that was dropped since it had not lasted."""
    if changed.is_bad or changed.was_bad or (rule.hold_s and changed.had_said):
        return True
    end = changed.of.end
    return any(begin < end and (over is None or end <= over) for begin, over in spans)


def _fold_group(
    connection: sa.Connection, rule: Rule, tenant: str, group: str, changes: Sequence[Changed], now: datetime
) -> None:
    known = _read(connection, tenant, _incidents.c.fingerprint == fingerprint(tenant, rule.name, group))
    real = [each for each in known if each.bad_windows]
    if rule.is_now or _are_newest(connection, tenant, rule.name, group, changes):
        seed, windows = next(iter(real[-1:]), None), [each.now for each in changes if each.now]
    else:
        # Of incidents that began before what is remembered, the past stays as it is.
        seed = next((each for each in reversed(real) if each.begin_at < now - KEPT), None)
        after = max(now - KEPT, seed.judged_through_at) if seed else now - KEPT
        windows = _remembered(connection, tenant, rule, group, after)
    ids = {each.incident_id for each in known}
    known = [each for each in known if seed is None or each.begin_at >= seed.begin_at]
    found = followed(rule, tenant, seed, windows)
    found = carried(rule, tenant, known, found, [] if rule.is_now else changes, now, ids)
    write(connection, tenant, [each for each in found if each not in known])


def _are_newest(connection: sa.Connection, tenant: str, rule: str, group: str, changes: Sequence[Changed]) -> bool:
    """Whether nothing was known of these windows, nor of any later one: then the incidents simply go on."""
    fresh = [each.of.end for each in changes if each.now and each.now.verdict != NOT_YET_KNOWABLE]
    if not fresh or any(each.before and each.before.verdict != NOT_YET_KNOWABLE for each in changes):
        return False
    of = (_windows.c.tenant == tenant, _windows.c.rule == rule, _windows.c.check_group == group)
    behind = (_windows.c.end_at >= naive(min(fresh)), _windows.c.verdict != NOT_YET_KNOWABLE)
    return connection.execute(sa.select(sa.func.count()).where(*of, *behind)).scalar() == len(fresh)


def _remembered(connection: sa.Connection, tenant: str, rule: Rule, group: str, after: datetime) -> list[Judged]:
    """The windows of a group that end after an instant. A group without a row did not fire if its rule was judged: rows
    are kept only of groups that fired, and of fine groups while an incident of theirs is open."""
    names = {group, summary(rule, group)} if is_one_of_many(rule, group) else {group}
    which = (_windows.c.tenant == tenant, _windows.c.rule == rule.name, _windows.c.check_group.in_(names))
    query = sa.select(_windows).where(*which, _windows.c.end_at > naive(after)).order_by(_windows.c.end_at)
    rows = [_judged(row) for row in connection.execute(query).mappings()]
    own = {each.end for each in rows if each.group == group}
    return [each._replace(group=group) for each in rows if each.group == group or each.end not in own]


def write(connection: sa.Connection, tenant: str, changed: Iterable[Incident]) -> None:
    """Replaces these incidents, and deletes dropped ones."""
    every = list(changed)
    rows = [_stored(tenant, each) for each in every if each.state != DROPPED]
    incident_rows.replace(connection, [each.incident_id for each in every], rows)


def _stored(tenant: str, each: Incident) -> tuple[object, ...]:
    values = asdict(each) | {
        "tenant": tenant, "fingerprint": fingerprint(tenant, each.rule, each.group), "check_group": each.group
    }  # fmt: skip
    return tuple(values[name] for name in INCIDENTS.names)


def _incident(row: sa.RowMapping) -> Incident:
    values: dict[str, Any] = {
        name: _aware(value) if isinstance(value, datetime) else value for name, value in row.items()
    }
    values |= {"group": row["check_group"], "is_late": bool(row["is_late"])}
    return Incident(**{each.name: values[each.name] for each in fields(Incident)})


# --- silences ------------------------------------------------------------------------------------------------


def silences(connection: sa.Connection, tenant: str, now: datetime) -> list[tuple[str, Silence, str]]:
    """Silences that hold now or later: id, rule and group, reason."""
    query = sa.select(_silences).where(_silences.c.tenant == tenant, _silences.c.ends_at > naive(now))
    rows = connection.execute(query.order_by(_silences.c.begins_at, _silences.c.silence_id)).mappings()
    return [
        (row["silence_id"], Silence(row["rule"], row["check_group"], _aware(row["begins_at"]), _aware(row["ends_at"])),
         row["reason"])
        for row in rows
    ]  # fmt: skip


def silence(connection: sa.Connection, tenant: str, asked: Silence, reason: str) -> str:
    """Keeps a silence, and returns its id."""
    silence_id = uuid.uuid4().hex
    row = (tenant, silence_id, asked.rule, asked.group, asked.begins_at, asked.ends_at, reason)
    silence_rows.add(connection, row)
    return silence_id


def end_silences(connection: sa.Connection, tenant: str, rule: str, group: str, now: datetime) -> int:
    """Ends the silences of a rule and group; returns how many."""
    return silence_rows.end(connection, tenant, rule, group, now)
