"""`mediameter migrate` and `adopt`: the warehouse made, moved, and rebuilt from the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mediameter.cli.shared import AsJson, Bars, DryRun, SettingsFile, load, tell, tell_lines
from mediameter.errors import UserError

if TYPE_CHECKING:
    from mediameter.settings import Settings

Role = Annotated[
    str | None,
    typer.Option(
        "--grant",
        metavar="ROLE",
        help="Let this role of a BI tool read rollups and views; on MySQL or MariaDB a user: NAME@HOST.",
    ),
]
Tenant = Annotated[
    str | None,
    typer.Option("--tenant", metavar="TENANT", help="With --grant: rows of this tenant alone; without it, of all."),
]
Personal = Annotated[bool, typer.Option("--personal", help="With --grant: also tables of users and addresses.")]
Origin = Annotated[
    str | None, typer.Option("--from", metavar="URL", help="Copy this warehouse into the one of the settings.")
]


def migrate(
    settings: SettingsFile = None,
    dry_run: DryRun = False,
    grant: Role = None,
    tenant: Tenant = None,
    personal: Personal = False,
    origin: Origin = None,
    as_json: AsJson = False,
) -> None:
    """Create the warehouse's tables and views, or upgrade them to the newest revision. Every run does so, too.

    Run it yourself if the user of your runs may not create tables.

    --grant lets a role read rollups, reference tables, incidents and views, and nothing else. Grant again after an
    update, because an update creates the views again. On PostgreSQL, point the BI tool at the schema mediameter_bi: it
    shows only these, with booleans and time zones. On MySQL and MariaDB a user is NAME@HOST, like bi@% or bi@10.0.0.%.

    Without --tenant the role reads the rows of all tenants. With it, the role reads views of that tenant's rows and no
    table: on PostgreSQL in the schema mediameter_bi_of_TENANT, on MySQL and MariaDB as TENANT__traffic_daily and so on.
    Tables with rows about persons (users, addresses) are only granted with --personal.

    --from moves a warehouse to another database: set [warehouse] url to the new one, and name the old one.

    \b
    Examples:
      mediameter migrate --dry-run
      mediameter migrate --grant bi
      mediameter migrate --grant acme_bi --tenant acme --personal
      mediameter migrate --from sqlite:///warehouse.sqlite
      mediameter migrate --from env:OLD_WAREHOUSE_URL --dry-run
    """
    loaded = load(settings)
    if grant is None and (tenant or personal):
        raise UserError("--tenant and --personal only work together with --grant", "name the role with --grant ROLE")
    if origin is not None:
        return _move(loaded, origin, dry_run, as_json)
    from mediameter.commands import migrate as command

    tell(command.migrate(loaded, dry_run=dry_run, role=grant, tenant=tenant, is_personal=personal), as_json)


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
    from mediameter.commands import adopt as command
    from mediameter.steps.redo import adopt as step

    with Bars(hidden=as_json) as progress:
        report = step.adopt(loaded, step.Wishes(forget_missing, new_key), progress=progress, dry_run=dry_run)
    tell_lines(report, as_json, command.lines)
