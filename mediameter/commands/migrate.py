"""The warehouse's tables, made or brought to the newest revision. Every step does so by itself; who wants to know
before, or whose runs may not make tables, asks here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from mediameter import connect
from mediameter.settings import Settings
from mediameter.store import grants, migration, tenancy, warehouse
from mediameter.store.grants import Reader


@dataclass(frozen=True, slots=True)
class Migration:
    """Where the warehouse was, and where it is, or (``is_dry_run``) would be. ``before`` is None without tables.
    ``grants``: what was (or would be) executed to let a role read."""

    warehouse: str
    before: str | None
    after: str
    is_dry_run: bool
    grants: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        return self.before != self.after

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def render(self, console: Console) -> None:
        was = f"at revision {self.before}" if self.before else "without tables"
        if not self.is_needed:
            words = f"at revision {self.after}, the newest; nothing was done"
        elif self.is_dry_run:
            words = f"{was}; would be brought to {self.after}; nothing was done"
        else:
            words = f"was {was}, is at {self.after}"
        lines = [f"{self.warehouse}: {words}"]
        if self.grants and not self.is_dry_run:
            lines.append(f"{len(self.grants)} rights to read were granted")
        elif self.grants:
            lines += [f"{grant};" for grant in self.grants]
        for line in lines:
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def migrate(
    settings: Settings,
    *,
    dry_run: bool = False,
    role: str | None = None,
    tenant: str | None = None,
    is_personal: bool = False,
) -> Migration:
    """Brings the warehouse to the newest revision; a file that is not there is made, unless ``dry_run``. Then lets
    ``role`` read what is meant for BI tools: of one ``tenant``, or (None) of all; ``is_personal``: about persons, too.

    Raises ``UserError`` or ``WorldError`` where it cannot be reached or altered, or was made by a newer mediameter.
    """
    file = settings.warehouse.sqlite_path
    reader = None if role is None else Reader(role, tenant, is_personal)
    if dry_run and file is not None and not file.exists() and reader is None:
        return Migration(str(file), None, migration.HEAD, dry_run)
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    try:
        if reader is not None:
            grants.require_valid(made, reader)  # before anything is made
        before = migration.revision_of(made)
        if dry_run:
            migration.refuse_newer(before)
        else:
            warehouse.ready(made)
        granted: list[str] = []
        if reader is not None:
            granted = grants.planned(made, reader) if dry_run else grants.grant(made, reader)
        return Migration(connect.name(made), before, migration.HEAD, dry_run, tuple(granted))
    finally:
        made.dispose()
