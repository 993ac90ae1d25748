"""`mediameter rejects`: what could not be read."""

from __future__ import annotations

from typing import Annotated

import typer

from mediameter.cli.shared import AsJson, Bars, Limit, SettingsFile, load, now, tell, tell_lines
from mediameter.errors import UserError

rejects = typer.Typer(rich_markup_mode=None)

Reason = Annotated[str | None, typer.Option(help="Only this reason, like SHORT_LINE or BAD_MONEY.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")]


@rejects.callback(invoke_without_command=True)
def rejects_or_list(
    context: typer.Context,
    settings: SettingsFile = None,
    reason: Reason = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show the lines, events and rows that could not be read; read lines again after the parser was fixed.

    Without a command: list.

    \b
    Examples:
      mediameter rejects
      mediameter rejects list --reason SHORT_LINE --limit 100 --json
      mediameter rejects show access-logs/2025-10-30-21-11-08-0A1B2C3D4E5F6071 17
      mediameter rejects replay
    """
    if context.invoked_subcommand is None:
        rejects_list(settings, reason, limit, as_json, as_csv)
    elif settings or reason or as_json or as_csv:  # they would be lost
        example = f"mediameter rejects {context.invoked_subcommand} --settings FILE"
        raise UserError("put options after the subcommand", f"for example: {example}")


@rejects.command("list", short_help="List the newest rejects, with place and reason.")
def rejects_list(
    settings: SettingsFile = None,
    reason: Reason = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List the newest rejects with place and reason: lines of logs, events of files, rows of tables.

    \b
    Examples:
      mediameter rejects list
      mediameter rejects list --reason SHORT_LINE --limit 100 --json
      mediameter rejects list --reason BAD_MONEY --csv
    """
    if as_json and as_csv:
        raise UserError("--json and --csv are two formats", "choose one of them")
    loaded = load(settings)
    from mediameter.commands import rejects as step

    found = step.list_rejects(loaded, reason, limit, now=now())
    if as_csv:
        found.write_csv()
    else:
        tell(found, as_json)


@rejects.command("show", short_help="Show one reject in full.")
def rejects_show(
    key: Annotated[str, typer.Argument(help="Key of the object.")],
    line: Annotated[int, typer.Argument(min=0, help="Line number; 0 means the refused object itself.")] = 0,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one reject with all that is kept of it: redacted, up to 2,000 characters.

    \b
    Examples:
      mediameter rejects show access-logs/2025-10-30-21-11-08-0A1B2C3D4E5F6071 17
    """
    loaded = load(settings)
    from mediameter.commands import rejects as step

    tell(step.show_reject(loaded, key, line), as_json)


@rejects.command("replay", short_help="Read objects with rejects again, with today's parser.")
def rejects_replay(
    settings: SettingsFile = None,
    every: Annotated[
        bool, typer.Option("--all", help="Read all of them again, not only what an older parser read.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read objects with rejects again, if an older parser read them, and say how many lines could now be read.

    \b
    Examples:
      mediameter rejects replay
      mediameter rejects replay --all --json
    """
    loaded = load(settings)
    from mediameter.commands import replay as command
    from mediameter.steps.pass_.complaints import require_all_read
    from mediameter.steps.pass_.stations import require_success
    from mediameter.steps.redo import replay as step

    with Bars(hidden=as_json) as progress:
        report = step.replay(loaded, every=every, now=now(), progress=progress)
    tell_lines(report, as_json, command.lines)
    require_all_read(report.to_dict())
    require_success(report.to_dict())
