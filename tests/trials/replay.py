"""Moves a clock through a quarter on a real warehouse, lets somebody judge what stands there, and keeps the score.

python -m tests.trials.replay --seed 1 --days 90 [--url postgresql://…] [--without-judge]
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from mediameter import connect
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.steps.alert.check import check, check_now
from mediameter.store import tenancy, warehouse
from mediameter.store.warehouse import tables
from tests.worlds.fortnight import Fortnight
from tests.worlds.quarter import BEGIN, Quarter
from tests.worlds.quarter_lake import Generating
from tests.worlds.quarter_traffic import Traffic

HOUR = timedelta(hours=1)
STEP = timedelta(minutes=5)
_RUN_AT = 5  # the minute of each hour at which the hourly run has written
_QUIET = timedelta(hours=2)


def settings_of(url: str, folder: Path, **alerts: object) -> Settings:
    """Of the team whose quarter it is. None of its sources is ever asked: the driver writes what they would tell."""
    document = {
        "warehouse": {"url": url},
        "lake": {"path": str(folder / "lake")},
        "quality": {"docs": "none"},
        "geo": {"countries": "none"},
        "privacy": {"key": "the key of all tests"},
        "sources": {
            "ovh": {"kind": "s3_access_log", "path": str(folder / "logs")},
            "media": {"kind": "dailey_media", "url": f"sqlite:///{folder / 'media.sqlite'}"},
            "palette": {
                "kind": "directors_palette", "url": f"sqlite:///{folder / 'palette.sqlite'}", "application": "studio",
            },
            "signals": {"kind": "palette_events", "path": str(folder / "events"), "application": "studio"},
        },
        "prices": [{
            "source": "ovh", "measure": "bytes_sent", "amount": "0.011", "currency": "USD", "per": "GB",
            "valid_from": "2026-01-01", "citation": "the trial's own",
        }],
        "alerts": {"monthly_budget": "11.00 USD", "notify": ["https://alerts.example.org/hook"], **alerts},
    }  # fmt: skip
    return from_mapping(document, folder)


@dataclass(frozen=True, slots=True)
class Told:
    """A message about an incident: when it went into the outbox, and what it says."""

    at: datetime
    incident_id: str
    rule: str
    group: str
    change: str
    severity: str
    value: float | None
    begin_at: datetime


@dataclass(slots=True)
class Replay:
    """``every``: how often is judged; below an hour, hourly runs are between. ``after``: how long it goes on when all
    is over. ``told``: what was said. ``ticks``, ``judged_s``, ``wrote_s``: how many there were, and where the time
    went. ``hours``: that are over."""

    quarter: Quarter | Fortnight
    settings: Settings
    every: timedelta = HOUR
    after: timedelta = timedelta(days=1, hours=12)
    is_judged: bool = True
    on_tick: Callable[[datetime], None] | None = None
    told: list[Told] = field(default_factory=list)
    ticks: int = 0
    judged_s: float = 0.0
    wrote_s: float = 0.0
    hours: int = 0

    def run(self) -> None:
        """From the quarter's begin to a while after its end."""
        made = tenancy.engine(self.settings.warehouse.url, self.settings.tenant)
        warehouse.ready(made)
        traffic, palette = Traffic(self.quarter, self.settings), Generating(self.quarter, self.settings)
        with connect.writing(made) as connection:
            palette.begin(connection)
        try:
            for now in self._clock():
                is_run = now.minute == _RUN_AT
                if not is_run and self._is_quiet(palette, now):
                    continue
                begun = time.perf_counter()
                self._write(made, traffic, palette, now, is_run=is_run)
                self.wrote_s += time.perf_counter() - begun
                if self.is_judged:
                    self._judge(made, now, is_run=is_run)
                if self.on_tick:
                    self.on_tick(now)
        finally:
            made.dispose()

    def _write(self, made: sa.Engine, traffic: Traffic, palette: Generating, now: datetime, *, is_run: bool) -> None:
        """What stands in the tables and in the lake at that time."""
        while is_run and self.hours < min((now - BEGIN) // HOUR, self.quarter.days * 24):
            traffic.end_hour(self.hours)
            self.hours += 1
        with connect.writing(made) as connection:
            palette.export(connection, now)
            if is_run:
                traffic.write(connection, now)
                palette.roll_up(connection, now)

    def _clock(self) -> Iterator[datetime]:
        now = BEGIN + timedelta(minutes=_RUN_AT)
        while now < self.quarter.end + self.after:
            yield now
            now += self.every

    def _is_quiet(self, palette: Generating, now: datetime) -> bool:
        """Whether every window under an hour is empty, and was when it was judged last: nothing can have changed.

        What has not been exported is no quiet: that nothing came is then the news.
        """
        if "export_stopped" in self.quarter.wrong(now) or palette.exported_at is None:
            return False
        return now - palette.changed_at > _QUIET and now - palette.exported_at <= _QUIET and not palette.has_news(now)

    def _judge(self, made: sa.Engine, now: datetime, *, is_run: bool) -> None:
        begun = time.perf_counter()
        report = check(self.settings, now=now) if is_run else check_now(self.settings, now=now)
        self.judged_s += time.perf_counter() - begun
        self.ticks += 1
        if report.messages:
            self.told += _told(made, now)


def _told(made: sa.Engine, now: datetime) -> list[Told]:
    """The messages of that time."""
    outbox = tables["outbox"].c
    with connect.reading(made) as connection:
        query = sa.select(outbox.payload).where(outbox.created_at == warehouse.naive(now))
        payloads = [json.loads(text) for text in connection.execute(query).scalars()]
    return [
        Told(
            now, each["incident_id"], payload["data"]["rule"], each["group"], payload["data"]["change"],
            each["severity"], each["value"], datetime.fromisoformat(each["begin_at"]),
        )
        for payload in payloads
        for each in payload["data"]["incidents"]
    ]  # fmt: skip
