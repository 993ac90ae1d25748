"""The demo's application and its database: what it knows of the files, and what it records while they are delivered.

It records no bots, loses a row now and then, and knows of views that the storage never sees, since a CDN answered them.
An old import script has written some of the log into its table. All this is counted while it is being written.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import unquote

from mediameter.demo.library import CASTINGLY, CORE, NOBODY, PALETTE, PASSED_ON, File, Library
from mediameter.demo.lines import Event
from mediameter.demo.truth import DayRows, day_of
from schemas.vocabulary import DELIVERY_GAP_S

FILE_NAME = "app.sqlite"
IDS = {CASTINGLY: "castingly", CORE: "app-core-01", PALETTE: "app-palette-02"}
"""The application's ids are not always their short names."""
_EDGE = "172.71."
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_DAY, _HOUR = 86_400, 3600
_ROLES: tuple[list[str], ...] = (["casting"], ["actor"], ["admin", "casting"], [])

_TABLES = """
CREATE TABLE applications (id VARCHAR(36) PRIMARY KEY, name VARCHAR(255), slug VARCHAR(255), settings JSON);
CREATE TABLE media_files (
    id VARCHAR(36) PRIMARY KEY, storage_key VARCHAR(500) UNIQUE, original_filename VARCHAR(500), user_id VARCHAR(36),
    application_id VARCHAR(36), collection_id VARCHAR(36), file_size BIGINT, mime_type VARCHAR(100),
    file_extension VARCHAR(20), content_hash VARCHAR(64), width INT, height INT, duration_seconds DECIMAL(10,3),
    uploaded_at TIMESTAMP, created_at TIMESTAMP, updated_at TIMESTAMP, processing_status VARCHAR(20),
    is_public BOOLEAN, is_deleted BOOLEAN, deleted_at TIMESTAMP, metadata JSON);
CREATE TABLE media_analytics (
    id VARCHAR(36) PRIMARY KEY, media_file_id VARCHAR(36) NOT NULL, event_type VARCHAR(20), user_id VARCHAR(36),
    application_id VARCHAR(36), ip_address VARCHAR(45), user_agent TEXT, referer TEXT, variant_type VARCHAR(50),
    timestamp TIMESTAMP, metadata JSON);
CREATE INDEX media_analytics_by_time ON media_analytics (timestamp);
"""
_MIME = {"jpg": "image/jpeg", "webp": "image/webp", "png": "image/png", "pdf": "application/pdf", "mp4": "video/mp4"}


class _Known(NamedTuple):
    """A file as the application knows it."""

    id: str
    file: File
    application_id: str | None
    deleted_at: int | None


class _View(NamedTuple):
    """Somebody looks at a file: what both of its rows say."""

    at: int
    known: _Known
    user_id: str | None
    address: str
    agent: str
    referer: str


