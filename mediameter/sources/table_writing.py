"""Rows of our own in an application's `media_analytics`: what is there of them, and the writing of them.

The one place that writes into another system. A row is touched only when its id is one that we make and its
``metadata`` says that it was imported; both are looked at in the very transaction that writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa

from mediameter.connect import again, writing
from mediameter.sources.table_errors import explained
from mediameter.sources.table_values import COLUMN_OF
from mediameter.sources.tables import Database, Snapshot
from schemas.application import APPLICATIONS, MEDIA_ANALYTICS, MEDIA_FILES
from schemas.source_table import SourceTable

T = TypeVar("T")
_A_DAY = timedelta(days=1)
_ANY = sa.types.NullType()  # lets the server tell the type: an id may be a UUID there, an event type an enum


class Row(NamedTuple):
    """A row as it is written, and as it is compared. ``at`` is aware."""

    id: str
    media_file_id: str
    user_id: str | None
    application_id: str | None
    at: datetime
    metadata: str


@dataclass(slots=True)
class Plan:
    """What has to be done so that the wanted rows are there. requests wanted = insert + update + unchanged + orphans
    (their media file is not there) + foreign (a row of somebody else has the id)."""

    insert: list[Row] = field(default_factory=list)
    update: list[Row] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    unchanged: int = 0
    orphans: int = 0
    foreign: int = 0
    without_application: int = 0


@dataclass(frozen=True, slots=True)
class Ours:
    """What makes a row ours: the event type and the source that we write, and how an id of ours is told."""

    event_type: str
    imported: str
    are_ours: Callable[[Sequence[str]], list[bool]]


@dataclass(frozen=True, slots=True)
class Desk(Snapshot):
    """The tables as one transaction sees them. ``is_reading``: it may only read."""

    ours: Ours
    is_reading: bool = False

    def ask(self, statement: sa.Executable, values: Mapping[str, object] | None = None) -> list[sa.Row[Any]]:
        """As of a snapshot; a missing right is one to write."""
        with explained(self.database.setting, self.database.engine.url.password, is_writing=not self.is_reading):
            return list(self.connection.execute(statement, values or {}))

    def _write(self, statement: sa.Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> int:
        with explained(self.database.setting, self.database.engine.url.password, is_writing=True):
            return self.connection.execute(statement, rows).rowcount

    def plan(self, wanted: Sequence[Row]) -> Plan:
        """Holds the wanted rows against those that are there. Foreign keys: a row without its file is none, an
        application or a user that is not there is left out of it."""
        plan, present = Plan(), self._present([row.id for row in wanted])
        files = self._known(MEDIA_FILES, "id", (row.media_file_id for row in wanted))
        applications = self._known(APPLICATIONS, "id", (row.application_id for row in wanted))
        users = self._users(wanted)
        for row in wanted:
            found = present.get(row.id)
            if found and not self._is_imported(found.metadata):
                plan.foreign += 1
            elif row.media_file_id not in files:
                plan.orphans += 1
                plan.delete += [row.id] if found else []
            else:
                whole = row._replace(
                    application_id=row.application_id if row.application_id in applications else None,
                    user_id=row.user_id if row.user_id in users else None,
                )
                plan.without_application += whole.application_id is None
                _sort_in(plan, whole, found)
        return plan

    def stale(self, begin: datetime, end: datetime, wanted: set[str]) -> list[str]:
        """Ids of our rows between two instants that should not be there."""
        at = self._column(MEDIA_ANALYTICS, "timestamp")
        within = (at >= self._written_at(begin), at < self._written_at(end))
        query = sa.select(self._text("id"), self._text("metadata")).select_from(self._table(MEDIA_ANALYTICS))
        found = [
            str(row[0])
            for row in self.ask(query.where(*within, self._seems_imported()))
            if row[0] not in wanted and self._is_imported(row[1])
        ]
        return [each for each, is_ours in zip(found, self.ours.are_ours(found), strict=True) if is_ours]

    def carry_out(self, plan: Plan) -> None:
        """Writes the rows. The caller's transaction makes it all or nothing."""
        table = self._table(MEDIA_ANALYTICS)
        called = {name: self._column(MEDIA_ANALYTICS, name) for name in MEDIA_ANALYTICS.contract.names}
        columns = {each: called[each] for each in ("id", *_SET)}
        target = sa.table(table.name, *columns.values(), schema=table.schema)
        self.delete(plan.delete)
        if plan.update:
            which = sa.and_(called["id"] == sa.bindparam("_row", type_=_ANY), self._seems_imported())
            values = {
                column.name: sa.bindparam(f"_{name}", type_=_ANY) for name, column in columns.items() if name != "id"
            }
            rows = [{f"_{name}": value for name, value in self._values(row).items()} for row in plan.update]
            statement = sa.update(target).where(which).values(values)
            self._write(statement, [{"_row": row.pop("_id"), **row} for row in rows])
        if plan.insert:
            rows = [{columns[name].name: value for name, value in self._values(row).items()} for row in plan.insert]
            self._write(sa.insert(target), rows)

    def delete(self, ids: Sequence[str]) -> int:
        """Deletes these rows, as far as they are still imported ones; returns how many."""
        if not ids:
            return 0
        which = (_among(self._column(MEDIA_ANALYTICS, "id"), ids), self._seems_imported())
        return self._write(sa.delete(self._table(MEDIA_ANALYTICS)).where(*which))

    # --- what is there -----------------------------------------------------------------------------------

    def _present(self, ids: Sequence[str]) -> dict[str, Row]:
        names = ("id", "media_file_id", "user_id", "application_id", "timestamp", "metadata")
        columns = [self._column(MEDIA_ANALYTICS, n) if n == "timestamp" else self._text(n) for n in names]
        query = sa.select(*columns).select_from(self._table(MEDIA_ANALYTICS))
        query = query.where(_among(self._column(MEDIA_ANALYTICS, "id"), ids))
        rows = [tuple(row) for row in self.ask(query)]
        instants = COLUMN_OF["instant"]("at", [row[4] for row in rows]).to_list()
        return {row[0]: Row(row[0], row[1], row[2], row[3], at, row[5]) for row, at in zip(rows, instants, strict=True)}

    def _known(self, table: SourceTable, name: str, values: Iterable[str | None]) -> set[str]:
        """The values that exist."""
        asked = sorted({value for value in values if value is not None})
        if not asked:
            return set()
        column = self._column(table, name)
        query = sa.select(self._as_text(column)).select_from(self._table(table)).where(_among(column, asked))
        return {value for (value,) in self.ask(query)}

    def _users(self, wanted: Sequence[Row]) -> set[str]:
        """Those of the users that the application's own rows of these days name, so that they are there."""
        asked = sorted({row.user_id for row in wanted if row.user_id is not None})
        if not asked:
            return set()
        times = [row.at for row in wanted]
        user, at = (self._column(MEDIA_ANALYTICS, name) for name in ("user_id", "timestamp"))
        within = (at >= self._instant(min(times) - _A_DAY), at < self._instant(max(times) + 2 * _A_DAY))
        query = sa.select(self._as_text(user)).distinct().select_from(self._table(MEDIA_ANALYTICS))
        return {value for (value,) in self.ask(query.where(_among(user, asked), *within))}

    def _is_imported(self, metadata: str | None) -> bool:
        found = _decoded(metadata)
        return isinstance(found, dict) and found.get("source") == self.ours.imported

    def _seems_imported(self) -> sa.ColumnElement[bool]:
        """As far as all engines can tell in SQL, whatever the column holds."""
        return self._text("metadata").like(f"%{self.ours.imported}%")

    # --- how it is written -------------------------------------------------------------------------------

    def _text(self, name: str) -> sa.ColumnElement[Any]:
        return self._as_text(self._column(MEDIA_ANALYTICS, name))

    def _values(self, row: Row) -> dict[str, Any]:
        return {
            "id": row.id,
            "media_file_id": row.media_file_id,
            "event_type": self.ours.event_type,
            "user_id": row.user_id,
            "application_id": row.application_id,
            "timestamp": self._written_at(row.at),
            "metadata": row.metadata,
        }

    def _written_at(self, at: datetime) -> datetime | str:
        """Naive UTC; SQLite keeps instants as text."""
        naive = at.astimezone(UTC).replace(tzinfo=None)
        return f"{naive:%Y-%m-%d %H:%M:%S}" if self._is_sqlite else naive


def written(database: Database, ours: Ours, work: Callable[[Desk], T]) -> T:
    """``work`` at a desk, in one transaction that writes: tried again as a whole where the server gives it up."""

    def once() -> T:
        told = explained(database.setting, database.engine.url.password, is_writing=True)
        with ExitStack() as stack:
            with told:
                connection = stack.enter_context(writing(database.engine))
            done = work(Desk(database, connection, ours))
            with explained(database.setting, database.engine.url.password, is_writing=True):
                stack.close()
        return done

    return again(once)


_SET = ("media_file_id", "event_type", "user_id", "application_id", "timestamp", "metadata")


def _sort_in(plan: Plan, row: Row, found: Row | None) -> None:
    if found is None:
        plan.insert.append(row)
    elif found._replace(metadata="") == row._replace(metadata="") and _decoded(found.metadata) == _decoded(
        row.metadata
    ):
        plan.unchanged += 1
    else:
        plan.update.append(row)


def _among(column: sa.ColumnElement[Any], values: Sequence[str]) -> sa.ColumnElement[bool]:
    return column.in_(sa.bindparam(None, list(values), type_=_ANY, expanding=True))


def _decoded(text: str | None) -> Any:
    """JSON as what it says: engines write the same object in different ways. None for what is none."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
