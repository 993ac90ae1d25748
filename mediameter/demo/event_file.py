"""The demo's downloaded export: a second generating system that is read from files, as its document has the events.

Lines that nobody can read, an event that comes twice, prices as text and people told by their mail address are in it.
It counts what it writes.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from mediameter.demo.truth import day_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

SOURCE, FOLDER = "storyboard", "events"
FILE_NAMES = ("storyboard-1.ndjson.gz", "storyboard-2.json")
Counts = dict[str, dict[str, int]]
"""What is true of each UTC day (ISO 8601), by the name of the figure."""
_DAY = 86_400
_MODELS: dict[str, tuple[str | int, int]] = {"sketch-fast": ("1.5", 4), "story-xl": (6, 12)}
"""Cents that the provider takes, as the event has them, and credits used."""
_BROKEN = (b'{"timestamp": "2025-11-', b'{"event_type": "page_view", "ts": 1}')


@dataclass(slots=True)
class EventFile:
    """``begin``: the world's first instant. A class for its state: the events, and what they come to."""

    rng: Random
    begin: int
    days: int
    events: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    users: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def write(self, folder: Path, generations: int) -> Counts:
        """Writes two files with about so many generations; returns the truth."""
        people = [f"writer-{number}" for number in range(max(5, generations // 10))]
        for _ in range(max(4, generations)):
            self._use(self.rng.choice(people), self.begin + self.rng.randrange(self.days * _DAY))
        self.events.sort(key=lambda event: event[0])
        middle = len(self.events) // 2
        first, second = self.events[: middle + 1], self.events[middle:]  # the one in the middle is in both
        self._count(self.events[middle][0], parsed=1, duplicates=1)
        self._count(first[0][0], rejected=len(_BROKEN))
        lines = [json.dumps(event).encode() for _, event in first]
        lines[1:1] = _BROKEN
        folder.mkdir(parents=True, exist_ok=True)
        _put(folder / FILE_NAMES[0], gzip.compress(b"\n".join(lines) + b"\n", mtime=0), first[-1][0])
        _put(folder / FILE_NAMES[1], json.dumps([event for _, event in second], indent=1).encode(), second[-1][0])
        for day, users in self.users.items():
            self.counts[day]["active_users"] = len(users)
        return {day: dict(sorted(counts.items())) for day, counts in sorted(self.counts.items())}

    def _use(self, user: str, at: int) -> None:
        """Somebody comes, may be new, may buy, and makes a picture."""
        self._tell(at, "auth", user, action="signup" if self.rng.random() < 0.1 else "login")
        if self.rng.random() < 0.2:
            cents = self.rng.choice((499, 999))
            self._tell(at, "credit_purchase", user, amount_cents=cents, credits_purchased=100, currency="usd")
            self._count(at, paid_micros=cents * 10_000, purchases=1)
        model, has_failed = self.rng.choice(tuple(_MODELS)), self.rng.random() < 0.08
        cost, credits = _MODELS[model]
        status, lasted = "failed" if has_failed else "completed", self.rng.randrange(800, 20_000)
        self._tell(
            at, "generation", user, lasted, model_id=model, generation_type="image", status=status,
            credits_used=credits, cost_cents=None if has_failed else cost, duration_ms=lasted,
            prediction_id=f"p-{self.rng.getrandbits(48):x}",
        )  # fmt: skip
        self._count(at, generations=1, outputs=int(not has_failed), credits_charged=credits)
        self._count(at, cost_micros=0 if has_failed else round(float(cost) * 10_000))
        if has_failed:
            self._tell(at, "error", user, severity="error", error_type="generation_failed", error_message="timeout")
            self._count(at, errors=1)
        self.users[day_of(at).isoformat()].add(user)

    def _tell(self, at: int, event_type: str, user: str, lasted_ms: int = 0, **said: Any) -> None:
        """Written when it is over, as the document does."""
        number = len(self.events)
        person = {"user_email": f"{user}@example.org"} if user.endswith("7") else {"user_id": user}
        done = datetime.fromtimestamp(at, UTC) + timedelta(milliseconds=lasted_ms)
        event = {"timestamp": done.isoformat(), "event_type": event_type, **person, **said}
        self.events.append((at, {"id": f"story-{number}", **event}))
        self._count(at, parsed=1, **({"sign_ins": 1} if event_type == "auth" else {}))

    def _count(self, at: int, **figures: int) -> None:
        self.counts[day_of(at).isoformat()].update(figures)


def _put(path: Path, content: bytes, last_at: int) -> None:
    path.write_bytes(content)
    os.utime(path, (last_at + 60, last_at + 60))


_SUMS = {
    "generations_daily": ("generations", "outputs", "credits_charged", "cost_micros"),
    "credits_daily": ("paid_micros", "transactions AS purchases"),
    "auth_daily": ("events AS sign_ins",),
    "app_errors_daily": ("errors",),
    "days": ("parsed", "duplicates", "rejected"),
}


def observe(connection: Connection) -> Counts:
    """The same figures, read from the tables of a warehouse."""
    from sqlalchemy import text

    queries = [f"SELECT day, active_users FROM active_users_trailing WHERE window_days = 1 AND source = '{SOURCE}'"]
    for table, measures in _SUMS.items():
        named = (each.partition(" AS ")[::2] for each in measures)
        sums = ", ".join(f"SUM({column}) AS {name or column}" for column, name in named)
        queries.append(f"SELECT day, {sums} FROM {table} WHERE source = '{SOURCE}' GROUP BY day")
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for query in queries:
        for row in connection.execute(text(query)).mappings():
            found[str(row["day"])] |= {name: int(value) for name, value in row.items() if name != "day"}
    return dict(found)
