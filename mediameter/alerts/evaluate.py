"""From rows to verdicts, window by window. Pure: the same rows always give the same verdicts.

Windows are numbered by the ordinal of their last step on the rule's grid: days since 1970 in the reporting zone, else
UTC hours or five minutes since then.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from mediameter.alerts import significance
from mediameter.alerts.row_sources import row_source
from mediameter.alerts.rule import DAY_S, EVERYTHING, MOST_GROUPS, Aggregate, Compare, Condition, Rule, the_rest
from mediameter.metering.calendar import Day
from schemas.currencies import CURRENCY, decimals_of
from schemas.vocabulary import NOT_AVAILABLE

NOT_YET_KNOWABLE = "not_yet_knowable"
TOO_FEW = "too_few"
OK = "ok"
FIRING = ("warning", "critical")
Frames = Mapping[str, pl.DataFrame]
_EPOCH = date(1970, 1, 1)
LONGEST_WAIT_S = DAY_S
"""What has waited for longer waits for good."""
_Values = dict[tuple[int, str], float]


@dataclass(frozen=True, slots=True)
class Window:
    """A window to judge: its number, its bounds in UTC, and whether all of its data has arrived."""

    index: int
    begin: datetime
    end: datetime
    is_complete: bool


class Judged(NamedTuple):
    """A rule's verdict on a window and a group. ``value`` and ``threshold`` in the rule's unit; ``sample``: what the
    value rests on."""

    rule: str
    group: str
    begin: datetime
    end: datetime
    value: float | None
    threshold: float | None
    verdict: str
    sample: int


def evaluate(
    rule: Rule,
    frames: Frames,
    windows: Sequence[Window],
    zone: ZoneInfo,
    groups: Collection[str] = (),
    everything: str = EVERYTHING,
) -> list[Judged]:
    """The verdicts of these windows, by window and group. ``frames``: rows by the names of the rule's aggregates, back
    to the earliest window that these are compared with. ``groups``: judged even where no row has them.

    Of a rule with groups those that fire in any of these windows are told, those of ``groups``, and in one row of the
    group ``everything`` that the window was judged, with the number of its groups as the sample.
    """
    if not windows:
        return []
    numbers = _Numbers(rule, frames, [each.index for each in windows], zone)
    if not rule.group_by:
        return [_judged(rule, window, EVERYTHING, numbers) for window in windows]
    judged = {
        window: [_judged(rule, window, group, numbers) for group in sorted(numbers.groups(window.index))]
        for window in windows
    }
    # One that fires has a verdict in each of the others: whether it goes on has to be known, whoever asks when.
    kept = {*groups} | {each.group for of in judged.values() for each in _worst(rule, of)[:MOST_GROUPS]}
    found: list[Judged] = []
    for window, of in judged.items():
        missing = kept - {each.group for each in of}
        found += _of_groups(
            rule, of + [_judged(rule, window, group, numbers) for group in sorted(missing)], kept, everything
        )
        if everything not in groups:
            threshold, verdict = rule.bands.threshold, _of_all(window, of)
            found.append(Judged(rule.name, everything, window.begin, window.end, None, threshold, verdict, len(of)))
    return found


def step_of(rule: Rule, at: datetime, zone: ZoneInfo) -> int:
    """The number of the grid step that holds an instant."""
    if rule.is_daily:
        return (at.astimezone(zone).date() - _EPOCH).days
    return math.floor(at.timestamp()) // rule.step_s


class _Numbers:
    """The rule's aggregates of each window and group, and of the windows that they are compared with."""

    def __init__(self, rule: Rule, frames: Frames, indexes: list[int], zone: ZoneInfo) -> None:
        first, last = min(indexes) - rule.look_back, max(indexes)
        self._rule = rule
        self._is_over_all = rule.over is not None and rule.over.is_of_all
        self._value, self._over, self._sample, self._already, self._not_counted = (
            measured(part, rule, frames, first, last, zone) if part else {}
            for part in (rule.value, rule.over, rule.only_while or rule.sample, rule.already, rule.not_counted)
        )

    def groups(self, index: int) -> set[str]:
        """Those of the window; where less than before is bad, those of before, too: a currency in which nobody pays any
        more has no row."""
        steps = {index}
        if not self._rule.bands.is_above:
            steps |= {index - offset for offset in self._rule.offsets}
        of_groups = (self._value, {} if self._is_over_all else self._over, self._already)
        return {group for each in of_groups for at, group in each if at in steps}

    def value(self, index: int, group: str) -> float | None:
        now = self._plain(index, group)
        compare = self._rule.compare
        if compare is None or now is None:
            return now
        before = [self._plain(index - offset, group) for offset in self._rule.offsets]
        known = [each for each in before if each is not None]
        basis = sum(known) / len(known) if known else 0.0
        return now / basis if basis > 0 and basis >= _minimum(self._rule, compare, group) else None

    def sample(self, index: int, group: str) -> int:
        rule, at = self._rule, (index, group)
        if rule.sample or rule.only_while:
            return int(self._sample.get(at, 0))
        if rule.over:
            return int(self._basis(index, group) or 0)
        return int(self._value.get(at, 0) if rule.value.how == "count" else 0)

    def count(self, index: int, group: str) -> float:
        """The number that was counted, before it is divided."""
        return self._value.get((index, group), 0.0)

    def already(self, index: int, group: str) -> float | None:
        return self._already.get((index, group))

    def is_whole(self, index: int, group: str) -> bool:
        """Whether the value is complete, as far as is known."""
        return not self._not_counted.get((index, group))

    def _plain(self, index: int, group: str) -> float | None:
        rule, at = self._rule, (index, group)
        nothing = 0.0 if rule.value.how in ("count", "sum") and self._was_seen(index, group) else None
        value = self._value.get(at, nothing)
        if rule.over is None:
            return value
        basis = self._basis(index, group)
        return value / basis if basis and value is not None else None

    def _basis(self, index: int, group: str) -> float | None:
        return self._over.get((index, EVERYTHING if self._is_over_all else group))

    def _was_seen(self, index: int, group: str) -> bool:
        steps = self._rule.seen_s // self._rule.step_s
        return not steps or any(of == group and index - steps <= at <= index for at, of in self._value)


