"""From the lake into the application's own table: the requests of final days, where the settings ask for it.

A day is claimed in the warehouse first. Each batch is one transaction there, in which one writer at a time sees whether
its claim still stands; so a run that was overtaken writes nothing more, and one that was killed is gone on with.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import polars as pl
import sqlalchemy as sa

from mediameter.bulkheads import bulkhead
from mediameter.connect import reading, transact, write_back_engine
from mediameter.families import traffic
from mediameter.families.attribute import Attribution, attribute
from mediameter.families.slices import Source, slices, verified
from mediameter.families.traffic import look
from mediameter.faults import point
from mediameter.metering import rollups, written_back
from mediameter.metering.calendar import Day
from mediameter.opening.opened import opened
from mediameter.opening.tables import database
from mediameter.settings import Settings, address_key
from mediameter.sources.table_writing import Desk, Ours, Plan, Row, written
from mediameter.sources.tables import Database
from mediameter.steps.progress import Progress, quiet
from mediameter.store import fences, warehouse
from mediameter.systems.dailey_media import AppSource
from parsers.media_analytics import IMPORTED

FAMILY = "write_back"
VERSION = 1
BATCH_ROWS = 1000
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class WriteBackReport:
    """What became of the requests of the days that were written (in a dry run: would be).

    requests = inserted + updated + unchanged + the sum of ``skipped`` (by reason). ``removed``: rows of ours that no
    request stands for any more. ``without_application``: of the rows, those of no application that is known there.
    ``failed``: one line a source that could not be written; its days are tried again by the next run.
    """

    requests: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    without_application: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    days: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def skip(self, reason: str, requests: int) -> None:
        if requests:
            self.skipped[reason] = self.skipped.get(reason, 0) + requests

    def add(self, plan: Plan) -> None:
        """What a batch came to."""
        self.inserted += len(plan.insert)
        self.updated += len(plan.update)
        self.unchanged += plan.unchanged
        self.removed += len(plan.delete)
        self.without_application += plan.without_application
        self.skip("no_media_file", plan.orphans)
        self.skip("foreign_row", plan.foreign)


class _Overtaken(Exception):
    """Another run has claimed the day since: it is that one's."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One source, and all that its writing needs. ``target`` writes, or in a dry run only reads."""

    settings: Settings
    name: str
    source: AppSource
    made: sa.Engine
    target: Database
    secret: str
    is_dry_run: bool

    @property
    def ours(self) -> Ours:
        def are_ours(ids: Any) -> list[bool]:
            return written_back.are_ours(pl.Series(ids, dtype=pl.String), self.secret).to_list()

        return Ours(written_back.EVENT_TYPE, IMPORTED, are_ours)


def write_back(
    settings: Settings, *, now: datetime, progress: Progress | None = None, dry_run: bool = False
) -> WriteBackReport:
    """Every day that is final, not suspect, and other than when it was written last. Nothing where it is not asked for.

    What keeps a source from being written is told in ``failed``; days written before stay.
    """
    report = WriteBackReport()
    asked = {name: source for name, source in settings.app_sources.items() if source.write_back}
    if not asked:
        return report
    with opened(settings, dry_run=dry_run) as made:
        for name, source in asked.items():
            with bulkhead(lambda error: report.failed.append(str(error)), f"[sources.{name}]"):
                _write_source(_place(settings, name, source, made, dry_run), progress or quiet(), report)
    return report


def _place(settings: Settings, name: str, source: AppSource, made: sa.Engine, dry_run: bool) -> _Place:
    target = database(name, source)
    if not dry_run:
        holder = "write_back_url" if source.write_back_url else "url"
        target = Database(
            target.setting,
            write_back_engine(source.writing_url, source.statement_timeout_s, f"{target.setting} {holder}"),
            target.names,
            target.columns,
        )
    secret = hmac.new(address_key(settings), f"write-back {settings.tenant}".encode(), hashlib.sha256).hexdigest()
    return _Place(settings, name, source, made, target, secret, dry_run)


def _write_source(place: _Place, progress: Progress, report: WriteBackReport) -> None:
    with reading(place.made) as connection:
        due = due_days(connection, place.settings, place.source)
    if not due:
        return
    with progress.task(f"writing back to {place.name}", len(due), unit="days") as advance:
        for day, state in due.items():
            with suppress(_Overtaken):
                _write_day(place, day, state, report)
            advance(1)


def due_days(connection: sa.Connection, settings: Settings, source: AppSource) -> dict[date, str]:
    """Final days without suspicion that are other than when they were written last, each with what it is now; and those
    that were written and of which there is no log any more."""
    days = warehouse.tables["days"]
    of_logs = sa.and_(days.c.tenant == settings.tenant, days.c.family == traffic.NAME)
    query = sa.select(days.c.day, days.c.state, days.c.is_suspect).where(of_logs)
    known = connection.execute(query).all()
    waiting = {row.day for row in known if row.state != "final" or row.is_suspect}
    computed, written = fences.by_day(connection, traffic.NAME), fences.by_day(connection, FAMILY)
    now, due = traffic.FAMILY.basis(settings), dict[date, str]()
    for day in sorted({row.day for row in known} - waiting | (written.keys() - {row.day for row in known})):
        fence = computed.get(day)
        if fence is None or fence.is_dirty or fence.basis != now:
            continue  # its figures are of another state than the lake: after the next rollup
        state = f"{VERSION}:{_identity(source)}:{fence.done_epoch}:{fence.basis}"
        if day not in written or written[day].is_dirty or written[day].basis != state:
            due[day] = state
    return due


