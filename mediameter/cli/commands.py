"""The commands, a function each, and the groups of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mediameter import premises
from mediameter.cli.alerts import alerts
from mediameter.cli.answer import answer
from mediameter.cli.rejects import rejects
from mediameter.cli.shared import THE_WORLD, AsJson, Bars, SettingsFile, console_of, day_of, load, now, print_json, tell
from mediameter.errors import UserError

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="What every byte of your media costs, how well it was served, and since when that is known.",
    epilog="First steps: `mediameter demo` shows a small one; `mediameter init`, then `mediameter run` takes yours in."
    " Exit codes: 0 fine, 1 the world is at fault, 2 you can mend it.",
)


@app.callback(invoke_without_command=True)
def help_or_version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"mediameter {premises.version()}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(short_help="Lay out a small world, meter it, check it against the truth.")
def demo(
    seed: Annotated[int, typer.Option(help="Another seed makes another world.")] = 7,
    days: Annotated[int, typer.Option(min=1, max=60, help="Days in it.")] = 7,
    size: Annotated[str, typer.Option(help="How much traffic: small, medium, large.")] = "small",
    folder: Annotated[Path, typer.Option(help="Where it is laid out.")] = Path(".demo"),
    flow: Annotated[bool, typer.Option("--flow/--plain", help="Through Prefect, or the plain steps.")] = True,
    verbose: Annotated[bool, typer.Option("--verbose", help="All that came out, not one screen of it.")] = False,
) -> None:
    """Lay out a small world that knows the truth, meter it, and check every figure against that truth.

    A second run finds nothing new and says so.

    \b
    Examples:
      mediameter demo
      mediameter demo --seed 8 --days 14 --plain
    """
    from mediameter.commands import demo as step

    raise typer.Exit(step.demo(folder, seed, days, size, flow, console_of(), is_verbose=verbose))


@app.command(short_help="Write a settings file with every setting explained.")
def init(
    path: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")] = Path("mediameter.toml"),
) -> None:
    """Write a settings file with every setting, its meaning and its default. Never overwrites one.

    \b
    Examples:
      mediameter init
      mediameter init --path /srv/media/mediameter.toml
    """
    from mediameter.settings import write_commented_toml

    write_commented_toml(path)
    typer.echo(f"Wrote {path}. Say in [sources] where your logs are; then: mediameter run --settings {path}")


@app.command(short_help="Check everything that a run needs; each finding has a remedy.")
def doctor(
    settings: SettingsFile = None,
    as_json: AsJson = False,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send one test notice to each channel.")] = False,
) -> None:
    """Look at everything a run needs: buckets, rights, logs, disks, Prefect, channels. Each finding has its remedy.

    Exit code 1 when something is wrong; warnings are none.

    \b
    Examples:
      mediameter doctor
      mediameter doctor --send-test
      mediameter doctor --settings /srv/media/mediameter.toml --json
    """
    from mediameter.commands import doctor as step

    findings = step.doctor(settings, clock=now, send_test=send_test)
    if as_json:
        told = step.to_dict(findings)
        print_json(told)
        is_sound = told["is_sound"]
    else:
        is_sound = not step.has_error(step.render(findings, console_of()))
    if not is_sound:
        raise typer.Exit(THE_WORLD)


@app.command(short_help="Take in what is new, roll it up, check it.")
def run(
    settings: SettingsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
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
    from mediameter.commands import run as step
    from mediameter.scheduling.notice import (
        require_all_exported,
        require_all_read,
        require_all_sound,
        require_all_written_back,
        require_rules_understood,
    )

    with Bars(hidden=quiet or as_json) as progress:
        summary = step.run(loaded, now=now(), progress=progress, dry_run=dry_run, sweep_all=sweep_all)
    if as_json:
        print_json(summary.to_dict())
    elif not quiet:
        typer.echo("\n".join(summary.lines()))
    require_all_read(summary.ingest.to_dict())
    require_all_exported(summary.export.to_dict())
    require_all_sound(summary.quality.to_dict())
    require_all_written_back(summary.write_back.to_dict())
    require_rules_understood(summary.check.to_dict())


@app.command(short_help="Create or upgrade the tables; grant a role; move elsewhere.")
def migrate(
    settings: SettingsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    grant: Annotated[
        str | None,
        typer.Option(
            "--grant",
            metavar="ROLE",
            help="Let this role of a BI tool read what is meant for it; a user of MySQL or MariaDB: NAME@HOST.",
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Carry this warehouse over into the settings' own."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the warehouse's tables and views, or bring them to the newest revision. Every run does so by itself.

    Run it yourself if you want to know before, or if the user of your runs may not make tables. A role that is granted
    may read rollups, reference tables, incidents and views, and nothing else; grant again after an update, which makes
    the views anew. On PostgreSQL point the BI tool at the schema mediameter_bi: it shows these alone, with booleans and
    time zones. Where users have hosts (MySQL, MariaDB) a user is NAME@HOST, like bi@% or bi@10.0.0.%; a role has no
    host. --from moves a warehouse to another database: put the new one into [warehouse] url, and name the old one.

    \b
    Examples:
      mediameter migrate --dry-run
      mediameter migrate --grant bi
      mediameter migrate --grant bi@10.0.0.%
      mediameter migrate --settings /srv/media/admin.toml
      mediameter migrate --from sqlite:///warehouse.sqlite
      mediameter migrate --from env:OLD_WAREHOUSE_URL --dry-run
    """
    loaded = load(settings)
    if origin is not None:
        from mediameter.steps.redo import moving

        with Bars(hidden=as_json) as progress:
            found = moving.move(loaded, origin, progress=progress, dry_run=dry_run)
        tell(found, as_json)
        return
    from mediameter.commands import migrate as step

    tell(step.migrate(loaded, dry_run=dry_run, role=grant), as_json)


