"""Objects of one source, read batch by batch and side by side, each batch settled in one transaction as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa

from mediameter.bulkheads import bulkhead
from mediameter.connect import reading
from mediameter.errors import MediameterError, UserError
from mediameter.faults import point
from mediameter.settings import Settings
from mediameter.sources.ahead import Ahead, Limits
from mediameter.sources.folder import Folder
from mediameter.sources.objects import Bucket, ObjectVersion
from mediameter.sources.s3 import S3
from mediameter.steps.ingest.batch import Batch
from mediameter.steps.ingest.wholes import wholes, with_heads, without_heads
from mediameter.steps.redo.reparse import Old, family_of, old_rows
from mediameter.store import objects
from mediameter.store.acts import Settled, settled
from mediameter.store.lake import Gone
from mediameter.store.settling import AlreadySettled

AHEAD_BATCHES = 4
"""How much of a bucket over S3 is on its way or waits to be parsed."""

# Reads some objects, and writes what they hold into the lake: nothing counts yet.
Read = Callable[[Bucket, list[ObjectVersion]], Batch]


@dataclass(frozen=True, slots=True)
class Reader:
    """What all batches of a source share. ``shown``: every object of the listing, by id; ``again``: the objects were
    read before, and what they came to then goes."""

    settings: Settings
    made: sa.Engine
    bucket: Folder | S3
    shown: dict[int, ObjectVersion]
    read: Read
    again: bool


class SettledBatch(NamedTuple):
    """A batch that counts from now on: how many of its objects had been read before, and the bytes of all of them."""

    batch: Batch
    again: int
    size_bytes: int


def settled_batches(reader: Reader, versions: list[ObjectVersion]) -> Iterator[SettledBatch]:
    """Reads batches side by side and settles each as it is done: at most ``ingest.workers`` are in memory."""
    settings = reader.settings
    batches = list(_batched(versions, settings.ingest.batch_bytes))
    workers = min(settings.ingest.workers, len(batches))
    with (
        _fetched_ahead(settings, reader.bucket, versions) as near,
        ThreadPoolExecutor(workers, thread_name_prefix="ingest") as pool,
    ):
        running: dict[Future[Batch], list[ObjectVersion]] = {}
        for some in batches:
            running[pool.submit(reader.read, near, some)] = some
            if len(running) == workers:
                yield from _first_settled(reader, running, near)
        while running:
            yield from _first_settled(reader, running, near)


def _fetched_ahead(
    settings: Settings, bucket: Folder | S3, versions: list[ObjectVersion]
) -> AbstractContextManager[Bucket]:
    """The bucket; one over the network with its objects on their way, while others are parsed."""
    if isinstance(bucket, Folder):
        return nullcontext(bucket)
    return Ahead(bucket, versions, Limits(settings.ingest.fetchers, AHEAD_BATCHES * settings.ingest.batch_bytes))


def _first_settled(
    reader: Reader, running: dict[Future[Batch], list[ObjectVersion]], bucket: Bucket
) -> Iterator[SettledBatch]:
    """Waits for the first of the running batches, and settles whichever are read by then."""
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        versions = running.pop(future)
        yield from _settled_apart(reader, bucket, versions, future.result)


def _settled_apart(
    reader: Reader, bucket: Bucket, versions: list[ObjectVersion], read: Callable[[], Batch]
) -> Iterator[SettledBatch]:
    """The batch settled. If it breaks something of ours or a rule of the warehouse, its objects are read one by one:
    the one that does stays pending, by its name, and the others count. Raises ``UserError``, which is of all objects.
    """
    errors: list[MediameterError] = []
    of_one = versions[0].key if len(versions) == 1 else "a batch of objects"
    with bulkhead(errors.append, of_one):
        batch = read()
        while (again := _settle(reader, batch, bucket)) is None:
            batch = reader.read(bucket, _still_wanted(reader, versions))
    if not errors:
        yield SettledBatch(batch, again, sum(version.size for version in versions))
    elif isinstance(errors[0], UserError):
        raise errors[0]
    elif len(versions) == 1:
        yield SettledBatch(Batch(pending=[(versions[0], str(errors[0]))]), 0, versions[0].size)
    else:
        for version in _still_wanted(reader, versions):
            yield from _settled_apart(reader, bucket, [version], partial(reader.read, bucket, [version]))


def _still_wanted(reader: Reader, versions: list[ObjectVersion]) -> list[ObjectVersion]:
    """Those that no other run has settled, or (to be read again) overwritten meanwhile."""
    source = reader.bucket.source
    with reading(reader.made) as connection:
        known = objects.known_versions(connection, source)
        standing = known - objects.overwritten(connection, source)
    return [v for v in versions if (v.object_id in standing if reader.again else v.object_id not in known)]


def _settle(reader: Reader, batch: Batch, bucket: Bucket) -> int | None:
    """One transaction for the batch; returns how many of its objects had been read before, None when another run
    settled some of it first."""
    if not batch.settlements:
        return 0
    settings, source = reader.settings, reader.bucket.source
    ids = [s.version.object_id for s in batch.settlements]
    old = old_rows(reader.made, settings, source, ids) if reader.again else Old()
    batch.settlements = with_heads(settings, batch.settlements)
    joined = wholes(reader.made, bucket, reader.shown, batch.settlements)
    act = Settled(
        family_of(settings, source), without_heads(batch.settlements), batch.files, old.ids, old.retired, old.remaining,
        joined.of,
    )  # fmt: skip
    point("ingest.before_settle")

    def settle(connection: sa.Connection) -> Settled:
        joined.require_all_seen(connection)
        act.do(connection, settings.reporting.zone)
        point("ingest.in_settle")
        return act

    try:
        settled(reader.made, settings.lake.path, settle)
    except (AlreadySettled, Gone):
        return None
    point("ingest.settled")
    return len(old.ids)


def _batched(versions: list[ObjectVersion], size: int) -> Iterator[list[ObjectVersion]]:
    """Neighbours in the listing, so that a batch spans few days, up to ``size`` packed bytes or 1,000 objects."""
    batch: list[ObjectVersion] = []
    held = 0
    for version in versions:
        if batch and (held + version.size > size or len(batch) == 1000):
            yield batch
            batch, held = [], 0
        batch.append(version)
        held += version.size
    if batch:
        yield batch
