"""What becomes of verdicts: one incident a fingerprint, which begins once, lasts, and ends once. Pure.

pending (bad, not yet for long enough) → firing → resolved. A window that is not yet knowable changes nothing; one of
which too few is known is neither bad nor good, so it ends only what was not bad for long enough. Windows come in
their order, but for those of a rule whose measure only grows: one that is bad already waits for none before it.
Verdicts that come anew for windows that were judged before amend what there is: the past is corrected, not told again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mediameter.alerts.evaluate import FIRING, NOT_YET_KNOWABLE, OK, TOO_FEW, Judged
from mediameter.alerts.rule import Rule
from mediameter.numbers import told

PENDING, IS_FIRING, RESOLVED, DROPPED = "pending", "firing", "resolved", "dropped"
FLAPS = 3
"""So often bad again within the time in which it is the same incident: it flaps, and is told once more only."""
_NOTHING_TO_JUDGE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Incident:
    """One stretch of trouble of a rule and a group.

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


def fingerprint(tenant: str, rule: str, group: str) -> str:
    """What an incident is one of: 32 hex digits."""
    return hashlib.sha256("\0".join((tenant, rule, group)).encode()).hexdigest()[:32]


def incident_id(tenant: str, rule: str, group: str, begin_at: datetime) -> str:
    """The same trouble has the same id, whoever finds it and how often: 32 hex digits."""
    text = "\0".join((tenant, rule, group, begin_at.isoformat()))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# --- windows that come for the first time, in their order ------------------------------------------------------


def advanced(rule: Rule, tenant: str, latest: Incident | None, windows: Sequence[Judged]) -> list[Incident]:
    """The incidents of one group that these windows change or begin, in their order; ``latest`` is the last one so far.
    One that was pending and is fine again is returned as dropped."""
    changed: dict[str, Incident] = {}
    for window in windows:
        now = _after(rule, tenant, latest, window)
        if now is not None and now != latest:
            changed[now.incident_id] = now
        latest = None if now is None or now.state == DROPPED else now
    return list(changed.values())


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
        is_over = incident.told == RESOLVED and incident.reopened < FLAPS
        told = "" if is_over else incident.told  # of whose end nobody was told, that goes on
        incident = replace(
            incident, state=IS_FIRING, resolved_at=None, reopened=incident.reopened + 1, told=told, good_windows=0
        )
    if incident is None or not incident.is_open:
        return _held(rule, _first(tenant, window, window.group))
    more = replace(_as_bad(rule, incident, window), bad_windows=incident.bad_windows + 1)
    if window.end > incident.last_bad_at:
        more = replace(more, last_bad_at=window.end, judged_through_at=window.end, good_windows=0)
    return _held(rule, more)


def _as_bad(rule: Rule, incident: Incident, window: Judged) -> Incident:
    """The incident with the figures of one of its windows, which are the latest where no later window was bad."""
    severity = max(incident.severity, window.verdict, key=FIRING.index)
    worst = _worst(rule, incident.worst_value, window.value)
    incident = replace(incident, severity=severity, worst_value=worst)
    if window.end < incident.last_bad_at:
        return incident
    return replace(incident, value=window.value, threshold=window.threshold, sample=window.sample)


def _first(tenant: str, window: Judged, group: str) -> Incident:
    return Incident(
        incident_id(tenant, window.rule, group, window.begin), window.rule, group, PENDING, window.verdict,
        window.begin, window.end, window.end, window.value, window.value, window.threshold, window.sample,
    )  # fmt: skip


def _held(rule: Rule, incident: Incident) -> Incident:
    """It fires when it has been bad for long enough. Days are counted: where clocks change they are no 24 hours."""
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
    """One that nothing judges any more: its rule sleeps or has gone, or its source has."""
    if incident.state == PENDING:
        return _dropped(incident)
    return replace(incident, state=RESOLVED, resolved_at=now, note="it is judged no more")


# --- windows that are judged again -----------------------------------------------------------------------------


def grown(rule: Rule, known: Sequence[Incident], window: Judged) -> Incident | None:
    """The incident of a window that was bad before it was complete, with what it has come to; no correction."""
    return next((_as_bad(rule, each, window) for each in known if _holds(each, window)), None)


def _holds(incident: Incident, window: Judged) -> bool:
    return incident.begin_at <= window.begin and window.end <= incident.last_bad_at


def amended(
    rule: Rule, tenant: str, known: Sequence[Incident], before: Judged | None, window: Judged, now: datetime
) -> Incident | None:
    """The incident that a new verdict of a past window changes or makes; None where it changes none. ``known``: those
    of its group; ``before``: what was said of the window."""
    was_bad, is_bad = before is not None and before.verdict in FIRING, window.verdict in FIRING
    of = next((each for each in known if _holds(each, window)), None)
    if of is None:
        return _found_late(rule, tenant, window, now) if is_bad else None
    if is_bad and not was_bad:
        of = replace(of, bad_windows=of.bad_windows + 1)
    if is_bad:
        worst = _worst(rule, of.worst_value, window.value)
        value = window.value if window.end == of.last_bad_at else of.value
        note = f"amended after late data: {_shown(window)}"
        return replace(of, worst_value=worst, value=value, amended_at=now, note=note)
    if not was_bad or window.verdict == NOT_YET_KNOWABLE:
        return None
    left = of.bad_windows - 1
    note = f"late data took back the window to {window.end:%Y-%m-%d %H:%MZ}"
    if left > 0:
        return replace(of, bad_windows=left, amended_at=now, note=note)
    if of.state == PENDING:
        return _dropped(of)
    note = "late data took it back: it did not happen"
    return replace(of, bad_windows=0, state=RESOLVED, resolved_at=of.resolved_at or now, amended_at=now, note=note)


def _found_late(rule: Rule, tenant: str, window: Judged, now: datetime) -> Incident | None:
    """Trouble that only late data shows, and that is over: no time to hold it against."""
    if rule.hold_s:
        return None
    found = _first(tenant, window, window.group)
    return replace(
        found, state=RESOLVED, fired_at=window.end, resolved_at=window.end, amended_at=now, is_late=True,
        note="found in late data",
    )  # fmt: skip


def _shown(window: Judged) -> str:
    return told(window.value)
