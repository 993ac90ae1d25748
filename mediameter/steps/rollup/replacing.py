"""One engine for every family of rollups: dirty days are computed side by side, and each is replaced in one transaction
that passes the fence, deletes, inserts, writes the day's row in `days`, and marks what follows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date

import sqlalchemy as sa

from mediameter import families
from mediameter.bulkheads import bulkhead
from mediameter.connect import reading, transact
from mediameter.errors import MediameterError
from mediameter.families.family import Computed, DirtyDay, Family
from mediameter.faults import point
from mediameter.metering.calendar import Day
from mediameter.settings import Settings
from mediameter.store import days, fences, lake, warehouse

_Result = tuple[DirtyDay, Computed]


def dirty_days(connection: sa.Connection, settings: Settings, family: Family) -> list[date]:
    """The days of a family that are to be computed: of a frozen day, only what is computed from the warehouse alone."""
    dirty = fences.dirty_days(connection, family.name, family.basis(settings))
    spared = days.frozen(connection, settings) if family.spares_frozen else set()
    return [day for day in dirty if day not in spared]


def replaced_days(
    made: sa.Engine,
    settings: Settings,
    family: Family,
    dirty: Iterable[date],
    advance: Callable[[float], None],
    tell: Callable[[MediameterError], None],
) -> list[date]:
    """Computes and replaces these days in order; returns those that were written. A day that cannot be computed goes to
    ``tell``, and stays dirty and open."""
    written: list[date] = []
    for day, computed in _side_by_side(made, settings, family, dirty):
        with bulkhead(tell, f"{day} of {family.name.replace('_', ' ')}"):
            if _is_replaced(made, settings, family, day, computed):
                written.append(day)
        advance(1)
    return written


def _is_replaced(made: sa.Engine, settings: Settings, family: Family, day: date, computed: Future[_Result]) -> bool:
    try:
        return _replace(made, settings, family, *computed.result())
    except lake.Gone:  # it lay there for a day before it was to count
        return _replace(made, settings, family, *_compute(made, settings, family, day))


def _side_by_side(
    made: sa.Engine, settings: Settings, family: Family, dirty: Iterable[date]
) -> Iterator[tuple[date, Future[_Result]]]:
    """Computes days side by side, no more in memory than the family allows, and gives them in order."""
    with ThreadPoolExecutor(family.at_once, thread_name_prefix="rollup") as pool:
        running: deque[tuple[date, Future[_Result]]] = deque()
        for day in dirty:
            running.append((day, pool.submit(_compute, made, settings, family, day)))
            if len(running) == family.at_once:
                yield running.popleft()
        yield from running


def _compute(made: sa.Engine, settings: Settings, family: Family, day: date) -> _Result:
    with reading(made) as connection:
        epoch = fences.epoch(connection, family.name, day)
        is_frozen = day in days.frozen(connection, settings)
        dirty = DirtyDay(day, *Day.of(day, settings.reporting.zone).bounds, epoch, is_frozen)
        seen = family.look(connection, settings, dirty)
    computed = family.compute(made, settings, dirty, seen)
    point("rollup.computed")
    return dirty, computed


def _replace(made: sa.Engine, settings: Settings, family: Family, day: DirtyDay, computed: Computed) -> bool:
    """Replaces one day; False when it was frozen meanwhile, or written by somebody who knew more."""

    def write(connection: sa.Connection) -> bool:
        is_spared = family.spares_frozen or not day.is_frozen
        if is_spared and day.day in days.frozen(connection, settings):
            return False
        if not fences.pass_fence(connection, family.name, day.day, day.epoch, family.basis(settings)):
            return False
        point("rollup.fenced")
        stood = family.stood(connection, settings, day, computed)
        warehouse.replace_day(connection, settings.tenant, day.day, day.bounds, computed.frames)
        if family.settle(connection, settings, day, computed, stood):
            fences.mark_dirty(connection, families.verdict_fence(family), {day.day})
        _write_row(connection, settings, family, day, computed)
        point("rollup.before_commit")
        return True

    is_written = transact(made, write)
    if is_written:
        point("rollup.committed")
    return is_written


def _write_row(
    connection: sa.Connection, settings: Settings, family: Family, day: DirtyDay, computed: Computed
) -> None:
    """The day's rows in `days`, of a family that has any."""
    if family.judged:
        rows = family.judged.rows(connection, settings, day, computed)
        whose = None if family.judged.forgets_sources else family.judged.sources(settings)
        days.write(connection, settings, family.name, day.day, rows, of=whose)
