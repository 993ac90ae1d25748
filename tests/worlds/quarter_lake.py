"""The generating system at an instant of a quarter: its events in the lake, its rollups, what the exports left behind.

An export reads what is there at that time: what is not done is pending. Files are written again only where a day's
content has changed, as the step does it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
import sqlalchemy as sa

from mediameter.metering.generations import Events, rolled_up
from mediameter.settings import Settings
from mediameter.store import exports, lake, listings, warehouse
from mediameter.store.warehouse import naive
from schemas import generations as of_generations
from schemas.contract import Contract
from schemas.frames import polars_schema
from schemas.palette import APP_ERROR, CREDIT, GENERATION, SIGN_IN
from tests.worlds.quarter import BEGIN, Quarter
from tests.worlds.quarter_palette import MODELS
from tests.worlds.quarter_traffic import export, replace

SOURCE, ERRORS, APPLICATION = "palette", "signals", "studio"
_STALE = timedelta(hours=24)
_KINDS = ("generations", "credits", "app_errors")
_TABLE_OF = {"generations": "generation_events", "credits": "credit_transactions"}
_ROLLUPS: tuple[Contract, ...] = (
    of_generations.GENERATIONS_HOURLY, of_generations.GENERATIONS_DAILY, of_generations.GENERATION_TIME_DAILY,
    of_generations.GENERATION_TIME_BUCKETS_HOURLY, of_generations.GENERATION_FAILURES, of_generations.CREDITS_DAILY,
    of_generations.APP_ERRORS_DAILY,
)  # fmt: skip


class Moments(NamedTuple):
    """When a day's events begin and are done, and when those begin that never are; in microseconds, sorted."""

    begun: np.ndarray
    done: np.ndarray
    stuck: np.ndarray

    def seen(self, now: datetime) -> tuple[int, ...]:
        """What tells the day's content at one time from that at another: how many had begun, were done, were stale."""
        at = round(now.timestamp() * 1_000_000)
        stale = round((now - _STALE).timestamp() * 1_000_000)
        times = ((self.begun, at), (self.done, at), (self.stuck, stale))
        return tuple(int(np.searchsorted(of, time, side="right")) for of, time in times)


