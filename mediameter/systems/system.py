"""What a row of SYSTEMS says. Every room that has to know a kind of source reads it here, and asks nothing else.

A system is a file beside this one: the section of the settings, the row, and what becomes of the rows of its tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol, get_args

import polars as pl

from mediameter.privacy.events import generations_at_the_door
from mediameter.privacy.pseudonyms import Addresses, Pseudonyms
from mediameter.sections.source import SourceSection
from schemas.contract import Contract
from schemas.source_table import SourceTable

Supplies = Literal["requests", "viewers", "generations"]
"""What is metered of a system: what a storage served, who asked for it, or what was generated."""


@dataclass(frozen=True, slots=True)
class Form:
    """In which form a system's records come. ``freshness``: what rules about late sources call it; ``silence``: how a
    message begins to say that nothing new has come."""

    name: str
    is_bucket: bool
    freshness: Literal["log", "event_files", "table"]
    silence: str


LOG_OBJECTS = Form("log objects", True, "log", "nothing has been delivered since")
EVENT_OBJECTS = Form("event objects", True, "event_files", "nothing has been delivered since")
TABLES = Form("tables", False, "table", "no row is newer than")
FORMS = (LOG_OBJECTS, EVENT_OBJECTS, TABLES)


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
class Door:
    """What turns people and addresses into pseudonyms before anything is kept."""

    pseudonyms: Pseudonyms
    addresses: Addresses


@dataclass(frozen=True, slots=True)
class Feed:
    """A table that is read by UTC day, along its cursor, and what becomes of its rows.

    ``kind``: of the lake files; ``contract``: of their rows. ``margin``: what of the days beside a day has to be read
    with it. ``stream`` begins a day, with the source's section and the instant at which the run began; ``door`` lets
    the day's events in, and nothing that may not be kept. ``kept_days``: the system deletes rows that are older than so
    many days; what was counted of them here stays. None: it says nothing of it."""

    table: SourceTable
    kind: str
    contract: Contract
    margin: timedelta
    stream: Callable[[Any, datetime], Stream]
    door: Callable[[pl.DataFrame, Door], Shut]
    kept_days: int | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """Tables that are read whole, and looked up by what is read by day. ``name``: which reader of the export."""

    name: Literal["media catalogue", "prices and balances"]
    tables: tuple[SourceTable, ...]


def _no_events(*_: Any) -> Iterator[Any]:
    raise AssertionError("this system has no event files")


@dataclass(frozen=True, slots=True)
class System:
    """One kind of system.

    ``section``: its settings; the secrets of it are the fields with ``repr=False``. ``title`` names it to people.
    ``document``: as rules and answers begin their ``asked in``, by which they come with the system. ``example``: what
    ``mediameter init`` writes of it. ``feeds`` and ``reference``: of tables. ``writes_into``: tables that rows may be
    written back into. ``parser_version``: of objects, which another version reads anew; ``events`` reads event files.
    ``fingerprint``: settings of it that change rollups, by their name in the fingerprint.
    """

    section: type[SourceSection]
    title: str
    form: Form
    supplies: Supplies
    document: str
    example: str
    feeds: tuple[Feed, ...] = ()
    reference: Reference | None = None
    writes_into: tuple[SourceTable, ...] = ()
    parser_version: int = 0
    events: Callable[..., Iterator[Any]] = _no_events
    fingerprint: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def kind(self) -> str:
        """As the settings have it: the section says it, and nobody else."""
        [kind] = get_args(self.section.model_fields["kind"].annotation)
        return str(kind)

    @property
    def tables(self) -> tuple[SourceTable, ...]:
        """All tables that are read of it."""
        return (*self.whole_tables, *(feed.table for feed in self.feeds))

    @property
    def whole_tables(self) -> tuple[SourceTable, ...]:
        """Those of them that are read whole."""
        return self.reference.tables if self.reference else ()


def generated_in(events: pl.DataFrame, door: Door) -> Shut:
    """The door of generations, credits, sign-ins and errors; a generation that is pending may still change."""
    shut = generations_at_the_door(events, door.pseudonyms)
    pending = int((shut["status"] == "pending").sum()) if "status" in shut.columns else 0
    return Shut(shut, shut.height, pending)
