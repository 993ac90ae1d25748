"""From verdicts to incidents: one incident for each fingerprint, with one begin and one end. Pure.

pending (bad, not yet for long enough) → firing → resolved. Incidents are a function of the verdicts, in the order of
their windows and not of their coming: a verdict that comes late, or anew, is put in its place, and what follows from
all of them is what there is (``continuity`` says which of it people know already). A window that is not yet knowable
changes nothing; one of which too few is known is neither bad nor good, so it ends only what was not bad for long
enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mediameter.alerts.evaluate import FIRING, NOT_YET_KNOWABLE, OK, TOO_FEW, Judged
from mediameter.alerts.rule import Rule

PENDING, IS_FIRING, RESOLVED, DROPPED = "pending", "firing", "resolved", "dropped"
FLAPS = 3
"""So often bad again within the time in which it is the same incident: it flaps, and is told once more only."""
_NOTHING_TO_JUDGE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Incident:
    """One continuous trouble of a rule and group.

    ``begin_at``: begin of its first bad window; ``fired_at``: end of the window at which it had lasted long enough;
    ``last_bad_at``, ``judged_through_at``: ends of windows; ``severity``: the worst so far; ``value``: the latest bad
    one, ``worst_value`` the worst; ``bad_windows``: how many.
    ``told``: what people know: "" nothing, a severity, or resolved; ``heard``: every severity that it was told as,
    blanks between: whoever heard of it is told of its end.
    """

    incident_id: str
    rule: str
    group: str
    state: str
    severity: str
    begin_at: datetime
    last_bad_at: datetime
    judged_through_at: datetime
    value: float | None
    worst_value: float | None
    threshold: float | None
    sample: int
    bad_windows: int = 1
    good_windows: int = 0
    reopened: int = 0
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    told: str = ""
    heard: str = ""
    told_at: datetime | None = None
    told_times: int = 0
    amended_at: datetime | None = None
    is_late: bool = False
    note: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in (PENDING, IS_FIRING)

    @property
    def is_on(self) -> bool:
        """Whether people were told that it is going on."""
        return self.told not in ("", RESOLVED)


def fingerprint(tenant: str, rule: str, group: str) -> str:
    """What an incident is one of: 32 hex digits."""
    return hashlib.sha256("\0".join((tenant, rule, group)).encode()).hexdigest()[:32]


def incident_id(tenant: str, rule: str, group: str, begin_at: datetime, number: int = 0) -> str:
    """The same trouble has the same id, whoever finds it and how often: 32 hex digits. ``number``: of several that
    began there, in the course of time."""
    text = "\0".join((tenant, rule, group, begin_at.isoformat(), *([str(number)] if number else [])))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def followed(rule: Rule, tenant: str, seed: Incident | None, windows: Iterable[Judged]) -> list[Incident]:
    """The incidents of one group that these windows come to. ``seed``: what the windows before them came to, and that
    goes on; it is the first one then, unless it was pending and is fine again."""
    found = [seed] if seed else []
    for window in sorted(windows, key=lambda each: each.end):
        latest = found[-1] if found else None
        now = _after(rule, tenant, latest, window)
        if now is None or now is latest:
            continue
        if latest and now.begin_at == latest.begin_at:
            found.pop()
        if now.state != DROPPED:
            found.append(now)
    return found


def _after(rule: Rule, tenant: str, incident: Incident | None, window: Judged) -> Incident | None:
    if window.verdict == NOT_YET_KNOWABLE:
        return incident
    if window.verdict in FIRING:
        return _worse(rule, tenant, incident, window)
    if incident is None or not incident.is_open or window.end <= incident.last_bad_at:
        return incident
    incident = replace(incident, judged_through_at=window.end)
    if window.verdict == OK:
        return _better(rule, incident, window)
    if window.verdict == TOO_FEW and incident.state == PENDING:
        return _dropped(incident)
    if window.end - incident.last_bad_at >= max(_NOTHING_TO_JUDGE, timedelta(seconds=2 * rule.length_s)):
        if not incident.fired_at:
            return _dropped(incident)
        return replace(incident, state=RESOLVED, resolved_at=window.end, note="nothing was left to judge it by")
    return incident


def _worse(rule: Rule, tenant: str, incident: Incident | None, window: Judged) -> Incident:
    if incident and not incident.is_open and _is_again(rule, incident, window):
        incident = replace(incident, state=IS_FIRING, resolved_at=None, reopened=incident.reopened + 1, note="")
    if incident is None or not incident.is_open:
        return _held(rule, _first(tenant, window))
    return _held(rule, _as_bad(rule, incident, window))


def _as_bad(rule: Rule, incident: Incident, window: Judged) -> Incident:
    """The incident with one more bad window, whose figures are the latest."""
    return replace(
        incident,
        severity=max(incident.severity, window.verdict, key=FIRING.index),
        worst_value=_worst(rule, incident.worst_value, window.value),
        value=window.value,
        threshold=window.threshold,
        sample=window.sample,
        bad_windows=incident.bad_windows + 1,
        good_windows=0,
        last_bad_at=window.end,
        judged_through_at=window.end,
    )


def _first(tenant: str, window: Judged) -> Incident:
    return Incident(
        incident_id(tenant, window.rule, window.group, window.begin), window.rule, window.group, PENDING,
        window.verdict, window.begin, window.end, window.end, window.value, window.value, window.threshold,
        window.sample,
    )  # fmt: skip


def _held(rule: Rule, incident: Incident) -> Incident:
    """It fires when it has been bad for long enough. Days are counted as days: some have 23 or 25 hours."""
    lasted = incident.last_bad_at - incident.begin_at - timedelta(seconds=rule.length_s)
    if rule.is_daily:
        lasted = timedelta(days=incident.bad_windows - 1)
    lasted = max(lasted, timedelta(0))  # of the present, windows have no length
    if incident.state != PENDING or lasted < timedelta(seconds=rule.hold_s):
        return incident
    return replace(incident, state=IS_FIRING, fired_at=incident.last_bad_at)


def _better(rule: Rule, incident: Incident, window: Judged) -> Incident:
    if incident.state == PENDING:
        return _dropped(incident)
    incident = replace(incident, good_windows=incident.good_windows + 1)
    # One that flaps has to be fine for as long as it would be the same incident again.
    patience = timedelta(seconds=rule.reopen_s) if incident.reopened >= FLAPS else timedelta(0)
    if incident.good_windows < rule.resolve_after or window.end - incident.last_bad_at < patience:
        return incident
    return replace(incident, state=RESOLVED, resolved_at=window.end)


def _is_again(rule: Rule, incident: Incident, window: Judged) -> bool:
    ended = incident.resolved_at or incident.last_bad_at
    return bool(incident.fired_at) and window.end - ended <= timedelta(seconds=rule.reopen_s)


def _dropped(incident: Incident) -> Incident:
    return replace(incident, state=DROPPED)


def _worst(rule: Rule, one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return (max if rule.bands.is_above else min)(known) if known else None


def ended(incident: Incident, now: datetime) -> Incident:
    """An incident that nothing judges any more: its rule is disabled or gone, or its source is gone."""
    if incident.state == PENDING:
        return _dropped(incident)
    return replace(incident, state=RESOLVED, resolved_at=now, note="it is judged no more")
