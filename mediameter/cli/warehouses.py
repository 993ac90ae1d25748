"""`mediameter migrate` and `adopt`: the warehouse made, moved, and rebuilt from the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mediameter.cli.shared import AsJson, Bars, DryRun, SettingsFile, load, tell, tell_lines

if TYPE_CHECKING:
    from mediameter.settings import Settings

Role = Annotated[
    str | None,
    typer.Option(
        "--grant",
        metavar="ROLE",
        help="Let this role of a BI tool read what is meant for it; a user of MySQL or MariaDB: NAME@HOST.",
    ),
]
Origin = Annotated[
    str | None, typer.Option("--from", metavar="URL", help="Carry this warehouse over into the settings' own.")
]


def migrate(
    settings: SettingsFile = None,
    dry_run: DryRun = False,
    grant: Role = None,
    origin: Origin = None,
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
        _move(loaded, origin, dry_run, as_json)
    else:
        from mediameter.commands import migrate as command

        tell(command.migrate(loaded, dry_run=dry_run, role=grant), as_json)


def _move(settings: Settings, origin: str, dry_run: bool, as_json: bool) -> None:
    from mediameter.commands import move as command
    from mediameter.steps.redo import moving as step

    with Bars(hidden=as_json) as progress:
        report = step.move(settings, origin, progress=progress, dry_run=dry_run)
    tell_lines(report, as_json, command.lines)


def adopt(
    settings: SettingsFile = None,
    dry_run: DryRun = False,
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
    from mediameter.commands import adopt as command
    from mediameter.steps.redo import adopt as step

    with Bars(hidden=as_json) as progress:
        report = step.adopt(loaded, step.Wishes(forget_missing, new_key), progress=progress, dry_run=dry_run)
    tell_lines(report, as_json, command.lines)
