"""The demo's generating system: who makes pictures and videos, what fails, and who pays. It counts what it writes.

Some rows share a charge, some stay pending for ever, one is broken; the money of a purchase is not its credits.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from mediameter.demo.truth import day_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

FILE_NAME = "palette.sqlite"
Counts = dict[str, dict[str, int]]
"""What is true of each UTC day (ISO 8601), by the name of the figure."""
_DAY = 86_400
_MODELS = {"nano-banana-pro": (12, 20), "flux-kontext": (4, 8), "veo-mini": (150, 250), "sketch-beta": (None, 5)}
"""Cents that the provider takes (None: nobody knows), and credits asked for."""
_PACKAGES = {500: 499, 1200: 999, 7000: 4999}
"""Credits granted, cents paid."""
_ERRORS = ("Model timeout after 30s", "NSFW content detected", "provider: rate limit reached")
_TABLES = """
CREATE TABLE generation_events (
    id VARCHAR(36) PRIMARY KEY, user_id VARCHAR(36) NOT NULL, user_email TEXT, gallery_id VARCHAR(36),
    prediction_id TEXT, generation_type TEXT, model_id TEXT, model_name TEXT, status TEXT, credits_cost INT,
    is_admin_generation BOOLEAN, prompt TEXT, settings JSON, error_message TEXT, created_at TIMESTAMP,
    completed_at TIMESTAMP);
CREATE TABLE credit_transactions (
    id VARCHAR(36) PRIMARY KEY, user_id VARCHAR(36), type TEXT, amount INT, balance_after INT, description TEXT,
    metadata JSON, created_at TIMESTAMP);
CREATE TABLE model_pricing (
    model_id VARCHAR(64) PRIMARY KEY, provider TEXT, generation_type TEXT, cost_cents INT, price_cents INT);
CREATE TABLE user_credits (
    user_id VARCHAR(36) PRIMARY KEY, balance INT, lifetime_purchased INT, lifetime_used INT);
