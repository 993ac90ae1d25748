"""The rows that rules are judged by, as frames: from the warehouse, from the lake's events, and a few made here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl
import sqlalchemy as sa

from mediameter import answers
from mediameter.alerts.evaluate import LONGEST_WAIT_S
from mediameter.alerts.row_sources import ANSWER, BUDGET_COSTS, FRESHNESS, HOURS_SEEN, KIND_OF, row_source
from mediameter.families.generated_events import events_of
from mediameter.metering.calendar import day_of
from mediameter.metering.generations import distinct
from mediameter.settings import Settings
from mediameter.store import lake, lake_files, sightings
from mediameter.store.warehouse import naive, tables
from schemas.budgets import BUDGET_THROUGH, LEAST_KNOWN_HOURS
from schemas.contract import Column
from schemas.currencies import MICROS
from schemas.frames import POLARS_TYPES
from schemas.outcomes import is_slow, is_waiting

LONGEST_GENERATION = timedelta(seconds=LONGEST_WAIT_S)
"""Events are looked up by when they began; one that was done in a window began at most so long before."""

_FIGURES = [
    BUDGET_THROUGH.column(name)
    for name in ("cost_micros", "known_cost_micros", "known_hours", "hours_in_period", "uncosted", "unpriced_bytes")
]


class Span(NamedTuple):
    """Rows from an instant (included) to another (not)."""

    begin: datetime
    end: datetime


class Wanted(NamedTuple):
    """Columns of a table that rules read. ``sums``: columns used only in sums, so the query may group by all others.
    Empty if some rule needs single rows."""

    columns: set[str]
    sums: set[str]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same instants in spans that do not touch each other, in their order."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.begin <= found[-1].end:
            found[-1] = Span(found[-1].begin, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


class Evidence:
    """Rows by name, in the spans that are asked for: what a window is compared with may lie weeks back, and what lies
    between is not read. ``now``: of what is about the present."""

    def __init__(self, connection: sa.Connection, settings: Settings, now: datetime) -> None:
        self._connection, self._settings, self._now = connection, settings, now
        self._wanted: Mapping[str, Wanted] = {}

    def frames(self, spans: Mapping[str, Iterable[Span]], wanted: Mapping[str, Wanted]) -> dict[str, pl.DataFrame]:
        """The rows of each name in its spans. ``wanted``: the columns that are needed of a table or view.

        Raises ``AnswerError`` for an answer that does not exist.
        """
        self._wanted = wanted
        return {name: self._frames(name, merged(of)) for name, of in spans.items()}

    def _frames(self, name: str, spans: list[Span]) -> pl.DataFrame:
        found = pl.concat([self._frame(name, span) for span in spans], how="diagonal_relaxed")
        if name not in KIND_OF:
            return found
        return found.unique(["source", "event_id"], keep="first", maintain_order=True)

    def _frame(self, name: str, span: Span) -> pl.DataFrame:
        if name.startswith(ANSWER):
            return self._answer(name.removeprefix(ANSWER), span)
        made = {
            BUDGET_COSTS.name: self._budget_costs,
            HOURS_SEEN.name: self._hours_seen,
            FRESHNESS.name: self._freshness,
        }
        if name in made:
            return made[name](span)
        return self._events(name, span) if name in KIND_OF else self._table(name, span)

    def _days(self, span: Span) -> tuple[date, date]:
        """The first and last reporting day that a span touches."""
        zone = self._settings.reporting.zone
        last = max(span.begin, span.end - timedelta(microseconds=1))
        return day_of(span.begin, zone), day_of(last, zone)

    # --- the warehouse -----------------------------------------------------------------------------------------

    def _table(self, name: str, span: Span) -> pl.DataFrame:
        rows = row_source(name)
        assert rows and rows.columns
        wanted, is_table = self._wanted[name], name in tables
        shown = [column for column in rows.columns.values() if column.name in wanted.columns]
        table = tables[name] if is_table else sa.table(name, *(sa.column(column) for column in rows.columns))
        at = table.c[rows.at]
        when: sa.ColumnElement[bool] = at.between(*self._days(span))
        if rows.time == "instant":
            when = sa.and_(at >= naive(span.begin), at < naive(span.end))
        query = _added_up([(table.c[column.name], column) for column in shown], wanted.sums)
        found = self._connection.execute(query.where(table.c.tenant == self._settings.tenant, when)).all()
        kinds = [type(kind) for kind in _schema(shown).values()]
        return _frame(shown, found if is_table and not wanted.sums else [_plain_row(row, kinds) for row in found])

    def _answer(self, name: str, span: Span) -> pl.DataFrame:
        """One question a day, its rows with the day that it was asked for."""
        budget = self._settings.alerts.budget
        found = []
        first, last = self._days(span)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            asked = answers.ask(
                self._connection, name, first_day=day, last_day=day, tenant=self._settings.tenant,
                zone=self._settings.reporting.zone, budget=str(budget) if budget else None,
            )  # fmt: skip
            found += [dict(zip(asked.columns, row, strict=True)) | {"day": day} for row in asked.rows]
        return pl.DataFrame(found, infer_schema_length=None) if found else pl.DataFrame(schema={"day": pl.Date()})

    # --- the lake ----------------------------------------------------------------------------------------------

    def _events(self, name: str, span: Span) -> pl.DataFrame:
        begin = span.begin - LONGEST_GENERATION
        found = events_of(self._connection, self._settings, KIND_OF[name], begin, span.end)
        found = distinct(found.filter(pl.col("at") >= begin, pl.col("at") < span.end))
        if "duration_ms" not in found.columns:
            return found
        done = pl.col("at") + pl.duration(milliseconds=pl.col("duration_ms").fill_null(0))
        return found.with_columns(finished_at=pl.when(~is_waiting()).then(done), is_slow=is_slow())

    # --- made here ---------------------------------------------------------------------------------------------

    def _budget_costs(self, span: Span) -> pl.DataFrame:
        """What each budget's period comes to through each day, as the view has it."""
        if not self._settings.every_budget:
            return pl.DataFrame(schema=_schema(BUDGET_COSTS.columns))
        view = sa.table(BUDGET_THROUGH.name, *(sa.column(column.name) for column in BUDGET_THROUGH)).c
        names = ("day", "budget_name", "subject", "is_counted", *(column.name for column in _FIGURES))
        query = sa.select(*(view[name] for name in names)).where(
            view.tenant == self._settings.tenant, view.day.between(*self._days(span))
        )
        found: dict[tuple[date, str, str], _Spent] = {}
        for at, budget, subject, is_counted, *figures in self._connection.execute(query):
            day = date.fromisoformat(at) if isinstance(at, str) else at
            of = found.setdefault((day, budget, subject), _Spent())
            of.add([int(each or 0) for each in figures], is_counted=bool(is_counted))
        rows = [
            (*at, of.projected, of.spent / MICROS, of.known_hours, of.not_counted) for at, of in sorted(found.items())
        ]
        return pl.DataFrame(rows, schema=_schema(BUDGET_COSTS.columns), orient="row")

    def _hours_seen(self, span: Span) -> pl.DataFrame:
        traffic = tables["traffic_hourly"].c
        when = (traffic.hour_at >= naive(span.begin), traffic.hour_at < naive(span.end))
        query = sa.select(traffic.hour_at, sa.func.sum(traffic.requests)).where(
            traffic.tenant == self._settings.tenant, *when
        )
        logged = {
            at.replace(tzinfo=UTC): int(count or 0)
            for at, count in self._connection.execute(query.group_by(traffic.hour_at))
        }
        seen = self._events_by_hour(span)
        rows = [(hour, seen.get(hour, 0), logged.get(hour, 0)) for hour in sorted({*seen, *logged})]
        return pl.DataFrame(rows, schema=_schema(HOURS_SEEN.columns), orient="row")

    def _events_by_hour(self, span: Span) -> dict[datetime, int]:
        """What the application recorded, by UTC hour; only times are read."""
        last = (span.end - timedelta(microseconds=1)).date()
        files = lake_files.files_of_days(self._connection, "events", span.begin.date(), last)
        found: dict[datetime, int] = {}
        for path in lake.verified(self._settings.lake.path, files):
            hours = pl.scan_parquet(path).select(hour=pl.col("at").dt.truncate("1h")).group_by("hour").len()
            for hour, count in hours.collect().iter_rows():
                if span.begin <= hour < span.end:  # a file holds a UTC day, a reporting day begins within one
                    found[hour] = found.get(hour, 0) + count
        return found

    def _freshness(self, span: Span) -> pl.DataFrame:
        listings = tables["listings"]
        known = {row["source"]: row for row in self._connection.execute(sa.select(listings)).mappings()}
        rows = [self._age(name, known.get(name)) for name in sorted(self._settings.sources)]
        return pl.DataFrame(rows, schema=_schema(FRESHNESS.columns), orient="row")

    def _age(self, name: str, row: Any) -> tuple[object, ...]:
        kind = self._settings.system(name).form.freshness
        if row is None:
            return name, kind, None, None, 0
        settling = timedelta(hours=self._settings.reporting.settle_hours if kind != "table" else 0)
        through, listed = row["complete_through_at"], row["listed_at"].replace(tzinfo=UTC)
        behind = self._now - through.replace(tzinfo=UTC) - settling if through else self._doubted_for(name)
        since_look = self._now - max(listed, self._looked_at(name) or listed)
        seconds = int(behind.total_seconds()) if behind is not None else None
        return name, kind, seconds, int(since_look.total_seconds()), row["pending"]

    def _looked_at(self, name: str) -> datetime | None:
        """When a source was looked at last, believed or not."""
        return max((each.seen_at for each in sightings.sightings(self._connection, name).values()), default=None)

    def _doubted_for(self, name: str) -> timedelta | None:
        """For how long a source that never was complete has not been believed."""
        known = sightings.sightings(self._connection, name).values()
        first = min((each.doubted_at for each in known if each.doubted_at), default=None)
        return self._now - first if first else None


