"""How every step that writes gets its warehouse: with its tables, and belonging to the lake and to the settings.

The one place that opens a warehouse for writing (a test holds the steps to that), so that no new entry can forget it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from mediameter.errors import UserError
from mediameter.opening.claim import claim_of
from mediameter.settings import Settings, address_key
from mediameter.store import acts, identity, lake, manifests, migration, tenancy, warehouse


@contextmanager
def opened(settings: Settings, *, dry_run: bool = False) -> Iterator[sa.Engine]:
    """An engine of the warehouse, at its newest revision. For a dry run nothing is made: a warehouse that is not there
    yet is an empty one in memory, and one of an older revision is refused.

    Raises ``UserError`` that names the remedy when warehouse, lake, key and sources do not belong together: nothing
    was read or written then; ``WorldError`` when the warehouse or the lake cannot be used.
    """
    if dry_run:
        with _looked_at(settings) as made:
            yield made
        return
    made = tenancy.engine(settings.warehouse.url, settings.tenant)
    try:
        claim = claim_of(settings)
        _refuse_new_file(settings, made, claim)
        warehouse.ready(made, lambda: identity.refuse_new_warehouse(made, claim))
        claim = _with_key(settings, made)
        identity.meet(made, claim)
        acts.catch_up(made, claim.lake, settings.reporting.zone)
        with lake.journal(claim.lake, lambda run_id: identity.register(made, run_id, lake.clock())):
            yield made
    finally:
        made.dispose()


def _refuse_new_file(settings: Settings, made: sa.Engine, claim: identity.Claim) -> None:
    """Before anything connects to a SQLite file that is not there, since that would make it. Where it is there after
    all, another first run has made it, and what it is of is asked later."""
    file = settings.warehouse.sqlite_path
    if file is None or file.exists():
        return
    try:
        identity.refuse_new_warehouse(made, claim)
    except UserError:
        if not file.exists():
            raise


def _with_key(settings: Settings, made: sa.Engine) -> identity.Claim:
    """The claim with the tenant's key, which is made where none ever was."""
    claim = claim_of(settings)
    if claim.key is None:
        try:
            identity.refuse_lost_key(made, claim)
        except UserError:
            if claim_of(settings).key is None:  # else another first run has just made it
                raise
        address_key(settings)  # made now, once
    return claim_of(settings)


@contextmanager
def connected(settings: Settings, *, dry_run: bool = False) -> Iterator[sa.Engine]:
    """The warehouse as it is, for `adopt` alone, which makes it belong to the lake."""
    file = settings.warehouse.sqlite_path
    url = "sqlite://" if dry_run and file is not None and not file.exists() else settings.warehouse.url
    made = tenancy.engine(url, settings.tenant)
    try:
        yield made
    finally:
        made.dispose()


@contextmanager
def _looked_at(settings: Settings) -> Iterator[sa.Engine]:
    file, claim = settings.warehouse.sqlite_path, claim_of(settings)
    url = "sqlite://" if file is not None and not file.exists() else settings.warehouse.url
    made = tenancy.engine(url, settings.tenant)
    try:
        found = migration.revision_of(made)
        is_new = found is None
        migration.refuse_newer(found)
        if found not in (None, migration.HEAD):
            what = f"the warehouse is at revision {found}, and a dry run changes nothing"
            raise UserError(what, f"`mediameter migrate`, or a run, brings it to {migration.HEAD}")
        if is_new:
            identity.refuse_new_warehouse(made, claim)
            made.dispose()
            made = tenancy.engine("sqlite://", settings.tenant)
        warehouse.ready(made)
        if not is_new:
            known, _ = identity.refuse(made, claim)
            trouble, _ = acts.compare(made, claim.lake, known.get("manifest", manifests.NONE))
            if trouble:
                raise trouble
        yield made
    finally:
        made.dispose()
