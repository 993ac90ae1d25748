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
    help="What your media costs, how well it is served, and for whom: metered from access logs.",
    epilog="First steps: `mediameter demo` shows a made-up example; `mediameter init`, then `mediameter run`, meters"
    " your logs."
    " Exit codes: 0 fine; 1 something outside is broken (disk, network, database); 2 settings or arguments are"
    " wrong.",
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


@app.command(short_help="Meter a small made-up world and check every figure.")
def demo(
    seed: Annotated[int, typer.Option(help="Seed of the made-up world.")] = 7,
    days: Annotated[int, typer.Option(min=1, max=60, help="How many days it has.")] = 7,
    size: Annotated[str, typer.Option(help="How much traffic: small, medium, large.")] = "small",
    folder: Annotated[Path, typer.Option(help="Folder to create it in.")] = Path(".demo"),
    flow: Annotated[bool, typer.Option("--flow/--plain", help="Run through Prefect, or as plain steps.")] = True,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print all results, not only one screen.")] = False,
) -> None:
    """Create a small made-up world, meter it, and check every figure against the known truth.

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
    typer.echo(f"Wrote {path}. Set in [sources] where your logs are; then: mediameter run --settings {path}")


@app.command(short_help="Check everything that a run needs; each finding has a remedy.")
def doctor(
    settings: SettingsFile = None,
    as_json: AsJson = False,
    send_test: Annotated[bool, typer.Option("--send-test", help="Send one test message to each channel.")] = False,
) -> None:
    """Check everything a run needs: buckets, rights, logs, disks, Prefect, channels. Each finding has a remedy.

    Exit code 1 if there is an error; warnings alone are exit code 0.

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


@app.command(short_help="Read what is new, compute its days, check them, send alerts.")
def run(
    settings: SettingsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")] = False,
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")] = False,
    grant: Annotated[
        str | None,
        typer.Option(
            "--grant",
            metavar="ROLE",
            help="Let this role of a BI tool read rollups and views; on MySQL or MariaDB a user: NAME@HOST.",
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="Copy this warehouse into the one of the settings."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create the warehouse's tables and views, or upgrade them to the newest revision. Every run does so, too.

    Run it yourself if the user of your runs may not create tables.

    --grant lets a role read rollups, reference tables, incidents and views, and nothing else. Grant again after an
    update, because an update creates the views again. On PostgreSQL, point the BI tool at the schema mediameter_bi: it
    shows only these, with booleans and time zones. On MySQL and MariaDB a user is NAME@HOST, like bi@% or bi@10.0.0.%.

    --from moves a warehouse to another database: set [warehouse] url to the new one, and name the old one.

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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")] = False,
    forget_missing: Annotated[
        bool,
        typer.Option("--forget-missing", help="Read the objects of lost lake files again."),
    ] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="The old key is lost for good: continue with the present one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the ledger from the lake: for a warehouse that was lost, or restored from an older backup.

    It checks every lake file against its hash. The next `mediameter run` computes all days again: the figures become
    what they were, even of logs that the bucket no longer has. You may interrupt it and run it again.

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
    """Write the report, one self-contained HTML file, and print its path.

    \b
    Examples:
      mediameter report
      mediameter report --out /var/www/media.html
    """
    loaded = load(settings)
    from mediameter.commands import report as step

    typer.echo(step.write_report(loaded, out, now=now()))


app.command(short_help="Answer a question about your media; without a name, list all.")(answer)


@app.command(short_help="Compute days again, and read what is missing of them.")
def backfill(
    range_: Annotated[list[str], typer.Argument(metavar="RANGE", help="DAY..DAY, one day, or last 30d (ends today).")],
    settings: SettingsFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change, day by day, and change nothing.")
    ] = False,
    reparse: Annotated[bool, typer.Option("--reparse", help="Read objects again that an older parser read.")] = False,
    every: Annotated[bool, typer.Option("--all", help="With --reparse: read all objects again.")] = False,
    accept_fewer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="Accept that this source shows fewer rows or objects than before, or none."
        ),
    ] = None,
    reprice: Annotated[
        bool, typer.Option("--reprice", help="Apply today's prices to final days, too; both figures are kept.")
    ] = False,
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
