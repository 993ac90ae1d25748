"""Rows of another system's tables, page by page in the order of a key: never by OFFSET, never all at once.

Whoever reads declares the table (``schemas.source_table.SourceTable``); what the declaration says is held against the
table itself. What a value means is not known here: text comes as text, an instant that cannot be read as null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl
import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from mediameter.connect import reading
from mediameter.errors import UserError
from mediameter.sources.table_columns import actual_types, called, is_as_declared, is_table, quoted
from mediameter.sources.table_errors import ROWS_REMEDY, explained
from mediameter.sources.table_values import COLUMN_OF
from schemas.frames import polars_schema
from schemas.source_table import SourceTable

EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)  # before it are zero dates and what a default of 0 made of them
MOST_MISFITS = 1_000


@dataclass(frozen=True, slots=True)
class Database:
    """Where the tables are. ``setting``: the section of the settings to name in errors."""

    setting: str
    engine: sa.Engine = field(repr=False)
    names: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    page_rows: int = 20_000

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One transaction that sees one state. Raises ``UserError`` or ``WorldError`` with a remedy."""
        with explained(self.setting, self.engine.url.password), reading(self.engine) as connection:
            yield Snapshot(self, connection)

    def close(self) -> None:
        """Closes its connections."""
        self.engine.dispose()


