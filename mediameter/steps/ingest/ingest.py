"""From log objects to the lake: list, diff against the ledger, read, parse, settle. Any part may run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa

from mediameter.bulkheads import bulkhead
from mediameter.connect import reading, transact
from mediameter.errors import MediameterError, UserError
from mediameter.faults import point
from mediameter.opening.bucket import bucket as bucket_of
from mediameter.opening.opened import opened
from mediameter.settings import Settings
from mediameter.sources.folder import Folder
from mediameter.sources.objects import ObjectVersion
from mediameter.sources.s3 import S3
from mediameter.steps.completeness import of_bucket
from mediameter.steps.ingest.batches import Read, Reader, settled_batches
from mediameter.steps.ingest.door import door
from mediameter.steps.ingest.event_files import event_door, read_event_files
from mediameter.steps.ingest.kept import Look, believe, doubted
from mediameter.steps.ingest.log_objects import read_logs
from mediameter.steps.progress import Progress, quiet
from mediameter.steps.redo.reparse import family_of
from mediameter.store import halves, listings, objects, sightings, sweeping
from mediameter.store.acts import Revived, done, settled
from mediameter.store.settling import Settlement
from mediameter.store.sightings import Doubt

WHOLE_BUCKET = 100 * 366  # days, as a window: all of the retention, whatever it is


@dataclass(slots=True)
class IngestReport:
    """What a pass found and did. ``failed``: objects that could not be read, each in one line; they stay pending.
    ``failed_sources``: those of which nothing more could be read, each in one line; ``refused_sources``: how many of
    these a setting or a right mends.

    ``events``: of what was parsed, events of generating systems, not records of logs.
    ``again``: of the ``objects``, those that had been read before; ``left``: new ones that this pass was not to read.
    ``doubted``: sources whose listing shows less than it did, so that nothing was taken in; ``doubts``: those that show
    nothing at all, and never did; ``accepted``: what is believed since somebody said so.
    ``swept``: files that no longer count and went to the lake's trash; ``not_swept``: why none of them did.
    ``temporary``: how many files each program has not finished, told by their names. ``growing``: of what is pending,
    files that may still be written, and why that is thought.
    ``log_loop``: hours (ISO 8601) of which most lines that came were the log bucket's own records.
    """

    listed: int = 0
    objects: int = 0
    again: int = 0
    left: int = 0
    lines: int = 0
    parsed: int = 0
    events: int = 0
    ignored: int = 0
    ignored_log_bucket: int = 0
    rejected: int = 0
    rejected_least_bytes: int = 0
    rejected_most_bytes: int = 0
    unsized_lines: int = 0
    unsure_lines: int = 0
    unsure_bytes: int = 0
    refused: int = 0
    pending: int = 0
    size_bytes: int = 0
    swept: int = 0
    temporary: dict[str, int] = field(default_factory=dict)
    growing: list[str] = field(default_factory=list)
    not_swept: str = ""
    failed: list[str] = field(default_factory=list)
    failed_sources: list[str] = field(default_factory=list)
    refused_sources: int = 0
    doubted: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    log_loop: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def fail(self, error: MediameterError) -> None:
        """Puts down a source of which nothing more could be read."""
        self.failed_sources.append(str(error))
        self.refused_sources += isinstance(error, UserError)

    def count(self, settlement: Settlement, *, is_of_events: bool) -> None:
        """Adds what became of one object."""
        self.objects += 1
        self.lines += settlement.lines
        self.parsed += settlement.parsed
        self.events += settlement.parsed * is_of_events
        self.ignored += settlement.ignored
        self.ignored_log_bucket += settlement.ignored_log_bucket
        self.rejected += settlement.rejected
        for name, value in settlement.not_counted._asdict().items():
            setattr(self, name, getattr(self, name) + value)
        self.refused += settlement.state == "refused"


class Chosen(NamedTuple):
    """Which of the listed objects a pass reads: of the new ones, and of those that were read before."""

    fresh: list[ObjectVersion]
    again: list[ObjectVersion]


# (connection, source, listing, the new ones of it): without one, all new ones are read, and no other.
Choose = Callable[[sa.Connection, str, list[ObjectVersion], list[ObjectVersion]], Chosen]


def ingest(
    settings: Settings,
    *,
    now: datetime,
    progress: Progress | None = None,
    dry_run: bool = False,
    window: int | None = None,
    choose: Choose | None = None,
    accept_fewer: Collection[str] = (),
    sweep_all: bool = False,
) -> IngestReport:
    """All buckets of logs and of event files, one after the other. ``now`` is when the listing begins, as the
    completeness of days is told by it.

    ``window``: how many days back a bucket over S3 is listed (default: ``reporting.window_days``, and all of it once a
    UTC day), counted from where its logs were complete by its last listing; what then was pending is listed still, and
    the first listing, like that of a folder, shows everything. ``sweep_all``: orphans go to the trash also where they
    are many. A listing that shows less than it did is told in ``doubted``, and nothing of it is taken in, unless
    ``accept_fewer`` names it.

    A source that cannot be listed or opened is told in ``failed_sources``, the others are read. Raises ``UserError``
    without any source, ``WorldError`` when the lake or the warehouse fails: what was settled before stays, the rest is
    taken in by the next run.
    """
    if not settings.sources:
        raise UserError(
            "no source is set", "add [sources.NAME] with kind and path to mediameter.toml; `mediameter init` writes one"
        )
    report = IngestReport()
    with opened(settings, dry_run=dry_run) as made:
        for name in settings.bucket_sources:
            with bulkhead(report.fail, f"[sources.{name}]"):
                _ingest_source(
                    settings, name, made, now, progress or quiet(), report, dry_run=dry_run, window=window,
                    choose=choose, accepts_fewer=name in accept_fewer,
                )  # fmt: skip
        if not dry_run:
            swept = sweeping.sweep(made, settings.lake.path, settings.lake.trash_days, every=sweep_all)
            report.swept, report.not_swept = swept.files, swept.held_back
    return report


def _ingest_source(
    settings: Settings,
    name: str,
    made: sa.Engine,
    now: datetime,
    progress: Progress,
    report: IngestReport,
    *,
    dry_run: bool,
    window: int | None,
    choose: Choose | None,
    accepts_fewer: bool,
) -> None:
    with reading(made) as connection:  # before the listing: what another run has seen overwritten since must not return
        known, overwritten = objects.known_versions(connection, name), objects.overwritten(connection, name)
        absorbed, listed = halves.absorbed(connection, name), listings.listed(connection, name)
    # The name of an event file need not tell when it is changed last: all of them are listed.
    since = _since(listed, now, window, settings.reporting.window_days) if name in settings.log_sources else None
    bucket = bucket_of(settings, name, since, now)
    listing = bucket.listing()
    point("ingest.listed")
    look = Look(name, listing, since, now)
    doubt = _doubt_of(made, settings, look, report, dry_run=dry_run, accepts_fewer=accepts_fewer)
    if doubt and doubt.kind == "fewer" and not accepts_fewer:
        return
    fresh, growing = _quiet(bucket, [version for version in listing if version.object_id not in known], report)
    report.listed += len(listing)
    report.temporary = dict(Counter(report.temporary) + Counter(each.program for each in bucket.left_out))
    report.size_bytes += sum(version.size for version in fresh)
    if dry_run:
        report.pending += len(fresh) + len(growing)
        return
    _revive(settings, made, look, overwritten - absorbed)
    believed = None if doubt and not accepts_fewer else partial(believe, look=look, accepted=bool(doubt))
    _take_in(settings, bucket, made, look, fresh, growing, progress, report, choose, believed)
    with reading(made) as connection:  # the whole object beside a half may have been overwritten just now
        still_absorbed = halves.absorbed(connection, name)
    _revive(settings, made, look, absorbed - still_absorbed)


def _revive(settings: Settings, made: sa.Engine, look: Look, object_ids: Collection[int]) -> None:
    """Lets those of these versions count again that the listing shows."""
    returned = [version for version in look.listing if version.object_id in object_ids]
    if returned:
        revived = Revived(family_of(settings, look.name), returned)
        settled(made, settings.lake.path, lambda connection: done(revived, connection, settings.reporting.zone))


def _take_in(
    settings: Settings, bucket: Folder | S3, made: sa.Engine, look: Look, fresh: list[ObjectVersion],
    growing: list[ObjectVersion], progress: Progress, report: IngestReport, choose: Choose | None,
    believed: Callable[[sa.Connection], None] | None,
) -> None:  # fmt: skip
    """Reads what is chosen of a listing, and puts down what it comes to."""
    chosen = Chosen(fresh, [])
    if choose:
        with reading(made) as connection:
            chosen = choose(connection, look.name, list(look.listing), fresh)
    shown = {version.object_id: version for version in look.listing}
    unread = _read(settings, bucket, chosen.fresh, shown, made, progress, report, again=False)
    _read(settings, bucket, chosen.again, shown, made, progress, report, again=True)
    wanted = {version.object_id for version in chosen.fresh}
    left = [version for version in fresh if version.object_id not in wanted]
    report.pending += len(unread) + len(growing)
    report.left += len(left)
    _record_listing(settings, made, look, [*unread, *growing], left, believed)


def _doubt_of(
    made: sa.Engine, settings: Settings, look: Look, report: IngestReport, *, dry_run: bool, accepts_fewer: bool
) -> Doubt | None:
    """Why the listing is not believed; told, and put down for whoever asks later, unless somebody accepts it."""
    with reading(made) as connection:
        doubt = doubted(connection, settings, look)
    if doubt is None:
        return None
    told = report.accepted if accepts_fewer else report.doubted if doubt.kind == "fewer" else report.doubts
    told.append(doubt.line)
    if not dry_run and not accepts_fewer:
        transact(made, lambda connection: sightings.doubt(connection, doubt, look.now))
    return doubt


def _quiet(
    bucket: Folder | S3, versions: list[ObjectVersion], report: IngestReport
) -> tuple[list[ObjectVersion], list[ObjectVersion]]:
    """Those that nobody is writing, and those that somebody may be."""
    quiet: list[ObjectVersion] = []
    growing: list[ObjectVersion] = []
    for version in versions:
        why = bucket.being_written(version)
        (growing if why else quiet).append(version)
        report.growing += [f"{version.key}: {why}"] if why else []
    return quiet, growing


def _read(
    settings: Settings,
    bucket: Folder | S3,
    versions: list[ObjectVersion],
    shown: dict[int, ObjectVersion],
    made: sa.Engine,
    progress: Progress,
    report: IngestReport,
    *,
    again: bool,
) -> list[ObjectVersion]:
    """Reads and settles these objects, of those ``shown``; returns those that could not be read, or not yet."""
    unread: list[ObjectVersion] = []
    if not versions:
        return unread
    lines, own = Counter[datetime](), Counter[datetime]()
    reader = Reader(settings, made, bucket, shown, read_by(settings, bucket.source), again)
    is_of_events = bucket.source in settings.event_sources
    what = f"reading {bucket.source}" + (" again" if again else "")
    with progress.task(what, sum(version.size for version in versions), unit="bytes") as advance:
        for batch, before, read_bytes in settled_batches(reader, versions):
            report.again += before
            for settlement in batch.settlements:
                report.count(settlement, is_of_events=is_of_events)
                lines[settlement.anchor] += settlement.lines
                own[settlement.anchor] += settlement.ignored_log_bucket
            unread += [version for version, _ in (*batch.pending, *batch.growing)]
            report.growing += [f"{version.key}: {why}" for version, why in batch.growing]
            report.failed += [why for _, why in batch.pending]
            advance(read_bytes)
    report.log_loop += [f"{hour:%Y-%m-%dT%HZ}" for hour in sorted(own) if 2 * own[hour] > lines[hour]]
    return unread


def read_by(settings: Settings, source: str) -> Read:
    """How the objects of a source are read, by what they hold."""
    if source in settings.event_sources:
        return partial(read_event_files, through=event_door(settings, source))
    return partial(read_logs, through=door(settings, source, settings.log_sources[source]))


def _since(listed: listings.Listed | None, now: datetime, window: int | None, usual: int) -> date | None:
    """The first UTC day to be listed; None: all. A source that was long not listed, or has something pending, is listed
    back to there: what the window misses must not count as complete. Without a window the first listing of each UTC
    day shows everything: records that come late under a key of their own day lie in folders that are long past."""
    if listed is None or listed.complete_through is None:
        return None
    if window is None and listed.at.date() < now.astimezone(UTC).date():
        return None
    try:
        return (listed.complete_through - timedelta(days=window or usual)).date()
    except OverflowError:
        return None


def _record_listing(
    settings: Settings,
    made: sa.Engine,
    look: Look,
    unread: list[ObjectVersion],
    left: list[ObjectVersion],
    believed: Callable[[sa.Connection], None] | None,
) -> None:
    """Logs are complete until the listing began, or until the earliest object that is still to be read; and no longer
    than the source's rhythm lets its next delivery wait.

    A pass that leaves more new objects aside than the listing on record did keeps that one: it would only make days
    incomplete that are none the worse for it.
    """
    pending = [*unread, *left]
    earliest = min([look.now.astimezone(UTC), *(version.last_modified for version in pending)])
    through = earliest - timedelta(hours=settings.reporting.settle_hours)

    def record(connection: sa.Connection) -> None:
        if believed:
            believed(connection)
        before = listings.listed_pending(connection, look.name)
        if left and not unread and before is not None and len(left) > before:
            return
        delivered = of_bucket(connection, settings, look.name, look.listing, look.now, through)
        listings.record_listing(connection, look.name, look.now, len(look.listing), len(pending), through, delivered)

    transact(made, record)
