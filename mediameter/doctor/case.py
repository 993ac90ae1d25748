"""What the checks are handed, and what those of one source leave for each other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mediameter.sections.buckets import BucketSource
from mediameter.sections.tables import TableSource
from mediameter.settings import Settings
from mediameter.sources.objects import ObjectVersion
from mediameter.sources.temporary import LeftOut
from mediameter.systems.system import System
from parsers.access_log import Parsed

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Case:
    """The installation."""

    settings: Settings
    clock: Clock
    send_test: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One of the newest objects, its first block parsed; or why it was refused. Nothing of it is kept."""

    version: ObjectVersion
    parsed: Parsed | None
    refused: str = ""
    remedy: str = ""
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class TableVisit:
    """The tables of another system."""

    name: str
    source: TableSource
    system: System
    clock: Clock

    @property
    def setting(self) -> str:
        return f"[sources.{self.name}]"


@dataclass(slots=True)
class Visit:
    """One bucket. What an earlier check learns (the client, the newest objects, what they hold) later ones use."""

    name: str
    source: BucketSource
    system: System
    settings: Settings
    clock: Clock
    connection: Any = None
    """``connect.S3Connection``, once a bucket has been reached for."""
    server_clock: timedelta | None = None
    """The server's clock less ours, as its last answer told."""
    objects: list[ObjectVersion] = field(default_factory=list)
    """As listed, the newest last; of a folder without what may still be written."""
    listed: list[ObjectVersion] = field(default_factory=list)
    """The same, with those of a folder that may still be written."""
    left_out: list[LeftOut] = field(default_factory=list)
    """Files that are not read because of their names."""
    growing: dict[str, str] = field(default_factory=dict)
    """By key why a file may still be written."""
    samples: list[Sample] = field(default_factory=list)
    chunks: Callable[[ObjectVersion], Generator[bytes]] | None = None

    @property
    def client(self) -> Any:
        return self.connection.client

    @property
    def setting(self) -> str:
        return f"[sources.{self.name}]"
