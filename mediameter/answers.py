"""The questions of the documents, answered: one SQL file each in ``sql/answers``, the same text on every engine.

The engines agree on the rows, not on their types: SQLite hands out days as text, MySQL sums as decimals. So values
are settled column by column, to the type that the contracts give the name.
"""

from __future__ import annotations

import calendar
import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import IO, TYPE_CHECKING, Any

from mediameter.errors import UserError
from schemas import TABLES, VIEWS
from schemas.currencies import MONEY_OF_ANSWERS
from schemas.vocabulary import ALL, DEFAULT_TENANT

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult

OF_THE_LEDGER = ("rejects_by_reason",)
"""What only operators can ask: a read-only role does not see the machinery's tables."""
_HEADER = ("question", "asked in", "parameters", "note")
_MICRO = Decimal("0.000001")
# A column of a table keeps its contract's type; these are computed in the SQL.
_COMPUTED = {
    **dict.fromkeys(MONEY_OF_ANSWERS, "money"),
    **dict.fromkeys(("error_rate", "server_error_rate", "client_abort_rate", "cache_hit_ratio"), "float"),
    **dict.fromkeys(("authenticated_share", "requests_share", "bot_share"), "float"),
    **dict.fromkeys(("rejected_lines", "refused_objects", "anonymous_deliveries", "bot_requests", "bot_bytes"), "int"),
    **dict.fromkeys(("access_count", "unique_ips", "total_bandwidth", "invoiced_bytes"), "int"),
    **dict.fromkeys(("user_count", "files_served"), "int"),
    **dict.fromkeys(("failure_rate", "average_ms"), "float"),
    **dict.fromkeys(("completed_generations", "pending_generations", "stale_generations", "over_30_s"), "int"),
    "cohort_first_day": "day",
    "last_accessed": "instant",
    "status": "text",
    "is_complete": "bool",
}
_KINDS = {column.name: str(column.type) for contract in (*TABLES, *VIEWS) for column in contract} | _COMPUTED


class AnswerError(UserError, ValueError):
    """An answer, window, budget or format that does not exist or cannot be read. Exit code 2."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One file of ``sql/answers``: the question, where the documents ask it, and the SQL behind its header."""

    name: str
    question: str
    asked_in: str
    parameters: tuple[str, ...]
    note: str
    sql: str