@dataclass(slots=True)
class _Spent:
    """Of a budget's period so far, in millionths of its currency."""

    spent: int = 0
    known: int = 0
    known_hours: int = 0
    hours: int = 0
    not_counted: int = 0

    def add(self, figures: Sequence[int], *, is_counted: bool) -> None:
        """A row of the view; ``figures`` as ``_FIGURES`` names them."""
        cost, known, self.known_hours, self.hours, *unknown = figures
        self.not_counted += int(any(unknown) or not is_counted)
        if is_counted:
            self.spent, self.known = cost, known

    @property
    def projected(self) -> float | None:
        """One division, so one rounding, and the same number on every engine."""
        if self.known_hours < LEAST_KNOWN_HOURS:
            return None
        return max(self.known * self.hours, self.spent * self.known_hours) / (self.known_hours * MICROS)


def _added_up(columns: list[tuple[sa.ColumnElement[Any], Column]], sums: set[str]) -> sa.Select[Any]:
    """Rows that differ in nothing but their sums as one: a histogram's hour is hundreds of rows. Not of floats, whose
    sum is another in another order."""
    if not sums or any(POLARS_TYPES.get(column.type) != pl.Int64() for _, column in columns if column.name in sums):
        return sa.select(*(at for at, _ in columns))
    shown = [sa.func.sum(at).label(column.name) if column.name in sums else at for at, column in columns]
    return sa.select(*shown).group_by(*(at for at, column in columns if column.name not in sums))