class Misfit(NamedTuple):
    """A row without an id or without a readable day; both as the text that stands there."""

    row_id: str | None
    time: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Tables of one database, as one transaction sees them. Its connection is closed with ``Database.snapshot``."""

    database: Database
    connection: sa.Connection

    def name_of(self, declared: SourceTable) -> str:
        """The table's name in that database."""
        return self.database.names.get(declared.name, declared.name)

    def check(self, declared: SourceTable) -> list[str]:
        """Holds the table against its declaration; returns the columns that nobody knew of, sorted.

        Raises ``UserError`` where the table, or a column of it, is missing or of another type, or where a policy
        would hide rows of it.
        """
        name, called = self.name_of(declared), self._called(declared)
        self._refuse_hidden_rows(declared)
        found = actual_types(self.connection, name)
        if not found:
            raise self._wrong(f"there is no table {name}", f"see url, and name it: [{self._section}.tables]")
        for column in declared.contract:
            actual = found.get(called[column.name])
            if actual is None:
                remedy = f"name it: [{self._section}.columns.{declared.name}] {column.name} = …"
                raise self._wrong(f"{name} has no column {called[column.name]}", remedy)
            if not is_as_declared(actual, column, declared, self.connection.dialect.name):
                expected = "JSON" if column.name in declared.json else column.type
                message = f"{name}.{called[column.name]} is {actual}, no longer {expected}"
                raise self._wrong(message, "name the column that holds it now, or wait for a mediameter that knows it")
        return sorted(set(found) - set(called.values()) - declared.unread)

    def peek(self, declared: SourceTable) -> None:
        """Reads one row of the table: a user who can see a table may still not be allowed to read it."""
        columns = [self._read(declared, column.name) for column in declared.contract]
        self.connection.execute(sa.select(*columns).select_from(self._table(declared)).limit(1)).all()

    def _refuse_hidden_rows(self, declared: SourceTable) -> None:
        if self.connection.dialect.name != "postgresql":
            return
        asked = sa.text("SELECT row_security_active(to_regclass(:name)), current_user")
        is_filtered, role = self.connection.execute(
            asked, {"name": quoted(self.connection, self.name_of(declared))}
        ).one()
        if is_filtered:
            where = f"the role {role} may not see all rows of {self.name_of(declared)} (row-level security)"
            raise self._wrong(where, ROWS_REMEDY)

    def shows_all(self, declared: SourceTable) -> bool:
        """Whether the server vouches that no row is hidden: it is a table. A view shows what its query lets through."""
        return is_table(self.connection, self.name_of(declared))

    def count(self, declared: SourceTable) -> int:
        """All rows."""
        return self.connection.execute(sa.select(sa.func.count()).select_from(self._table(declared))).scalar_one()

    def counts(self, declared: SourceTable, days: Collection[date]) -> dict[date, int]:
        """How many rows with an id each of these UTC days has; days without one are left out."""
        if not days:
            return {}
        column = self._column(declared, declared.cursor or "")
        day: sa.ColumnElement[Any] = sa.func.date(column) if self._is_sqlite else sa.cast(column, sa.Date)
        begin, end = day_bounds(min(days))[0], day_bounds(max(days))[1]
        last = end + timedelta(days=1) if self._is_sqlite else end
        which = (column >= self._since(begin), column < self._instant(last))
        query = sa.select(day.label("day"), sa.func.count()).select_from(self._table(declared)).where(*which)
        query = query.where(self._column(declared, declared.key).is_not(None)).group_by(day)
        found = {_day(at): int(rows) for at, rows in self.connection.execute(query)}
        return {at: rows for at, rows in found.items() if at in set(days)}

    def oldest_day(self, declared: SourceTable) -> date | None:
        """The UTC day of the earliest row with a time; None where there is none at all."""
        column = self._column(declared, declared.cursor or "")
        query = sa.select(sa.func.min(column)).select_from(self._table(declared))
        first = self.connection.execute(query.where(column >= self._instant(EARLIEST))).scalar()
        if isinstance(first, str):
            return _day(first[:10])
        return first.date() if isinstance(first, datetime) else first

    def oldest_writer(self) -> datetime | None:
        """Since when the oldest open transaction that has written something runs: what it wrote is older than its
        commit. None where there is none, or where the server does not say (PostgreSQL says it to the owner of the
        session, and to members of pg_read_all_stats)."""
        if self.connection.dialect.name != "postgresql":
            return None
        query = (
            "SELECT min(xact_start) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
        )
        found = self.connection.exec_driver_sql(query).scalar()
        return found.astimezone(UTC) if isinstance(found, datetime) else None

    def days(self, declared: SourceTable) -> set[date]:
        """The UTC days that the table has rows of."""
        column = self._column(declared, declared.cursor or "")
        day: sa.ColumnElement[Any] = sa.func.date(column) if self._is_sqlite else sa.cast(column, sa.Date)
        query = sa.select(day.label("day")).select_from(self._table(declared)).distinct()
        found = self.connection.execute(query.where(column >= self._instant(EARLIEST))).scalars()
        return {each for each in map(_day, found) if each}

    def day(self, declared: SourceTable, begin: datetime, end: datetime) -> Iterator[pl.DataFrame]:
        """Rows whose cursor is between two instants, in its order, by the contract's names and types."""
        cursor = self._column(declared, declared.cursor or "")
        last = end + timedelta(days=1) if self._is_sqlite else end  # read by whole days there
        within = (cursor >= self._since(begin), cursor < self._instant(last))
        at = pl.col(declared.cursor or "")
        for page in self._pages(declared, [cursor, self._column(declared, declared.key)], *within):
            yield page.filter((at >= begin) & (at < end))

    def whole(self, declared: SourceTable, changed_since: datetime | None = None) -> Iterator[pl.DataFrame]:
        """All rows in the order of the key; or those that say they were changed since, or do not say when."""
        which = []
        if changed_since and declared.changed:
            changed = self._column(declared, declared.changed)
            which.append(sa.or_(changed >= self._since(changed_since), changed.is_(None)))
        yield from self._pages(declared, [self._column(declared, declared.key)], *which)

    def misfits(self, declared: SourceTable) -> tuple[int, list[Misfit]]:
        """How many rows have no id or no time after 1970, and the first of them."""
        key, cursor = self._column(declared, declared.key), self._column(declared, declared.cursor or "")
        which = sa.or_(key.is_(None), cursor.is_(None), cursor < self._instant(EARLIEST))
        if self._is_sqlite:  # any text can stand there
            which = sa.or_(which, sa.func.datetime(cursor).is_(None))
        table = self._table(declared)
        count = self.connection.execute(sa.select(sa.func.count()).select_from(table).where(which)).scalar_one()
        if not count:
            return 0, []
        texts = (self._as_text(key), self._as_text(cursor))
        query = sa.select(*texts).select_from(table).where(which).order_by(key, cursor).limit(MOST_MISFITS)
        return count, [Misfit(*row) for row in self.connection.execute(query)]

    # --- pages -------------------------------------------------------------------------------------------

    def _pages(
        self, declared: SourceTable, order: list[sa.ColumnClause[Any]], *which: sa.ColumnElement[bool]
    ) -> Iterator[pl.DataFrame]:
        """Each row once. A page begins with the key that the one before ended with, since without a primary key (a
        view, a copy) other rows may have it, too; what was given already is left out."""
        if self._is_sqlite:  # to which a quoted name that is no column is a text
            self.check(declared)
        columns = [self._read(declared, column.name) for column in declared.contract]
        query = sa.select(*columns, *(column.label(f"_order{n}") for n, column in enumerate(order)))
        query = query.select_from(self._table(declared)).where(*which, order[-1].is_not(None)).order_by(*order)
        limit, last, given = self.database.page_rows, None, Counter[Any]()
        while True:
            page = query if last is None else query.where(_from(order, last))
            rows = [tuple(row) for row in self.connection.execute(page.limit(limit))]
            fresh = _without(rows, given)
            if fresh:
                yield _frame([row[: len(columns)] for row in fresh], declared)
            if len(rows) < limit:
                return
            if not fresh:  # more rows share one key than a page holds
                limit *= 2
            last = rows[-1][len(columns) :]
            given = Counter(row for row in rows if row[len(columns)] == last[0])

    def _read(self, declared: SourceTable, name: str) -> sa.ColumnElement[Any]:
        column = self._column(declared, name)
        return self._as_text(column) if declared.contract.column(name).type == "text" else column

    def _as_text(self, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """UUIDs, enums, JSON and zero dates as they are written."""
        is_mysql = self.connection.dialect.name in ("mysql", "mariadb")
        return sa.cast(column, sa.CHAR if is_mysql else sa.Text).label(None)

    # --- names -------------------------------------------------------------------------------------------

    @property
    def _section(self) -> str:
        return self.database.setting.strip("[]")

    def _wrong(self, message: str, remedy: str) -> UserError:
        return UserError(f"{self.database.setting}: {message}", remedy)

    def _called(self, declared: SourceTable) -> dict[str, str]:
        return called(declared, self.database.columns.get(declared.name, {}), self.database.setting)

    def _table(self, declared: SourceTable) -> sa.TableClause:
        schema, _, name = self.name_of(declared).rpartition(".")
        return sa.table(quoted_name(name, quote=True), schema=quoted_name(schema, quote=True) if schema else None)

    def _column(self, declared: SourceTable, name: str) -> sa.ColumnClause[Any]:
        return sa.column(quoted_name(self._called(declared)[name], quote=True))

    @property
    def _is_sqlite(self) -> bool:
        return self.connection.dialect.name == "sqlite"

    def _instant(self, at: datetime) -> datetime | str:
        """Naive UTC. SQLite keeps instants as text, written in many ways: of a day, all lie behind its bare date."""
        return f"{at.astimezone(UTC):%Y-%m-%d}" if self._is_sqlite else at.astimezone(UTC).replace(tzinfo=None)

    def _since(self, at: datetime) -> datetime | str:
        """What nothing from then on lies before: west of Greenwich, text has the date of the day before."""
        return self._instant(at - timedelta(days=1) if self._is_sqlite else at)


def _day(value: date | str) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:  # SQLite keeps any text; what stands there is no row of any day
        return None


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Begin and end of a UTC day."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin, begin + timedelta(days=1)


def _from(order: list[sa.ColumnClause[Any]], last: tuple[Any, ...]) -> Any:
    """At or behind the last key, said so that an index on the first column serves."""
    if len(order) == 1:
        return order[0] >= last[0]
    first, second = order
    return sa.and_(first >= last[0], sa.or_(first > last[0], second >= last[1]))


def _without(rows: list[tuple[Any, ...]], given: Counter[Any]) -> list[tuple[Any, ...]]:
    fresh = []
    for row in rows:
        if given[row] > 0:
            given[row] -= 1
        else:
            fresh.append(row)
    return fresh


def _frame(rows: list[tuple[Any, ...]], declared: SourceTable) -> pl.DataFrame:
    columns = zip(declared.contract, zip(*rows, strict=True), strict=True)
    frame = pl.DataFrame([COLUMN_OF[column.type](column.name, list(values)) for column, values in columns])
    return frame.cast(polars_schema(declared.contract))  # type: ignore[arg-type]
