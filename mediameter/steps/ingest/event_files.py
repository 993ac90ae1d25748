"""Objects with events of a generating system, some at a time: their bytes through the door, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from mediameter.faults import point
from mediameter.privacy.events import generations_at_the_door
from mediameter.privacy.lines import redact_line
from mediameter.privacy.pseudonyms import Pseudonyms, line_seed
from mediameter.settings import Settings, address_key
from mediameter.sources.objects import Bucket, ObjectVersion
from mediameter.steps.ingest.batch import BOOKED, Batch, Counts, counted, taken
from mediameter.steps.ingest.door import line_hash_of
from mediameter.store import lake
from mediameter.systems.system import System
from parsers.access_log import SEED_BYTES, Context, Limits
from parsers.palette_events import Parsed
from schemas.frames import validate
from schemas.palette import OF_LAKE_KIND

MOST_REJECTS = 1_000  # kept of an object, as of a table's day; all are counted: two bytes of an array make one
MOST_ROWS = 200_000  # in memory, and of a lake file


@dataclass(frozen=True, slots=True)
class EventDoor:
    """Everything that a batch needs and that does not change during a run."""

    source: str
    lake: Path
    limits: Limits
    line_hash: str
    seed: int
    pseudonyms: Pseudonyms
    timestamp: str
    system: System


def event_door(settings: Settings, name: str) -> EventDoor:
    """The door of one source of event files."""
    key, ingest = address_key(settings), settings.ingest
    limits = Limits(ingest.batch_bytes, ingest.max_unpacked_bytes, ingest.max_gzip_ratio)
    hash_name = line_hash_of(settings)
    seed = line_seed(key, SEED_BYTES[hash_name])
    timestamp = settings.event_sources[name].timestamp
    return EventDoor(
        name, settings.lake.path, limits, hash_name, seed, Pseudonyms(key), timestamp, settings.system(name)
    )


@dataclass(slots=True)
class _Held:
    """Events on their way into the lake: frames by kind, and the files that are written already. ``is_broken``: one of
    their lines was no JSON."""

    through: EventDoor
    frames: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    files: list[lake.LakeFile] = field(default_factory=list)
    rows: int = 0
    is_broken: bool = False

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

        def take(chunks: Iterator[bytes], version: ObjectVersion = version) -> tuple[_Held, Counts]:
            return _events(chunks, version, through)

        read = taken(bucket, version, batch, through.system.parser_version, take, _has_a_broken_line)
        if read is None:
            continue
        settlement, (own, counts) = read
        shared.take(own)
        batch.settlements.append(counted(settlement, counts))
    shared.write()
    batch.files = shared.files
    return batch


def _events(chunks: Iterator[bytes], version: ObjectVersion, through: EventDoor) -> tuple[_Held, Counts]:
    own, counts = _Held(through), Counts()
    context = Context(through.seed, version.last_modified, line_hash=through.line_hash, timestamp=through.timestamp)
    for parsed in through.system.events(chunks, context, through.limits):
        _take_in(parsed, version.object_id, own, counts)
    return own, counts


def _has_a_broken_line(read: tuple[_Held, Counts]) -> bool:
    """JSON that parses has its end; a file of it need not end with a newline."""
    return read[0].is_broken


def _take_in(parsed: Parsed, object_id: int, held: _Held, counts: Counts) -> None:
    point("ingest.parsed")
    counts.lines += parsed.events
    counts.ignored += parsed.ignored
    held.is_broken |= any(reason == "BROKEN_JSON" for _, _, reason, _ in parsed.rejects)
    room = MOST_REJECTS - len(counts.rejects)
    counts.more_rejects += max(0, len(parsed.rejects) - room)
    for number, offset, reason, shown in parsed.rejects[:room]:
        kept = redact_line(shown, held.through.pseudonyms)
        counts.rejects.append((number, offset, reason, kept, None, None))
    of_object = pl.lit(object_id, pl.Int64).alias("object_id")
    for kind, frame in parsed.frames.items():
        shut = validate(generations_at_the_door(frame, held.through.pseudonyms), OF_LAKE_KIND[kind])
        for booking in shut.group_by(pl.col("at").dt.truncate("1h").alias("hour")).agg(*BOOKED).iter_rows():
            counts.book(*booking)
        held.add(kind, shut.with_columns(of_object))
