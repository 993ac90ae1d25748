"""A warehouse moves to another database: every table, in one transaction, into an empty one.

The old one is marked as moved when the new one holds all of it: a forgotten schedule that still uses it stops with a
clear line, and two warehouses never write to one lake.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from mediameter import connect
from mediameter.connect import reading, writing
from mediameter.errors import UserError, WorldError
from mediameter.faults import point
from mediameter.opening.opened import connected, opened
from mediameter.settings import Settings, carry_key, of_warehouse
from mediameter.steps.progress import Progress, quiet
from mediameter.store import copying, migration, neighbours, tenancy, warehouse
from schemas import TABLES
from schemas.contract import Contract
from schemas.internal import IDENTITY


@dataclass(slots=True)
class MoveReport:
    """How many rows of each table were carried over, or (``is_dry_run``) would be. ``was_there``: an earlier move was
    killed when all had been carried over; only the old warehouse had to be marked."""

    origin: str
    target: str
    rows: dict[str, int] = field(default_factory=dict)
    key_at: str = ""
    was_there: bool = False
    is_dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def move(settings: Settings, from_url: str, *, progress: Progress | None = None, dry_run: bool = False) -> MoveReport:
    """Carries the warehouse at ``from_url`` over into the settings' own, which is empty.

    No run can write to the old one meanwhile. Raises ``UserError`` when the two are one, when the new one holds
    anything, or when the old one does not belong to the lake; ``WorldError`` when the counts differ: nothing was
    written then. May be killed and run again.
    """
    origin = of_warehouse(settings, from_url)
    if origin.warehouse.url == settings.warehouse.url:
        raise UserError(
            "--from and [warehouse] url name the same warehouse",
            "name the old one with --from, the new one in [warehouse] url",
        )
    if origin.warehouse.sqlite_path and not origin.warehouse.sqlite_path.exists():
        raise UserError(f"{origin.warehouse.sqlite_path}: there is no such warehouse", "see --from")
    with connected(settings, dry_run=dry_run) as mine, opened(origin, dry_run=dry_run) as old_one:
        target, source = tenancy.everybody(mine), tenancy.everybody(old_one)
        report = MoveReport(connect.name(source), connect.name(target), is_dry_run=dry_run)
        report.was_there = _refuse_full(source, target)
        if not dry_run:
            report.key_at = carry_key(origin, settings)
            warehouse.ready(target)
        with writing(source) as old:
            report.rows = {contract.name: _count(old, contract) for contract in TABLES}
            if dry_run:
                return report
            if not report.was_there:
                _carry(old, target, report.rows, progress or quiet())
            point("move.carried")
            neighbours.record_of_all(old, {"moved_to": report.target})
    return report


def _refuse_full(source: sa.Engine, target: sa.Engine) -> bool:
    """Whether the target is what an earlier move, killed before its end, made of this very source."""
    with reading(target) as connection:
        found = migration.revision(connection)
        if found is None:
            return False
        has_rows = any(_count(connection, contract) for contract in TABLES if _is_table(connection, contract))
        theirs = _lakes(connection) if has_rows and found == migration.HEAD else {}
    with reading(source) as connection:
        ours = _lakes(connection)
    if theirs and theirs == ours:
        return True
    if has_rows:
        raise UserError(
            f"the warehouse {connect.name(target)} is not empty",
            "set [warehouse] url to an empty database or a new file",
        )
    return False


def _lakes(connection: sa.Connection) -> dict[str, str]:
    """The lake of each tenant; of a warehouse that was moved away none."""
    names = warehouse.tables[IDENTITY.name].c
    if connection.execute(sa.select(names.name).where(names.name == "moved_to")).first():
        return {}
    query = sa.select(names.tenant, names.value).where(names.name == "lake_id")
    return {row.tenant: row.value for row in connection.execute(query)}


def _is_table(connection: sa.Connection, contract: Contract) -> bool:
    return sa.inspect(connection).has_table(contract.name)


def _carry(old: sa.Connection, target: sa.Engine, counts: dict[str, int], progress: Progress) -> None:
    with writing(target) as new, progress.task("carrying over", sum(counts.values()), unit="rows") as advance:
        for contract in TABLES:
            for rows in copying.copy(old, new, contract):
                advance(rows)
            point("move.in_tables")
            if (found := _count(new, contract)) != counts[contract.name]:
                raise WorldError(
                    f"{contract.name} has {counts[contract.name]:,} rows, and {found:,} came over",
                    "nothing was written; run again",
                )


def _count(connection: sa.Connection, contract: Contract) -> int:
    query = sa.select(sa.func.count()).select_from(warehouse.tables[contract.name])
    return int(connection.execute(query).scalar_one())
