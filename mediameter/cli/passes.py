"""`mediameter run` and `backfill`: a pass over what is new, and one over days that are done again."""

from __future__ import annotations

from typing import Annotated

import typer

from mediameter import terminal
from mediameter.cli.shared import AsJson, Bars, DryRun, SettingsFile, load, now, tell_drawn
from mediameter.errors import UserError

Range = Annotated[list[str], typer.Argument(metavar="RANGE", help="DAY..DAY, one day, or last 30d (ends today).")]
Plan = Annotated[bool, typer.Option("--dry-run", help="Print what would change, day by day, and change nothing.")]
Reparse = Annotated[bool, typer.Option("--reparse", help="Read objects again that an older parser read.")]
Every = Annotated[bool, typer.Option("--all", help="With --reparse: read all objects again.")]
AcceptFewer = Annotated[
    list[str] | None,
    typer.Option(metavar="SOURCE", help="Accept that this source shows fewer rows or objects than before, or none."),
]
Reprice = Annotated[
    bool, typer.Option("--reprice", help="Apply today's prices to final days, too; both figures are kept.")
]


def run(
    settings: SettingsFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing unless the run fails; for cron.")] = False,
    sweep_all: Annotated[
        bool, typer.Option("--sweep-all", help="Move all unused lake files to the trash, however many there are.")
    ] = False,
) -> None:
    """Make one pass: read what is new, compute the days that it touches, check them, and send alerts.

    A day that breaks a quality rule stays open and is marked suspect (exit code 1). Run it as often as you like.

    \b
    Examples:
      mediameter run
      mediameter run --dry-run
      17 * * * *  mediameter run --quiet --settings /srv/media/mediameter.toml
    """
    loaded = load(settings)
    from mediameter.commands import run as command

    with Bars(hidden=quiet or as_json) as progress:
        summary = command.attempt(loaded, now=now(), progress=progress, dry_run=dry_run, sweep_all=sweep_all)
    if as_json:
        terminal.say_json(summary.to_dict())
    elif not quiet:
        terminal.say("\n".join(summary.lines()))
    summary.require_success()


def backfill(
    range_: Range,
    settings: SettingsFile = None,
    dry_run: Plan = False,
    reparse: Reparse = False,
    every: Every = False,
    accept_fewer: AcceptFewer = None,
    reprice: Reprice = False,
    as_json: AsJson = False,
) -> None:
    """Compute days again: read what is missing of them, then compute them from the lake.

    Frozen days are left as they are (exit code 2; all others are done). You may interrupt it and run it again.

    \b
    Examples:
      mediameter backfill 2025-10-01..2025-10-30 --dry-run
      mediameter backfill 2025-10-26
      mediameter backfill last 30d --reparse
      mediameter backfill 2025-10-26 --accept-fewer palette
      mediameter backfill 2025-10-01..2025-10-30 --reprice --dry-run
    """
    if every and not reparse:
        raise UserError("--all only works together with --reparse", "add --reparse")
    loaded = load(settings)
    from mediameter.commands import backfill as command
    from mediameter.steps.redo import backfill as step

    at = now()
    days = command.range_of(" ".join(range_), today=at.astimezone(loaded.reporting.zone).date())
    with Bars(hidden=as_json) as progress:
        task = step.Task(*days, reparse, every, tuple(accept_fewer or ()), reprice)
        report = step.backfill(loaded, task, now=at, progress=progress, dry_run=dry_run)
    tell_drawn(report, as_json, command.render)
    step.require_done(report)
