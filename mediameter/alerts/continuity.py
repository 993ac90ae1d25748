"""Which incidents people know already, when late verdicts change what there is. Pure.

Incidents are computed anew from all verdicts. One that lies over one that was known before is that one: it keeps its
id, under which people heard of it, though its begin may have moved, and all that they were told. Of several that have
become one, that stays which people believe to be going on; else the first that they heard of. What is no more, and was
heard of, stays as a row without a bad window, so that its end can be told, once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from mediameter.alerts.evaluate import FIRING, NOT_YET_KNOWABLE, Judged
from mediameter.alerts.incidents import DROPPED, FLAPS, RESOLVED, Incident, incident_id
from mediameter.alerts.rule import Rule
from mediameter.numbers import told

_FIGURES = ("begin_at", "last_bad_at", "bad_windows", "worst_value", "severity")


class Changed(NamedTuple):
    """A verdict that is new, has changed, or is gone."""

    before: Judged | None
    now: Judged | None

    @property
    def is_bad(self) -> bool:
        return self.now is not None and self.now.verdict in FIRING

    @property
    def was_bad(self) -> bool:
        return self.before is not None and self.before.verdict in FIRING

    @property
    def of(self) -> Judged:
        found = self.now or self.before
        assert found
        return found

    @property
    def had_said(self) -> bool:
        """Whether there was a verdict before, and a different one."""
        before = self.before.verdict if self.before else NOT_YET_KNOWABLE
        return before != NOT_YET_KNOWABLE and (self.now is None or self.now.verdict != before)

    def corrects(self, rule: Rule) -> bool:
        """Whether something else had been said, so that this is late; what only grows has grown."""
        both = self.is_bad and self.was_bad
        return (both and not rule.only_grows) or (self.had_said and (self.is_bad or self.was_bad) and not both)


def carried(
    rule: Rule,
    tenant: str,
    known: Sequence[Incident],
    found: Sequence[Incident],
    changes: Sequence[Changed],
    now: datetime,
    ids: Collection[str] = (),
) -> list[Incident]:
    """What there is in place of ``known``: the incidents that were ``found``, as people know them; with those that are
    no more, as dropped where nobody heard of them. ``ids``: that are taken beside."""
    same = _pairs(known, found)
    corrections = [each for each in changes if each.corrects(rule)]
    taken = {*ids, *(each.incident_id for each in known)}
    result: list[Incident] = []
    for number, each in enumerate(found):
        late = [one for one in corrections if _lies_in(one, each, same.get(number))]
        if number in same:
            result.append(_amended(_as_told(each, same[number], known), same[number], late, now))
        else:
            result.append(_new(tenant, each, known, late, now, taken))
            taken.add(result[-1].incident_id)
    gone = [each for each in known if all(each is not one for one in same.values())]
    return result + [_no_more(each, found, now) for each in gone]


def _pairs(known: Sequence[Incident], found: Sequence[Incident]) -> dict[int, Incident]:
    """By the number of an incident, the known one that it is. Of several parts of a known one it is the last."""
    pairs: dict[int, Incident] = {}
    for each in sorted(known, key=_claim):
        free = [number for number, one in enumerate(found) if number not in pairs and _overlap(one, each)]
        if free:
            pairs[free[-1]] = each
    return pairs


def _claim(known: Incident) -> tuple[bool, bool, bool, datetime]:
    """First the incidents that people believe to be going on, then those that they heard of."""
    return not known.is_on, known.told_times == 0, known.bad_windows == 0, known.begin_at


def _overlap(one: Incident, other: Incident) -> bool:
    is_over = one.begin_at < other.last_bad_at and other.begin_at < one.last_bad_at
    return is_over or one.begin_at == other.begin_at  # of the present, windows have no length


def _lies_in(changed: Changed, found: Incident, known: Incident | None) -> bool:
    begin = min(found.begin_at, known.begin_at if known else found.begin_at)
    end = max(found.last_bad_at, known.last_bad_at if known else found.last_bad_at)
    return begin <= changed.of.begin and changed.of.end <= end


def _as_told(found: Incident, of: Incident, known: Sequence[Incident]) -> Incident:
    """The computed incident, with what people know of it. Trouble after what they believe to be over is news."""
    heard_through = max(each.last_bad_at for each in known if _overlap(found, each))
    is_again = found.reopened > of.reopened and found.last_bad_at > heard_through
    forgets = of.told == RESOLVED and is_again and of.reopened < FLAPS
    return replace(
        found,
        incident_id=of.incident_id,
        told="" if forgets else of.told,
        heard=of.heard,
        told_at=of.told_at,
        told_times=of.told_times,
        amended_at=of.amended_at,
        is_late=of.is_late,
        note=found.note or (of.note if of.amended_at and of.bad_windows else ""),
    )


def _amended(found: Incident, of: Incident, late: Sequence[Changed], now: datetime) -> Incident:
    if not late or all(getattr(found, name) == getattr(of, name) for name in _FIGURES):
        return found
    last = late[-1]
    note = f"late data took back the window to {last.of.end:%Y-%m-%d %H:%MZ}"
    if last.is_bad:
        note = f"amended after late data: {told(last.of.value)}"
    return replace(found, amended_at=now, note=found.note if found.note != of.note else note)


def _new(
    tenant: str, found: Incident, known: Sequence[Incident], late: Sequence[Changed], now: datetime, taken: set[str]
) -> Incident:
    """One that no known one is: new trouble, what only late data shows, or a part of what people heard of."""
    number = 0
    while (name := incident_id(tenant, found.rule, found.group, found.begin_at, number)) in taken:
        number += 1
    found = replace(found, incident_id=name)
    heard = [each for each in known if each.told_times and _overlap(found, each)]
    if found.state == RESOLVED and any(found.last_bad_at <= each.last_bad_at for each in heard):
        found = replace(found, told=RESOLVED)
    if found.state == RESOLVED and sum(each.is_bad for each in late) == found.bad_windows:
        return replace(found, is_late=True, amended_at=now, note=found.note or "found in late data")
    return found


def _no_more(known: Incident, found: Sequence[Incident], now: datetime) -> Incident:
    if not known.told_times:
        return replace(known, state=DROPPED)
    if not known.bad_windows:
        return known
    note = "late data took it back: it did not happen"
    whole = next((each for each in found if _overlap(each, known)), None)
    if whole:
        note = f"late data shows that it is one with that since {whole.begin_at:%Y-%m-%d %H:%MZ}"
    ended = known.resolved_at or now
    told_so = known.told if known.is_on else RESOLVED
    return replace(known, bad_windows=0, state=RESOLVED, resolved_at=ended, told=told_so, amended_at=now, note=note)
