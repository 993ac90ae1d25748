"""`mediameter run` and `backfill`: a pass over what is new, and one over days that are done again."""

from __future__ import annotations

from typing import Annotated

import typer

from mediameter.cli.shared import AsJson, Bars, DryRun, SettingsFile, load, now, print_json, tell_drawn
from mediameter.errors import UserError

Range = Annotated[
    list[str], typer.Argument(metavar="RANGE", help="DAY..DAY, one day, or: last 30d (which ends today).")
]
Plan = Annotated[bool, typer.Option("--dry-run", help="Say what would change, day by day, and do nothing.")]
Reparse = Annotated[bool, typer.Option("--reparse", help="Also read again what an older parser read.")]
Every = Annotated[bool, typer.Option("--all", help="With --reparse: whatever parser read it.")]
AcceptFewer = Annotated[
    list[str] | None,
    typer.Option(metavar="SOURCE", help="Believe this source, which shows less than it did, or nothing."),
]
Reprice = Annotated[
    bool, typer.Option("--reprice", help="Also make final days with the prices of today; both figures are kept.")
]


def run(
    settings: SettingsFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing unless it fails: for cron.")] = False,
    sweep_all: Annotated[
        bool, typer.Option("--sweep-all", help="Lake files that no longer count go to its trash, however many.")
    ] = False,
) -> None:
    """Take in what is new, roll up the days that it touches, check them, and judge them by the rules of quality: a day
    that breaks one is told, suspect and not final (exit code 1). Safe to run at any time, any number of times.

    \b
    Examples:
      mediameter run
      mediameter run --dry-run
      17 * * * *  mediameter run --quiet --settings /srv/media/mediameter.toml
    """
    loaded = load(settings)
    from mediameter.commands import run as command

    with Bars(hidden=quiet or as_json) as progress:
        summary = command.run(loaded, now=now(), progress=progress, dry_run=dry_run, sweep_all=sweep_all)
    if as_json:
        print_json(summary.to_dict())
    elif not quiet:
        typer.echo("\n".join(summary.lines()))
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
    """Do days again: fetch what is missing of them, compute them anew. The figures become what `run` would have made.

    Frozen days are refused and left as they are (exit code 2, the others are done). May be interrupted and run again.

    \b
    Examples:
      mediameter backfill 2025-10-01..2025-10-30 --dry-run
      mediameter backfill 2025-10-26
      mediameter backfill last 30d --reparse
      mediameter backfill 2025-10-26 --accept-fewer palette
      mediameter backfill 2025-10-01..2025-10-30 --reprice --dry-run
    """
    if every and not reparse:
        raise UserError("--all is a word for --reparse", "add --reparse")
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