def _schema(columns: Iterable[Column]) -> dict[str, pl.DataType]:
    money = pl.Float64()
    return {column.name: POLARS_TYPES.get(column.type, money) for column in columns}


def _frame(columns: list[Column], rows: Sequence[Any]) -> pl.DataFrame:
    schema = _schema(columns)
    stored = {name: pl.Datetime("us") if kind == pl.Datetime("us", "UTC") else kind for name, kind in schema.items()}
    frame = pl.DataFrame([tuple(row) for row in rows], schema=stored, orient="row")
    return frame if stored == schema else frame.with_columns(pl.col(pl.Datetime("us")).dt.replace_time_zone("UTC"))


# Views hand out what their engine has: days as text, sums as decimals, truth as a number.
_PLAIN: dict[type[pl.DataType], Callable[[Any], Any]] = {
    pl.Date: lambda value: date.fromisoformat(value) if isinstance(value, str) else value,
    pl.Datetime: lambda value: datetime.fromisoformat(value) if isinstance(value, str) else value,
    pl.Float64: float,
    pl.Boolean: bool,
    pl.Int64: int,
}


def _plain_row(row: Any, kinds: list[type[pl.DataType]]) -> tuple[Any, ...]:
    return tuple(
        _PLAIN[kind](value) if value is not None and kind in _PLAIN else value
        for value, kind in zip(row, kinds, strict=True)
    )
