"""`mediameter status` and `report`: how things stand, for a terminal and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediameter import terminal
from mediameter.cli.shared import THE_WORLD, AsJson, SettingsFile, day_of, load, now, tell


def status(
    day: Annotated[str | None, typer.Argument(metavar="[DAY]", help="One day, like 2026-11-01.")] = None,
    settings: SettingsFile = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with code 1 if something is late or suspect.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how complete each source and day is, what was rejected, which quality rules days break, and what is late.

    \b
    Examples:
      mediameter status
      mediameter status 2026-11-01 --json
      mediameter status --check || echo "look at the logs"
    """
    wanted = day_of(day) if day else None
    loaded = load(settings)
    from mediameter.commands import status as command

    told = command.status(loaded, wanted, now=now())
    tell(told, as_json)
    if check and told.is_late:
        raise typer.Exit(THE_WORLD)


def report(
    settings: SettingsFile = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: report.html beside the settings.")] = None,
) -> None:
    """Write the report, one self-contained HTML file, and print its path.

    \b
    Examples:
      mediameter report
      mediameter report --out /var/www/media.html
    """
    loaded = load(settings)
    from mediameter.commands import report as step

    terminal.say(str(step.write_report(loaded, out, now=now())))
