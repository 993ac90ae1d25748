"""Which of the objects that are to be settled are the begin of another, or begin with one: told by their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product

import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.privacy.pseudonyms import of_head
from mediameter.settings import Settings, address_key
from mediameter.sources.objects import HEAD_BYTES, Bucket, Changed, ObjectVersion
from mediameter.store import halves
from mediameter.store.halves import Kin
from mediameter.store.settling import AlreadySettled, Settlement


@dataclass(frozen=True, slots=True)
class _Object:
    """One that is to be settled (``version``, ``head``), or one of its kin in the ledger."""

    object_id: int
    size: int
    sha256: str
    head_hash: str | None
    first_at: datetime | None
    last_at: datetime | None
    version: ObjectVersion | None = None
    head: bytes = b""
    lacks_newline: bool = False
    holds_something: bool = True


@dataclass(frozen=True, slots=True)
class Wholes:
    """``of``: by half the object that counts in its place. ``kin``: what was looked at; if there is more when the
    settling transaction looks again, another run was first."""

    source: str
    settlements: list[Settlement]
    kin: set[Kin] = field(default_factory=set)
    of: dict[int, int] = field(default_factory=dict)

    def require_all_seen(self, connection: sa.Connection) -> None:
        """Raises ``AlreadySettled`` when something that may belong together has been settled since."""
        if halves.kin(connection, self.source, self.settlements) - self.kin:
            raise AlreadySettled


def with_heads(settings: Settings, settlements: list[Settlement]) -> list[Settlement]:
    """The settlements with the hash of their objects' begin."""
    key = address_key(settings)

    def hashed(settlement: Settlement) -> str:
        told = of_head(key, settlement.head)
        return told if len(settlement.head) == HEAD_BYTES else halves.SHORT + told[1:]

    return [replace(s, head_hash=hashed(s)) if s.head else s for s in settlements]


def without_heads(settlements: list[Settlement]) -> list[Settlement]:
    """As they are written down: a head holds addresses."""
    return [replace(settlement, head=b"") for settlement in settlements]


def wholes(
    made: sa.Engine, bucket: Bucket, listed: Mapping[int, ObjectVersion], settlements: list[Settlement]
) -> Wholes:
    """Compares these objects with each other and with their kin. ``listed``: what the bucket shows, by id.

    Raises ``WorldError`` when an object that may be the whole cannot be read.
    """
    source = settlements[0].version.source
    with reading(made) as connection:
        kin = halves.kin(connection, source, settlements)
    new = [_new(settlement) for settlement in settlements if settlement.sha256 and settlement.version.size]
    old = [_old(each) for each in kin]
    counting = [_old(each) for each in kin if each.state != "superseded"]
    unknown = [each for each in old if each.head_hash is None and each.object_id not in listed]
    pairs = [
        *_by_head([*new, *old], new),
        *_by_head(new, counting),
        *_short([*new, *old], new),
        *((half, whole) for half in new if half.lacks_newline and half.size < HEAD_BYTES for whole in counting),
        *((half, whole) for half, whole in product(unknown, new) if _is_within(half, whole)),
    ]
    larger = [(half, whole) for half, whole in pairs if half.holds_something and half.size < whole.size]
    return Wholes(source, settlements, kin, _compared(bucket, listed, larger))


def _new(settlement: Settlement) -> _Object:
    version = settlement.version
    return _Object(
        version.object_id, version.size, settlement.sha256 or "", settlement.head_hash, settlement.first_at,
        settlement.last_at, version, settlement.head, settlement.lacks_newline,
        settlement.lines > 0 or settlement.reason is not None,
    )  # fmt: skip


def _old(kin: Kin) -> _Object:
    return _Object(
        kin.object_id, kin.size_bytes, kin.sha256, kin.head_hash, kin.first_at, kin.last_at,
        holds_something=kin.holds_something,
    )  # fmt: skip


def _by_head(halves: Iterable[_Object], wholes: Iterable[_Object]) -> Iterator[tuple[_Object, _Object]]:
    """Those that begin alike."""
    alike: dict[str | None, list[_Object]] = {}
    for whole in wholes:
        alike.setdefault(whole.head_hash, []).append(whole)
    for half in halves:
        if half.head_hash and half.size >= HEAD_BYTES:
            yield from ((half, whole) for whole in alike.get(half.head_hash, ()))


def _short(halves: Iterable[_Object], wholes: Iterable[_Object]) -> Iterator[tuple[_Object, _Object]]:
    """Halves that are shorter than a head, and the objects whose head begins with them."""
    by_size: dict[int, list[_Object]] = {}
    for half in halves:
        if half.head_hash and half.size < HEAD_BYTES:
            by_size.setdefault(half.size, []).append(half)
    for (size, some), whole in product(by_size.items(), wholes):
        begin = hashlib.sha256(whole.head[:size]).hexdigest()
        yield from ((half, whole) for half in some if half.sha256 == begin)


def _is_within(half: _Object, whole: _Object) -> bool:
    """By the times of their records: all that is known of what an older version read."""
    if not (half.first_at and half.last_at and whole.first_at and whole.last_at):
        return False
    first, last = (at.replace(tzinfo=whole.first_at.tzinfo) for at in (half.first_at, half.last_at))
    return whole.first_at <= first <= last <= whole.last_at


def _compared(
    bucket: Bucket, listed: Mapping[int, ObjectVersion], pairs: list[tuple[_Object, _Object]]
) -> dict[int, int]:
    """By half the largest object that does begin with it."""
    wholes = {whole.object_id: whole for _, whole in pairs}
    found: dict[int, int] = {}
    for whole in sorted(wholes.values(), key=lambda each: (each.size, each.object_id)):
        version, some = whole.version or listed.get(whole.object_id), [h for h, w in pairs if w is whole]
        begins = _begins(bucket, version, {half.size for half in some}) if version else {}
        found |= {half.object_id: whole.object_id for half in some if begins.get(half.size) == half.sha256}
    return found


def _begins(bucket: Bucket, version: ObjectVersion, sizes: Iterable[int]) -> dict[int, str]:
    """SHA-256 of the object's first bytes, by how many; of one that has changed none: it will be read anew."""
    digest, seen, todo = hashlib.sha256(), 0, sorted(sizes)
    found: dict[int, str] = {}
    try:
        with closing(bucket.read(version).chunks()) as chunks:
            while todo and (chunk := next(chunks, b"")):
                begin = 0
                while todo and seen + len(chunk) >= todo[0]:
                    size = todo.pop(0)
                    digest.update(chunk[begin : size - seen])
                    begin, found[size] = size - seen, digest.hexdigest()
                digest.update(chunk[begin:])
                seen += len(chunk)
    except Changed:
        return {}
    return found
