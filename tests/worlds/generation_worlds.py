"""Small worlds of generating systems: two with tables, one with event files, around midnights and clock changes.

Every trap of the field is in them: rows that change, come twice or are broken, charges that are shared, numbers as
text, times without a zone, prices that change, files that are overwritten. A world knows what was written, never what
is true of it: that is the reference's to say.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from schemas.vocabulary import FINISHED, TIMESTAMPS
from tests.worlds.generation_events import Writer
from tests.worlds.log_worlds import KEY, TENANT, ZONES

Row = dict[str, Any]
STALE_HOURS = 24
FILES = "files"
_TABLES = """
CREATE TABLE IF NOT EXISTS generation_events (
    id TEXT, user_id TEXT, user_email TEXT, gallery_id TEXT, prediction_id TEXT, generation_type TEXT, model_id TEXT,
    model_name TEXT, status TEXT, credits_cost NUM, is_admin_generation NUM, prompt TEXT, settings JSON,
    error_message TEXT, created_at TEXT, completed_at TEXT);
CREATE TABLE IF NOT EXISTS credit_transactions (
    id TEXT, user_id TEXT, type TEXT, amount NUM, balance_after INT, description TEXT, metadata JSON, created_at TEXT);
CREATE TABLE IF NOT EXISTS model_pricing (
    model_id TEXT PRIMARY KEY, provider TEXT, generation_type TEXT, cost_cents NUM, price_cents NUM);
CREATE TABLE IF NOT EXISTS user_credits (user_id TEXT PRIMARY KEY, balance INT, lifetime_purchased INT,
    lifetime_used INT);
"""


@dataclass(slots=True)
class Content:
    """What is in a system's tables."""

    generations: list[Row] = field(default_factory=list)
    credits: list[Row] = field(default_factory=list)
    prices: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file as it is put into its folder; ``is_refused``: no event can be read of it."""

    name: str
    data: bytes
    last_modified: datetime
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """The world at an instant: tables by source, and files that came since the state before."""

    at: datetime
    tables: dict[str, Content]
    files: list[EventFile]


@dataclass(slots=True)
class GenerationWorld:
    """``states``: each is followed by a run; the last is what the figures have to be of."""

    zone: ZoneInfo
    applications: dict[str, str]
    apps: dict[str, str] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    timestamp: str = FINISHED

    @property
    def now(self) -> datetime:
        return self.states[-1].at

    @property
    def files(self) -> list[EventFile]:
        """As they lie there at the end."""
        return list({file.name: file for state in self.states for file in state.files}.values())

    def settings(self, folder: Path) -> Settings:
        (folder / FILES).mkdir(parents=True, exist_ok=True)
        sources: dict[str, Any] = {
            name: {
                "kind": "directors_palette", "url": f"sqlite:///{name}.sqlite", "application": self.applications[name],
                "stale_hours": STALE_HOURS, "lookback_days": 12, "page_rows": 100,
            }
            for name in self.states[0].tables
        }  # fmt: skip
        sources[FILES] = {
            "kind": "palette_events", "path": FILES, "application": self.applications[FILES], "apps": self.apps,
            "timestamp": self.timestamp,
        }  # fmt: skip
        document = {
            "tenant": TENANT, "reporting": {"time_zone": self.zone.key}, "sources": sources, "privacy": {"key": KEY},
            "quality": {"docs": "none"}, "geo": {"countries": "none"},
        }  # fmt: skip
        return from_mapping(document, folder)

    def lay_out(self, folder: Path, state: State) -> None:
        """Puts a state where the settings look for it."""
        for name, content in state.tables.items():
            _write(folder / f"{name}.sqlite", content)
        for file in state.files:
            path = folder / FILES / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            os.utime(path, (int(file.last_modified.timestamp()), int(file.last_modified.timestamp())))


def _write(path: Path, content: Content) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(_TABLES)
        tables = {
            "generation_events": content.generations, "credit_transactions": content.credits,
            "model_pricing": content.prices,
        }  # fmt: skip
        for table, rows in tables.items():
            connection.execute(f"DELETE FROM {table}")
            for row in rows:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    connection.close()


def dumped(path: Path) -> Content:
    """What is in the tables at last, as the database gives it back."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        found = [
            [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
            for table in ("generation_events", "credit_transactions", "model_pricing")
        ]
    connection.close()
    return Content(*found)


