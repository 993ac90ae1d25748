"""Lake files that are lost: what they held no longer counts, so that its objects are read again where the bucket still
has them, and exported days from their tables.

An object is forgotten whole, with its rows in files that are still there; one whose rows are all there stays.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

import polars as pl
import sqlalchemy as sa

from mediameter.connect import reading, transact
from mediameter.opening.bucket import bucket as bucket_of
from mediameter.settings import Settings
from mediameter.steps.redo.reparse import family_of
from mediameter.store import acts, exports, lake, lake_files, listings, objects, settling, warehouse
from mediameter.store.lake import LakeFile
from mediameter.store.warehouse import tables
from schemas.internal import LAKE_FILES, OBJECT_HOURS, OBJECTS
from schemas.vocabulary import LAKE_OF_FEED

_objects, _hours, _files = (tables[contract.name] for contract in (OBJECTS, OBJECT_HOURS, LAKE_FILES))


@dataclass(slots=True)
class Forgotten:
    """``objects``: how many are to be read again. ``lost``: keys of those that the bucket no longer shows, with all
    their ``lost_lines``. ``export_days``: days of tables that are to be exported again."""

    objects: int = 0
    lost: list[str] = field(default_factory=list)
    lost_lines: int = 0
    export_days: int = 0


@dataclass(slots=True)
class _Plan:
    """Of one source: the objects to be forgotten, and the files that are to be replaced by the rest of them."""

    ids: list[int] = field(default_factory=list)
    retired: list[LakeFile] = field(default_factory=list)
    remaining: list[LakeFile] = field(default_factory=list)


def forget(made: sa.Engine, settings: Settings, missing: list[LakeFile]) -> Forgotten:
    """One transaction: the ledger without what these files held, and a manifest that tells all of it anew."""
    by_source: dict[str, list[LakeFile]] = defaultdict(list)
    for file in missing:
        by_source[file.source].append(file)
    exported = {name: files for name, files in by_source.items() if name in settings.table_sources}
    gone = {file.path for file in missing}
    with reading(made) as connection:
        plans = {
            name: _plan(connection, settings, name, files, gone)
            for name, files in by_source.items()
            if name not in exported
        }
    report = Forgotten(objects=sum(len(plan.ids) for plan in plans.values()))
    for name, plan in plans.items():
        _name_lost(made, settings, name, plan.ids, report)

    def write(connection: sa.Connection) -> None:
        for paths in warehouse.chunks(sorted(gone)):
            lake_files.take_out_files(connection, _files.c.path.in_(paths))
        for name, plan in plans.items():
            _forget_objects(connection, settings, name, plan)
        report.export_days = sum(_forget_exports(connection, name, files) for name, files in exported.items())
        acts.write_whole(connection, settings.lake.path)

    transact(made, write)
    return report


def _plan(connection: sa.Connection, settings: Settings, name: str, files: list[LakeFile], gone: set[str]) -> _Plan:
    kinds = LAKE_OF_FEED if name in settings.event_sources else ("records",)
    there = [
        file for file in lake_files.every_file(connection)
        if file.source == name and file.kind in kinds and file.path not in gone
    ]  # fmt: skip
    days = {file.file_day for file in files}
    held = _rows(settings, [file for file in there if file.file_day in days])
    counted = _parsed(connection, name, days)
    plan = _Plan(sorted({id for (id, day), parsed in counted.items() if held.get((id, day), 0) < parsed}))
    for file in there if plan.ids else []:
        count, rest = lake.without(settings.lake.path, file, plan.ids)
        if count:
            plan.retired.append(file)
            plan.remaining.extend([rest] if rest else [])
    return plan


def _rows(settings: Settings, files: list[LakeFile]) -> dict[tuple[int, date], int]:
    """How many rows of each object and UTC day the files hold."""
    found: dict[tuple[int, date], int] = defaultdict(int)
    for file in files:
        counts = pl.scan_parquet(settings.lake.path / file.path).group_by("object_id").len().collect()
        for object_id, count in counts.iter_rows():
            found[object_id, file.file_day] += count
    return found


def _parsed(connection: sa.Connection, name: str, days: set[date]) -> dict[tuple[int, date], int]:
    """How many the ledger counts, those of overwritten versions among them: one may count again."""
    query = (
        sa.select(_hours.c.object_id, _hours.c.hour_at, _hours.c.parsed)
        .join(_objects, _objects.c.object_id == _hours.c.object_id)
        .where(_objects.c.source == name, _hours.c.parsed > 0)
    )
    found: dict[tuple[int, date], int] = defaultdict(int)
    for object_id, hour, parsed in connection.execute(query):
        if hour.date() in days:
            found[object_id, hour.date()] += parsed
    return found


def _name_lost(made: sa.Engine, settings: Settings, name: str, ids: list[int], report: Forgotten) -> None:
    if not ids:
        return
    shown: set[int] = set()
    if name in settings.bucket_sources:
        shown = {version.object_id for version in bucket_of(settings, name).listing()}
    with reading(made) as connection:
        for some in warehouse.chunks([each for each in ids if each not in shown]):
            query = sa.select(_objects.c.object_key, _objects.c.lines).where(_objects.c.object_id.in_(some))
            for key, lines in connection.execute(query.where(_objects.c.state != "superseded")):
                report.lost.append(key)
                report.lost_lines += lines


def _forget_objects(connection: sa.Connection, settings: Settings, name: str, plan: _Plan) -> None:
    family, zone = family_of(settings, name), settings.reporting.zone
    standing = [id for id in plan.ids if objects.standing_of(connection, [id])]
    settling.unsettle(connection, standing, plan.retired, zone, family)
    settling.forget(connection, sorted(set(plan.ids) - set(standing)))
    lake.require_there(settings.lake.path, plan.remaining)
    lake_files.insert_files(connection, plan.remaining)


def _forget_exports(connection: sa.Connection, name: str, files: list[LakeFile]) -> int:
    """A source that was never listed is read whole."""
    days = sorted({file.file_day for file in files})
    exports.forget_days(connection, name, days)
    listings.forget(connection, name)
    return len(days)