def _minimum(rule: Rule, compare: Compare, group: str) -> float:
    """A smaller basis is none. Of money it is written for a currency with cents, and stands for as many of the smallest
    units of any other: 20 dollars, 2,000 yen, 2 dinars."""
    rows = row_source(rule.value.source)
    if rule.group_by[-1:] != (CURRENCY,) or not (rows and rows.is_money(rule.value.column)):
        return compare.minimum
    return compare.minimum * 100 / float(10 ** decimals_of(group.rpartition(" / ")[2]))


def _judged(rule: Rule, window: Window, group: str, numbers: _Numbers) -> Judged:
    value, sample = numbers.value(window.index, group), numbers.sample(window.index, group)
    if rule.only_while and not sample:  # nothing to measure, and that is fine
        verdict = OK if window.is_complete else NOT_YET_KNOWABLE
        return Judged(rule.name, group, window.begin, window.end, None, rule.bands.threshold, verdict, 0)
    if rule.ignores(group):
        value = None
    is_much = numbers.count(window.index, group) >= rule.minimum_count
    verdict = _verdict(rule, window, value, sample, is_much=is_much)
    already = numbers.already(window.index, group)
    if already is not None and rule.bands.severity(already) and not rule.ignores(group):
        value, verdict = already if value is None else value, _graver(verdict, str(rule.bands.severity(already)))
    elif not numbers.is_whole(window.index, group) and (value is None or not rule.bands.severity(value)):
        value, verdict = None, NOT_AVAILABLE if window.is_complete else NOT_YET_KNOWABLE
    limit = rule.bands.shown_beside(verdict)
    return Judged(rule.name, group, window.begin, window.end, value, limit, verdict, sample)


def _verdict(rule: Rule, window: Window, value: float | None, sample: int, *, is_much: bool) -> str:
    if rule.bands.threshold is None:
        return NOT_AVAILABLE
    is_enough = value is not None and sample >= rule.minimum_sample
    severity = _severity(rule, value, sample) if is_enough and value is not None else None
    if severity and not is_much:
        severity, is_enough = None, False
    if not window.is_complete:
        # Though nothing has come so far: else what comes would be late, and no news. What is broken stays broken.
        return severity if severity and rule.is_growing else NOT_YET_KNOWABLE
    if value is None:
        return NOT_AVAILABLE
    is_unsure = rule.is_share and significance.is_too_few(rule.bands, value, sample)
    return severity or (TOO_FEW if is_unsure or not is_enough else OK)


def _graver(verdict: str, other: str) -> str:
    """The graver of two verdicts, if the other one fires."""
    return verdict if verdict in FIRING and FIRING.index(verdict) > FIRING.index(other) else other


def _severity(rule: Rule, value: float, sample: int) -> str | None:
    return significance.severity(rule.bands, value, sample) if rule.is_share else rule.bands.severity(value)


def _of_all(window: Window, judged: Sequence[Judged]) -> str:
    """The verdict on a window whose groups are judged one by one: whether any group could be judged."""
    verdicts = {each.verdict for each in judged}
    if not window.is_complete:
        return NOT_YET_KNOWABLE
    return TOO_FEW if TOO_FEW in verdicts and not verdicts & {OK, *FIRING} else OK


def _of_groups(rule: Rule, judged: list[Judged], kept: Collection[str], everything: str) -> list[Judged]:
    """The groups worth a row: none of the fine ones; of those that fire, the worst fifty and a sum."""
    worst = _worst(rule, judged)
    told = worst[:MOST_GROUPS] + [each for each in judged if each.group in kept and each not in worst]
    if more := worst[MOST_GROUPS:]:
        worst_of_rest = more[0]
        told.append(worst_of_rest._replace(group=the_rest(everything), sample=len(more)))
    return sorted(told, key=lambda each: each.group)


def _worst(rule: Rule, judged: Sequence[Judged]) -> list[Judged]:
    """The groups that fire, worst first."""
    firing = [each for each in judged if each.verdict in FIRING]
    return sorted(firing, key=lambda each: _badness(rule, each), reverse=True)


