"""A dry run makes nothing: no warehouse, no key, no lake; it works on what is there, or in a folder that goes again."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediameter import connect, ledger, migration
from mediameter.errors import UserError
from mediameter.settings import Settings, refuse_lost_key
from mediameter.settings.key import key_path


@contextmanager
def untouched(settings: Settings) -> Iterator[Settings]:
    """Settings to look with. Where there is no warehouse yet, theirs is an empty one in a temporary folder; where no
    key was ever made, theirs is kept nowhere.

    Raises ``UserError`` for a warehouse that would have to be migrated first, ``SettingsError`` for a lost key.
    """
    found = _revision(settings)
    migration.refuse_newer(found)
    if found not in (None, migration.HEAD):
        what = f"the warehouse is at revision {found}, and a dry run changes nothing"
        raise UserError(what, f"`mediameter migrate`, or a run, brings it to {migration.HEAD}")
    changes: dict[str, object] = {}
    if not settings.privacy.key and not key_path(settings).exists():
        if found and _has_taken_in(settings):
            refuse_lost_key(settings)
        changes["privacy"] = settings.privacy.model_copy(update={"key": secrets.token_hex(32)})
    if found:
        yield settings.model_copy(update=changes)
        return
    with tempfile.TemporaryDirectory(prefix="mediameter-dry-") as name:
        url = f"sqlite:///{Path(name) / 'warehouse.sqlite'}"
        changes["warehouse"] = settings.warehouse.model_copy(update={"url": url})
        changes["lake"] = settings.lake.model_copy(update={"path": Path(name) / "lake"})
        yield settings.model_copy(update=changes)


def _revision(settings: Settings) -> str | None:
    file = settings.warehouse.sqlite_path
    if file is not None and not file.exists():
        return None
    made = connect.engine(settings.warehouse.url)
    try:
        with connect.reading(made) as connection:
            return migration.revision(connection)
    finally:
        made.dispose()


def _has_taken_in(settings: Settings) -> bool:
    made = connect.engine(settings.warehouse.url)
    try:
        with connect.reading(made) as connection:
            return ledger.has_taken_in(connection)
    finally:
        made.dispose()
