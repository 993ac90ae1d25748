"""A question of the documents, asked of the warehouse of these settings."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, func, select

from mediameter import answers, terminal
from mediameter.answers import Result
from mediameter.atomic import replaced
from mediameter.errors import UserError
from mediameter.opening.reader import reader
from mediameter.settings import Settings
from mediameter.store.warehouse import tables
from schemas.vocabulary import ALL

SHOWN = 20
"""Rows of an answer that ranks, where nobody says how many."""
_ALL_ROWS = 2**31 - 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is asked for. ``last``: its window in words; ``limit``: rows at most, None what is usual of it."""

    last: str = "7d"
    application: str = ALL
    model: str = ""
    user: str = ""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The rows, and what to know of them: lines for people, beside the rows and not among them."""

    result: Result
    notes: tuple[str, ...] = ()


def answer(settings: Settings, name: str, asked: Asked, *, now: datetime) -> Told:
    """The answer ``name``; "7d" ends with the newest day that the warehouse knows.

    Raises ``UserError`` for a name, window, application, model or user that there is not.
    """
    found = answers.find(name)  # a wrong name is said before a missing warehouse
    budget = settings.alerts.budget
    limit = asked.limit or (SHOWN if "limit" in found.parameters else _ALL_ROWS)
    with reader(settings) as connection:
        known = _known(connection, settings)
        window = answers.asked(asked.last, known, now, settings.reporting.zone)
        for column, wanted in _named(asked).items():
            answers.require_known(connection, column, wanted, settings.tenant)
        whole = answers.ask(
            connection,
            name,
            first_day=window.first_day,
            last_day=window.last_day,
            application=asked.application,
            limit=_ALL_ROWS if asked.model or asked.user else limit + 1,
            budget=str(budget) if budget else None,
            zone=settings.reporting.zone,
            tenant=settings.tenant,
            hours=window.hours,
        )
    rows = list(islice((row for row in whole.rows if _is_asked(whole, row, asked)), limit + 1))
    notes = _notes(found, window, known, len(rows), limit)
    return Told(Result(whole.columns, tuple(rows[:limit])), tuple(notes))


def _named(asked: Asked) -> dict[str, str]:
    """What was asked for by a name, by column."""
    application = "" if asked.application == ALL else asked.application
    named = {"application": application, "model": asked.model, "user_id": asked.user}
    return {column: name for column, name in named.items() if name}


def _is_asked(whole: Result, row: tuple[Any, ...], asked: Asked) -> bool:
    wanted = {column: name for column, name in _named(asked).items() if column != "application"}
    for column in wanted:
        if column not in whole.columns:
            word = column.removesuffix("_id")
            raise UserError(f"this answer has no {word}", f"leave --{word} out, or ask another")
    return all(row[whole.columns.index(column)] == name for column, name in wanted.items())


def _notes(found: answers.Answer, window: answers.Window, known: answers.Known, rows: int, limit: int) -> list[str]:
    notes = []
    if window.hours and "first_at" in found.parameters:
        begin, end = window.hours
        notes.append(f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, the last whole hours that are complete")
    elif window.hours:
        notes.append(f"kept by the day: all of {window.first_day} to {window.last_day}")
    if rows > limit:
        notes.append(f"the first {'row' if limit == 1 else f'{limit:,} rows'}; there are more: --limit")
    if not rows and window.first_day > known.newest_day:
        notes.append(f"nothing is known of {window.first_day}: the newest day is {known.newest_day}")
    return notes


def _known(connection: Connection, settings: Settings) -> answers.Known:
    days = tables["days"]
    of = (func.min(days.c.day), func.max(days.c.day), func.max(days.c.complete_through_at))
    first, newest, through = connection.execute(select(*of).where(days.c.tenant == settings.tenant)).one()
    if newest is None:
        raise UserError("the warehouse holds no day yet", "`mediameter run` fills it")
    return answers.Known(first, newest, through.replace(tzinfo=UTC) if through else None)


# --- the list ------------------------------------------------------------------------------------------
def questions() -> list[str]:
    """Every question there is, by document and theme, a line each."""
    lines = []
    for document, of in _by_document().items():
        lines += ["", document.upper()]
        for theme, found in of:
            lines += [f"  {theme}", *(f"    {each.name:<28} {each.question}" for each in found)]
    return lines[1:]


def _by_document() -> dict[str, list[tuple[str, list[answers.Answer]]]]:
    found: dict[str, list[tuple[str, list[answers.Answer]]]] = {}
    for document, theme, of in answers.by_theme():
        found.setdefault(document, []).append((theme, of))
    return found


# --- writing -------------------------------------------------------------------------------------------
def write(told: Told, format: str, out: Path | None) -> None:
    """Write an answer to a file, or to the terminal, its notes to stderr; ``UserError`` for Parquet on a terminal."""
    if format not in answers.FORMATS:
        raise UserError(f"there is no format {format!r}", f"choose {', '.join(answers.FORMATS)}")
    if out is None and format == "parquet" and terminal.is_seen():
        raise UserError("Parquet cannot be printed", "add --out FILE")
    with _target(format, out) as stream:
        answers.write(told.result, format, stream)
    for note in told.notes:
        terminal.complain(f"mediameter: {note}")


def _target(format: str, out: Path | None) -> AbstractContextManager[IO[Any]]:
    if out is None:
        return nullcontext(terminal.stream())
    return replaced(out, "wb") if format == "parquet" else replaced(out, encoding="utf-8", newline="")
