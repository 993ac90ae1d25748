"""The application beside a world's logs: events that are nearly its deliveries, and every reason why some are not.

Like the world itself it knows what was written, never what is true of it.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import NamedTuple
from uuid import UUID

import polars as pl
import sqlalchemy as sa

from mediameter.connect import writing
from mediameter.privacy.pseudonyms import normalise_address, pseudonym
from mediameter.settings import Settings
from mediameter.store import exports, fences, lake, reach, tenancy, warehouse
from schemas.events import EVENT
from schemas.frames import polars_schema
from schemas.rollups import APPLICATIONS, MEDIA_FILES
from tests.reference.application import Database, Event, MediaFile
from tests.reference.texts import kept_key

SOURCE = "app"
NAMES = {"app-1": "castingly", "palette": "palette-slug", "core": "*", "a-b-c": "x" * 128, "long": "y" * 129}
_APPLICATION_IDS = ("app-1", "app-1", "palette", "core", "a-b-c", "long", "not-in-the-table", None)
_NANOID = string.ascii_letters + string.digits + "-_"
_OFFSETS_MS = (0, 0, 1, 500, -500, 1999, 2000, 2001, -2000, 29_999, 30_000, 30_001, -30_000, 45_000)
_LATER_MS = (60_000, 1_800_000, 3_600_000, 7_169_000, 7_170_000, 7_199_000, 7_200_000, 7_201_000, 9_000_000)
"""So long after a fetch somebody else looks at the file, whom a cache may answer."""
_EDGES = ("172.64.3.3", "172.65.0.1", "104.16.1.1", "2606:4700::6810:1")
_HOMES = ("192.0.2.7", "198.51.100.9", "203.0.113.98", "203.0.113.99", "-")
"""Of who stands behind an edge: the first two also come past it."""
_MOST_EVENTS = 400


class Served(NamedTuple):
    """The begin of a chain of GETs, in words of the log. ``begin`` is a Unix time."""

    key: str
    address: str
    begin: float


def new_id(rng: Random) -> str:
    if rng.random() < 0.3:
        return str(UUID(int=rng.getrandbits(128)))
    return "".join(rng.choices(_NANOID, k=21))


def keys_of(media_file_id: str) -> tuple[str, ...]:
    """Keys that name a media file, and some that only seem to."""
    return (
        f"media/palette/u1/variants/thumb/1700000000000-{media_file_id}-a b.webp",
        f"media/app-1/u1/variants/x/17-{media_file_id}-b-c",
        f"files/u1/castingly-public/folder/1700000000000_{media_file_id}.mp4",
        f"files/u1/castingly-public/1700000000000_{media_file_id}.meta.json",
        f"media/palette/u1/variants/thumb/{media_file_id}-a.webp",
        f"media/palette/u1/originals/1700000000000-{media_file_id}-a.png",
    )


def database(rng: Random, served: list[Served], ids: list[str], moments: list[int], key: bytes) -> Database:
    """Files for most of what was served, events for much of it, and events of their own."""
    known = Database(names=dict(NAMES))
    for media_file_id in ids[:-1]:
        known.files.append(_file(rng, media_file_id, keys_of(media_file_id)[5], moments))
    of_key: dict[str, MediaFile] = {}
    for object_key in sorted({kept_key(each.key) or "" for each in served if "\0" not in each.key}):
        for _ in range(rng.choice((0, 1, 1, 1, 2))):
            of_key[object_key] = _file(rng, new_id(rng), object_key, moments)
            known.files.append(of_key[object_key])
    for each in rng.sample(served, min(len(served), _MOST_EVENTS // 3)):
        file = of_key.get(kept_key(each.key) or "") or rng.choice(known.files)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            known.events.append(_event(rng, each, file, key))
        if rng.random() < 0.3:
            later = each._replace(begin=each.begin + rng.choice(_LATER_MS) / 1000)
            known.events.append(_event(rng, later, file, key))
    for _ in range(10):
        at = float(rng.choice(moments) + rng.randrange(-4000, 4000))
        stray = _event(rng, Served("", "192.0.2.7", at), rng.choice(known.files), key)
        known.events.append(replace(stray, media_file_id=new_id(rng)) if rng.random() < 0.5 else stray)
    known.events += rng.sample(known.events, 3)
    return known


def _file(rng: Random, media_file_id: str, key: str, moments: list[int]) -> MediaFile:
    is_deleted = rng.random() < 0.3
    deleted_at = _instant(float(rng.choice(moments))) if is_deleted and rng.random() < 0.8 else None
    uploaded_at = _instant(float(rng.choice(moments[:3]))) if rng.random() < 0.8 else None
    return MediaFile(media_file_id, key, rng.choice(_APPLICATION_IDS), uploaded_at, is_deleted, deleted_at)


def _event(rng: Random, served: Served, file: MediaFile, key: bytes) -> Event:
    is_hidden = served.address in _EDGES or rng.random() < 0.1
    address = rng.choice(_HOMES) if is_hidden else served.address
    return Event(
        event_id=new_id(rng),
        at=_instant(served.begin) + timedelta(milliseconds=rng.choice(_OFFSETS_MS)),
        event_type=rng.choice(("view", "view", "view", "view", "view", "download", "share", "transform")),
        media_file_id=file.media_file_id,
        application_id=rng.choice(_APPLICATION_IDS),
        user_id=rng.choice(("user-1", "user-2", "user-3", None)),
        address=None if address == "-" else pseudonym(key, normalise_address(address)),
        referer_host=rng.choice((None, "castingly.example", "elsewhere.example")),
        app_bytes=rng.choice((None, 0, rng.randrange(10**9))),
    )


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=round(at * 1000))


# --- into the warehouse and the lake -----------------------------------------------------------------


def fill(settings: Settings, known: Database) -> None:
    """Files and applications as an export would leave them; whatever was computed before is computed again."""
    files = [_file_row(settings.tenant, file) for file in known.files]
    names = [(settings.tenant, application_id, name, None) for application_id, name in known.names.items()]
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    try:
        warehouse.ready(made)
        with writing(made) as connection:
            warehouse.insert(connection, MEDIA_FILES, warehouse.frame_of(files, MEDIA_FILES))
            warehouse.insert(connection, APPLICATIONS, warehouse.frame_of(names, APPLICATIONS))
            fences.mark_dirty(connection, "traffic", fences.fenced_days(connection, "traffic"))
    finally:
        made.dispose()


def _file_row(tenant: str, file: MediaFile) -> tuple[object, ...]:
    digest = sha256(file.object_key.encode()).hexdigest()
    return (
        tenant, file.media_file_id, digest, file.object_key, None, None, None, file.application_id, None, None, None,
        None, file.uploaded_at, file.is_deleted, file.deleted_at,
    )  # fmt: skip


def export(settings: Settings, before: Iterable[Event], events: Iterable[Event]) -> None:
    """These events instead of those before, a lake file a UTC day; days that rest on what is new become dirty."""
    told = list(events)
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    try:
        warehouse.ready(made)
        with writing(made) as connection:
            for day in sorted({event.at.date() for event in told}):
                frame = as_frame(event for event in told if event.at.date() == day)
                file = lake.write(settings.lake.path, frame, kind="events", source=SOURCE, file_day=day)
                exports.replace_events(connection, SOURCE, day, [file])
            _mark(connection, settings, set(told) - set(before))
    finally:
        made.dispose()


def _mark(connection: sa.Connection, settings: Settings, fresh: set[Event]) -> None:
    hours = {event.at.replace(minute=0, second=0, microsecond=0) for event in fresh}
    fences.mark_dirty(connection, "traffic", reach.days_of_events(hours, settings.reporting.zone))


def as_frame(events: Iterable[Event]) -> pl.DataFrame:
    rows = [
        (e.event_id, e.at, e.event_type, e.media_file_id, e.application_id, e.user_id, e.address, "not_available", None,
         e.referer_host, None, e.app_bytes, 1)
        for e in events
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=polars_schema(EVENT), orient="row")
