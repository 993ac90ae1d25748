"""`mediameter rejects`: what could not be read."""

from __future__ import annotations

from typing import Annotated

import typer

from mediameter.cli.shared import AsJson, Bars, Limit, SettingsFile, load, now, tell, tell_lines
from mediameter.errors import UserError

rejects = typer.Typer(rich_markup_mode=None)

Reason = Annotated[str | None, typer.Option(help="Only those of one reason, like SHORT_LINE.")]


@rejects.callback(invoke_without_command=True)
def rejects_or_list(
    context: typer.Context,
    settings: SettingsFile = None,
    reason: Reason = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show the lines that could not be read, and read them again once the parser has been mended.

    Without a command: list.

    \b
    Examples:
      mediameter rejects
      mediameter rejects list --reason SHORT_LINE --limit 100 --json
      mediameter rejects show access-logs/2025-10-30-21-11-08-0A1B2C3D4E5F6071 17
      mediameter rejects replay
    """
    if context.invoked_subcommand is None:
        rejects_list(settings, reason, limit, as_json)
    elif settings or reason or as_json:  # they would be lost
        raise UserError("options stand behind the command", f"mediameter rejects {context.invoked_subcommand} --…")


@rejects.command("list", short_help="The newest of them, with place and reason.")
def rejects_list(
    settings: SettingsFile = None, reason: Reason = None, limit: Limit = 20, as_json: AsJson = False
) -> None:
    """The newest of them, with place and reason.

    \b
    Examples:
      mediameter rejects list
      mediameter rejects list --reason SHORT_LINE --limit 100 --json
    """
    loaded = load(settings)
    from mediameter.commands import rejects as step

    tell(step.list_rejects(loaded, reason, limit, now=now()), as_json)


@rejects.command("show", short_help="One of them with all that is kept of it.")
def rejects_show(
    key: Annotated[str, typer.Argument(help="Key of the object.")],
    line: Annotated[int, typer.Argument(min=0, help="Number of the line; 0 is a refused object itself.")] = 0,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """One of them with all that is kept of it: redacted, up to 2,000 characters.

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
    every: Annotated[bool, typer.Option("--all", help="Whatever parser read them, not just an older one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read again the objects with rejects that an older parser read, and say how many lines came back.

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
