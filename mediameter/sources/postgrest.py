"""Tables over PostgREST, as Supabase's REST API is: rows by keyset, page after page until one is empty.

The API stops a page at its own limit (1,000 rows at Supabase) and does not say so, and pages are not one snapshot:
after the last one the rows are counted by the server, and a table that has changed meanwhile is read once more.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
import polars as pl

from mediameter.errors import MediameterError, UserError, WorldError
from mediameter.sources.api_keys import ApiKey
from mediameter.sources.rest_answers import json_of, lost, rows_of, said
from mediameter.sources.table_columns import called, is_as_declared
from mediameter.sources.table_values import COLUMN_OF, text
from mediameter.sources.tables import EARLIEST, LATEST, MOST_MISFITS, Census, Misfit, day_bounds
from schemas.frames import polars_schema
from schemas.source_table import SourceTable

T = TypeVar("T")
ATTEMPTS = 5
BACK_OFF_S = 0.5  # before the second attempt, twice that before the next; each times a random share
LONGEST_WAIT_S = 120.0  # of what Retry-After asks for
LEAST_PAGE = 10
_PASSING = (408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524)  # the last five are a gateway's
_TIMED_OUT = "57014"  # what PostgreSQL says of a statement that took too long
_TYPES = {
    "timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp", "integer": "int4",
    "bigint": "int8", "smallint": "int2", "double precision": "float8", "real": "float4", "boolean": "bool",
    "character varying": "varchar", "character": "char",
}  # fmt: skip


class Moved(Exception):
    """Rows came or went while they were read: what was read is to be read again."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Where the API is. ``setting``: its section in the settings, for whoever has to mend something. ``key``: what its
    key tells of itself; ``whole_role``: the role that sees every row."""

    setting: str
    client: httpx.Client = field(repr=False)
    key: ApiKey
    whole_role: str
    names: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    page_rows: int = 1_000

    @contextmanager
    def snapshot(self) -> Iterator[RestTables]:
        """No snapshot at all, but read like one. Raises ``UserError`` or ``WorldError`` that says what to mend: at
        once, where the key is of a role that may see less than every row."""
        self.refuse_other_roles()
        yield RestTables(self)

    def read(self, work: Callable[[RestTables], T]) -> T:
        """What ``tables.Database.read`` is. Each request is tried again by itself."""
        with self.snapshot() as seen:
            return work(seen)

    def refuse_other_roles(self) -> None:
        """Raises ``UserError`` for a key of any role but the one that sees every row; policies would hide rows from
        another, and the API says nothing of it."""
        if self.key.role in (None, self.whole_role):
            return
        remedy = f'set key to the service key (secret key); role = "{self.key.role}" if policies hide nothing from it'
        what = f"the key is of the role {self.key.role}, which need not see all rows (row-level security)"
        raise UserError(f"{self.setting}: {what}", remedy)

    def warnings(self) -> list[str]:
        """What is not known of the key."""
        if self.key.role is not None:
            return []
        remedy = "use the service key (a JSON web token, or sb_secret_…)"
        return [f"{self.setting}: the key does not tell its role: whether it sees every row is not known: {remedy}"]

    def close(self) -> None:
        """Closes its connections."""
        self.client.close()


@dataclass(frozen=True, slots=True)
class RestTables:
    """What ``tables.Snapshot`` is, over HTTP."""

    rest: Rest

    def check(self, declared: SourceTable) -> list[str]:
        """Holds the table against its declaration; returns the columns that nobody knew of, sorted.

        Raises ``UserError`` where the table, or a column of it, is missing or of another type.
        """
        name, names, known = self._name(declared), self._called(declared), self._definitions()
        if name not in known:
            section = self.rest.setting.strip("[]")
            raise self._wrong(f"there is no table {name}", f"see url and key, and name it: [{section}.tables]")
        found = {column: _bare(what) for column, what in known[name].items()}
        for column in declared.contract:
            actual = found.get(names[column.name])
            if actual is None:
                remedy = f"name it: [{self.rest.setting.strip('[]')}.columns.{declared.name}] {column.name} = …"
                raise self._wrong(f"{name} has no column {names[column.name]}", remedy)
            if not is_as_declared(actual, column, declared, "postgresql"):
                expected = "JSON" if column.name in declared.json else column.type
                message = f"{name}.{names[column.name]} is {actual}, no longer {expected}"
                raise self._wrong(message, "name the column that holds it now, or wait for a mediameter that knows it")
        return sorted(set(found) - set(names.values()) - declared.unread)

    def _definitions(self) -> dict[str, dict[str, Any]]:
        """What the API says of its tables: columns by table."""
        answer = self._ask("GET", "", {}, {"Accept": "application/openapi+json"})
        try:
            definitions = json_of(answer, self.rest.setting).get("definitions", {})
            return {name: {**table.get("properties", {})} for name, table in definitions.items()}
        except (AttributeError, TypeError):
            what = f"{self.rest.setting}: the REST API does not describe its tables"
            raise WorldError(what, "see url: it ends in /rest/v1 at Supabase") from None

    def peek(self, declared: SourceTable) -> None:
        """Reads one row of the table: a user who can see a table may still not be allowed to read it."""
        self._rows(declared, {"limit": "1"})

    def oldest_writer(self) -> datetime | None:
        """The API does not say."""
        return None

    def shows_all(self, declared: SourceTable) -> bool:
        """Whether the key tells that no row is hidden."""
        return self.rest.key.role == self.rest.whole_role

    def count(self, declared: SourceTable) -> int:
        """All rows."""
        return self._count(declared, [])

    def census(self, declared: SourceTable, tomorrow: date) -> Census | None:
        """None: the API counts without a snapshot, so that sums of counts of a busy table prove nothing."""
        return None

    def counts(self, declared: SourceTable, days: Collection[date]) -> dict[date, int]:
        """How many rows with an id each of these UTC days has; days without one are left out."""
        cursor, key = (self._called(declared)[name] for name in (declared.cursor or "", declared.key))
        found = {}
        for day in sorted(days):
            begin, end = map(_written, day_bounds(day))
            within = [(cursor, f"gte.{begin}"), (cursor, f"lt.{end}"), (key, "not.is.null")]
            found[day] = self._count(declared, within)
        return {day: rows for day, rows in found.items() if rows}

    def oldest_day(self, declared: SourceTable) -> date | None:
        """The UTC day of the earliest row with a time; None where there is none at all."""
        first = self._first_from(declared, EARLIEST)
        return first.date() if first else None

    def _first_from(self, declared: SourceTable, begin: datetime) -> datetime | None:
        cursor = self._called(declared)[declared.cursor or ""]
        which = {cursor: f"gte.{_written(begin)}", "order": f"{cursor}.asc", "limit": "1"}
        rows = self._rows(declared, which)
        return _instant(rows[0][declared.cursor or ""]) if rows else None

    def days(self, declared: SourceTable) -> set[date]:
        """The UTC days that the table has rows of: a request a day, since the API cannot be asked for distinct ones."""
        found = set[date]()
        begin = EARLIEST
        while True:
            first = self._first_from(declared, begin)
            if first is None:
                return found
            found.add(first.date())
            if first.date() == LATEST.date():
                return found
            begin = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=1)

    def day(self, declared: SourceTable, begin: datetime, end: datetime) -> Iterator[pl.DataFrame]:
        """Rows whose cursor is between two instants, in its order. Raises ``Moved`` behind the last one when the
        server has counted others than were read."""
        cursor, key = (self._called(declared)[name] for name in (declared.cursor or "", declared.key))
        within = [(cursor, f"gte.{_written(begin)}"), (cursor, f"lt.{_written(end)}"), (key, "not.is.null")]
        read = 0
        for page in self._pages(declared, [declared.cursor or "", declared.key], within):
            read += page.height
            yield page
        if read != self._count(declared, within):
            raise Moved

    def whole(self, declared: SourceTable, changed_since: datetime | None = None) -> Iterator[pl.DataFrame]:
        """All rows in the order of the key; or those that say they were changed since, or do not say when."""
        which = []
        if changed_since and declared.changed:
            changed = self._called(declared)[declared.changed]
            which.append(("or", f"({changed}.gte.{_written(changed_since)},{changed}.is.null)"))
        yield from self._pages(declared, [declared.key], which)

    def misfits(self, declared: SourceTable) -> tuple[int, list[Misfit]]:
        """How many rows have no id or no time that can be read (from 1971 on), and the first of them."""
        names = self._called(declared)
        cursor, key = names[declared.cursor or ""], names[declared.key]
        times = f"{cursor}.is.null,{cursor}.lt.{_written(EARLIEST)},{cursor}.gt.{_written(LATEST)}"
        which = [("or", f"({key}.is.null,{times})")]
        count = self._count(declared, which)
        if not count:
            return 0, []
        rows = self._rows(declared, [*which, ("limit", str(MOST_MISFITS))])
        return count, [Misfit(_as_text(row[declared.key]), _as_text(row[declared.cursor or ""])) for row in rows]

    # --- pages -------------------------------------------------------------------------------------------

    def _pages(self, declared: SourceTable, order: list[str], which: list[tuple[str, str]]) -> Iterator[pl.DataFrame]:
        """Behind the last key, until a page is empty: one that is not full may be the API's own limit."""
        names = self._called(declared)
        by = ("order", ",".join(f"{names[name]}.asc" for name in order))
        behind: list[tuple[str, str]] = []
        limit = self.rest.page_rows
        while True:
            try:
                rows = self._rows(declared, [*which, *behind, by, ("limit", str(limit))])
            except TimedOut:
                if limit <= LEAST_PAGE:
                    raise
                limit //= 4
                continue
            if not rows:
                return
            yield _frame(rows, declared)
            before, behind = behind, [_behind([(names[name], str(rows[-1][name])) for name in order])]
            if behind == before:  # else it would be asked for ever
                raise WorldError(
                    f"{self.rest.setting}: {self._name(declared)}: the same page came twice",
                    "check that it is PostgREST",
                )

    def _rows(self, declared: SourceTable, which: Any) -> list[dict[str, Any]]:
        """By the contract's names. JSON comes as the text that stands there: it may be nested deeper than can be read
        here, and that must cost its own row alone."""
        select = ",".join(
            f"{name}:{called}{'::text' if name in declared.json else ''}"
            for name, called in self._called(declared).items()
        )
        asked = [("select", select), *(which.items() if isinstance(which, dict) else which)]
        answer = self._ask("GET", self._name(declared), asked)
        return rows_of(answer, declared, f"{self.rest.setting}: {self._name(declared)}")

    def _count(self, declared: SourceTable, which: list[tuple[str, str]]) -> int:
        asked = [("select", self._called(declared)[declared.key]), *which, ("limit", "1")]
        answer = self._ask("GET", self._name(declared), asked, {"Prefer": "count=exact"})
        total = answer.headers.get("content-range", "").rpartition("/")[2]
        if not total.isdigit():
            raise WorldError(f"{self.rest.setting}: the API does not count its rows", "check that it is PostgREST")
        return int(total)

    # --- asking ------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, params: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """Asked again where that helps, after as long as the server says."""
        trouble: MediameterError | None = None
        wait = 0.0
        for attempt in range(ATTEMPTS):
            time.sleep(wait)
            wait = BACK_OFF_S * 2**attempt * (0.5 + random.random())
            try:
                answer = self.rest.client.request(method, path, params=params, headers=headers)
            except httpx.HTTPError as error:
                trouble = lost(error, self.rest.setting, attempt + 1)
                continue
            if answer.is_success:
                return answer
            trouble = self._refused(answer)
            if isinstance(trouble, TimedOut) or answer.status_code not in _PASSING:
                raise trouble
            wait = max(wait, _asked_to_wait(answer))
        assert trouble is not None
        raise trouble

    def _refused(self, answer: httpx.Response) -> MediameterError:
        """What a status that is no success means."""
        code, message = said(answer)
        where = self.rest.setting
        if answer.is_redirect:
            to = httpx.URL(answer.headers.get("location", "")).host or "another address"
            return UserError(f"{where}: the REST API sends us on to {to} ({answer.status_code})", "set url to it")
        if answer.status_code == 401 and (expired := self.rest.key.expired(where, _told_at(answer))):
            return expired
        if answer.status_code in (401, 403) or code == "42501":
            why = ": ".join(part for part in (code or str(answer.status_code), message) if part)
            return UserError(f"{where}: the key may not read this ({why})", "see key, and its role")
        if code == _TIMED_OUT:
            return TimedOut(f"{where}: a query took too long", "put an index on the time column, or lower page_rows")
        if answer.status_code == 404 or code in ("42P01", "PGRST205"):
            return UserError(f"{where}: a table is missing ({message})", f"see url, and [{where.strip('[]')}.tables]")
        if code in ("42703", "PGRST204"):
            return UserError(f"{where}: a column is missing ({message})", f"[{where.strip('[]')}.columns.TABLE]")
        if answer.status_code in _PASSING:
            return WorldError(
                f"{where}: the REST API failed {ATTEMPTS} times ({answer.status_code})", "run again later"
            )
        what = f"{where}: the REST API refused this ({answer.status_code} {code}: {message})"
        return WorldError(what, "see url, and the logs of the API and its database")

    def _name(self, declared: SourceTable) -> str:
        return self.rest.names.get(declared.name, declared.name)

    def _called(self, declared: SourceTable) -> dict[str, str]:
        return called(declared, self.rest.columns.get(declared.name, {}), self.rest.setting)

    def _wrong(self, message: str, remedy: str) -> UserError:
        return UserError(f"{self.rest.setting}: {message}", remedy)


