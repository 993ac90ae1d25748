"""Which windows there are, how complete each is, and the rules' verdicts on them. Reads; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import polars as pl
import sqlalchemy as sa

from mediameter.alerts import book
from mediameter.alerts.catalogue import sources_of
from mediameter.alerts.evaluate import FIRING, NOT_YET_KNOWABLE, Judged, Window, bounds, evaluate, step_of
from mediameter.alerts.rule import EVERYTHING, Rule, is_rest
from mediameter.bulkheads import bulkhead
from mediameter.errors import MediameterError
from mediameter.families import traffic
from mediameter.metering.calendar import Day
from mediameter.settings import Settings
from mediameter.steps.alert.evidence import Evidence, Span, Wanted
from mediameter.store import days, listings

_EVENT_FILES_LATE = timedelta(hours=1)
_NONE = timedelta(0)


class Judge:
    """Rules held against what is known on a connection, as of ``now``."""

    def __init__(self, connection: sa.Connection, settings: Settings, now: datetime) -> None:
        self._connection, self._settings, self._now = connection, settings, now
        self._zone = settings.reporting.zone
        self._evidence = Evidence(connection, settings, now)
        self._listings: dict[str, datetime | None] = {}
        self._delays: dict[str, timedelta] = {}
        self._open = [each for each in book.unfinished(connection, settings.tenant) if each.is_open]
        self.failed: dict[str, MediameterError] = {}
        """Why a rule could not be judged, by its name: nothing is said of it then, and all others are judged."""

    def day(self, rules: Sequence[Rule], day: date, known: Sequence[Judged]) -> list[Judged]:
        """Verdicts of the windows that end on a reporting day, and that have begun. ``known``: those from before, whose
        groups are judged again."""
        indexes = {rule.name: self._indexes(rule, day) for rule in rules}
        rules = [rule for rule in rules if indexes[rule.name]]
        has_traffic = day in days.known(self._connection, self._settings, traffic.NAME)
        is_of_any = day in days.known_of_any(self._connection, self._settings)
        is_known = {"generations": True, "systems": is_of_any, "nothing": is_of_any}
        # Of other days nothing is known, not even that they were quiet.
        rules = [rule for rule in rules if not rule.is_daily or is_known.get(rule.needs, has_traffic)]

        def judge(some: Sequence[Rule]) -> list[Judged]:
            frames = self._evidence.frames(self._spans(some, indexes), _columns(some))
            return [each for rule in some for each in self._of_rule(rule, frames, indexes[rule.name], known)]

        return self._apart(rules, judge)

    def _apart(self, rules: Sequence[Rule], judge: Callable[[Sequence[Rule]], list[Judged]]) -> list[Judged]:
        """All rules at once, since they share what they read; if that fails, one by one."""
        found: list[Judged] = []
        errors: list[MediameterError] = []
        # A statement that fails would end the transaction on PostgreSQL: the savepoint is all that goes.
        with (
            bulkhead(errors.append, f"rule {rules[0].name}" if len(rules) == 1 else ""),
            self._connection.begin_nested(),
        ):
            found += judge(rules)
        if not errors:
            return found
        if len(rules) == 1:
            self.failed[rules[0].name] = errors[0]
            return []
        return [each for rule in rules for each in self._apart([rule], judge)]

    def is_settled(self, rule: Rule, day: date, known: Sequence[Judged]) -> bool:
        """Whether all windows of a rule that end on the day so far were judged when they were complete. ``known``:
        their verdicts."""
        indexes = self._indexes(rule, day)
        of_rule = [each for each in known if each.rule == rule.name]
        if not indexes or any(each.verdict == NOT_YET_KNOWABLE for each in of_rule):
            return not indexes
        last = bounds(rule, indexes[-1], self._zone)[1]
        subjects = sources_of(self._settings, rule) if rule.needs == "generations" else (EVERYTHING,)
        return {each.group for each in of_rule if each.end == last} >= set(subjects)

    def present(self, rules: Sequence[Rule], known: Sequence[Judged]) -> list[Judged]:
        """Verdicts of rules about the present: of a window that begins and ends now."""

        def judge(some: Sequence[Rule]) -> list[Judged]:
            frames = self._evidence.frames({"freshness": [Span(self._now, self._now)]}, {})
            windows = [Window(step_of(rule, self._now, self._zone), self._now, self._now, True) for rule in some]
            return [
                each
                for rule, window in zip(some, windows, strict=True)
                for each in evaluate(rule, frames, [window], self._zone, self._groups(rule, known))
            ]

        return self._apart(rules, judge)

    def _of_rule(
        self, rule: Rule, frames: dict[str, pl.DataFrame], indexes: range, known: Sequence[Judged]
    ) -> list[Judged]:
        groups = self._groups(rule, known)
        if rule.needs != "generations":
            return evaluate(rule, frames, self._windows(rule, indexes, ""), self._zone, groups)
        found: list[Judged] = []
        asked = {name: frames[name] for name in {part.source for part in rule.aggregates} if "source" in frames[name]}
        for source in sources_of(self._settings, rule):
            of = {name: frame.filter(pl.col("source") == source) for name, frame in asked.items()}
            mine = {group for group in groups if book.subject(group) == source and group != source}
            mine |= {source} if rule.group_by == ("source",) else set()
            found += evaluate(rule, of, self._windows(rule, indexes, source), self._zone, mine, source)
        return found

    def _groups(self, rule: Rule, known: Sequence[Judged]) -> set[str]:
        """Groups that a verdict is due for: of open incidents, and of windows that were bad before."""
        if not rule.group_by:
            return set()
        groups = {each.group for each in self._open if each.rule == rule.name}
        groups |= {each.group for each in known if each.rule == rule.name and each.verdict in FIRING}
        return {each for each in groups if each != EVERYTHING and not is_rest(each)}

    # --- windows ---------------------------------------------------------------------------------------------------

    def _indexes(self, rule: Rule, day: date) -> range:
        """Windows that end on the day: the day's own, though it may not be over; of shorter ones those that are."""
        begin, end = Day.of(day, self._zone).bounds
        if rule.is_daily:
            index = step_of(rule, begin, self._zone)
            return range(index, index + 1) if begin <= self._now else range(0)
        first = step_of(rule, begin, self._zone)
        last = step_of(rule, min(end, self._now), self._zone)
        return range(first, last)

    def _windows(self, rule: Rule, indexes: range, source: str) -> list[Window]:
        through = self._through(rule, source)
        found = []
        for index in indexes:
            begin, end = bounds(rule, index, self._zone)
            found.append(Window(index, begin, end, through is not None and end <= through))
        return found

    def _through(self, rule: Rule, source: str) -> datetime | None:
        """Until when all that a rule needs has come. Days of logs wait for as long as days do to be final, shorter
        windows for the rule's own ``lag``; both for as long as the source usually takes."""
        if rule.needs == "nothing":
            return self._now
        if rule.needs == "systems":
            found = [self._through_system(rule, name) for name in sources_of(self._settings, rule)]
            return None if not found or None in found else min(at for at in found if at)
        lag = timedelta(seconds=rule.lag_s)
        if rule.needs == "generations":
            return self._through_system(rule, source)
        if rule.is_daily:
            return self._days_through - lag if self._days_through else None
        known = [self._hours_through(name, lag) for name in self._settings.log_sources]
        known += [] if rule.needs == "logs" else [self._listed(name, False) for name in self._settings.app_sources]
        return None if not known or None in known else min(at for at in known if at)

    def _hours_through(self, source: str, lag: timedelta) -> datetime | None:
        at = self._listed(source, True)
        return at - max(lag, self._delay(source)) if at else None

    @cached_property
    def _days_through(self) -> datetime | None:
        return days.complete_through(self._connection, self._settings)

    def _delay(self, source: str) -> timedelta:
        if source not in self._delays:
            self._delays[source] = listings.delay(self._connection, source)
        return self._delays[source]

    def _through_system(self, rule: Rule, source: str) -> datetime | None:
        """Of one generating system; event files may come an hour late."""
        is_bucket = source in self._settings.event_sources
        late = max(_EVENT_FILES_LATE, self._delay(source)) if is_bucket else _NONE
        through = self._listed(source, is_bucket)
        return through - late - timedelta(seconds=rule.lag_s) if through else None

    def _listed(self, source: str, is_unsettled: bool) -> datetime | None:
        """Until when a source is complete; ``is_unsettled``: without the hours that days wait to be final."""
        if source not in self._listings:
            self._listings[source] = listings.complete_through(self._connection, source)
        at = self._listings[source]
        settling = timedelta(hours=self._settings.reporting.settle_hours if is_unsettled else 0)
        return at.astimezone(UTC) + settling if at else None

    def _spans(self, rules: Sequence[Rule], indexes: dict[str, range]) -> dict[str, list[Span]]:
        """What of each kind of rows has to be read: the windows, those that they are compared with, and the time within
        which something has to have been seen."""
        spans: dict[str, list[Span]] = {}
        for rule in rules:
            first, last = indexes[rule.name][0], indexes[rule.name][-1]
            found = [self._span(rule, first - offset, last - offset) for offset in (0, *rule.offsets)]
            found += [self._span(rule, first - rule.look_back, last)] * bool(rule.seen_s)
            for part in rule.aggregates:
                spans.setdefault(part.source, []).extend(found)
        return spans

    def _span(self, rule: Rule, first: int, last: int) -> Span:
        return Span(bounds(rule, first, self._zone)[0], bounds(rule, last, self._zone)[1])


def _columns(rules: Sequence[Rule]) -> dict[str, Wanted]:
    """What the rules look at, of each kind of rows. A column that is added up by one of them, and asked for as it is by
    another (or by a condition of the same), is not added up before."""
    keys: dict[str, set[str]] = {}
    sums: dict[str, set[str]] = {}
    one_by_one: set[str] = set()
    for rule in rules:
        of_groups = {*rule.group_by, *(("source",) if rule.needs == "generations" else ())}
        for part in rule.aggregates:
            added = part.column if part.how == "sum" else part.weight
            whole = "" if part.how == "sum" else part.column
            asked = {part.at, part.until, whole, *(each.column for each in part.where), *of_groups}
            keys.setdefault(part.source, set()).update(asked - {""})
            sums.setdefault(part.source, set()).update({added} - {""})
            one_by_one |= set() if added else {part.source}
    one_by_one |= {source for source in keys if keys[source] & sums[source]}
    return {
        source: Wanted(keys[source] | sums[source], set() if source in one_by_one else sums[source]) for source in keys
    }
