"""A question of the documents, asked of the warehouse of these settings."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, func, select

from mediameter import answers
from mediameter.answers import Result
from mediameter.atomic import replaced
from mediameter.errors import UserError
from mediameter.settings import Settings
from mediameter.steps.reader import reader
from mediameter.warehouse import tables
from schemas.vocabulary import ALL


def answer(settings: Settings, name: str, last: str = "7d", application: str = ALL, limit: int = 20) -> Result:
    """The answer ``name`` for the window ``last``; "7d" ends with the newest day that the warehouse knows."""
    answers.find(name)  # a wrong name is said before a missing warehouse
    budget = settings.alerts.budget
    with reader(settings) as connection:
        first_day, last_day = answers.window(last, newest=_newest_day(connection, settings))
        return answers.ask(
            connection,
            name,
            first_day=first_day,
            last_day=last_day,
            application=application,
            limit=limit,
            budget=str(budget) if budget else None,
            zone=settings.reporting.zone,
            tenant=settings.tenant,
        )


def questions() -> list[tuple[str, str]]:
    """Every answer there is: its name, and the question."""
    return [(each.name, each.question) for each in answers.catalogue()]


def write(result: Result, format: str, out: Path | None) -> None:
    """Write a result to a file, or to the terminal; ``UserError`` for Parquet on a terminal."""
    if format not in answers.FORMATS:
        raise UserError(f"no format is called {format!r}", f"choose {', '.join(answers.FORMATS)}")
    if out is None and format == "parquet" and sys.stdout.isatty():
        raise UserError("Parquet is no text for a terminal", "add --out FILE")
    with _target(format, out) as stream:
        answers.write(result, format, stream)


def _target(format: str, out: Path | None) -> AbstractContextManager[IO[Any]]:
    if out is None:
        return nullcontext(sys.stdout)
    return replaced(out, "wb") if format == "parquet" else replaced(out, encoding="utf-8", newline="")


def _newest_day(connection: Connection, settings: Settings) -> date:
    days = tables["days"]
    query = select(func.max(days.c.day)).where(days.c.tenant == settings.tenant)
    newest: date | None = connection.execute(query).scalar_one()
    if newest is None:
        raise UserError("the warehouse knows no day yet", "`mediameter run` fills it")
    return newest