def _identity(source: AppSource) -> str:
    """What is written where, as far as the settings say: in another table all days are to be written anew."""
    url = sa.make_url(source.writing_url)
    parts = [url.host, url.port, url.database, sorted(source.tables.items()), source.write_back_matched]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


# --- one day -----------------------------------------------------------------------------------------


def _write_day(place: _Place, day: date, state: str, report: WriteBackReport) -> None:
    """Claims the day, writes it span by span, and settles it if nobody has claimed it meanwhile."""
    claim = None if place.is_dry_run else transact(place.made, partial(_claim, day=day))
    point("write_back.claimed")
    found = WriteBackReport()
    for begin, end, rows in _spans(place, day, found):
        _write_span(place, day, claim, begin, end, rows, found)
    if found.requests != found.inserted + found.updated + found.unchanged + sum(found.skipped.values()):
        raise AssertionError(f"{day}: requests != rows + skipped; the day is not settled")
    point("write_back.before_settle")
    if claim is not None:
        transact(place.made, lambda connection: fences.pass_fence(connection, FAMILY, day, claim, state))
    _add(report, found, day)


def _claim(connection: sa.Connection, day: date) -> int:
    fences.mark_dirty(connection, FAMILY, {day})
    return fences.epoch(connection, FAMILY, day)


def _add(report: WriteBackReport, found: WriteBackReport, day: date) -> None:
    report.days.append(day.isoformat())
    for reason, requests in found.skipped.items():
        report.skip(reason, requests)
    for name in ("requests", "inserted", "updated", "unchanged", "removed", "without_application"):
        setattr(report, name, getattr(report, name) + getattr(found, name))


def _spans(place: _Place, day: date, found: WriteBackReport) -> Iterator[tuple[datetime, datetime, list[Row]]]:
    """The day in spans of whole hours, each with its rows: a batch or more, but never a second hour behind a batch."""
    settings = place.settings
    begin, end = Day.of(day, settings.reporting.zone).bounds
    with reading(place.made) as connection:
        seen = look(connection, settings, day, begin, end)
    if seen.events is None:
        return
    sources = {name: Source(verified(settings, files), seen.dead[name]) for name, files in seen.files.items()}
    whose = attribute(place.made, settings, sources, verified(settings, seen.events), begin, end)
    rows: list[Row] = []
    until = begin
    while until < end:
        rows += _rows(place, sources, whose, until, found)
        until += _HOUR
        if len(rows) >= BATCH_ROWS or until >= end:
            yield begin, until, rows
            begin, rows = until, []


def _rows(
    place: _Place, sources: dict[str, Source], whose: Attribution, begin: datetime, found: WriteBackReport
) -> list[Row]:
    rows: list[Row] = []
    for name, source in sources.items():
        for _, records in slices(source, begin, begin + _HOUR, rollups.READS):
            made, skipped = written_back.rows(
                records, source=name, referers=place.settings.attribution.referers, known=whose.known[name],
                imported=IMPORTED, secret=place.secret, is_matched_too=place.source.write_back_matched,
            )  # fmt: skip
            rows += [Row(*row) for row in made.iter_rows()]
            found.requests += made.height + sum(skipped.values())
            for reason, requests in skipped.items():
                found.skip(reason, requests)
    return rows


# --- one span, in batches ----------------------------------------------------------------------------


def _write_span(
    place: _Place,
    day: date,
    claim: int | None,
    begin: datetime,
    end: datetime,
    rows: list[Row],
    found: WriteBackReport,
) -> None:
    in_turn = partial(_in_turn, place, day, claim)
    for first in range(0, len(rows), BATCH_ROWS):
        found.add(in_turn(partial(_write_batch, wanted=rows[first : first + BATCH_ROWS])))
    stale = in_turn(lambda desk: desk.stale(begin, end, {row.id for row in rows}))
    for first in range(0, len(stale), BATCH_ROWS):
        found.add(in_turn(partial(_remove, ids=stale[first : first + BATCH_ROWS])))


def _write_batch(desk: Desk, wanted: list[Row]) -> Plan:
    plan = desk.plan(wanted)
    if not desk.is_reading:
        desk.carry_out(plan)
    return plan


def _remove(desk: Desk, ids: list[str]) -> Plan:
    if not desk.is_reading:
        desk.carry_out(Plan(delete=ids))
    return Plan(delete=ids)


def _in_turn(place: _Place, day: date, claim: int | None, work: Callable[[Desk], Any]) -> Any:
    """``work`` in one transaction there, tried again as a whole where the server gives it up or a file went meanwhile.

    Raises ``_Overtaken`` where the claim does not stand: whoever made a newer one waits for this transaction's end.
    """
    database = place.target
    if claim is None:
        with database.snapshot() as seen:
            return work(Desk(database, seen.connection, place.ours, is_reading=True))

    def write(desk: Desk) -> Any:
        with reading(place.made) as seen:
            if fences.epoch(seen, FAMILY, day) != claim:
                raise _Overtaken
        done = work(desk)
        point("write_back.in_batch")
        return done

    done = written(database, place.ours, write)
    point("write_back.batch_written")
    return done