@dataclass(slots=True)
class Generating:
    """A class for its state: what each day looked like at its last export, and which days were not rolled up since.
    ``changed_at``: when an export found something new."""

    quarter: Quarter
    settings: Settings
    known: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    held: dict[tuple[str, int], pl.DataFrame] = field(default_factory=dict)
    moments: dict[tuple[str, int], Moments] = field(default_factory=dict)
    dirty: set[int] = field(default_factory=set)
    changed_at: datetime = BEGIN
    exported_at: datetime | None = None

    def begin(self, connection: sa.Connection) -> None:
        """The prices of the models, once."""
        rows = [
            {"source": SOURCE, "model": model, "valid_from_day": BEGIN.date(), "cost_micros": cost,
             "price_micros": credits * 10_000, "currency": "USD"}
            for model, (_, _, _, cost, credits) in MODELS.items()
        ]  # fmt: skip
        replace(connection, "model_prices", {}, rows)

    def has_news(self, now: datetime) -> bool:
        """Whether an export at that time would find anything new."""
        return any(self.known.get(place) != self._seen(place, now) for place in self._places(now))

    def export(self, connection: sa.Connection, now: datetime) -> None:
        """What the export of that time finds, if it gets through; event files lie in a bucket of their own."""
        gets_through = self.quarter.is_exported(now)
        for place in self._places(now):
            seen = self._seen(place, now)
            if self.known.get(place) != seen and (gets_through or place[0] == "app_errors"):
                self._take(connection, now, *place, seen)
        listings.record_listing(connection, ERRORS, now, 0, 0, now - self._settling)
        if gets_through:
            self.exported_at = now
            listings.record_listing(connection, SOURCE, now, 0, 0, now - timedelta(minutes=5))

    @property
    def _settling(self) -> timedelta:
        return timedelta(hours=self.settings.reporting.settle_hours)

    def _places(self, now: datetime) -> list[tuple[str, int]]:
        """The kinds and days that an export looks at: today and the two days before."""
        today = min(int((now - BEGIN) / timedelta(days=1)), self.quarter.days - 1)
        return [(kind, day) for day in range(max(0, today - 2), today + 1) for kind in _KINDS]

    def _seen(self, place: tuple[str, int], now: datetime) -> tuple[int, ...]:
        if place not in self.moments:
            self.moments[place] = _moments(self._rows(*place))
        return self.moments[place].seen(now)

    def _rows(self, kind: str, day: int) -> pl.DataFrame:
        return getattr(self.quarter.palette(day), kind)

    def _take(self, connection: sa.Connection, now: datetime, kind: str, day: int, seen: tuple[int, ...]) -> None:
        """One day of a kind, which is not what it was."""
        self.known[kind, day] = seen
        self.changed_at = now
        self.dirty.add(day)
        events, when = _as_of(self._rows(kind, day), now), (BEGIN + timedelta(days=day)).date()
        self.held[kind, day] = events
        source = ERRORS if kind == "app_errors" else SOURCE
        files = (
            [lake.write(self.settings.lake.path, events, kind=kind, source=source, file_day=when)]
            if events.height
            else []
        )
        for old in exports.event_files(connection, source, when, kind):
            if old not in files:
                (self.settings.lake.path / old.path).unlink()  # nobody else reads in a trial
        exports.replace_events(connection, source, when, files, kind)
        if kind in _TABLE_OF:
            unsettled = int((events["status"] == "pending").sum()) if kind == "generations" else 0
            export(connection, source, _TABLE_OF[kind], when, events.height, unsettled, str(seen))

    def roll_up(self, connection: sa.Connection, now: datetime) -> None:
        """The days that an export has changed, as the step does."""
        for day in sorted(self.dirty):
            begin, end = BEGIN + timedelta(days=day), BEGIN + timedelta(days=day + 1)
            events = self._events(day)
            frames = rolled_up(events, tenant="default", day=begin.date(), begin=begin, end=end)
            written = {each: frames[each] for each in _ROLLUPS}
            warehouse.replace_day(connection, "default", begin.date(), (begin, end), written)
        today = int((now - BEGIN) / timedelta(days=1))
        for day in sorted({*self.dirty, today - 1, today}):
            self._write_state(connection, day)
        self.dirty.clear()
        for old in (self.held, self.moments):
            for place in [place for place in old if place[1] < today - 3]:
                del old[place]

    def _events(self, day: int) -> Events:
        """A charge counts at the first of those that share it; here each has its own, so the day is enough."""
        contracts = {"generations": GENERATION, "credits": CREDIT, "sign_ins": SIGN_IN, "app_errors": APP_ERROR}
        frames = {
            kind: self.held.get((kind, day), pl.DataFrame(schema=polars_schema(contract))).with_columns(
                source=pl.lit(ERRORS if kind == "app_errors" else SOURCE), application=pl.lit(APPLICATION)
            )
            for kind, contract in contracts.items()
        }
        return Events(**frames, prices=_prices())

    def _write_state(self, connection: sa.Connection, day: int) -> None:
        when: date = (BEGIN + timedelta(days=day)).date()
        parsed = sum(self.held[kind, day].height for kind in _TABLE_OF if (kind, day) in self.held)
        if not parsed or self.exported_at is None:
            return
        end, through = BEGIN + timedelta(days=day + 1), self.exported_at - timedelta(minutes=5)
        row = {
            "day": when, "source": SOURCE, "family": "generations", "state": "final" if through >= end else "open",
            "is_suspect": False, "revision": 1, "complete_through_at": naive(min(through, end)), "objects": 2,
            "lines": parsed, "parsed": parsed, "ignored": 0, "rejected": 0, "duplicates": 0,
        }  # fmt: skip
        replace(connection, "days", {"day": when, "source": SOURCE}, [row])


def _moments(rows: pl.DataFrame) -> Moments:
    never = pl.col("done_at").is_null()
    has_end = "done_at" in rows.columns
    begun, none = rows["at"], rows["at"].clear()
    done = rows["done_at"].drop_nulls().sort() if has_end else none
    stuck = rows.filter(never)["at"] if has_end else none
    return Moments(*(each.to_physical().to_numpy() for each in (begun, done, stuck)))


def _as_of(rows: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The events that had begun, as they stood then."""
    begun = rows.filter(pl.col("at") <= now)
    if "done_at" not in rows.columns:
        return begun
    is_done = (pl.col("done_at") <= now).fill_null(False)
    waiting = pl.when(pl.col("at") <= now - _STALE).then(pl.lit("stale")).otherwise(pl.lit("pending"))
    return begun.with_columns(
        status=pl.when(is_done).then("status").otherwise(waiting),
        outputs=pl.when(is_done).then("outputs").otherwise(0),
        duration_ms=pl.when(is_done).then("duration_ms"),
        message=pl.when(is_done).then("message"),
    ).select(polars_schema(GENERATION).keys())


def _prices() -> pl.DataFrame:
    rows = [
        ("default", SOURCE, model, BEGIN.date(), cost, credits * 10_000, "USD")
        for model, (_, _, _, cost, credits) in MODELS.items()
    ]
    return warehouse.frame_of(rows, of_generations.MODEL_PRICES)