CREATE INDEX generation_events_by_time ON generation_events (created_at);
CREATE INDEX credit_transactions_by_time ON credit_transactions (created_at);
"""


@dataclass(slots=True)
class Palette:
    """``begin``: the world's first instant; ``files``: media files that its first pictures are. A class for its state:
    the rows, and what they come to."""

    rng: Random
    begin: int
    days: int
    files: list[str] = field(default_factory=list)
    generations: list[tuple[Any, ...]] = field(default_factory=list)
    transactions: list[tuple[Any, ...]] = field(default_factory=list)
    balances: Counter[str] = field(default_factory=Counter)
    counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    users: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def write(self, path: Path, generations: int) -> Counts:
        """Writes the database with about so many generations; returns the truth."""
        people = [self._id() for _ in range(max(20, generations // 12))]
        for _ in range(generations):
            at = self.begin + self.rng.randrange(self.days * _DAY)
            self._generate(self.rng.choice(people[: int(len(people) * self.rng.random() ** 2) + 1]), at)
        self._break_a_row(people[0])
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        with connection:
            connection.executescript(_TABLES)
            for table, rows in self._tables().items():
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.close()
        for day, users in self.users.items():
            self.counts[day]["active_users"] = len(users)
        return {day: dict(sorted(counts.items())) for day, counts in sorted(self.counts.items())}

    def _tables(self) -> dict[str, list[tuple[Any, ...]]]:
        prices = [(model, "replicate", "image", cost, price) for model, (cost, price) in _MODELS.items()]
        balances = [(user, balance, 0, 0) for user, balance in sorted(self.balances.items())]
        return {
            "generation_events": self.generations, "credit_transactions": self.transactions, "model_pricing": prices,
            "user_credits": balances,
        }  # fmt: skip

    def _generate(self, user: str, at: int) -> None:
        model = self.rng.choice(tuple(_MODELS))
        cost, credits = _MODELS[model]
        if self.balances[user] < credits:
            self._buy(user, at)
        what = self.rng.random()
        status = "pending" if what < 0.02 else "failed" if what < 0.09 else "completed"
        charge = f"r8-{self.rng.getrandbits(60):015x}"
        shared = 2 if status == "completed" and self.rng.random() < 0.1 else 1
        for picture in range(shared):
            self._row(user, at + picture, model, status, charge, credits)
        day = day_of(at).isoformat()
        self.counts[day].update(credits_charged=credits)
        if status == "completed":
            self.counts[day].update(cost_micros=(cost or 0) * 10_000, uncosted=int(cost is None))
        self._move(user, at, "usage", -credits, {"model_id": model, "prediction_id": charge, "cost_cents": cost})
        if status == "failed":
            self._move(user, at + 30, "refund", credits, {"prediction_id": charge})

    def _row(self, user: str, at: int, model: str, status: str, charge: str, credits: int) -> None:
        lasted = round(self.rng.lognormvariate(1.6, 0.6), 3)
        done = None if status == "pending" else _written(at + lasted)
        error = self.rng.choice(_ERRORS) if status == "failed" else None
        kind = "video" if model == "veo-mini" else "image"
        event_id, picture = self._id(), self._id()
        picture = self.files.pop() if self.files and status == "completed" else picture
        self.generations.append((
            event_id, user, f"{user[:8]}@example.org", picture, charge, kind, model,
            model.replace("-", " ").title(), status, credits, False, f"a fox, no. {len(self.generations)}", "{}",
            error, _written(at), done,
        ))  # fmt: skip
        day = day_of(at).isoformat()
        told = "stale" if status == "pending" and at < self.begin + (self.days - 1) * _DAY + 4 * 3600 else status
        self.counts[day].update(generations=1, outputs=int(status == "completed"), **{f"{told}_generations": 1})
        self.users[day].add(user)

    def _buy(self, user: str, at: int) -> None:
        granted, cents = self.rng.choice(tuple(_PACKAGES.items()))
        paid = str(cents) if self.rng.random() < 0.1 else cents
        metadata = {"package_name": f"{granted} credits", "amount_paid_cents": paid, "currency": "usd"}
        self._move(user, at, "purchase", granted, {**metadata, "customer_email": f"{user[:8]}@example.org"})
        self.counts[day_of(at).isoformat()].update(paid_micros=cents * 10_000, purchases=1)

    def _move(self, user: str, at: int, kind: str, amount: int, metadata: Mapping[str, Any]) -> None:
        self.balances[user] += amount
        row = (self._id(), user, kind, amount, self.balances[user], None, json.dumps(metadata), _written(at))
        self.transactions.append(row)
        self.counts[day_of(at).isoformat()].update(transactions=1)

    def _break_a_row(self, user: str) -> None:
        at = _written(self.begin + 3600)
        self.generations.append(
            (self._id(), user, None, None, None, "image", None, None, "completed", 5, False, None, "{}", None, at, at)
        )
        self.counts[day_of(self.begin).isoformat()].update(rejected=1)

    def _id(self) -> str:
        number = f"{self.rng.getrandbits(128):032x}"
        return f"{number[:8]}-{number[8:12]}-4{number[13:16]}-a{number[17:20]}-{number[20:]}"


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


_STATUSES = ("completed", "failed", "pending", "stale")
_OBSERVED = (
    "SELECT day, SUM(generations) AS generations, SUM(outputs) AS outputs, SUM(credits_charged) AS credits_charged,"
    " SUM(cost_micros) AS cost_micros, SUM(uncosted) AS uncosted, "
    + ", ".join(f"SUM(CASE WHEN status = '{s}' THEN generations ELSE 0 END) AS {s}_generations" for s in _STATUSES)
    + " FROM generations_daily WHERE source = 'palette' GROUP BY day",
    "SELECT day, SUM(transactions) AS transactions, SUM(paid_micros) AS paid_micros,"
    " SUM(CASE WHEN transaction_type = 'purchase' THEN transactions ELSE 0 END) AS purchases"
    " FROM credits_daily WHERE source = 'palette' GROUP BY day",
    "SELECT day, active_users FROM active_users_trailing WHERE window_days = 1 AND source = 'palette'",
    "SELECT export_day AS day, SUM(rejected) AS rejected FROM exports WHERE table_name = 'generation_events'"
    " GROUP BY export_day",
)


def observe(connection: Connection) -> Counts:
    """The same figures, read from the tables of a warehouse; what is 0 is left out."""
    from sqlalchemy import text

    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for query in _OBSERVED:
        for row in connection.execute(text(query)).mappings():
            found[str(row["day"])] |= {name: int(value) for name, value in row.items() if name != "day" and value}
    return dict(found)


def compare(meant: Counts, found: Counts, system: str = "palette") -> list[str]:
    """One line a figure that differs."""
    return [
        f"{day}: {name} of {system}: meant {meant.get(day, {}).get(name, 0)}, found {found.get(day, {}).get(name, 0)}"
        for day in sorted({*meant, *found})
        for name in sorted({*meant.get(day, {}), *found.get(day, {})})
        if meant.get(day, {}).get(name, 0) != found.get(day, {}).get(name, 0)
    ]
