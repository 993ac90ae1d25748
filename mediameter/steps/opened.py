"""How every step that writes gets its warehouse: with its tables, and belonging to the lake and to the settings.

The one place that opens a warehouse for writing (a test holds the steps to that), so that no new entry can forget it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import sqlalchemy as sa

from mediameter import identity, migration, warehouse
from mediameter.connect import engine, reading
from mediameter.errors import UserError
from mediameter.identity import Claim
from mediameter.settings import (
    AppSource,
    EventSource,
    PaletteSource,
    Settings,
    Source,
    address_key,
    key_path,
    known_key,
)


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
    made = engine(settings.warehouse.url)
    try:
        claim = claim_of(settings)
        warehouse.ready(made, lambda: identity.refuse_new_warehouse(made, claim))
        if claim.key is None:
            identity.refuse_lost_key(made, claim)
            address_key(settings)  # made now, once
            claim = claim_of(settings)
        identity.meet(made, claim)
        yield made
    finally:
        made.dispose()


@contextmanager
def _looked_at(settings: Settings) -> Iterator[sa.Engine]:
    file, claim = settings.warehouse.sqlite_path, claim_of(settings)
    made = engine("sqlite://" if file is not None and not file.exists() else settings.warehouse.url)
    try:
        with reading(made) as connection:
            found = migration.revision(connection)
        is_new = found is None
        migration.refuse_newer(found)
        if found not in (None, migration.HEAD):
            what = f"the warehouse is at revision {found}, and a dry run changes nothing"
            raise UserError(what, f"`mediameter migrate`, or a run, brings it to {migration.HEAD}")
        if is_new:
            identity.refuse_new_warehouse(made, claim)
            made.dispose()
            made = engine("sqlite://")
        warehouse.ready(made)
        if not is_new:
            identity.refuse(made, claim)
        yield made
    finally:
        made.dispose()


def claim_of(settings: Settings) -> Claim:
    """What the settings say of the installation; makes nothing."""
    return Claim(
        lake=settings.lake.path,
        tenant=settings.tenant,
        key=known_key(settings),
        key_at="[privacy] key" if settings.privacy.key else str(key_path(settings)),
        sources={name: _place(source) for name, source in settings.sources.items()},
    )


def _place(source: Source | EventSource | AppSource | PaletteSource) -> str:
    """What a source reads, in words without secrets: equal words are the same records."""
    if isinstance(source, AppSource | PaletteSource):
        return f"{source.kind} of {_without_user(source.url)}"
    if source.path is not None:
        return f"{source.kind} in {source.path.resolve()}/{source.prefix}"
    return f"{source.kind} in {source.endpoint or 's3:/'}/{source.bucket}/{source.prefix}"


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
