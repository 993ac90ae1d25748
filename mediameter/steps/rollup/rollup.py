"""From the lake to the rollups: every family's dirty days are computed and replaced whole (laws 1, 4, 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from mediameter import families
from mediameter.connect import reading, transact
from mediameter.errors import MediameterError
from mediameter.families.family import Family
from mediameter.opening.opened import opened
from mediameter.settings import Settings
from mediameter.steps.progress import Progress, quiet
from mediameter.steps.redo.repricing import lines, waiting
from mediameter.steps.rollup.replacing import dirty_days, replaced_days
from mediameter.store import days, fences
from mediameter.store.acts import Repriced, settled


@dataclass(slots=True)
class RollupReport:
    """Days whose traffic, whose generations, and whose trailing audience was written; ``others``: by family the days
    of those that have no list of their own."""

    days: list[str] = field(default_factory=list)
    generation_days: list[str] = field(default_factory=list)
    audience_days: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """What final days keep of prices that are others by now, a line each."""
    others: dict[str, list[str]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    """Days that could not be computed, a line each. They keep the figures that they had, and stay open."""

    def to_dict(self) -> dict[str, Any]:
        told = asdict(self)
        return told if self.others else {name: value for name, value in told.items() if name != "others"}

    def fail(self, error: MediameterError) -> None:
        self.failed.append(str(error))

    def add(self, family: Family, written: Iterable[date]) -> None:
        days = [day.isoformat() for day in written]
        if family.reported_as in self.__slots__:
            getattr(self, family.reported_as).extend(days)
        elif family.reported_as and days:
            self.others[family.reported_as] = days


def rollup(settings: Settings, *, now: datetime, progress: Progress | None = None) -> RollupReport:
    """Computes every day of each family that something has changed for, then how complete the days are.

    A day that cannot be computed (a lake file is missing or has changed, a sum overflows) is told in ``failed``. Raises
    ``WorldError`` when the warehouse fails; days written before stay.
    """
    report, listener = RollupReport(), progress or quiet()
    with opened(settings) as made:
        prepare(made, settings)
        for family in families.FAMILIES:
            report.add(family, roll_up(made, settings, family, listener, report.fail))
        transact(made, lambda connection: days.refresh(connection, settings, families.verdict_fences()))
        with reading(made) as connection:
            report.waiting = lines(waiting(connection, settings))
    return report


def prepare(made: sa.Engine, settings: Settings) -> None:
    """What all that follows takes for granted: the prices and invoices of the settings, and a fence for every day and
    for the verdict on it."""
    for family in families.FAMILIES:
        _prepare(made, settings, family)


def _prepare(made: sa.Engine, settings: Settings, family: Family) -> None:
    def write(connection: sa.Connection) -> Repriced | None:
        act = family.prepare(connection, settings)
        known, fenced = family.known(connection, settings), fences.fenced_days(connection, family.name)
        fences.mark_dirty(connection, family.name, known - fenced)
        if family.judged:
            unjudged = (known | fenced) - fences.fenced_days(connection, family.judged.verdicts)
            fences.mark_dirty(connection, family.judged.verdicts, unjudged)
        return act

    settled(made, settings.lake.path, write)


def roll_up(
    made: sa.Engine, settings: Settings, family: Family, progress: Progress, tell: Callable[[MediameterError], None]
) -> list[date]:
    """Computes and replaces the dirty days of one family; returns those that were written. ``tell`` hears of those that
    cannot be computed."""
    _spread(made, settings, family)
    with reading(made) as connection:
        dirty = dirty_days(connection, settings, family)
    if not dirty:
        return []
    with progress.task(f"rolling up {family.name.replace('_', ' ')}", len(dirty), unit="days") as advance:
        return replaced_days(made, settings, family, dirty, advance, tell)


def _spread(made: sa.Engine, settings: Settings, family: Family) -> None:
    """Marks the days that become dirty because others of the family are."""
    with reading(made) as connection:
        dirty = set(fences.dirty_days(connection, family.name, family.basis(settings)))
        done = fences.fenced_days(connection, family.name) - dirty
        marked = family.spread(connection, settings, dirty) & done if done and dirty else set()
    if marked:
        transact(made, lambda connection: fences.mark_dirty(connection, family.name, marked))
