"""Objects with events of a generating system, some at a time: their bytes through the door, and what became of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from mediameter import lake, privacy
from mediameter.errors import WorldError
from mediameter.faults import point
from mediameter.ledger import Settlement
from mediameter.settings import Settings, address_key
from mediameter.sources.objects import Bucket, Changed, ObjectVersion
from mediameter.steps.batch import BOOKED, Batch, Counts, counted, refusal
from parsers.access_log import Context, Limits, Refused
from parsers.palette_events import PARSER_VERSION, Parsed, read_events
from schemas.frames import validate
from schemas.palette import OF_LAKE_KIND

MOST_ROWS = 200_000  # in memory, and of a lake file


@dataclass(frozen=True, slots=True)
class EventDoor:
    """Everything that a batch needs and that does not change during a run."""

    source: str
    lake: Path
    limits: Limits
    seed: int
    pseudonyms: privacy.Pseudonyms


def event_door(settings: Settings, name: str) -> EventDoor:
    """The door of one source of event files."""
    key, ingest = address_key(settings), settings.ingest
    limits = Limits(ingest.batch_bytes, ingest.max_unpacked_bytes, ingest.max_gzip_ratio)
    return EventDoor(name, settings.lake.path, limits, privacy.line_seed(key), privacy.Pseudonyms(key))


@dataclass(slots=True)
class _Held:
    """Events on their way into the lake: frames by kind, and the files that are written already."""

    through: EventDoor
    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    files: list[lake.LakeFile] = field(default_factory=list)
    rows: int = 0

    def add(self, kind: str, frame: pl.DataFrame) -> None:
        if self.rows + frame.height > MOST_ROWS:
            self.write()
        self.frames.setdefault(kind, []).append(frame)
        self.rows += frame.height

    def take(self, other: _Held) -> None:
        """All that another one holds."""
        self.files += other.files
        for kind, frames in other.frames.items():
            for frame in frames:
                self.add(kind, frame)

    def write(self) -> None:
        """One file a kind and UTC day; ``object_id`` says which rows go when an object is overwritten."""
        for kind, frames in self.frames.items():
            dated = pl.concat(frames).with_columns(pl.col("at").dt.date().alias("_day"))
            for (day,), frame in sorted(dated.partition_by("_day", as_dict=True, include_key=False).items()):
                written = lake.write(self.through.lake, frame, kind=kind, source=self.through.source, file_day=day)
                self.files.append(written)
        self.frames, self.rows = {}, 0


def read_event_files(bucket: Bucket, versions: list[ObjectVersion], through: EventDoor) -> Batch:
    """Small objects share lake files; what is read of one that turns out to be refused goes with it."""
    batch, shared = Batch(), _Held(through)
    for version in versions:
        reading_of, own, counts = bucket.read(version), _Held(through), Counts()
        context = Context(through.seed, version.last_modified)
        try:
            with closing(reading_of.chunks()) as chunks:
                for parsed in read_events(chunks, context, through.limits):
                    _take_in(parsed, version.object_id, own, counts)
        except Refused as refused:
            batch.settlements.append(refusal(version, PARSER_VERSION, reading_of.sha256, refused))
            continue
        except (Changed, WorldError) as trouble:
            batch.pending.append((version, str(trouble)))
            continue
        shared.take(own)
        settled = Settlement(version, "settled", PARSER_VERSION, sha256=reading_of.sha256)
        batch.settlements.append(counted(settled, counts))
    shared.write()
    batch.files = shared.files
    return batch


def _take_in(parsed: Parsed, object_id: int, held: _Held, counts: Counts) -> None:
    point("ingest.parsed")
    counts.lines += parsed.events
    counts.ignored += parsed.ignored
    for number, offset, reason, shown in parsed.rejects:
        kept = privacy.redact_line(shown, held.through.pseudonyms)
        counts.rejects.append((number, offset, reason, kept, None, None))
    of_object = pl.lit(object_id, pl.Int64).alias("object_id")
    for kind, frame in parsed.frames.items():
        shut = validate(privacy.generations_at_the_door(frame, held.through.pseudonyms), OF_LAKE_KIND[kind])
        for booking in shut.group_by(pl.col("at").dt.truncate("1h").alias("hour")).agg(*BOOKED).iter_rows():
            counts.book(*booking)
        held.add(kind, shut.with_columns(of_object))