def _badness(rule: Rule, judged: Judged) -> tuple[bool, float, str]:
    value = judged.value or 0.0
    return judged.verdict == "critical", value if rule.bands.is_above else -value, judged.group


# --- one number of the rows -----------------------------------------------------------------------------------


def measured(part: Aggregate, rule: Rule, frames: Frames, first: int, last: int, zone: ZoneInfo) -> _Values:
    """The aggregate by (window, group); windows and groups without a row are left out."""
    if frames[part.source].is_empty():
        return {}
    group_by = () if part.is_of_all else rule.group_by
    step, until = _step(part, rule, zone, last), _until(part, rule, zone, last)
    columns = {"step": step, "until": until, "group": _group(group_by)}
    columns |= {name: pl.col(of) for name, of in (("x", part.column), ("weight", part.weight)) if of}
    rows = frames[part.source].lazy().filter(*(_holds(each) for each in part.where))
    rows = rows.with_columns(**columns).select(*columns)
    begin = pl.col("step") + (rule.length if part.until else 0)
    rows = rows.drop_nulls("step").with_columns(index=pl.int_ranges(begin, pl.col("until"))).explode("index")
    rows = rows.filter(pl.col("index").is_between(first, last))
    if part.how == "percentile" and part.weight:
        found = _weighted(rows, part.percentile)
    else:
        found = rows.group_by("index", "group").agg(value=_expression(part)).drop_nulls()
    numbers = found.select("index", "group", "value").collect().iter_rows()
    return {(index, group): value / part.divide for index, group, value in numbers}


def _expression(part: Aggregate) -> pl.Expr:
    x = pl.col("x")
    if part.how == "count":
        return pl.col("x").n_unique() if part.column else pl.len()
    if part.how == "percentile":
        # Nearest rank: the value at ceil(p n / 100) of the sorted ones.
        known = x.drop_nulls()
        return known.sort().gather((known.len() * part.percentile + 99) // 100 - 1).first()
    simple = {"sum": x.sum, "min": x.min, "max": x.max, "mean": x.mean}[part.how]
    return simple() if part.how == "sum" else pl.when(x.count() > 0).then(simple())


def _weighted(rows: pl.LazyFrame, percentile: int) -> pl.LazyFrame:
    """Nearest rank of a histogram, whose rows count as often as their weight says."""
    of = ("index", "group")
    edges = rows.group_by(*of, "x").agg(pl.col("weight").sum()).filter(pl.col("weight") > 0).sort(*of, "x")
    rank = (pl.col("weight").sum().over(of) * percentile + 99) // 100
    reached = edges.filter(pl.col("weight").cum_sum().over(of) >= rank)
    return reached.group_by(*of).agg(value=pl.col("x").min())


def _step(part: Aggregate, rule: Rule, zone: ZoneInfo, now: int) -> pl.Expr:
    rows = row_source(part.source)
    assert rows
    if rows.time == "now":
        return pl.lit(now, pl.Int64)
    if rows.time == "day":
        return pl.col(part.at).cast(pl.Int32).cast(pl.Int64)
    if rule.is_daily:
        return pl.col(part.at).dt.convert_time_zone(str(zone)).dt.date().cast(pl.Int32).cast(pl.Int64)
    return pl.col(part.at).dt.epoch("s") // rule.step_s


def _until(part: Aggregate, rule: Rule, zone: ZoneInfo, now: int) -> pl.Expr:
    """The step behind the last window that a row counts in: as many as a window is long, or while it lasts."""
    begin = _step(part, rule, zone, now)
    if not part.until:
        return begin + rule.length
    given_up = begin + LONGEST_WAIT_S // rule.step_s
    return pl.min_horizontal(given_up, pl.col(part.until).dt.epoch("s") // rule.step_s)


def _group(group_by: Sequence[str]) -> pl.Expr:
    if not group_by:
        return pl.lit(EVERYTHING)
    names = [pl.col(name).cast(pl.String).fill_null("") for name in group_by]
    return pl.concat_str(names, separator=" / ").str.slice(0, 128)


def _holds(condition: Condition) -> pl.Expr:
    column, values = pl.col(condition.column), list(condition.values)
    if condition.operator == "contains":
        texts = column.cast(pl.String).str.to_lowercase()
        return pl.any_horizontal(texts.str.contains(str(each).lower(), literal=True) for each in values)
    if condition.operator in ("above", "below"):
        limit = pl.lit(values[0])
        return column > limit if condition.operator == "above" else column < limit
    known = column.is_in([each for each in values if each is not None])
    found = known.fill_null(False) | (column.is_null() if None in values else pl.lit(False))
    return ~found if condition.operator == "not in" else found


def bounds(rule: Rule, index: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end of a window, in UTC."""
    if rule.is_daily:
        return _day(index - rule.length + 1, zone).begin, _day(index, zone).end
    begin, end = (index - rule.length + 1) * rule.step_s, (index + 1) * rule.step_s
    return datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)


def _day(number: int, zone: ZoneInfo) -> Day:
    return Day.of(date.fromordinal(_EPOCH.toordinal() + number), zone)
