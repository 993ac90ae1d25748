"""What reading some objects came to, whatever they hold: counts, settlements, lake files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import polars as pl

from mediameter.errors import WorldError
from mediameter.sources.objects import Bucket, Changed, Edges, ObjectVersion, Reading
from mediameter.store.lake import LakeFile
from mediameter.store.objects import NOTHING, NotCounted
from mediameter.store.rejects import RejectRow
from mediameter.store.settling import Settlement
from parsers.access_log import Refused

BOOKED = (pl.len(), pl.col("at").min().alias("first"), pl.col("at").max().alias("last"))
"""What ``Counts.book`` wants to know of the records of an hour."""
_CUT = {"TRUNCATED": "its gzip stream ends early", "NOT_EVENTS": "it is no whole JSON"}
"""What an object that is still being written may be refused for."""
T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """What reading some objects came to: their settlements, the lake files that hold their rows, what stays pending.

    ``growing``: what may not be whole yet, and why that is thought; it is no failure.
    """

    settlements: list[Settlement] = field(default_factory=list)
    files: list[LakeFile] = field(default_factory=list)
    pending: list[tuple[ObjectVersion, str]] = field(default_factory=list)
    growing: list[tuple[ObjectVersion, str]] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """What has become of one object's lines so far. ``more_rejects``: rejects that are counted, and not kept."""

    lines: int = 0
    ignored: int = 0
    ignored_log_bucket: int = 0
    hours: dict[datetime, int] = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None
    rejects: list[RejectRow] = field(default_factory=list)
    more_rejects: int = 0
    not_counted: NotCounted = NOTHING

    def book(self, hour: datetime, rows: int, first: datetime, last: datetime) -> None:
        """Adds records of one UTC hour, the earliest and the latest of them."""
        self.hours[hour] = self.hours.get(hour, 0) + rows
        self.first_at = min(self.first_at or first, first)
        self.last_at = max(self.last_at or last, last)


def taken(
    bucket: Bucket,
    version: ObjectVersion,
    batch: Batch,
    parser_version: int,
    take: Callable[[Iterator[bytes]], T],
    looks_cut: Callable[[T], bool] = lambda taken: True,
) -> tuple[Settlement, T] | None:
    """What ``take`` makes of the object's bytes, and its settlement, still without counts; None where it is refused or
    stays pending, which ``batch`` keeps.

    ``looks_cut``: whether what was taken may be cut where its bytes end without a newline.
    """
    reading_of = bucket.read(version)
    try:
        with closing(reading_of.chunks()) as chunks:
            found = take(chunks)
    except Refused as refused:
        if growing := _unfinished(bucket, version, reading_of.edges, refused.reason):
            batch.growing.append((version, growing))
        else:
            bare = _settlement(version, "refused", parser_version, reading_of)
            batch.settlements.append(replace(bare, reason=refused.reason, detail=refused.detail))
        return None
    except (Changed, WorldError) as trouble:
        batch.pending.append((version, str(trouble)))
        return None
    if looks_cut(found) and (growing := _unfinished(bucket, version, reading_of.edges)):
        batch.growing.append((version, growing))
        return None
    return _settlement(version, "settled", parser_version, reading_of), found


def _unfinished(bucket: Bucket, version: ObjectVersion, read: Edges, refused: str = "") -> str:
    """Why the object may not be whole yet, and is left to a later run; "" where it is to be taken as it is.

    An end that looks cut (a line without its newline, a broken gzip stream) says so only while the file still changes.
    """
    if refused in _CUT:
        seen = _CUT[refused]
    elif read.lacks_newline and read.size == version.size:
        seen = "no newline at its end"
    else:
        return ""
    changed = bucket.may_grow(version)
    return f"{seen}, {changed}" if changed else ""


def _settlement(version: ObjectVersion, state: str, parser_version: int, read: Reading) -> Settlement:
    """The hash of what was read up to a refusal is that of nothing."""
    return Settlement(
        version, state, parser_version, sha256=read.sha256 or None, head=read.edges.head,
        lacks_newline=read.edges.lacks_newline,
    )  # fmt: skip


def counted(bare: Settlement, counts: Counts) -> Settlement:
    """The settlement with the counts of its object; one that is refused has none."""
    if bare.state == "refused":
        return bare
    return replace(
        bare, lines=counts.lines, ignored=counts.ignored, ignored_log_bucket=counts.ignored_log_bucket,
        rejected=len(counts.rejects) + counts.more_rejects, rejects=counts.rejects, first_at=counts.first_at,
        last_at=counts.last_at, hours=counts.hours, not_counted=counts.not_counted,
    )  # fmt: skip
