"""A range of days done again: what is missing is fetched, what an older parser read is read again if one likes, every
day of the range is computed anew. The result is what the hourly runs would have made of the same bucket.

A plan is carried out in a shadow of ledger and lake; so it tells the differences that the real thing then makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from rich.console import Console

from mediameter.answers import window
from mediameter.connect import reading, transact
from mediameter.errors import UserError
from mediameter.metering.calendar import Day, day_of
from mediameter.opening.dry import untouched
from mediameter.opening.opened import opened
from mediameter.opening.reader import plain
from mediameter.opening.shadow import shadow
from mediameter.report import words
from mediameter.settings import Settings
from mediameter.sources.objects import ObjectVersion, key_day
from mediameter.steps.export.export import ExportReport, export
from mediameter.steps.gate.quality import QualityReport
from mediameter.steps.gate.verdicts import verdicts
from mediameter.steps.ingest.ingest import WHOLE_BUCKET, Chosen, IngestReport, ingest
from mediameter.steps.progress import Progress, quiet
from mediameter.steps.redo.difference import DayChange, figures_of, table
from mediameter.steps.redo.reparse import of_frozen_days, parser_version
from mediameter.steps.redo.repricing import Waiting, price_table, reprice, waiting
from mediameter.steps.rollup.generations import ACTIVE, basis
from mediameter.steps.rollup.generations import FAMILY as GENERATIONS
from mediameter.steps.rollup.generations import prepare as prepare_generations
from mediameter.steps.rollup.rollup import days_to_compute, prepare, roll_up_traffic, rollup
from mediameter.store import days as completeness
from mediameter.store import fences, objects
from schemas.vocabulary import MATCH_AFTER_S, MATCH_BEFORE_S, VERDICT_FENCES

MOST_DAYS = 4000
_FUTURE = timedelta(hours=1)  # how far before its records an object's last-modified may lie (docs/definitions.md)
_FAMILIES = ("traffic", "audience", "checks", *VERDICT_FENCES.values(), GENERATIONS, ACTIVE)


@dataclass(frozen=True, slots=True)
class Task:
    """What to do: the reporting days from ``first`` to ``last``. ``reparse``: read again what an older parser read,
    ``every``: whatever read it. ``accept_fewer``: sources to be believed although they show less than they did.
    ``reprice``: make final days with the prices of today. Raises ``UserError`` for an impossible range."""

    first: date
    last: date
    reparse: bool = False
    every: bool = False
    accept_fewer: tuple[str, ...] = ()
    reprice: bool = False

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise UserError(f"{self.first}..{self.last} ends before it begins", f"write {self.last}..{self.first}")
        if (self.last - self.first).days >= MOST_DAYS or not 1970 <= self.first.year <= self.last.year <= 9998:
            remedy = f"give at most {MOST_DAYS:,} days from 1970 on"
            raise UserError(f"{self.first}..{self.last} is no range of log days", remedy)

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


@dataclass(slots=True)
class BackfillReport:
    """What a backfill did, or (``is_dry_run``) would do.

    ``refused``: frozen days of the range, which are left as they are. ``vanished``: settled objects of the range that
    the bucket no longer shows; their rows stay. ``days``: every day that is computed, those beside the range among
    them that the same objects touch, or that had to be computed anyway; ``generation_days``: the same of generating
    systems, whose figures are not told one by one. ``repriced``: figures of final days with the old and the new price.
    """

    task: Task
    is_dry_run: bool
    ingest: IngestReport
    vanished: int
    days: list[DayChange] = field(default_factory=list)
    generation_days: list[date] = field(default_factory=list)
    refused: list[date] = field(default_factory=list)
    export: ExportReport = field(default_factory=ExportReport)
    quality: QualityReport = field(default_factory=QualityReport)
    repriced: list[Waiting] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(asdict(self))
        return values

    def render(self, console: Console) -> None:
        changed = [change for change in self.days if change.is_different]
        if changed:
            console.print(table(changed))
            console.print()
        if self.repriced:
            console.print(price_table(self.repriced))
            console.print()
        for line in (self._of_objects(), *self._of_what_stays(), *self._of_prices(), self._of_days(changed)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _of_objects(self) -> str:
        found, would = self.ingest, "would be " if self.is_dry_run else ""
        fresh, objects = found.objects - found.again, words.counted(found.listed, "object")
        again = f", {found.again:,} {would}read again" if self.task.reparse else ""
        return f"{self.task}: {objects} listed, {fresh:,} {would}fetched{again}."

    def _of_what_stays(self) -> list[str]:
        lines = [f"Not read, will be tried again: {why}" for why in (*self.ingest.failed, *self.export.failed)]
        lines += [f"Not believed, nothing was changed: {why}" for why in self.ingest.doubted]
        lines += [f"Accepted: {what}" for what in (*self.ingest.accepted, *self.export.accepted)]
        if self.ingest.left:
            lines.append(f"{words.counted(self.ingest.left, 'new object')} of other days left to the next run.")
        if self.vanished:
            lines.append(f"{words.counted(self.vanished, 'object')} no longer in the bucket: their rows stay.")
        lines += self.quality.lines()
        if self.refused:
            lines.append(f"Refused, since frozen: {', '.join(map(str, self.refused))}.")
        return lines

    def _of_prices(self) -> list[str]:
        if not self.task.reprice:
            return []
        if not self.repriced:
            return ["No final day of the range keeps an old price."]
        would = "would have" if self.is_dry_run else "have"
        kept = "" if self.is_dry_run else "; both are kept in the table repricings"
        return [f"{words.counted(len(self.repriced), 'figure')} of final days {would} other prices{kept}."]

    def _of_days(self, changed: list[DayChange]) -> str:
        would = "would be computed" if self.is_dry_run else "computed"
        different = f"{len(changed):,} of them with other figures" if changed else "all figures as before"
        end = " Nothing was done." if self.is_dry_run else ""
        generated = words.counted(len(self.generation_days), "day of generations", "days of generations")
        made = f" {generated} {would}." if self.generation_days else ""
        return f"{words.counted(len(self.days), 'day')} {would}, {different}.{made}{end}"


def range_of(text: str, *, today: date) -> tuple[date, date]:
    """First and last day of ``2025-10-01..2025-10-30``, of one day, or of ``last 30d``, which ends today.

    Raises ``UserError`` for anything else.
    """
    return window(text.strip().removeprefix("last").strip(), newest=today)


def _require_begun(settings: Settings, task: Task, now: datetime) -> None:
    today = day_of(now, settings.reporting.zone)
    if task.last > today:
        begun = f"{task.first}..{today}" if task.first < today else str(today)
        raise UserError(f"{task}: {task.last} has not begun, so that there is nothing to fetch", f"write {begun}")


def plan(settings: Settings, task: Task, *, now: datetime, progress: Progress | None = None) -> BackfillReport:
    """What ``backfill`` would do. It is really done, in a shadow of ledger and lake that is gone afterwards; warehouse
    and lake are only read. Raises what ``backfill`` raises."""
    _require_begun(settings, task, now)
    with untouched(settings) as looking, shadow(looking) as copy:
        return _carried_out(copy, looking, task, now, progress or quiet())


def backfill(
    settings: Settings, task: Task, *, now: datetime, progress: Progress | None = None, dry_run: bool = False
) -> BackfillReport:
    """Lists everything, fetches what is not settled of the days, reads again what is to be, computes the days anew.

    Frozen days are left as they are and told in ``refused``. May be killed, run again, and run beside anything else:
    no object is fetched twice, and each day is written behind its fence.
    Raises ``UserError`` for a source to be believed that there is not, and what ``ingest``, ``rollup``, ``check`` and
    ``quality`` raise.
    """
    for name in task.accept_fewer:
        if name not in settings.sources:
            remedy = f"the sources are: {', '.join(settings.sources)}"
            raise UserError(f"no source is called {name!r}: nothing was accepted, nothing done", remedy)
    if dry_run:
        return plan(settings, task, now=now, progress=progress)
    _require_begun(settings, task, now)
    report = _carried_out(settings, settings, task, now, progress or quiet())
    rollup(settings, now=now, progress=progress)
    report.quality, _ = verdicts(settings, now=now, progress=progress)
    return report


def require_none_refused(refused: Iterable[date | str]) -> None:
    """Raise ``UserError`` when days were refused: the others are done."""
    frozen = [str(day) for day in refused]
    if frozen:
        which = f"{frozen[0]} is" if len(frozen) == 1 else f"{len(frozen):,} days, {frozen[0]} to {frozen[-1]}, are"
        raise UserError(
            f"{which} frozen and left alone: the raw data has gone, computed again they would be zeros",
            "choose a range without frozen days; all others of this one are done",
        )


# --- the doing ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Selection:
    """Chooses the objects of some days: which are fetched, which are read again."""

    settings: Settings
    task: Task
    days: set[date]
    vanished: int = 0

    def __call__(
        self, connection: sa.Connection, source: str, listing: list[ObjectVersion], fresh: list[ObjectVersion]
    ) -> Chosen:
        standing: dict[int, objects.Standing] = {}
        for day in self.days:
            standing |= objects.standing(connection, source, *Day.of(day, self.settings.reporting.zone).bounds)
        keys, listed = {each.object_key for each in standing.values()}, {version.key for version in listing}
        self.vanished += sum(each.object_key not in listed for each in standing.values())
        wanted = [version for version in fresh if version.key in keys or self._is_of_the_days(version)]
        if not self.task.reparse:
            return Chosen(wanted, [])
        every, fixed = self.task.every, of_frozen_days(connection, self.settings, source)
        today = parser_version(self.settings, source)
        old = {id for id, each in standing.items() if every or each.parser_version < today} - fixed
        return Chosen(wanted, [version for version in listing if version.object_id in old])

    def _is_of_the_days(self, version: ObjectVersion) -> bool:
        """An object holds what happened up to its last-modified, and is delivered before a day settles; or, late, what
        happened on the day that its key names."""
        zone, settle = self.settings.reporting.zone, timedelta(hours=self.settings.reporting.settle_hours)
        latest = day_of(version.last_modified + _FUTURE, zone)
        earliest = day_of(version.last_modified - settle, zone)
        span = (latest - earliest).days
        if any(earliest + timedelta(days=number) in self.days for number in range(span + 1)):
            return True
        named = key_day(version.key)
        if named is None or datetime.combine(named, time.max, UTC) > version.last_modified - settle:
            return False
        return any(day_of(datetime.combine(named, at, UTC), zone) in self.days for at in (time.min, time.max))


def _carried_out(work: Settings, real: Settings, task: Task, now: datetime, progress: Progress) -> BackfillReport:
    """Objects and traffic, at ``work``: the real place, or a shadow of it."""
    with opened(work) as made:
        prepare(made, work)
        prepare_generations(made, work)
        with reading(made) as connection:
            frozen = completeness.frozen(connection, work)
        selection = _Selection(work, task, set(task.days) - frozen)
        fewer = task.accept_fewer
        taken_in = ingest(work, now=now, progress=progress, window=WHOLE_BUCKET, choose=selection, accept_fewer=fewer)
        days = _utc_days(selection.days, work)
        exported = export(work, now=now, progress=progress, only=days, accept_fewer=fewer)
        repriced = _repriced(made, work, real, task, selection.days, now)
        dirty = _dirtied(made, work, selection.days)
        generations = _generation_days(made, work)
        before = figures_of(real, dirty)
        roll_up_traffic(made, work, progress)
        after = figures_of(work, dirty)
    changes = [DayChange(day, before.get(day), after.get(day)) for day in dirty]
    refused = [day for day in task.days if day in frozen]
    return BackfillReport(
        task, work is not real, taken_in, selection.vanished, changes, generations, refused, exported,
        repriced=repriced,
    )  # fmt: skip


def _repriced(
    made: sa.Engine, work: Settings, real: Settings, task: Task, days: set[date], now: datetime
) -> list[Waiting]:
    """The act, where it is ordered. Of a plan the figures are those of the real warehouse: a shadow has no rollups."""
    if not task.reprice:
        return []
    found = reprice(made, work, days, now)
    if work is real:
        return found
    with opened(real, dry_run=True) as looking, reading(looking) as connection:
        return waiting(connection, real, days)


def _generation_days(made: sa.Engine, settings: Settings) -> list[date]:
    """Days of generating systems that are to be computed now."""
    with reading(made) as connection:
        frozen = completeness.frozen(connection, settings)
        return [day for day in fences.dirty_days(connection, GENERATIONS, basis(settings)) if day not in frozen]


def _utc_days(days: set[date], settings: Settings) -> set[date]:
    """The UTC days that these reporting days, and the events that they rest on, lie in."""
    bounds = (Day.of(day, settings.reporting.zone).bounds for day in days)
    before, after = timedelta(seconds=MATCH_BEFORE_S), timedelta(seconds=MATCH_AFTER_S)
    spans = [((begin - before).date(), (end + after).date()) for begin, end in bounds]
    return {first + timedelta(days=n) for first, last in spans for n in range((last - first).days + 1)}


def _dirtied(made: sa.Engine, settings: Settings, days: set[date]) -> list[date]:
    """Marks the days that anything is known of; returns all that are to be computed now."""

    def mark(connection: sa.Connection) -> list[date]:
        for family in _FAMILIES:
            fences.mark_dirty(connection, family, fences.fenced_days(connection, family) & days)
        return days_to_compute(connection, settings, "traffic")

    return transact(made, mark)
