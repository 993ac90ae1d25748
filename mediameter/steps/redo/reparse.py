"""Objects that are read again: in one transaction their old rows stop counting and the new ones count.

An object keeps its id. So its old rows must leave the lake files they are in: each such file is written anew without
them, beside the old one, and the transaction that settles the object lets the new file stand for the old.
Killed before it, the new files are orphans; after it, the old ones are. Nothing is ever changed in place.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from mediameter import families
from mediameter.connect import reading
from mediameter.metering.calendar import Day
from mediameter.settings import Settings
from mediameter.store import days, lake, lake_files, objects
from mediameter.store.lake import LakeFile
from schemas.vocabulary import LAKE_OF_FEED


@dataclass(frozen=True, slots=True)
class Old:
    """What there is of objects that are about to be settled again: the files to be retired, and what stays of them."""

    ids: list[int] = field(default_factory=list)
    retired: list[LakeFile] = field(default_factory=list)
    remaining: list[LakeFile] = field(default_factory=list)


def family_of(settings: Settings, source: str) -> str:
    """The family of rollups that rest on the source's objects."""
    return families.of_source(settings, source).name


def parser_version(settings: Settings, source: str) -> int:
    """Of the parser that reads the source's objects today."""
    return settings.system(source).parser_version


def of_frozen_days(connection: sa.Connection, settings: Settings, source: str) -> set[int]:
    """Objects that are not read again, since a frozen day rests on them."""
    frozen = days.frozen(connection, settings)
    if not frozen:
        return set()
    zone = settings.reporting.zone
    begin, end = Day.of(min(frozen), zone).begin, Day.of(max(frozen), zone).end
    return set(objects.standing(connection, source, begin, end))


def old_rows(made: sa.Engine, settings: Settings, source: str, ids: list[int]) -> Old:
    """Writes the files that hold rows of these objects anew without them; nothing counts yet.

    Raises ``AssertionError`` when the lake does not hold the rows that the ledger counts.
    """
    with reading(made) as connection:
        parsed = objects.parsed_by_day(connection, ids)
        kinds = LAKE_OF_FEED if source in settings.event_sources else ("records",)
        candidates = (lake_files.files_of_days(connection, kind, day, day) for day in sorted(parsed) for kind in kinds)
        files = [file for of_a_day in candidates for file in of_a_day if file.source == source]
    old, found = Old(ids), 0
    for file in files:
        count, rest = lake.without(settings.lake.path, file, ids)
        found += count
        if count:
            old.retired.append(file)
            old.remaining.extend([rest] if rest else [])
    if found != sum(parsed.values()):
        raise AssertionError(f"the lake holds {found:,} rows of {sum(parsed.values()):,}; nothing was replaced")
    return old
