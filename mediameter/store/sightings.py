"""What each table and bucket showed when it was last believed, and why it is not believed now.

As everywhere in `store`, whoever calls decides what is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mediameter.store.warehouse import naive, tables
from schemas.internal import SIGHTINGS

BUCKET = ""
"""The one part of a source that is a bucket."""
_sightings = tables[SIGHTINGS.name]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A part of a source as it was last believed."""

    seen: int
    seen_at: datetime
    kept: timedelta | None
    accepted_at: datetime | None
    doubt: str | None
    detail: str | None
    doubted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A part of a source that is not believed. ``kind``: of schemas.vocabulary.DOUBTS; ``detail``: one line that says
    what was seen; ``remedy``: what mends it."""

    source: str
    part: str
    kind: str
    detail: str
    remedy: str
    since: datetime | None = None

    @property
    def line(self) -> str:
        return f"[sources.{self.source}]: {self.detail}: {self.remedy}"


def sightings(connection: sa.Connection, source: str) -> dict[str, Sighting]:
    """Of a source, by part."""
    rows = connection.execute(sa.select(_sightings).where(_sightings.c.source == source)).mappings()
    return {row["part"]: _sighting(row) for row in rows}


def doubts(connection: sa.Connection, sources: Iterable[str]) -> list[Doubt]:
    """What is not believed now, by source and part."""
    query = sa.select(_sightings).where(_sightings.c.source.in_(list(sources)), _sightings.c.doubt.is_not(None))
    rows = connection.execute(query.order_by(_sightings.c.source, _sightings.c.part)).mappings()
    found = []
    for row in rows:
        detail, _, remedy = row["detail"].partition("\n")
        found.append(Doubt(row["source"], row["part"], row["doubt"], detail, remedy, _aware(row["doubted_at"])))
    return found


def believe(
    connection: sa.Connection,
    source: str,
    part: str,
    seen: int,
    at: datetime,
    *,
    kept: timedelta | None = None,
    accepted: bool = False,
) -> None:
    """Notes what a part shows, which is believed; ``accepted``: since somebody said so."""
    values: dict[str, Any] = {
        "seen": seen,
        "seen_at": naive(at),
        "kept_s": None if kept is None else int(kept.total_seconds()),
        "doubt": None,
        "detail": None,
        "doubted_at": None,
    }
    _write(connection, source, part, values | ({"accepted_at": naive(at)} if accepted else {}))


def doubt(connection: sa.Connection, found: Doubt, at: datetime) -> None:
    """Notes why a part is not believed; what it showed before stays on record."""
    known = sightings(connection, found.source).get(found.part)
    since = known.doubted_at if known and known.doubt == found.kind and known.doubted_at else at
    values = {
        "seen_at": naive(at),
        "doubt": found.kind,
        "detail": f"{found.detail}\n{found.remedy}",
        "doubted_at": naive(since),
    }
    _write(connection, found.source, found.part, values)


def _write(connection: sa.Connection, source: str, part: str, values: dict[str, Any]) -> None:
    which = sa.and_(_sightings.c.source == source, _sightings.c.part == part)
    if connection.execute(sa.select(_sightings.c.part).where(which)).first() is None:
        connection.execute(_sightings.insert().values(source=source, part=part, **{"seen": 0, **values}))
    else:
        connection.execute(_sightings.update().where(which).values(**values))


def _sighting(row: Any) -> Sighting:
    kept = None if row["kept_s"] is None else timedelta(seconds=row["kept_s"])
    return Sighting(
        row["seen"], row["seen_at"].replace(tzinfo=UTC), kept, _aware(row["accepted_at"]), row["doubt"],
        row["detail"], _aware(row["doubted_at"]),
    )  # fmt: skip


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None
