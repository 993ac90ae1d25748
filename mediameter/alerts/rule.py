"""What a rule is: a measure over windows, thresholds, and when it may be believed. No file, no clock, no database.

A rule is judged on a grid of steps (reporting days, UTC hours, or five minutes); a window is ``length`` steps, named
by its last one. How rules are written is in ``rule_files``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Needs = Literal["logs", "application", "generations", "systems", "nothing"]
"""``generations``: each generating system, judged by itself; ``systems``: all of them, judged together."""
How = Literal["count", "sum", "min", "max", "mean", "percentile"]
Operator = Literal["in", "not in", "above", "below", "contains"]
Severity = Literal["warning", "critical"]

DAY_S, HOUR_S, FINEST_S = 86_400, 3_600, 300
EVERYTHING = "*"
"""The group of a rule that has none."""
MOST_GROUPS = 50
THE_REST = "(others)"


def the_rest(of: str) -> str:
    """The group of those beyond the first fifty: of all, or of one source."""
    return THE_REST if of == EVERYTHING else f"{of} / {THE_REST}"


def is_rest(group: str) -> bool:
    """Whether a group is that of the others."""
    return group.rpartition(" / ")[2] == THE_REST


# Who is silent makes what rests on it unknown, and is told in its stead.
INHIBITORS: Mapping[Needs, tuple[str, ...]] = {
    "logs": ("logs_missing", "delivery_late"),
    "application": ("export_stopped", "logs_missing"),
    "generations": ("export_stopped",),
    "systems": ("export_stopped",),
    "nothing": (),
}
INHIBITED_BY: Mapping[str, tuple[str, ...]] = {"delivery_late": ("not_run",)}
"""The same for a rule by its name: what nobody looks at is late, too."""
OFFSETS_S: Mapping[str, tuple[int, ...]] = {
    "previous": (),  # the window's own length
    "same_hour_last_week": (7 * DAY_S,),
    "usual": tuple(weeks * 7 * DAY_S for weeks in (1, 2, 3, 4)),
}
"""How far back the windows lie that a window is compared with: their mean is what is usual."""


class Condition(NamedTuple):
    """What a row must be like to count."""

    column: str
    operator: Operator
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number of a window's rows. ``source``: rows, as ``row_sources`` knows them; ``weight``: how often a row
    counts in a percentile; ``divide``: what the number is divided by, such as micros of a currency; ``is_of_all``: of
    all rows, whatever their groups. ``until``: when a row is over; it counts in each window that it lasts through, from
    before its begin to behind its end, for a day."""

    source: str
    how: How
    column: str = ""
    percentile: int = 0
    weight: str = ""
    at: str = ""
    where: tuple[Condition, ...] = ()
    divide: int = 1
    until: str = ""
    is_of_all: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """The value is a multiple of what it was in other windows. ``minimum``: a smaller basis is none."""

    to: str
    minimum: float


@dataclass(frozen=True, slots=True)
class Bands:
    """The value fires beyond these; ``is_above``: beyond is above. None: there is no such band."""

    is_above: bool
    critical: float | None
    warning: float | None

    def severity(self, value: float) -> Severity | None:
        """How bad a value is; None where it is fine."""
        if self.critical is not None and self._is_beyond(value, self.critical):
            return "critical"
        return "warning" if self.warning is not None and self._is_beyond(value, self.warning) else None

    @property
    def threshold(self) -> float | None:
        """The graver one; None where nothing is set."""
        return self.critical if self.critical is not None else self.warning

    def shown_beside(self, verdict: str) -> float | None:
        """The one that a value of this verdict is held against: beside a warning, that which it is beyond."""
        return self.warning if verdict == "warning" else self.threshold

    def _is_beyond(self, value: float, limit: float) -> bool:
        return value > limit if self.is_above else value < limit


@dataclass(frozen=True, slots=True)
class Rule:
    """``step_s``: its grid; ``length``: steps of a window; ``lag_s``: how long after a window's end its data is still
    awaited; ``hold_s``: how long it must be bad before it fires; ``resolve_after``: good windows that end it;
    ``reopen_s``: bad again within this, it is the same incident; ``repeat_s``: told again while it lasts.

    ``is_growing``: more data never lowers the value (a sum of what is never negative, a count, also of distinct ones, a
    maximum), so a window beyond its threshold need not be complete to fire.
    ``already``: what is so already, whatever the value says of what is to come; it grows, and beyond the threshold it
    fires. ``not_counted``: what is in neither; where there is any, a value that is fine says nothing.
    ``is_share``: the value is so many of the sample, and fires when it is beyond its threshold for certain
    (``significance``). ``minimum_sample``: of fewer nothing is said. ``minimum_count``: so many have to be counted in
    the value itself; a large share of little wakes nobody.
    ``tells_pseudonyms``: its groups are pseudonyms. ``ignored``: groups that hold one of these texts are not judged.
    ``headline``: an incident of it in one line, with ``{value}`` and ``{limit}`` (``headlines``).
    ``sample_unit``: what the sample is told in; empty: it is not told.
    ``only_while``: where this counts nothing, the window is fine, whatever the value; it is the sample.
    ``seen_s``: nothing is 0 only for who had something within this time before; for all others it is not available.
    ``is_now``: it is about the present (how old, how late) and never judged for a time gone by. ``systems``: kinds of
    sources that it is about; none: any that it needs. ``dormant``: why it is not judged; empty where it is.
    """

    name: str
    title: str
    needs: Needs
    step_s: int
    length: int
    value: Aggregate
    bands: Bands
    unit: str
    over: Aggregate | None = None
    sample: Aggregate | None = None
    sample_unit: str = ""
    only_while: Aggregate | None = None
    compare: Compare | None = None
    is_growing: bool = False
    already: Aggregate | None = None
    not_counted: Aggregate | None = None
    is_share: bool = False
    minimum_sample: int = 0
    minimum_count: int = 0
    group_by: tuple[str, ...] = ()
    tells_pseudonyms: bool = False
    ignored: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    lag_s: int = 0
    hold_s: int = 0
    resolve_after: int = 1
    reopen_s: int = 0
    repeat_s: int = DAY_S
    seen_s: int = 0
    is_now: bool = False
    headline: str = ""
    runbook: str = ""
    asked_in: str = ""
    place: str = ""
    dormant: str = ""
    tests: tuple[Any, ...] = field(default=(), compare=False)

    def ignores(self, group: str) -> bool:
        """Whether somebody said that this group is as it is to be."""
        return any(text.lower() in group.lower() for text in self.ignored)

    @property
    def is_daily(self) -> bool:
        return self.step_s == DAY_S

    @property
    def length_s(self) -> int:
        return self.length * self.step_s

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        known = (self.value, self.over, self.sample, self.only_while, self.already, self.not_counted)
        return tuple(each for each in known if each)

    @property
    def only_grows(self) -> bool:
        """Whether it may fire on a window that is not complete."""
        return self.is_growing or self.already is not None

    @property
    def offsets(self) -> tuple[int, ...]:
        """Steps back to the windows that this one is compared with."""
        if self.compare is None:
            return ()
        return tuple(each // self.step_s for each in OFFSETS_S[self.compare.to]) or (self.length,)

    @property
    def look_back(self) -> int:
        """Steps back to the earliest window that a verdict rests on."""
        return max((*self.offsets, self.seen_s // self.step_s), default=0)