class TimedOut(WorldError):
    """A statement that took too long: a smaller page may do."""


def _told_at(answer: httpx.Response) -> datetime | None:
    """What the server's clock shows: it is the one that a key is held against."""
    try:
        told = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _asked_to_wait(answer: httpx.Response) -> float:
    told = answer.headers.get("retry-after", "")
    return min(float(told), LONGEST_WAIT_S) if told.isdigit() else 0.0


def _bare(column: dict[str, Any]) -> str:
    """``timestamp with time zone`` as ``timestamptz``; an enum, whose type has a name of its own, as ``enum``."""
    name = str(column.get("format", column.get("type", ""))).lower()
    return "enum" if "enum" in column else _TYPES.get(name, name.partition("(")[0].strip())


def _frame(rows: list[dict[str, Any]], declared: SourceTable) -> pl.DataFrame:
    columns = [
        COLUMN_OF[column.type](column.name, [_plain(row[column.name]) for row in rows]) for column in declared.contract
    ]
    return pl.DataFrame(columns).cast(polars_schema(declared.contract))  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    """An API that is older than casts, or a column that is JSON there and text here, gives JSON as it has read it."""
    return json.dumps(value) if isinstance(value, dict | list) else value


def _as_text(value: Any) -> str | None:
    return None if value is None else text(value)


def _behind(last: list[tuple[str, str]]) -> tuple[str, str]:
    """The condition of rows behind the one with these values, in the order of one column or two."""
    (first, value), *more = last
    if not more:
        return first, f"gt.{value}"  # all that follows is the value: quotes would be part of it
    [(second, other)] = more
    at, of = _quoted(value), _quoted(other)
    return "or", f"({first}.gt.{at},and({first}.eq.{at},{second}.gt.{of}))"


def _quoted(value: str) -> str:
    """A value as PostgREST has it within ``or`` and ``and``: in quotes, since commas and brackets end one there."""
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _instant(value: Any) -> datetime | None:
    [found] = COLUMN_OF["instant"]("at", [value])
    return found  # type: ignore[no-any-return]
