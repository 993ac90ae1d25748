"""A range of days done again: what is missing is fetched, what an older parser read is read again if one likes, every
day of the range is computed anew. The result is what the hourly runs would have made of the same bucket.

A plan is carried out in a shadow of ledger and lake; so it tells the differences that the real thing then makes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from mediameter import families
from mediameter.connect import reading, transact
from mediameter.errors import MediameterError, UserError
from mediameter.families import generations, traffic
from mediameter.metering.calendar import Day, day_of
from mediameter.opening.dry import untouched
from mediameter.opening.opened import opened
from mediameter.opening.reader import plain
from mediameter.opening.shadow import shadow
from mediameter.settings import Settings
from mediameter.sources.objects import ObjectVersion, key_day
from mediameter.steps.export.report import ExportReport
from mediameter.steps.ingest.ingest import WHOLE_BUCKET, Chosen, IngestReport
from mediameter.steps.pass_ import complaints
from mediameter.steps.pass_.stations import Station, after_reading, between, empty_reports, require_success, walk
from mediameter.steps.progress import Progress, quiet
from mediameter.steps.redo.difference import DayChange, figures_of
from mediameter.steps.redo.reparse import of_frozen_days, parser_version
from mediameter.steps.redo.repricing import Waiting, reprice, waiting
from mediameter.steps.rollup.replacing import dirty_days
from mediameter.steps.rollup.rollup import prepare, roll_up
from mediameter.store import days as completeness
from mediameter.store import fences, objects
from schemas.vocabulary import MATCH_AFTER_S, MATCH_BEFORE_S

if TYPE_CHECKING:
    from mediameter.steps.gate.quality import QualityReport

MOST_DAYS = 4000
_FUTURE = timedelta(hours=1)  # how far before its records an object's last-modified may lie (docs/definitions.md)


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
            raise UserError(f"{self.first}..{self.last} is not a valid range of log days", remedy)

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
    ``failed``: of a plan, days that could not be computed, a line each. ``afterwards``: the reports of the stations
    that came after it, by name.
    """

    task: Task
    is_dry_run: bool
    ingest: IngestReport
    vanished: int
    days: list[DayChange] = field(default_factory=list)
    generation_days: list[date] = field(default_factory=list)
    refused: list[date] = field(default_factory=list)
    export: ExportReport = field(default_factory=ExportReport)
    repriced: list[Waiting] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    afterwards: dict[str, Any] = field(default_factory=lambda: empty_reports(after_reading()))

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(asdict(self))
        afterwards: dict[str, Any] = values.pop("afterwards")
        return values | afterwards

    @property
    def quality(self) -> QualityReport:
        """The gate's verdicts on the days."""
        report: QualityReport = self.afterwards["quality"]
        return report


def _require_begun(settings: Settings, task: Task, now: datetime) -> None:
    today = day_of(now, settings.reporting.zone)
    if task.last > today:
        begun = f"{task.first}..{today}" if task.first < today else str(today)
        raise UserError(f"{task}: {task.last} has not begun, so there is nothing to read", f"write {begun}")


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
            raise UserError(f"there is no source {name!r}; nothing was changed", remedy)
    if dry_run:
        return plan(settings, task, now=now, progress=progress)
    _require_begun(settings, task, now)
    report = _carried_out(settings, settings, task, now, progress or quiet())
    afterwards = walk(after_reading(), lambda station: station.call(settings, now=now, progress=progress))
    report.afterwards = afterwards.require_all()
    return report


def require_done(report: BackfillReport) -> None:
    """Raise what the stations complain of, or ``UserError`` when days were refused."""
    require_success(report.to_dict())
    complaints.require_computed(report.failed)
    require_none_refused(report.refused)


def require_none_refused(refused: Iterable[date | str]) -> None:
    """Raise ``UserError`` when days were refused: the others are done."""
    frozen = [str(day) for day in refused]
    if frozen:
        which = f"{frozen[0]} is" if len(frozen) == 1 else f"{len(frozen):,} days, {frozen[0]} to {frozen[-1]}, are"
        raise UserError(
            f"{which} frozen and left unchanged: the raw data is gone, so computing them again would give zeros",
            "all other days are done; choose a range without frozen days",
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
        with reading(made) as connection:
            frozen = completeness.frozen(connection, work)
        selection = _Selection(work, task, set(task.days) - frozen)
        taken_in = _taken_in(selection, now, progress)
        repriced = _repriced(made, work, real, task, selection.days, now)
        dirty = _dirtied(made, work, selection.days)
        generated = _generation_days(made, work)
        before = figures_of(real, dirty)
        failed = list[MediameterError]()
        roll_up(made, work, traffic.FAMILY, progress, failed.append)
        after = figures_of(work, dirty)
    changes = [DayChange(day, before.get(day), after.get(day)) for day in dirty]
    refused = [day for day in task.days if day in frozen]
    return BackfillReport(
        task, work is not real, taken_in["ingest"], selection.vanished, changes, generated, refused,
        taken_in["export"], repriced, [] if work is real else list(map(str, failed)),
    )  # fmt: skip


def _taken_in(selection: _Selection, now: datetime, progress: Progress) -> dict[str, Any]:
    """The part of the pass that reads, over the days that are done again: the report of each station by its name."""
    work, task = selection.settings, selection.task
    asked: dict[str, dict[str, Any]] = {
        "ingest": {"window": WHOLE_BUCKET, "choose": selection},
        "export": {"only": _utc_days(selection.days, work)},
    }

    def call(station: Station) -> Any:
        more = asked.get(station.name, {})
        return station.call(work, now=now, progress=progress, accept_fewer=task.accept_fewer, **more)

    return walk(between("ingest", "export"), call).require_all()


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
        return dirty_days(connection, settings, generations.FAMILY)


def _utc_days(days: set[date], settings: Settings) -> set[date]:
    """The UTC days that these reporting days, and the events that they rest on, lie in."""
    bounds = (Day.of(day, settings.reporting.zone).bounds for day in days)
    before, after = timedelta(seconds=MATCH_BEFORE_S), timedelta(seconds=MATCH_AFTER_S)
    spans = [((begin - before).date(), (end + after).date()) for begin, end in bounds]
    return {first + timedelta(days=n) for first, last in spans for n in range((last - first).days + 1)}


def _dirtied(made: sa.Engine, settings: Settings, days: set[date]) -> list[date]:
    """Marks the days that anything is known of; returns all that are to be computed now."""

    def mark(connection: sa.Connection) -> list[date]:
        for fence in ("checks", *families.fences()):
            fences.mark_dirty(connection, fence, fences.fenced_days(connection, fence) & days)
        return dirty_days(connection, settings, traffic.FAMILY)

    return transact(made, mark)