@dataclass(frozen=True, slots=True)
class Result:
    """Columns and rows. Days are ``date``, instants aware in UTC, money ``Decimal``; None is "not available"."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


# --- the catalogue ---------------------------------------------------------------------------------
@cache
def catalogue() -> list[Answer]:
    """Every answer, by name."""
    found = (file for file in files("sql").joinpath("answers").iterdir() if file.name.endswith(".sql"))
    return sorted(
        (_answer(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in found),
        key=lambda answer: answer.name,
    )


def find(name: str) -> Answer:
    """The answer of that name; an unknown name is an `AnswerError` that says which ones are near."""
    answers = {answer.name: answer for answer in catalogue()}
    if name in answers:
        return answers[name]
    near = get_close_matches(name, answers, cutoff=0.5) or sorted(answers)
    raise AnswerError(f"no answer is called {name!r}", f"did you mean {', '.join(near)}?")


def _answer(name: str, text: str) -> Answer:
    header, _, sql = text.partition("\n\n")
    fields: dict[str, str] = {}
    label = ""
    for line in header.splitlines():
        begin = re.match(rf"-- ({'|'.join(_HEADER)}): ", line)
        if begin:
            label = begin[1]
            fields[label] = line[begin.end() :]
        else:
            fields[label] += " " + line.removeprefix("--").strip()
    if tuple(fields) != _HEADER:
        raise ValueError(f"sql/answers/{name}.sql: the header is not {', '.join(_HEADER)}")
    return Answer(name, fields["question"], fields["asked in"], _parameters(fields["parameters"]), fields["note"], sql)


def _parameters(text: str) -> tuple[str, ...]:
    names = re.sub(r"\([^)]*\)", "", text).split(",")
    return tuple(name.strip() for name in names if name.strip() != "none")


# --- asking ----------------------------------------------------------------------------------------
def ask(
    connection: Connection,
    name: str,
    *,
    first_day: date,
    last_day: date,
    application: str = ALL,
    limit: int = 20,
    budget: str | None = None,
    zone: tzinfo = UTC,
    tenant: str = DEFAULT_TENANT,
) -> Result:
    """Answer a question for the days from `first_day` to `last_day`, both included, of the reporting `zone`.

    `budget` is an amount and a currency ("200.00 USD"); a projection is for the month of `last_day`.
    Raises `AnswerError` for an unknown name, a window that ends before it begins, a limit below one.
    """
    from sqlalchemy import bindparam, text

    answer = find(name)
    if first_day > last_day:
        raise AnswerError(f"the window ends ({last_day}) before it begins ({first_day})", "give the earlier day first")
    if limit < 1:
        raise AnswerError(f"a limit of {limit} rows shows nothing", "give 1 or more")
    try:
        days = _window_values(first_day, last_day, zone)
    except OverflowError:
        raise AnswerError(f"{first_day}..{last_day} reaches the calendar's end", "give another window") from None
    values = {
        **days,
        **_budget_values(budget),
        "application": application,
        "limit": limit,
        "tenant": tenant,
    }
    types = _sql_types()
    binds = [bindparam(known, values[known], types[known]) for known in answer.parameters]
    return settled(connection.execute(text(answer.sql).bindparams(*binds)))


def settled(cursor: CursorResult[Any]) -> Result:
    """The rows, each value of the type that its column's name has in the contracts."""
    columns = tuple(cursor.keys())
    settle = [_settler(column) for column in columns]
    rows = (tuple(f(value) for f, value in zip(settle, row, strict=True)) for row in cursor)
    return Result(columns, tuple(rows))


def _window_values(first_day: date, last_day: date, zone: tzinfo) -> dict[str, date | int]:
    def begin(day: date) -> datetime:  # in UTC, without the zone: so the warehouse keeps instants
        return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)

    return {
        "first_day": first_day,
        "last_day": last_day,
        "first_at": begin(first_day),
        "end_at": begin(last_day + timedelta(days=1)),
        "month_first_day": last_day.replace(day=1),
        "days_so_far": last_day.day,
        "days_in_month": calendar.monthrange(last_day.year, last_day.month)[1],
    }


def _budget_values(budget: str | None) -> dict[str, int | str | None]:
    if budget is None:
        return {"budget_micros": None, "budget_currency": None}
    amount, _, currency = budget.strip().partition(" ")
    try:
        micros = Decimal(amount) / _MICRO
    except InvalidOperation:
        micros = Decimal("NaN")
    if not (micros.is_finite() and micros >= 0 and micros == int(micros) and re.fullmatch("[A-Z]{3}", currency)):
        raise AnswerError(f"{budget!r} is no budget", "write an amount and a currency, as in '200.00 USD'")
    return {"budget_micros": int(micros), "budget_currency": currency}


@cache
def _sql_types() -> dict[str, Any]:
    from sqlalchemy import BigInteger, Date, DateTime, Integer, String

    return {
        **dict.fromkeys(("first_day", "last_day", "month_first_day"), Date()),
        **dict.fromkeys(("first_at", "end_at"), DateTime()),
        **dict.fromkeys(("application", "tenant", "budget_currency"), String()),
        **dict.fromkeys(("days_so_far", "days_in_month", "limit"), Integer()),
        "budget_micros": BigInteger(),
    }


# --- one type a column, whatever the engine --------------------------------------------------------
def _instant(value: datetime | str) -> datetime:
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).replace(tzinfo=UTC)


