"""Rejects that come back: objects of which something could not be read are read again by a parser that was mended."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from rich.console import Console

from mediameter.opening.reader import reader
from mediameter.settings import Settings
from mediameter.sources.objects import ObjectVersion
from mediameter.steps.gate.quality import QualityReport
from mediameter.steps.gate.verdicts import verdicts
from mediameter.steps.ingest.ingest import WHOLE_BUCKET, Chosen, ingest
from mediameter.steps.progress import Progress
from mediameter.steps.redo.reparse import of_frozen_days, parser_version
from mediameter.steps.rollup.rollup import rollup
from mediameter.store import objects
from parsers.access_log import PARSER_VERSION


@dataclass(slots=True)
class ReplayReport:
    """What a replay brought. ``lines_back``: records that were none before. ``rejected`` lines and ``refused`` objects
    of those that were read again, before and after. ``vanished``: objects with rejects that the bucket no longer
    shows, or that a frozen day rests on; they stay as they are."""

    objects: int = 0
    lines_back: int = 0
    rejected: tuple[int, int] = (0, 0)
    refused: tuple[int, int] = (0, 0)
    vanished: int = 0
    days: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    quality: QualityReport = field(default_factory=QualityReport)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def render(self, console: Console) -> None:
        for line in self.lines():
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    def lines(self) -> list[str]:
        """The report in a few lines."""
        if not self.objects:
            lines = [f"Nothing to replay: no object with rejects was read by a parser older than {PARSER_VERSION}."]
        else:
            lines = [
                f"{self.objects:,} objects read again: {self.lines_back:,} lines came back.",
                f"Rejected lines: {self.rejected[0]:,} before, {self.rejected[1]:,} now;"
                f" refused objects: {self.refused[0]:,} before, {self.refused[1]:,} now.",
                f"Days written: {', '.join(self.days) or 'none'}.",
            ]
        if self.vanished:
            lines.append(f"{self.vanished:,} more are gone from the bucket, or of frozen days: they stay as they are.")
        lines += self.quality.lines()
        return [*lines, *(f"Not read, still as before: {why}" for why in self.failed)]


@dataclass(slots=True)
class _Selection:
    """Chooses the objects with rejects, and remembers how they were."""

    settings: Settings
    every: bool
    before: dict[int, objects.Standing] = field(default_factory=dict)
    vanished: int = 0

    def __call__(
        self, connection: sa.Connection, source: str, listing: list[ObjectVersion], fresh: list[ObjectVersion]
    ) -> Chosen:
        fixed = of_frozen_days(connection, self.settings, source)
        found = objects.with_rejects(connection, source)
        now = parser_version(self.settings, source)
        old = {id: each for id, each in found.items() if self.every or each.parser_version < now}
        again = [version for version in listing if version.object_id in old and version.object_id not in fixed]
        self.before |= {version.object_id: old[version.object_id] for version in again}
        self.vanished += len(old) - len(again)
        return Chosen([], again)


def replay(settings: Settings, *, every: bool = False, now: datetime, progress: Progress | None = None) -> ReplayReport:
    """Reads again the objects with rejects that an older parser read (``every``: whatever read them), replaces their
    rows, and computes the days that this changes. Fetches nothing new. Raises what the steps raise."""
    selection = _Selection(settings, every)
    taken_in = ingest(settings, now=now, progress=progress, window=WHOLE_BUCKET, choose=selection)
    with reader(settings) as connection:
        after = objects.standing_of(connection, list(selection.before))
    written = rollup(settings, now=now, progress=progress).days
    judged, _ = verdicts(settings, now=now, progress=progress)
    before = {id: selection.before[id] for id in after}
    return ReplayReport(
        objects=taken_in.again,
        lines_back=_sum(after, "parsed") - _sum(before, "parsed"),
        rejected=(_sum(before, "rejected"), _sum(after, "rejected")),
        refused=(_refused(before), _refused(after)),
        vanished=selection.vanished,
        days=written,
        failed=taken_in.failed,
        quality=judged,
    )


def _sum(of: dict[int, objects.Standing], name: str) -> int:
    return sum(getattr(each, name) for each in of.values())


def _refused(of: dict[int, objects.Standing]) -> int:
    return sum(each.state == "refused" for each in of.values())