@app.command(short_help="Rebuild the ledger of a lost warehouse from the lake.")
def adopt(
    settings: SettingsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    forget_missing: Annotated[
        bool,
        typer.Option("--forget-missing", help="Lake files that are lost no longer count: read their objects again."),
    ] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="The key is lost for good: go on under the one that there is now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the ledger of a warehouse that was lost, or restored from an older backup, from what the lake tells.

    Every lake file is held against its hash. The next `mediameter run` computes all days anew: the figures become what
    they were, also of logs that the bucket no longer has. May be killed and run again.

    \b
    Examples:
      mediameter adopt --dry-run
      mediameter adopt
      mediameter adopt --forget-missing
      mediameter adopt --new-key
    """
    loaded = load(settings)
    from mediameter.steps.redo import adopt as step

    with Bars(hidden=as_json) as progress:
        found = step.adopt(loaded, step.Wishes(forget_missing, new_key), progress=progress, dry_run=dry_run)
    tell(found, as_json)


@app.command(short_help="How complete each source and day is, and what is late.")
def status(
    day: Annotated[str | None, typer.Argument(metavar="[DAY]", help="One day, like 2026-11-01.")] = None,
    settings: SettingsFile = None,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 when something is late or suspect.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how complete each source and day is, what was rejected, which rules days break, and whether anything is late
    or suspect.

    \b
    Examples:
      mediameter status
      mediameter status 2026-11-01 --json
      mediameter status --check || echo "look at the logs"
    """
    wanted = day_of(day) if day else None
    loaded = load(settings)
    from mediameter.commands import status as step

    found = step.status(loaded, wanted, now=now())
    if as_json:
        print_json(found.to_dict())
    else:
        found.render(console_of())
    if check and found.is_late:
        raise typer.Exit(THE_WORLD)


@app.command(short_help="Write the report, one HTML file.")
def report(
    settings: SettingsFile = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: report.html beside the settings.")] = None,
) -> None:
    """Write the report: one HTML file with pictures, which needs nothing else. Prints its path.

    \b
    Examples:
      mediameter report
      mediameter report --out /var/www/media.html
    """
    loaded = load(settings)
    from mediameter.commands import report as step

    typer.echo(step.write_report(loaded, out, now=now()))


app.command(short_help="Answer a question of the documents; without a name, list all.")(answer)


@app.command(short_help="Compute days again, and fetch what is missing of them.")
def backfill(
    range_: Annotated[
        list[str], typer.Argument(metavar="RANGE", help="DAY..DAY, one day, or: last 30d (which ends today).")
    ],
    settings: SettingsFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, day by day, and do nothing.")
    ] = False,
    reparse: Annotated[bool, typer.Option("--reparse", help="Also read again what an older parser read.")] = False,
    every: Annotated[bool, typer.Option("--all", help="With --reparse: whatever parser read it.")] = False,
    accept_fewer: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE", help="Believe this source, which shows less than it did, or nothing."),
    ] = None,
    reprice: Annotated[
        bool, typer.Option("--reprice", help="Also make final days with the prices of today; both figures are kept.")
    ] = False,
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
    from mediameter.scheduling.notice import require_all_exported, require_all_read, require_all_sound
    from mediameter.steps.redo import backfill as step

    at = now()
    days = step.range_of(" ".join(range_), today=at.astimezone(loaded.reporting.zone).date())
    with Bars(hidden=as_json) as progress:
        task = step.Task(*days, reparse, every, tuple(accept_fewer or ()), reprice)
        found = step.backfill(loaded, task, now=at, progress=progress, dry_run=dry_run)
    tell(found, as_json)
    require_all_read(found.ingest.to_dict())
    require_all_exported(found.export.to_dict())
    require_all_sound(found.quality.to_dict())
    step.require_none_refused(found.refused)


app.add_typer(alerts, name="alerts", short_help="Rules and incidents: list, test, explain, silence.")
app.add_typer(rejects, name="rejects", short_help="Lines that could not be read; read them again.")
