"""What alerts remember, at rest: verdicts by window, incidents, silences. Works on the connection that it is given."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mediameter.alerts.evaluate import FIRING, NOT_YET_KNOWABLE, Judged
from mediameter.alerts.incidents import (
    DROPPED,
    IS_FIRING,
    PENDING,
    RESOLVED,
    Incident,
    advanced,
    amended,
    fingerprint,
    grown,
)
from mediameter.alerts.rule import EVERYTHING, Rule
from mediameter.alerts.telling import Silence
from mediameter.warehouse import frame_of, insert, naive, tables
from schemas.alerts import ALERT_SILENCES, ALERT_WINDOWS, INCIDENTS

KEPT = timedelta(days=35)
_windows, _incidents, _silences = (tables[each.name] for each in (ALERT_WINDOWS, INCIDENTS, ALERT_SILENCES))
Key = tuple[str, str, datetime]


class Changed(NamedTuple):
    """A verdict that was not there before, or was another one."""

    before: Judged | None
    now: Judged


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
    changed = [Changed(before.get(at), each) for at, each in after.items() if before.get(at) != each]
    gone = [at for at in before if before[at] != after.get(at)]
    for rule, group, end in gone:
        which = (_windows.c.rule == rule, _windows.c.check_group == group, _windows.c.end_at == naive(end))
        connection.execute(_windows.delete().where(_windows.c.tenant == tenant, *which))
    insert(connection, ALERT_WINDOWS, frame_of([_row(tenant, zone, each.now) for each in changed], ALERT_WINDOWS))
    return sorted(changed, key=lambda each: (each.now.end, each.now.rule, each.now.group))


def known_through(connection: sa.Connection, tenant: str, rules: Sequence[Rule]) -> dict[tuple[str, str], datetime]:
    """The end of the latest window that was complete when it was judged, by rule and subject. Where a measure only
    grows, of a window that fires nobody knows whether it was."""
    columns = (_windows.c.rule, _windows.c.check_group, sa.func.max(_windows.c.end_at))
    early = _windows.c.rule.in_([rule.name for rule in rules if rule.only_grows]) & _windows.c.verdict.in_(FIRING)
    query = sa.select(*columns).where(_windows.c.tenant == tenant, _windows.c.verdict != NOT_YET_KNOWABLE, ~early)
    found: dict[tuple[str, str], datetime] = {}
    for rule, group, end in connection.execute(query.group_by(*columns[:2])):
        at = (rule, subject(group))
        found[at] = max(found.get(at, datetime.min.replace(tzinfo=UTC)), _aware(end))
    return found


def subject(group: str) -> str:
    """The source that a group is of, where it is of one: verdicts of one come in their order, whatever others do."""
    return group.split(" / ")[0]


def summary(rule: Rule, group: str) -> str:
    """The group that says of a window only that it was judged."""
    return subject(group) if rule.needs == "generations" else EVERYTHING


def forget(connection: sa.Connection, tenant: str, now: datetime) -> None:
    """Verdicts by window are kept for ``KEPT``; by day they stand in alert_checks_daily."""
    connection.execute(_windows.delete().where(_windows.c.tenant == tenant, _windows.c.end_at < naive(now - KEPT)))


def _key(each: Judged) -> Key:
    return each.rule, each.group, each.end


def _row(tenant: str, zone: ZoneInfo, each: Judged) -> tuple[object, ...]:
    return (tenant, each.rule, each.group, each.end, each.begin, day_of(each, zone), each.value, each.threshold,
            each.verdict, each.sample)  # fmt: skip


def day_of(each: Judged, zone: ZoneInfo) -> date:
    """The reporting day that a window ends on."""
    return (each.end - timedelta(microseconds=1)).astimezone(zone).date()


def _judged(row: sa.RowMapping) -> Judged:
    return Judged(
        row["rule"], row["check_group"], _aware(row["begin_at"]), _aware(row["end_at"]), row["value"], row["threshold"],
        row["verdict"], int(row["sample"]),
    )  # fmt: skip


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)


# --- incidents -----------------------------------------------------------------------------------------------


def unfinished(connection: sa.Connection, tenant: str) -> list[Incident]:
    """Those that are open, and those that have ended and of which not all was told."""
    some = sa.or_(_incidents.c.state.in_((PENDING, IS_FIRING)), _incidents.c.told != RESOLVED)
    return _read(connection, tenant, some)


def incidents(connection: sa.Connection, tenant: str, since: datetime) -> list[Incident]:
    """Those that were bad since then, and those that are open; by their begin."""
    some = sa.or_(_incidents.c.last_bad_at >= naive(since), _incidents.c.state != RESOLVED)
    return _read(connection, tenant, some)


def _read(connection: sa.Connection, tenant: str, which: sa.ColumnElement[bool]) -> list[Incident]:
    query = sa.select(_incidents).where(_incidents.c.tenant == tenant, which)
    rows = connection.execute(query.order_by(_incidents.c.begin_at, _incidents.c.incident_id)).mappings()
    return [_incident(row) for row in rows]


def fold(
    connection: sa.Connection,
    rules: Sequence[Rule],
    tenant: str,
    changes: Sequence[Changed],
    through: Mapping[tuple[str, str], datetime],
    now: datetime,
) -> None:
    """Lets the rules' incidents follow these verdicts. ``through``: what was known before they came; what ends later is
    new, all else is late and amends."""
    groups: dict[tuple[str, str], list[Changed]] = defaultdict(list)
    for each in changes:
        groups[each.now.rule, each.now.group].append(each)
    named, opened = {rule.name: rule for rule in rules}, _opened(connection, tenant) if groups else set()
    for (name, group), of_group in groups.items():
        is_bad = any(each.now.verdict in FIRING for each in of_group)
        was_bad = any(_was_bad(each) for each in of_group)
        is_summary = group == EVERYTHING and bool(named[name].group_by)
        if is_bad or (not is_summary and (was_bad or (name, group) in opened)):
            _fold_group(connection, named[name], tenant, group, of_group, through.get((name, subject(group))), now)


def _opened(connection: sa.Connection, tenant: str) -> set[tuple[str, str]]:
    """Rules and groups with an incident that has not ended: what is fine changes no other."""
    some = sa.select(_incidents.c.rule, _incidents.c.check_group).where(_incidents.c.tenant == tenant)
    return {(rule, group) for rule, group in connection.execute(some.where(_incidents.c.state != RESOLVED))}


def _fold_group(
    connection: sa.Connection,
    rule: Rule,
    tenant: str,
    group: str,
    changes: Sequence[Changed],
    through: datetime | None,
    now: datetime,
) -> None:
    known = _read(connection, tenant, _incidents.c.fingerprint == fingerprint(tenant, rule.name, group))
    fresh = [each.now for each in changes if not _is_late(each, through) and not _was_bad(each)]
    for each in (each for each in changes if _is_late(each, through) or _was_bad(each)):
        is_growing = not _is_late(each, through) and each.now.verdict in FIRING
        found = grown(rule, known, each.now) if is_growing else amended(rule, tenant, known, each.before, each.now, now)
        if found:
            write(connection, tenant, [found])
            known = [*(one for one in known if one.incident_id != found.incident_id), found]
    known = sorted((each for each in known if each.state != DROPPED), key=lambda each: each.begin_at)
    write(connection, tenant, advanced(rule, tenant, known[-1] if known else None, fresh))


def _was_bad(changed: Changed) -> bool:
    return changed.before is not None and changed.before.verdict in FIRING


def _is_late(changed: Changed, through: datetime | None) -> bool:
    return through is not None and changed.now.end <= through


def write(connection: sa.Connection, tenant: str, changed: Iterable[Incident]) -> None:
    """Replaces these incidents; those that were dropped go."""
    rows = []
    for each in changed:
        connection.execute(_incidents.delete().where(_incidents.c.incident_id == each.incident_id))
        if each.state != DROPPED:
            rows.append(_stored(tenant, each))
    insert(connection, INCIDENTS, frame_of(rows, INCIDENTS))


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
    """Those that hold now or later: id, what is silent, why."""
    query = sa.select(_silences).where(_silences.c.tenant == tenant, _silences.c.ends_at > naive(now))
    rows = connection.execute(query.order_by(_silences.c.begins_at, _silences.c.silence_id)).mappings()
    return [
        (row["silence_id"], Silence(row["rule"], row["check_group"], _aware(row["begins_at"]), _aware(row["ends_at"])),
         row["reason"])
        for row in rows
    ]  # fmt: skip


def silence(connection: sa.Connection, tenant: str, asked: Silence, reason: str) -> str:
    """Keeps a silence, and returns its id."""
    made = uuid.uuid4().hex
    row = (made, tenant, asked.rule, asked.group, asked.begins_at, asked.ends_at, reason)
    insert(connection, ALERT_SILENCES, frame_of([row], ALERT_SILENCES))
    return made


def end_silences(connection: sa.Connection, tenant: str, rule: str, group: str, now: datetime) -> int:
    """Ends those of a rule and group that hold; how many."""
    which = (_silences.c.tenant == tenant, _silences.c.rule == rule, _silences.c.check_group == group)
    ended = _silences.update().where(*which, _silences.c.ends_at > naive(now)).values(ends_at=naive(now))
    return connection.execute(ended).rowcount
