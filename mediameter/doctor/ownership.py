"""Whether warehouse, lake, key and sources belong together, as a run would find; and what else lies in the lake."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.doctor.case import Case
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.errors import MediameterError
from mediameter.opening.claim import claim_of
from mediameter.settings import SettingsError
from mediameter.store import acts, identity, manifests, migration, sweeping, tenancy
from mediameter.store.identity import Claim

WHAT = "lake and warehouse"


def ownership(case: Case) -> Iterator[Finding]:
    """Compares, and makes nothing."""
    file = case.settings.warehouse.sqlite_path
    url = "sqlite://" if file is not None and not file.exists() else case.settings.warehouse.url
    made = tenancy.engine(url, case.settings.tenant)
    try:
        yield from _compared(made, claim_of(case.settings))
    except SettingsError:
        yield skipped(WHAT, "the key cannot be read", "see what is said of it")
    except MediameterError as trouble:
        yield error(WHAT, trouble.message, trouble.remedy)
    except sa.exc.SQLAlchemyError:
        yield skipped(WHAT, "the warehouse cannot be read", "see what is said of it")
    finally:
        made.dispose()


def _compared(made: sa.Engine, claim: Claim) -> Iterator[Finding]:
    with reading(made) as connection:
        revision = migration.revision(connection)
    if revision is None:
        identity.refuse_new_warehouse(made, claim)
        yield ok(WHAT, "new: the first run lets them know each other")
        return
    if revision != migration.HEAD:
        yield skipped(WHAT, "the next run brings the warehouse to its newest revision first")
        return
    known, marker = identity.refuse(made, claim)
    trouble, _ = acts.compare(made, claim.lake, known.get("manifest", manifests.NONE))
    if trouble:
        raise trouble
    yield ok(WHAT, f"belong together (lake {marker.lake_id})" if marker else "the next run lets them know each other")
    with reading(made) as connection:
        unknown = sweeping.unknown_files(connection, claim.lake)
    if unknown:
        yield warning(
            str(claim.lake),
            f"holds {len(unknown):,} files that neither ledger nor journal knows, the first: {unknown[0]}",
            "no run touches them; if they are nobody's, remove them by hand",
        )


OWNERSHIP: tuple[Check[Case], ...] = (Check("ownership", ownership),)
