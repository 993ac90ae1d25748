"""Rows of another system's tables, page by page in the order of a key: never by OFFSET, never all at once.

Whoever reads declares the table (``schemas.source_table.SourceTable``); what the declaration says is held against the
table itself. What a value means is not known here: text comes as text, an instant that cannot be read as null. Rows are
counted by the server, too: what it counts and we do not read is an error by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import polars as pl
import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from mediameter.errors import UserError
from mediameter.sources.table_columns import ASKED_KIND, ASKED_TYPES, asked, called, is_as_declared, quoted, types_of
from mediameter.sources.table_errors import ROWS_REMEDY, Passing, explained, retried
from mediameter.sources.table_values import COLUMN_OF, text, utc_day
from schemas.frames import polars_schema
from schemas.source_table import SourceTable

T = TypeVar("T")
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)  # before it are zero dates and what a default of 0 made of them
LATEST = datetime.max.replace(tzinfo=UTC)  # after it are years that Python does not know, and PostgreSQL's infinity
MOST_MISFITS = 1_000
_UTC_DAY = "mediameter_utc_day"


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
        """One transaction that sees one state. Raises ``UserError`` or ``WorldError`` with a remedy where it cannot be
        had; what its questions raise says ``Snapshot.ask``."""
        connection = self._begun()
        try:
            yield Snapshot(self, connection)
        finally:
            with suppress(Exception):  # nothing was written: how it ends changes nothing
                connection.close()

    def read(self, work: Callable[[Snapshot], T]) -> T:
        """What ``work`` finds in a snapshot. Where what stopped it may pass (a conflict on a replica, a lost
        connection), all of it runs again in another one: it must bear that."""

        def once() -> T:
            with self.snapshot() as seen:
                return work(seen)

        return retried(once)

    def _begun(self) -> sa.Connection:
        with explained(self.setting, self.engine.url.password):
            connection = self.engine.connect()
            try:
                connection.begin()
                if connection.dialect.name == "sqlite":
                    driver: Any = connection.connection.driver_connection
                    driver.create_function(_UTC_DAY, 1, utc_day, deterministic=True)
            except BaseException:
                connection.close()
                raise
        return connection

    def close(self) -> None:
        """Closes its connections."""
        self.engine.dispose()


class Misfit(NamedTuple):
    """A row without an id or without a readable day; both as the text that stands there."""

    row_id: str | None
    time: str | None


class Census(NamedTuple):
    """All rows of a table, as the server counts them: rows = dated + to_come + those without an id or a readable time.
    ``dated``: of the days that are read; ``to_come``: of later days."""

    rows: int
    dated: int
    to_come: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Tables of one database, as one transaction sees them. Its connection is closed with ``Database.snapshot``."""

    database: Database
    connection: sa.Connection

    def ask(self, statement: sa.Executable, values: Mapping[str, object] | None = None) -> list[sa.Row[Any]]:
        """All rows of the answer. Whatever the driver raises is a ``UserError`` or a ``WorldError`` with a remedy."""
        with explained(self.database.setting, self.database.engine.url.password):
            return list(self.connection.execute(statement, values or {}))

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
        found = self._types(declared)
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
        self.ask(sa.select(*columns).select_from(self._table(declared)).limit(1))

    def _refuse_hidden_rows(self, declared: SourceTable) -> None:
        if self.connection.dialect.name != "postgresql":
            return
        question = sa.text("SELECT row_security_active(to_regclass(:name)), current_user")
        [(is_filtered, role)] = self.ask(question, {"name": quoted(self.connection, self.name_of(declared))})
        if is_filtered:
            where = f"the role {role} may not see all rows of {self.name_of(declared)} (row-level security)"
            raise self._wrong(where, ROWS_REMEDY)

    def shows_all(self, declared: SourceTable) -> bool:
        """Whether the server vouches that no row is hidden: it is a table. A view shows what its query lets through."""
        return bool(self.ask(*asked(ASKED_KIND, self.connection, self.name_of(declared))))

    def count(self, declared: SourceTable) -> int:
        """All rows."""
        return self._count(declared)

    def census(self, declared: SourceTable, tomorrow: date) -> Census:
        """How many rows there are, and of which days: one look at the whole table."""
        cursor, key = self._column(declared, declared.cursor or ""), self._column(declared, declared.key)
        dated = sa.and_(key.is_not(None), sa.not_(sa.or_(*self._unreadable(declared))))
        at = self._utc_day(cursor) if self._is_sqlite else cursor
        is_to_come = at >= self._instant(day_bounds(tomorrow)[0])
        kinds = (sa.and_(dated, sa.not_(is_to_come)), sa.and_(dated, is_to_come))
        counted = [sa.func.count(sa.case((which, 1))) for which in kinds]
        [found] = self.ask(sa.select(sa.func.count(), *counted).select_from(self._table(declared)))
        return Census(*map(int, found))

    def counts(self, declared: SourceTable, days: Collection[date]) -> dict[date, int]:
        """How many rows with an id each of these UTC days has; days without one are left out."""
        if not days:
            return {}
        column = self._column(declared, declared.cursor or "")
        day = self._utc_day(column)
        begin, end = day_bounds(min(days))[0], day_bounds(max(days))[1]
        last = end + timedelta(days=1) if self._is_sqlite else end
        which = (column >= self._since(begin), column < self._instant(last))
        query = sa.select(day.label("day"), sa.func.count()).select_from(self._table(declared)).where(*which)
        query = query.where(self._column(declared, declared.key).is_not(None)).group_by(day)
        found = {_day(at): int(rows) for at, rows in self.ask(query)}
        return {at: rows for at, rows in found.items() if at in set(days)}

    def oldest_day(self, declared: SourceTable) -> date | None:
        """The UTC day of the earliest row with a time; None where there is none at all."""
        column = self._column(declared, declared.cursor or "")
        first = sa.func.min(self._utc_day(column) if self._is_sqlite else column)
        query = sa.select(first).select_from(self._table(declared))
        [(found,)] = self.ask(query.where(sa.not_(sa.or_(*self._unreadable(declared)))))
        return found.date() if isinstance(found, datetime) else _day(found)

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
        [(found,)] = self.ask(sa.text(query))
        return found.astimezone(UTC) if isinstance(found, datetime) else None

    def days(self, declared: SourceTable) -> set[date]:
        """The UTC days that the table has rows of."""
        day = self._utc_day(self._column(declared, declared.cursor or ""))
        query = sa.select(day.label("day")).select_from(self._table(declared)).distinct()
        found = self.ask(query.where(sa.not_(sa.or_(*self._unreadable(declared)))))
        return {each for (at,) in found if (each := _day(at))}

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
        """How many rows have no id or no time that can be read (from 1971 on), and the first of them."""
        key, cursor = self._column(declared, declared.key), self._column(declared, declared.cursor or "")
        which = sa.or_(key.is_(None), *self._unreadable(declared))
        count = self._count(declared, which)
        if not count:
            return 0, []
        texts = (self._as_text(key), self._as_text(cursor))
        query = sa.select(*texts).select_from(self._table(declared)).where(which).order_by(key, cursor)
        found = self.ask(query.limit(MOST_MISFITS))
        return count, [Misfit(*(None if each is None else text(each) for each in row)) for row in found]

    def _unreadable(self, declared: SourceTable) -> list[sa.ColumnElement[bool]]:
        """What makes a time one of no day: any of these. Each engine can hold times that Python cannot."""
        cursor = self._column(declared, declared.cursor or "")
        if self._is_sqlite:  # any text, number or bytes can stand there
            day = self._utc_day(cursor)
            return [day.is_(None), day < self._instant(EARLIEST)]
        found = [cursor.is_(None), cursor < self._instant(EARLIEST), cursor > self._instant(LATEST)]
        is_mysql = self.connection.dialect.name in ("mysql", "mariadb")
        if is_mysql and self._types(declared).get(cursor.name) == "datetime":  # 2026-11-00 is none
            day, last = sa.func.dayofmonth(cursor), sa.func.last_day(cursor)
            found += [day == 0, sa.func.month(cursor) == 0, last.is_(None), day > sa.func.dayofmonth(last)]
        return found

    def _utc_day(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        day = sa.Function(_UTC_DAY, column) if self._is_sqlite else sa.cast(column, sa.Date)
        return sa.type_coerce(day, sa.types.NullType())  # as the driver has it: not every day can be a date of Python

    def _count(self, declared: SourceTable, *which: sa.ColumnElement[bool]) -> int:
        [(found,)] = self.ask(sa.select(sa.func.count()).select_from(self._table(declared)).where(*which))
        return int(found)

    # --- pages -------------------------------------------------------------------------------------------

    def _pages(
        self, declared: SourceTable, order: list[sa.ColumnClause[Any]], *which: sa.ColumnElement[bool]
    ) -> Iterator[pl.DataFrame]:
        """Each row once. A page begins with the key that the one before ended with, since without a primary key (a
        view, a copy) other rows may have it, too; what was given already is left out. Raises ``Passing`` behind the
        last page where the server has counted others than were read."""
        if self._is_sqlite:  # to which a quoted name that is no column is a text
            self.check(declared)
        columns = [self._read(declared, column.name) for column in declared.contract]
        query = sa.select(*columns, *(column.label(f"_order{n}") for n, column in enumerate(order)))
        query = query.select_from(self._table(declared)).where(*which, order[-1].is_not(None)).order_by(*order)
        limit, last, given, read = self.database.page_rows, None, Counter[Any](), 0
        while True:
            page = query if last is None else query.where(_from(order, last))
            rows = [tuple(row) for row in self.ask(page.limit(limit))]
            fresh = _without(rows, given)
            read += len(fresh)
            if fresh:
                yield _frame([row[: len(columns)] for row in fresh], declared)
            if len(rows) < limit:
                break
            if not fresh:  # more rows share one key than a page holds
                limit *= 2
            last = rows[-1][len(columns) :]
            given = Counter(_comparable(row) for row in rows if row[len(columns)] == last[0])
        there = self._count(declared, *which, order[-1].is_not(None))
        if there != read:
            what = f"{self.database.setting}: of {there:,} rows of {self.name_of(declared)} {read:,} were read"
            raise Passing(what, f"see which of its {declared.key} the database compares otherwise than it sorts them")

    def _read(self, declared: SourceTable, name: str) -> sa.ColumnElement[Any]:
        column = self._column(declared, name)
        return self._as_text(column) if declared.contract.column(name).type == "text" else column

    def _as_text(self, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """UUIDs, enums, JSON and zero dates as they are written."""
        is_mysql = self.connection.dialect.name in ("mysql", "mariadb")
        return sa.cast(column, sa.CHAR if is_mysql else sa.Text).label(None)

    # --- names -------------------------------------------------------------------------------------------

    def _types(self, declared: SourceTable) -> dict[str, str]:
        return types_of(self.ask(*asked(ASKED_TYPES, self.connection, self.name_of(declared))))

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


def _day(value: date | str | None) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else value
    except ValueError:  # MySQL's driver gives a date that is none as text
        return None


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Begin and end of a UTC day."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin, begin + timedelta(days=1)


def _from(order: list[sa.ColumnClause[Any]], last: tuple[Any, ...]) -> Any:
    """At or behind the last key, said so that an index on the first column serves."""
    if len(order) == 1:
        return order[0] >= _bound(last[0])
    (first, second), (at, key) = order, map(_bound, last)
    return sa.and_(first >= at, sa.or_(first > at, second >= key))


def _bound(value: Any) -> Any:
    """SQLite's text that is no UTF-8 goes back as the bytes that it is."""
    if not isinstance(value, str) or value.isascii():
        return value
    raw = value.encode("utf-8", "surrogateescape")
    return value if raw == value.encode("utf-8", "ignore") else sa.cast(sa.literal(raw, sa.LargeBinary), sa.Text)


def _without(rows: list[tuple[Any, ...]], given: Counter[Any]) -> list[tuple[Any, ...]]:
    fresh, left = list[tuple[Any, ...]](), given.total()
    for number, row in enumerate(rows):
        if not left:
            return fresh + rows[number:]
        if given[_comparable(row)] > 0:
            given[_comparable(row)] -= 1
            left -= 1
        else:
            fresh.append(row)
    return fresh


def _comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with a word for NaN, which no NaN is equal to."""
    return tuple("NaN" if value != value else value for value in row)


def _frame(rows: list[tuple[Any, ...]], declared: SourceTable) -> pl.DataFrame:
    columns = zip(declared.contract, zip(*rows, strict=True), strict=True)
    frame = pl.DataFrame([COLUMN_OF[column.type](column.name, list(values)) for column, values in columns])
    return frame.cast(polars_schema(declared.contract))  # type: ignore[arg-type]
