"""Answers to the questions of the documents: one SQL file each in ``sql/answers``, the same text on every engine.

The engines agree on the rows, not on their types: SQLite hands out days as text, MySQL sums as decimals. So values
are settled column by column, to the type that the contracts give the name.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mediameter.errors import UserError
from mediameter.metering.calendar import Day
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
    **dict.fromkeys(
        ("rejected_lines", "rejected_rows", "refused_objects", "anonymous_deliveries", "bot_requests", "bot_bytes"),
        "int",
    ),
    **dict.fromkeys(("access_count", "unique_ips", "total_bandwidth", "invoiced_bytes"), "int"),
    **dict.fromkeys(("user_count", "files_served"), "int"),
    **dict.fromkeys(("failure_rate", "average_ms"), "float"),
    **dict.fromkeys(("completed_generations", "pending_generations", "stale_generations", "slow_generations"), "int"),
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
    hours: tuple[datetime, datetime] | None = None,
) -> Result:
    """Answer a question for the days from `first_day` to `last_day`, both included, of the reporting `zone`; what is
    kept by the hour, for the `hours` from the one instant to the other, where they are given.

    `budget` is an amount and a currency ("200.00 USD"); a projection is for the month of `last_day`.
    Raises `AnswerError` for an unknown name, a window that ends before it begins, a limit below one.
    """
    from sqlalchemy import bindparam, text

    answer = find(name)
    if first_day > last_day:
        raise AnswerError(f"the window ends ({last_day}) before it begins ({first_day})", "give the earlier day first")
    if limit < 1:
        raise AnswerError(f"a limit of {limit} rows shows nothing", "give 1 or more")
    days = _window_values(first_day, last_day, zone, hours)
    values = {**days, **_budget_values(budget), "application": application, "limit": limit, "tenant": tenant}
    types = _sql_types()
    binds = [bindparam(known, values[known], types[known]) for known in answer.parameters]
    return settled(connection.execute(text(answer.sql).bindparams(*binds)))


def settled(cursor: CursorResult[Any]) -> Result:
    """The rows, each value of the type that its column's name has in the contracts."""
    columns = tuple(cursor.keys())
    settle = [_settler(column) for column in columns]
    rows = (tuple(f(value) for f, value in zip(settle, row, strict=True)) for row in cursor)
    return Result(columns, tuple(rows))


def _window_values(
    first_day: date, last_day: date, zone: tzinfo, hours: tuple[datetime, datetime] | None
) -> dict[str, date | int]:
    try:
        begin, end = hours or (Day.of(first_day, zone).begin, Day.of(last_day, zone).end)
    except OverflowError:
        raise AnswerError(f"{first_day}..{last_day} reaches the calendar's end", "give another window") from None
    return {
        "first_day": first_day,
        "last_day": last_day,
        "first_at": _naive(begin),
        "end_at": _naive(end),
        "month_first_day": last_day.replace(day=1),
        "days_so_far": last_day.day,
        "days_in_month": calendar.monthrange(last_day.year, last_day.month)[1],
    }


def _naive(at: datetime) -> datetime:
    """In UTC, without the zone: so the warehouse keeps instants."""
    return at.astimezone(UTC).replace(tzinfo=None)


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


def kind_of(column: str) -> str:
    """The type of an answer's column, as the contracts have it."""
    return _KINDS[column]


def _settler(column: str) -> Callable[[Any], Any]:
    settle = _SETTLE[_KINDS[column]]
    return lambda value: None if value is None else settle(value)