def generation_world(seed: int, rows: int = 0) -> GenerationWorld:
    """The world of a seed, with so many generations in each system (by default 30 to 150)."""
    rng = Random(f"generations {seed}")
    place, first = rng.choice(ZONES)
    zone, days = ZoneInfo(place), rng.randrange(1, 5)
    end = datetime.combine(first + timedelta(days=days), datetime.min.time(), zone).astimezone(UTC)
    now = end + timedelta(hours=rng.choice((1, 3, 7, 30)))
    one, other = rng.choice((("studio", "studio"), ("studio", "lab")))
    made = GenerationWorld(zone, {"palette": one, "sister": other, FILES: "studio"}, timestamp=TIMESTAMPS[seed % 2])
    made.apps.update(rng.choice(({}, {"elsewhere": "studio"}, {"elsewhere": "lab", "nothing": "lab"})))
    writer = Writer(rng, zone, first, days)
    count = rows or rng.randrange(30, 150)
    tables = {name: _content(writer, count) for name in ("palette", "sister")}
    tables["sister"].generations += rng.sample(tables["palette"].generations, 5)  # two systems with one uuid
    files = [*_files(writer, end, count), *_odd_files(writer, end)]
    if rng.random() < 0.6:
        made.states.append(_earlier(rng, now, tables, files))
    made.states.append(State(now, tables, files))
    return made


def _content(writer: Writer, count: int) -> Content:
    rng = writer.rng
    rows = [row for _ in range(count) for row in writer.generations()]
    credits = [writer.transaction() for _ in range(count // 2)]
    for each in (rows, credits):
        each += [dict(row) for row in rng.sample(each, 3)]  # without a primary key a row can stand there twice
        each += [writer.bent(row) for row in rng.sample(each, max(3, len(each) // 15))]
        rng.shuffle(each)
    return Content(rows, credits, writer.prices())


def _earlier(rng: Random, now: datetime, tables: dict[str, Content], files: list[EventFile]) -> State:
    """What was there before: fewer rows, some still pending, other prices; files that were overwritten since."""
    at = now - timedelta(hours=rng.choice((2, 20, 30)))
    before = {}
    for name, content in tables.items():
        rows = [dict(row) for row in content.generations if rng.random() < 0.7]
        for row in rng.sample(rows, len(rows) // 5):
            row |= {"status": "pending", "completed_at": None}
        prices = [row | {"cost_cents": rng.choice((3, 7, row["cost_cents"]))} for row in content.prices]
        before[name] = Content(rows, rng.sample(content.credits, len(content.credits) // 2), prices)
    there = [file for file in files if rng.random() < 0.6]
    shuffled = [file.data for file in there]
    rng.shuffle(shuffled)
    came = [
        EventFile(file.name, data if rng.random() < 0.5 else file.data, file.last_modified - timedelta(minutes=5))
        for file, data in zip(there, shuffled, strict=True)
    ]
    return State(at, before, came)


# --- files -------------------------------------------------------------------------------------------


def _files(writer: Writer, end: datetime, count: int) -> list[EventFile]:
    """Events in files of every form; some in two of them, some files twice."""
    rng = writer.rng
    events = [event for _ in range(count // 2) for event in writer.events()]
    events += [writer.bent_event(event) for event in rng.sample(events, max(3, len(events) // 12))]
    files: list[EventFile] = []
    while events:
        some, events = events[: rng.randrange(1, 40)], events[rng.randrange(1, 40) :]
        some += rng.sample(some, len(some) // 10)
        modified = end + timedelta(minutes=rng.choice((-600, 0, 5, 50)))
        data = _formed(rng, some)
        files.append(EventFile(f"{rng.choice(('', '2025/'))}{len(files):02d}.json", data, modified))
    return files


def _formed(rng: Random, events: list[Any]) -> bytes:
    """One of the forms that a file may have."""
    lines = [json.dumps(event, ensure_ascii=rng.random() < 0.5).encode() for event in events]
    forms = (
        lambda: json.dumps(events, indent=rng.choice((None, 1))).encode(),
        lambda: json.dumps({"error": None, "data": events, "status": 200}, indent=2).encode(),
        lambda: b"\n".join(lines),
        lambda: b"\r\n\r\n".join(lines) + b"\n",
        lambda: b"\n".join([*lines[::2], b"[" + b", ".join(lines[1::2]) + b"]"]) + b"\n",
        lambda: b"\n".join([*lines, b'{"timestamp": "2025-', b"{}", b"17", b'{"n": NaN}', b"{'a': 1}", b"\xff{"]),
    )
    data = rng.choice(forms)()
    data = rng.choice((b"", b"", b"\xef\xbb\xbf")) + data
    return gzip.compress(data, 1, mtime=0) if rng.random() < 0.3 else data


def _odd_files(writer: Writer, end: datetime) -> Iterable[EventFile]:
    one = json.dumps(next(iter(writer.events()))).encode()
    odd = (
        ("empty.json", b"", False), ("blank.json", b"\n \n\n", False), ("one.json", one, False),
        ("page.json", b"<html>503</html>\n", True), ("cut.json", b'[{"event_type": "auth"},\n{"event', True),
    )  # fmt: skip
    for name, data, is_refused in writer.rng.sample(odd, writer.rng.randrange(3)):
        yield EventFile(name, data, end - timedelta(hours=writer.rng.randrange(20)), is_refused)


def local_day(world: GenerationWorld, at: datetime) -> date:
    return at.astimezone(world.zone).date()