_SETTLE: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "int": int,
    "bool": bool,
    # Nine digits: the engines divide with different last digits.
    "float": lambda value: round(float(value), 9),
    "money": lambda value: Decimal(repr(value) if isinstance(value, float) else value).quantize(_MICRO),
    "day": lambda value: date.fromisoformat(value) if isinstance(value, str) else value,
    "instant": _instant,
}


def _settler(column: str) -> Callable[[Any], Any]:
    settle = _SETTLE[_KINDS[column]]
    return lambda value: None if value is None else settle(value)


# --- the window ------------------------------------------------------------------------------------
def window(last: str, *, newest: date) -> tuple[date, date]:
    """First and last day of "7d" (the 7 days that end with `newest`), "2026-11-01..2026-11-07" or "2026-11-01"."""
    days = re.fullmatch(r"([0-9]{1,5})d", last)
    if days and int(days[1]) > 0:
        try:
            return newest - timedelta(days=int(days[1]) - 1), newest
        except OverflowError:
            raise AnswerError(f"{last!r} reaches back before the calendar", "give fewer days") from None
    if not days and re.fullmatch(r"[0-9-]{10}(\.\.[0-9-]{10})?", last):
        return _range(last)
    raise AnswerError(f"{last!r} is no window", "write 7d, 2026-11-01 or 2026-11-01..2026-11-07")


def _range(text: str) -> tuple[date, date]:
    first, _, last = text.partition("..")
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError as error:
        raise AnswerError(f"{text!r} names a day that does not exist", str(error)) from None
    if begin > end:
        raise AnswerError(f"{text!r} ends before it begins", f"write {end}..{begin}")
    return begin, end


# --- writing ---------------------------------------------------------------------------------------
def write(result: Result, format: str, out: IO[Any]) -> None:
    """Write as ``table``, ``csv``, ``json`` (text streams, csv best opened with newline="") or ``parquet`` (bytes)."""
    if format not in FORMATS:
        raise AnswerError(f"no format is called {format!r}", f"choose {', '.join(FORMATS)}")
    FORMATS[format](result, out)


def _write_table(result: Result, out: IO[str]) -> None:
    rows = [result.columns, *(tuple(_shown(value) for value in row) for row in result.rows)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    numeric = [_KINDS[column] in {"int", "float", "money"} for column in result.columns]
    for row in rows:
        cells = (c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numeric, strict=True))
        out.write("  ".join(cells).rstrip() + "\n")
    if not result.rows:
        out.write("(no rows)\n")


def _shown(value: Any) -> str:
    if value is None:
        return "not available"
    if isinstance(value, bool):
        return "yes" if value else "no"
    # Object keys may hold newlines and terminal escapes; on a screen they are shown, not obeyed.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in _plain(value))


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _write_csv(result: Result, out: IO[str]) -> None:
    # CRLF, as RFC 4180 has it: the csv module then quotes a lone carriage return too.
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(result.columns)
    lines.writerows([_csv_cell(value) for value in row] for row in result.rows)


def _csv_cell(value: Any) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it; NULL is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    return f"'{value}" if is_formula else _plain(value)


def _write_json(result: Result, out: IO[str]) -> None:
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    json.dump(rows, out, default=_json_value, ensure_ascii=False, indent=2)
    out.write("\n")


def _json_value(value: Any) -> float | str:
    return float(value) if isinstance(value, Decimal) else _plain(value)


def _write_parquet(result: Result, out: IO[Any]) -> None:
    import polars as pl

    types: dict[str, Any] = {
        "text": pl.String(),
        "int": pl.Int64(),
        "bool": pl.Boolean(),
        "float": pl.Float64(),
        "money": pl.Decimal(38, 6),
        "day": pl.Date(),
        "instant": pl.Datetime("us", "UTC"),
    }
    schema = {column: types[_KINDS[column]] for column in result.columns}
    # A terminal's stream takes text; the bytes go to the buffer behind it.
    pl.DataFrame(result.rows, schema=schema, orient="row").write_parquet(getattr(out, "buffer", out))


FORMATS: dict[str, Callable[[Result, IO[Any]], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
}