class Application:
    """Sees the log's events in the order of time and writes rows. ``begin`` is the world's first instant, ``days`` its
    length. A class for its state: the users, the deliveries that go on, the rows and what they come to."""

    def __init__(self, rng: Random, library: Library, begin: int, days: int) -> None:
        self._rng = rng
        self._deletion = begin + days * _DAY // 2
        self._known = {file.key: self._knowledge(number, file) for number, file in enumerate(library.files)}
        self._unknown = {file.key for file in library.files[117::100]}  # uploaded past the application
        self._bots = {bot.agent for bot in library.bots}
        self._users: dict[tuple[str, str], list[str | None]] = {}
        self._last_sent: dict[tuple[str, str, str], int] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._day_rows: dict[date, Counter[str]] = defaultdict(Counter)
        self._fates: dict[str, Counter[str]] = defaultdict(Counter)
        self._oddities = iter(self._odd_rows(begin))

    def _knowledge(self, number: int, file: File) -> _Known:
        deleted_at = self._deletion if number % 40 == 39 else None
        return _Known(self._id(), file, IDS.get(file.application), deleted_at)

    def _id(self) -> str:
        return "".join(self._rng.choices(_LETTERS, k=21))

    def see(self, event: Event) -> None:
        """One event of the log; its application may have recorded why it happened."""
        if event.weight != "delivery" or event.agent in self._bots or not self._is_new_delivery(event):
            return
        known = self._known.get(event.key)
        begin = event.at - (event.total_ms or 0) // 1000
        if known is None or event.key in self._unknown:
            return
        if known.deleted_at and begin >= known.deleted_at:  # what a CDN still has is looked at for a while
            if self._rng.random() < 0.2:
                self._look(self._elsewhere(self._view_of(event, known, begin)), "deleted_file")
            return
        if self._rng.random() < 0.04:
            self._imported(event, known)
        if event.referer == PASSED_ON:
            return
        view = self._view_of(event, known, begin)
        self._look(view, "delivered")
        if event.address.startswith(_EDGE) and self._rng.random() < 0.5:
            self._look(self._elsewhere(view), "no_delivery")
        if self._rng.random() < 0.02:
            self._event(view._replace(at=view.at + 20), "share", None, "no_fetch")
        odd = next(self._oddities, None)
        if odd:
            odd(view)

    def _is_new_delivery(self, event: Event) -> bool:
        what = event.key, event.address, event.agent
        before = self._last_sent.get(what)
        self._last_sent[what] = event.at
        return before is None or event.at - before > DELIVERY_GAP_S

    def _view_of(self, event: Event, known: _Known, begin: int) -> _View:
        """Behind a CDN's edge the application sees who is really there."""
        is_edge = event.address.startswith(_EDGE)
        whose = self._users.setdefault((event.address, event.agent), [None, *(self._user() for _ in range(3))])
        user = self._user() if is_edge else self._rng.choice(whose)
        address = self._home() if is_edge else event.address.removeprefix("::ffff:")
        return _View(begin, known, user, address, event.agent.strip('"'), event.referer.strip('"'))

    def _elsewhere(self, view: _View) -> _View:
        """Somebody else, whom a CDN answers that has the file by now, and keeps it for two hours."""
        later = view.at + self._rng.randrange(60, 2 * _HOUR)
        return view._replace(at=later, user_id=self._user(), address=self._home())

    def _user(self) -> str:
        return f"user-{int(4000 * self._rng.random() ** 2):05d}"

    def _home(self) -> str:
        return f"198.19.{self._rng.randrange(128, 256)}.{self._rng.randrange(1, 255)}"

    # --- rows ----------------------------------------------------------------------------------------

    def _look(self, view: _View, fate: str) -> None:
        """A view's pair of rows; one in a hundred loses the second."""
        whole = {"bytes": view.known.file.size, "tenant_id": "dailey"}
        size = str(view.known.file.size) if self._rng.random() < 0.1 else view.known.file.size
        is_lost = self._rng.random() < 0.01
        self._event(view, "view", None if is_lost else {**whole, "bytes": size}, fate)

    def _event(self, view: _View, kind: str, size: dict[str, Any] | None, fate: str) -> None:
        day = day_of(view.at)
        self._fates[view.known.file.application][fate] += 1
        who = {"tenant_id": "dailey", "email": f"{view.user_id}@example.org", "roles": self._rng.choice(_ROLES)}
        self._row(view, view.at, kind, who if view.user_id else {"tenant_id": "dailey"})
        if size:
            self._row(view, view.at + (self._rng.random() < 0.3), kind, size)
        self._day_rows[day].update(rows_read=1 + bool(size), events=1)

    def _row(self, view: _View, at: int, kind: str, metadata: Any, **bent: Any) -> None:
        row = {
            "id": f"{self._rng.getrandbits(128):032x}", "media_file_id": view.known.id, "event_type": kind,
            "user_id": view.user_id, "application_id": view.known.application_id, "ip_address": view.address,
            "user_agent": view.agent, "referer": None if view.referer == "-" else view.referer, "variant_type": None,
            "timestamp": _written(at), "metadata": metadata if isinstance(metadata, str) else json.dumps(metadata),
        }  # fmt: skip
        self._rows.append(tuple({**row, **bent}.values()))

    def _imported(self, event: Event, known: _Known) -> None:
        """What the old script makes of a log line at three in the next morning: it writes no event time."""
        morning = (event.at // _DAY + 1) * _DAY + 3 * _HOUR
        metadata = {
            "source": "ovh_logs", "bytes": event.bytes_sent, "response_time": event.total_ms,
            "status": event.status, "error_code": None,
        }  # fmt: skip
        view = _View(morning, known, None, event.address, event.agent.strip('"'), "-")
        self._row(view, morning, "view", metadata)
        self._day_rows[day_of(morning)].update(rows_read=1, ignored=1)

    def _odd_rows(self, begin: int) -> list[Callable[[_View], None]]:
        """What goes wrong once each: rows that are rejected, and events of files that were never there."""

        def rejected(view: _View, metadata: str, **bent: Any) -> None:
            self._row(view, view.at + 5, "view", metadata, **bent)
            self._day_rows[day_of(view.at + 5)].update(rows_read=1, rejected=1)

        def orphan(view: _View) -> None:
            self._event(view._replace(known=view.known._replace(id=self._id())), "view", None, "unknown_file")

        return [
            lambda view: rejected(view, '{"bytes": 1048576, "tenant'),
            lambda view: rejected(view, '{"bytes": -1, "tenant_id": "dailey"}'),
            lambda view: rejected(view, "{}", event_type="hover"),
            orphan,
            orphan,
            lambda view: self._event(view, "transform", None, "no_fetch"),
        ]

    # --- the database --------------------------------------------------------------------------------

    @property
    def made_files(self) -> list[str]:
        """Ids of the files that the generating system's own application keeps."""
        return [each.id for key, each in self._known.items()
                if each.file.application == PALETTE and key not in self._unknown]  # fmt: skip

    @property
    def fates(self) -> dict[str, dict[str, int]]:
        """By application: events by what becomes of them."""
        return {name: dict(sorted(counts.items())) for name, counts in sorted(self._fates.items())}

    def write(self, path: Path) -> dict[date, DayRows]:
        """Writes the database; returns the truth about the rows of each day."""
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        with connection:
            connection.executescript(_TABLES)
            names = {CASTINGLY: "Castingly", CORE: "Dailey Core", PALETTE: "Palette Studio"}
            applications = [(IDS[slug], name, slug, "{}") for slug, name in names.items()]
            connection.executemany("INSERT INTO applications VALUES (?, ?, ?, ?)", applications)
            files = [_file_row(known) for key, known in self._known.items() if key not in self._unknown]
            connection.executemany(f"INSERT INTO media_files VALUES ({_marks(files)})", files)
            connection.executemany(f"INSERT INTO media_analytics VALUES ({_marks(self._rows)})", self._rows)
        connection.close()
        return {day: DayRows(**{**_NO_ROWS, **counts}) for day, counts in sorted(self._day_rows.items())}


_NO_ROWS = {"rows_read": 0, "events": 0, "ignored": 0, "rejected": 0}


def _marks(rows: list[tuple[Any, ...]]) -> str:
    return ", ".join("?" * len(rows[0])) if rows else ""


def _written(at: int) -> str:
    """As MySQL's TIMESTAMP is written: whole seconds, UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _file_row(known: _Known) -> tuple[Any, ...]:
    file = known.file
    key = unquote(file.path).lstrip("/")
    name = key.rpartition("/")[2]
    extension = name.rpartition(".")[2]
    made_at = _written(int(name.partition("_")[0]) // 1000)
    user = key.split("/")[2 if key.startswith("media/") else 1]
    width, height = (1920, 1080) if extension in ("jpg", "webp", "png", "mp4") else (None, None)
    deleted_at = known.deleted_at and _written(known.deleted_at)
    return (
        known.id, key, name.partition("-")[2] or name, user, known.application_id, None, file.size, _MIME[extension],
        extension, None, width, height, 61.5 if file.is_video else None, made_at, made_at, deleted_at or made_at,
        "completed", not file.is_private, known.deleted_at is not None, deleted_at, "{}",
    )  # fmt: skip


assert NOBODY not in IDS  # a file of no application has none here, either
