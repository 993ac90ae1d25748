"""A dry run makes nothing: no warehouse, no key, no lake. It looks at what is there, or works in a folder that goes."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediameter.opening.opened import opened
from mediameter.settings import Settings, known_key
from mediameter.store import tenancy, warehouse


@contextmanager
def untouched(settings: Settings) -> Iterator[Settings]:
    """Settings to look with. Where there is no warehouse yet, theirs is an empty one in a temporary folder; where no
    key was made yet, theirs is kept nowhere. Raises what ``opened`` raises."""
    with opened(settings, dry_run=True) as made:
        is_new = not made.url.database
    key = known_key(settings)
    kept = settings.privacy.model_copy(update={"key": key.decode() if key else secrets.token_hex(32)})
    if not is_new:
        yield settings if key else settings.model_copy(update={"privacy": kept})
        return
    with tempfile.TemporaryDirectory(prefix="mediameter-dry-") as name:
        url = f"sqlite:///{Path(name) / 'warehouse.sqlite'}"
        empty = tenancy.engine(url, settings.tenant)
        warehouse.ready(empty)
        empty.dispose()
        yield settings.model_copy(
            update={"privacy": kept, "warehouse": settings.warehouse.model_copy(update={"url": url})}
        )
