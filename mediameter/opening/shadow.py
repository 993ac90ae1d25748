"""A copy of ledger and lake in a temporary folder, for a plan to be carried out in: what comes out is what the real
thing would make, by the very same code, and nothing of it is left behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from mediameter.connect import reading, writing
from mediameter.opening.opened import opened
from mediameter.settings import Settings, address_key
from mediameter.store import copying, identity, manifests, tenancy, warehouse
from schemas.generations import CREDIT_PRICES, MODEL_PRICES
from schemas.internal import EXPORTS, FENCES, LAKE_FILES, LISTINGS, OBJECT_HOURS, OBJECTS, SIGHTINGS
from schemas.prices import KEPT_PRICES
from schemas.rollups import APPLICATIONS, DAYS, MEDIA_FILES, PRICES

# Neither the rollups, since what is computed is replaced whole, nor the rejects, which nothing is computed from.
_COPIED = (
    OBJECTS, OBJECT_HOURS, LAKE_FILES, FENCES, LISTINGS, SIGHTINGS, EXPORTS, DAYS, APPLICATIONS, MEDIA_FILES, PRICES,
    CREDIT_PRICES, MODEL_PRICES, KEPT_PRICES,
)  # fmt: skip


@contextmanager
def shadow(settings: Settings) -> Iterator[Settings]:
    """Settings whose warehouse and lake are such a copy; its lake has links to the files of the real one.

    The real warehouse and lake are only read (``dry.untouched`` sees that they are there, at our revision). The folder
    is made where TMPDIR says; it needs room for the ledger and for the records that are read.
    """
    with tempfile.TemporaryDirectory(prefix="mediameter-plan-") as name:
        folder = Path(name)
        copy = settings.model_copy(
            update={
                "warehouse": settings.warehouse.model_copy(update={"url": f"sqlite:///{folder / 'warehouse.sqlite'}"}),
                "lake": settings.lake.model_copy(update={"path": folder / "lake"}),
                # else the copy would make a key of its own, and other line hashes
                "privacy": settings.privacy.model_copy(update={"key": address_key(settings).decode()}),
            }
        )
        _copy_ledger(settings, copy)
        _link_lake(copy, settings.lake.path)
        yield copy


def _copy_ledger(settings: Settings, to: Settings) -> None:
    copy = tenancy.engine(to.warehouse.url, to.tenant)
    try:
        warehouse.ready(copy)
        with opened(settings, dry_run=True) as real, reading(real) as source, writing(copy) as target:
            # The copy's lake will hold files and no marker, as one from before there were other line hashes.
            identity.record(target, {"line_hash": identity.line_hash(settings.lake.path)})
            for contract in _COPIED:
                for _ in copying.copy(source, target, contract):
                    pass
            identity.record(target, {"manifest": manifests.NONE})  # nothing of it is to outlast this
    finally:
        copy.dispose()


def _link_lake(copy: Settings, lake: Path) -> None:
    made = tenancy.engine(copy.warehouse.url, copy.tenant)
    try:
        with reading(made) as connection:
            paths = connection.execute(sa.select(warehouse.tables[LAKE_FILES.name].c.path)).scalars().all()
    finally:
        made.dispose()
    for path in paths:
        link = copy.lake.path / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(lake / path)
