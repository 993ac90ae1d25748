"""What reading some objects came to, whatever they hold: counts, settlements, lake files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from mediameter.lake import LakeFile
from mediameter.ledger import NOTHING, NotCounted, RejectRow, Settlement
from mediameter.sources.objects import ObjectVersion
from parsers.access_log import Refused

BOOKED = (pl.len(), pl.col("at").min().alias("first"), pl.col("at").max().alias("last"))
"""What ``Counts.book`` wants to know of the records of an hour."""


@dataclass(slots=True)
class Batch:
    """What reading some objects came to: their settlements, the lake files that hold their rows, what stays pending."""

    settlements: list[Settlement] = field(default_factory=list)
    files: list[LakeFile] = field(default_factory=list)
    pending: list[tuple[ObjectVersion, str]] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """What has become of one object's lines so far."""

    lines: int = 0
    ignored: int = 0
    ignored_log_bucket: int = 0
    hours: dict[datetime, int] = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None
    rejects: list[RejectRow] = field(default_factory=list)
    not_counted: NotCounted = NOTHING

    def book(self, hour: datetime, rows: int, first: datetime, last: datetime) -> None:
        """Adds records of one UTC hour, the earliest and the latest of them."""
        self.hours[hour] = self.hours.get(hour, 0) + rows
        self.first_at = min(self.first_at or first, first)
        self.last_at = max(self.last_at or last, last)


def refusal(version: ObjectVersion, parser_version: int, sha256: str, refused: Refused) -> Settlement:
    """Of an object that is refused as a whole."""
    return Settlement(
        version, "refused", parser_version, sha256=sha256 or None, reason=refused.reason, detail=refused.detail
    )


def counted(bare: Settlement, counts: Counts) -> Settlement:
    """The settlement with the counts of its object; one that is refused has none."""
    if bare.state == "refused":
        return bare
    return replace(
        bare, lines=counts.lines, ignored=counts.ignored, ignored_log_bucket=counts.ignored_log_bucket,
        rejected=len(counts.rejects), rejects=counts.rejects, first_at=counts.first_at, last_at=counts.last_at,
        hours=counts.hours, not_counted=counts.not_counted,
    )  # fmt: skip
