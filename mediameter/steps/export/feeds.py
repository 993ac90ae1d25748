"""Which tables of a source are read by day, and what becomes of their rows: a declaration each.

Another table of events is another ``Feed``; nothing else has to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import polars as pl

from mediameter.privacy.events import events_at_the_door, generations_at_the_door
from mediameter.settings import PaletteSource
from mediameter.steps.export.places import Place
from parsers import media_analytics, palette
from schemas.application import MEDIA_ANALYTICS
from schemas.contract import Contract
from schemas.events import EVENT
from schemas.palette import CREDIT, CREDIT_TRANSACTIONS, GENERATION, GENERATION_EVENTS
from schemas.source_table import SourceTable


class Taken(Protocol):
    """What became of a part's rows: each is in one event, rejected or ignored."""

    @property
    def events(self) -> pl.DataFrame: ...
    @property
    def rejected(self) -> pl.DataFrame: ...
    @property
    def ignored(self) -> pl.DataFrame: ...
    @property
    def rows(self) -> int: ...


class Stream(Protocol):
    """Takes a day's rows in parts, in the order of time, as if they came at once."""

    def take(self, rows: pl.DataFrame, *, is_last: bool = False) -> Taken: ...


class Shut(NamedTuple):
    """Events as the lake keeps them, the rows that they were, and how many may still change."""

    events: pl.DataFrame
    rows: int
    unsettled: int


@dataclass(frozen=True, slots=True)
class Feed:
    """``kind``: of the lake files; ``contract``: of their rows. ``margin``: what of the days beside a day has to be
    read with it. ``stream`` begins a day; ``door`` lets its events in, and nothing that may not be kept."""

    table: SourceTable
    kind: str
    contract: Contract
    margin: timedelta
    stream: Callable[[Place], Stream]
    door: Callable[[Place, pl.DataFrame], Shut]


def _media_door(place: Place, events: pl.DataFrame) -> Shut:
    shut = events_at_the_door(events, pseudonyms=place.pseudonyms, addresses=place.addresses)
    return Shut(shut, int(shut["row_count"].sum()), 0)


def _stale_before(place: Place) -> datetime:
    assert isinstance(place.source, PaletteSource)
    return place.now - timedelta(hours=place.source.stale_hours)


def _generation_door(place: Place, events: pl.DataFrame) -> Shut:
    shut = generations_at_the_door(events, place.pseudonyms)
    return Shut(shut, shut.height, int((shut["status"] == "pending").sum()))


def _credit_door(place: Place, events: pl.DataFrame) -> Shut:
    shut = generations_at_the_door(events, place.pseudonyms)
    return Shut(shut, shut.height, 0)


MEDIA_EVENTS = Feed(
    MEDIA_ANALYTICS,
    "events",
    EVENT,
    timedelta(minutes=1),  # pairs of rows at midnight: rows follow each other within seconds
    lambda place: media_analytics.Stream(),
    _media_door,
)
GENERATIONS = Feed(
    GENERATION_EVENTS,
    "generations",
    GENERATION,
    timedelta(0),
    lambda place: palette.generations(_stale_before(place)),
    _generation_door,
)
CREDITS = Feed(CREDIT_TRANSACTIONS, "credits", CREDIT, timedelta(0), lambda place: palette.credits(), _credit_door)
FEEDS: dict[str, tuple[Feed, ...]] = {"dailey_media": (MEDIA_EVENTS,), "directors_palette": (GENERATIONS, CREDITS)}
"""By the kind of the source."""
