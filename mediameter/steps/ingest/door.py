"""What stands between a log's bytes and the lake: parse, pseudonyms, classes, validation, one file a UTC day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from mediameter.faults import point
from mediameter.metering.classes import classified
from mediameter.opening.geography import geography
from mediameter.privacy.lines import redact_log_line
from mediameter.privacy.pseudonyms import Addresses, Pseudonyms, line_seed
from mediameter.privacy.records import at_the_door
from mediameter.sections.buckets import BucketSource
from mediameter.settings import Settings, address_key
from mediameter.steps.ingest.batch import BOOKED, Counts
from mediameter.store import identity, lake
from parsers.access_log import SEED_BYTES, Context, Limits, Parsed, Piece, parse_pieces
from schemas.frames import validate
from schemas.records import RECORD


@dataclass(frozen=True, slots=True)
class Door:
    """Everything that a batch needs and that does not change during a run."""

    source: str
    log_bucket: str
    lake: Path
    limits: Limits
    line_hash: str
    seed: int
    pseudonyms: Pseudonyms
    addresses: Addresses
    keep_query: frozenset[str]

    def context(self, last_modified: datetime) -> Context:
        return Context(self.seed, last_modified, self.log_bucket, self.line_hash)


def line_hash_of(settings: Settings) -> str:
    """Which line hash the lake was made with."""
    return identity.line_hash(settings.lake.path)


def limits_of(settings: Settings) -> Limits:
    """How much of an object is taken at a time, and what is too much."""
    ingest = settings.ingest
    return Limits(ingest.batch_bytes, ingest.max_unpacked_bytes, ingest.max_gzip_ratio)


def door(settings: Settings, name: str, source: BucketSource) -> Door:
    """The door of one source."""
    key, hash_name = address_key(settings), line_hash_of(settings)
    pseudonyms = Pseudonyms(key)
    return Door(
        source=name,
        log_bucket=source.bucket,
        lake=settings.lake.path,
        limits=limits_of(settings),
        line_hash=hash_name,
        seed=line_seed(key, SEED_BYTES[hash_name]),
        pseudonyms=pseudonyms,
        addresses=Addresses(pseudonyms, geography(settings)),
        keep_query=frozenset(settings.privacy.keep_query),
    )


def take_in(pieces: Sequence[Piece], through: Door, counts: dict[int, Counts]) -> list[lake.LakeFile]:
    """Parses the pieces, writes their records into the lake (one file a UTC day), and adds to their objects' counts."""
    parsed = parse_pieces(pieces)
    point("ingest.parsed")
    _count(parsed, through, counts)
    if not parsed.frame.height:
        return []
    shut = at_the_door(
        parsed.frame, pseudonyms=through.pseudonyms, addresses=through.addresses, keep_query=through.keep_query
    )
    records = validate(classified(shut).select(RECORD.names), RECORD)
    by_day = records.with_columns(pl.col("at").dt.date().alias("_day")).partition_by(
        "_day", as_dict=True, include_key=False
    )
    return [
        lake.write(through.lake, frame, kind="records", source=through.source, file_day=day)
        for (day,), frame in sorted(by_day.items())
    ]


def _count(parsed: Parsed, through: Door, counts: dict[int, Counts]) -> None:
    for object_id, lines in parsed.lines.items():
        count, ignored = counts[object_id], parsed.ignored[object_id]
        count.lines += lines
        count.ignored += sum(ignored.values())
        count.ignored_log_bucket += ignored["LOG_BUCKET"]
    for object_id, number, offset, reason, line, *bounds in parsed.rejects.iter_rows():
        kept = redact_log_line(line, through.pseudonyms)
        counts[object_id].rejects.append((number, offset, reason, kept, *bounds))
        is_unsized = bounds[1] is None or reason == "GLUED_LINES"  # of the record that was cut off nothing tells it
        counts[object_id].not_counted += (bounds[0] or 0, bounds[1] or 0, int(is_unsized), 0, 0)
    for object_id, unsure in parsed.unsure.items():
        counts[object_id].not_counted += (0, 0, unsure.unsized, unsure.lines, unsure.more_bytes)
    hourly = parsed.frame.group_by("object_id", pl.col("at").dt.truncate("1h").alias("hour")).agg(*BOOKED)
    for object_id, *booking in hourly.iter_rows():
        counts[object_id].book(*booking)
