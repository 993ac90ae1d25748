"""`mediameter answer`: the questions of the documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediameter import terminal
from mediameter.cli.shared import SettingsFile, load, now


def answer(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The answer; without one, all are listed.")
    ] = None,
    settings: SettingsFile = None,
    last: Annotated[
        str,
        typer.Option(
            help="today, 24h (whole hours), 7d (up to the newest day), all, a day, or DAY..DAY."
            " Answers that are kept by the day take the days that the hours touch."
        ),
    ] = "7d",
    application: Annotated[str, typer.Option(help="Only this application; * means all.")] = "*",
    model: Annotated[str, typer.Option(help="Only this model.")] = "",
    user: Annotated[str, typer.Option(help="Only this user id.")] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Rows at most; default: 20 of ranked answers, else all.")
    ] = None,
    format: Annotated[str, typer.Option(help="table, csv, json or parquet.")] = "table",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead of the terminal.")] = None,
) -> None:
    """Answer one of the ready-made questions. Without a name, list them.

    Tables have rounded numbers with units, for people. csv, json and parquet have raw figures.

    \b
    Examples:
      mediameter answer
      mediameter answer cost_by_application --last 30d
      mediameter answer response_times_window --last 24h
      mediameter answer top_files_by_bandwidth --format csv --out files.csv
    """
    from mediameter.commands import answer as step

    if name is None:
        terminal.say("\n".join(step.questions()))
        return
    asked = step.Asked(last, application, model, user, limit)
    step.write(step.answer(load(settings), name, asked, now=now()), format, out)
