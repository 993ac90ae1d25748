"""Whether a listing shows what has to be there: objects that were delivered not long ago, and read.

A wrong prefix, another bucket behind the name and a mount that is gone show little or nothing, and no error. What has
expired is told from it by age: objects go when they are so old, and a listing that is believed tells how old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from mediameter.metering.shrinking import HANDFUL, RECENT, expected_objects, has_shrunk
from mediameter.settings import Settings
from mediameter.sources.objects import ObjectVersion
from mediameter.store import listings, sightings
from mediameter.store.sightings import BUCKET, Doubt

_REMEDY = (
    "see path or bucket, prefix and rights; if they were deleted with intent:"
    " `mediameter backfill {day} --accept-fewer {source}`"
)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Look:
    """One listing of a source. ``since``: the first UTC day that its keys were asked for; None: all of them."""

    name: str
    listing: Sequence[ObjectVersion]
    since: date | None
    now: datetime

    @property
    def begin(self) -> datetime:
        """What was delivered from then on is in the listing, if it is there: a key may name the day before."""
        if self.since is None:
            return _EVER
        return datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC) + timedelta(days=1)


def doubted(connection: sa.Connection, settings: Settings, look: Look) -> Doubt | None:
    """Why the listing is not believed; None where it is. An empty one of a source that never had anything is a doubt,
    too, but there is nothing to protect from it."""
    before = sightings.sightings(connection, look.name).get(BUCKET)
    delivered = listings.delivered_keys(connection, look.name, RECENT)
    since = max(look.begin, before.accepted_at) if before and before.accepted_at else look.begin
    kept = before.kept if before else None
    expected = expected_objects(delivered, now=look.now, kept=kept, since=since)
    shown = {version.key for version in look.listing}
    there = len(expected & shown)
    # Of a few objects all may be deleted; of a bucket with nothing in it none is believed.
    if has_shrunk(len(expected), there) and (not shown or len(expected) - there > HANDFUL):
        what = f"the listing shows {there:,} of {len(expected):,} objects that were delivered lately"
        remedy = _REMEDY.format(day=f"{look.now:%Y-%m-%d}", source=look.name)
        return Doubt(look.name, BUCKET, "fewer", f"{what}; nothing was taken in", remedy)
    if not shown and not delivered and not (before and before.accepted_at):
        return Doubt(look.name, BUCKET, "empty", _nothing(settings, look.name), "see path or bucket, and prefix")
    return None


def _nothing(settings: Settings, name: str) -> str:
    prefix = settings.bucket_sources[name].prefix
    return f"no object is there{f', with the prefix {prefix!r}' if prefix else ''}: nothing is known, good or bad"


def believe(connection: sa.Connection, look: Look, *, accepted: bool) -> None:
    """Notes how many objects there are, and at which age they go by now."""
    before = sightings.sightings(connection, look.name).get(BUCKET)
    kept = _kept(connection, look) or (before.kept if before and look.since else None)
    sightings.believe(connection, look.name, BUCKET, len(look.listing), look.now, kept=kept, accepted=accepted)


def _kept(connection: sa.Connection, look: Look) -> timedelta | None:
    """The age of the oldest object that is still there, where older ones have gone."""
    there = [version.last_modified for version in look.listing if version.last_modified > look.begin]
    oldest = listings.oldest_delivery(connection, look.name, look.begin)
    if not there or oldest is None or oldest >= min(there):
        return None
    return look.now - min(there)
