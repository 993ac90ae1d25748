"""A lake tells a warehouse its ledger: where the warehouse was lost, restored from an older backup, or lacks files.

What the manifests in the lake tell is done again, each in a transaction of its own, so that a killed adoption goes on
where it was. Then every file that counts is held against its hash, and every day is dirty: the next run computes all
rollups anew.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from mediameter import connect, families
from mediameter.connect import reading, transact
from mediameter.errors import UserError, WorldError
from mediameter.faults import point
from mediameter.opening.claim import claim_of
from mediameter.opening.opened import connected
from mediameter.settings import Settings, address_key
from mediameter.settings.lakes import MARKER, own_chain
from mediameter.steps.progress import Progress, quiet
from mediameter.steps.redo.forget import Forgotten, forget
from mediameter.store import acts, fences, identity, lake, lake_files, manifests, migration, warehouse
from mediameter.store.identity import Claim, Marker
from mediameter.store.lake import LakeFile
from schemas.internal import LAKE_FILES
from schemas.vocabulary import DERIVED_KINDS

_files = warehouse.tables[LAKE_FILES.name]


@dataclass(slots=True)
class AdoptReport:
    """``manifests``: how many were done again. ``files``: how many count now; ``restored``: how many came back from the
    trash; ``missing``: paths of those that are not there. ``forgotten``: what that takes out of the ledger."""

    warehouse: str
    lake: str
    manifests: int = 0
    files: int = 0
    restored: int = 0
    missing: list[str] = field(default_factory=list)
    forgotten: Forgotten = field(default_factory=Forgotten)
    has_new_key: bool = False
    is_dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Wishes:
    """``forget_missing``: what is not in the lake no longer counts. ``new_key``: go on under the key that there is."""

    forget_missing: bool = False
    new_key: bool = False


def adopt(
    settings: Settings, wishes: Wishes | None = None, *, progress: Progress | None = None, dry_run: bool = False
) -> AdoptReport:
    """Brings the ledger up to what the lake tells.

    Raises ``UserError`` when the warehouse is another lake's, when the lake tells nothing, or when files are missing
    and are not to be forgotten; ``WorldError`` when a manifest or a file has changed. May be killed and run again.
    """
    claim, listener, wishes = claim_of(settings), progress or quiet(), wishes or Wishes()
    marker = identity.read_marker(claim.lake)
    if marker is None:
        raise UserError(
            f"{claim.lake} has no {MARKER}: no ledger can be rebuilt from it",
            "set [lake] path; a lake without one needs the backup of its warehouse",
        )
    with connected(settings, dry_run=dry_run) as made:
        report = AdoptReport(connect.name(made), str(claim.lake), is_dry_run=dry_run)
        known = _known(made)
        _refuse_another_key(claim, known, marker, wishes)
        after = _where_it_stands(made, known, marker)
        names = _to_do(made, claim, after, wishes)
        report.manifests, report.has_new_key = len(names), wishes.new_key
        if not dry_run:
            _take(made, settings, claim, marker)
            point("adopt.taken")
            _do_again(made, settings, names, listener)
            _check_files(made, settings, wishes, listener, report)
            point("adopt.checked")
            transact(made, _mark_all_dirty)
    return report


def _known(made: sa.Engine) -> dict[str, str]:
    with reading(made) as connection:
        if migration.revision(connection) is None:
            return {}
    warehouse.ready(made)
    with reading(made) as connection:
        return identity.recorded(connection)


def _where_it_stands(made: sa.Engine, known: dict[str, str], marker: Marker) -> str:
    """The newest manifest that the warehouse knows; refuses one that is another lake's."""
    if "moved_to" in known:
        raise UserError(f"{connect.name(made)} was moved to {known['moved_to']}", "set [warehouse] url to that one")
    if known.get("lake_id") == marker.lake_id:
        return known.get("manifest", manifests.NONE)
    if known.get("manifest", manifests.NONE) != manifests.NONE or (known and identity.has_objects(made)):
        raise UserError(
            f"the warehouse {connect.name(made)} counts what lies in another lake",
            "set [warehouse] url to an empty database, or [lake] path to its own lake",
        )
    return manifests.NONE


def _refuse_another_key(claim: Claim, known: dict[str, str], marker: Marker, wishes: Wishes) -> None:
    fingerprints = {known.get("key"), marker.keys.get(claim.tenant)} - {None}
    mine = identity.key_fingerprint(claim.key) if claim.key else None
    if fingerprints - {mine} and not wishes.new_key:
        what = "is not there" if claim.key is None else "holds another key than the one that the lake was made under"
        raise UserError(
            f"{claim.key_at} {what}",
            identity.KEY_REMEDY,
        )


def _to_do(made: sa.Engine, claim: Claim, after: str, wishes: Wishes) -> list[str]:
    number, chain = manifests.number(after), own_chain(claim.lake, claim.tenant)
    if not number or after in manifests.of_number(chain, number):
        return manifests.chain(chain, after)
    if manifests.newest(chain) >= number:
        raise UserError(
            f"the lake {claim.lake} and the warehouse {connect.name(made)} went on without each other: both have their"
            f" own manifest {number}",
            "choose one: restore the lake that belongs to the warehouse, or adopt with an empty warehouse",
        )
    if not wishes.forget_missing:
        trouble, _ = acts.compare(made, claim.lake, after)
        assert trouble is not None
        raise trouble
    return []


def _take(made: sa.Engine, settings: Settings, claim: Claim, marker: Marker) -> None:
    """From here on the warehouse is this lake's, and the key is the one that there is."""
    warehouse.ready(made)
    mine = identity.key_fingerprint(claim.key or address_key(settings))
    values = {"lake_id": marker.lake_id, "state": identity.OURS, "line_hash": marker.line_hash, "key": mine}

    def take(connection: sa.Connection) -> None:
        before = identity.recorded(connection)
        is_new = before.get("lake_id") != marker.lake_id or "manifest" not in before
        identity.record(connection, {**values, **({"manifest": manifests.NONE} if is_new else {})})

    transact(made, take)
    if marker.keys.get(claim.tenant) != mine:
        identity.write_marker(claim.lake, Marker(marker.lake_id, marker.line_hash, {**marker.keys, claim.tenant: mine}))


def _do_again(made: sa.Engine, settings: Settings, names: list[str], progress: Progress) -> None:
    at, zone = settings.lake.path, settings.reporting.zone
    with progress.task("doing manifests again", len(names), unit="manifests") as advance:
        for name in names:
            transact(made, partial(acts.do_again, at=at, name=name, zone=zone))
            point("adopt.done_again")
            advance(1)


# --- files -------------------------------------------------------------------------------------------


def _check_files(made: sa.Engine, settings: Settings, wishes: Wishes, progress: Progress, report: AdoptReport) -> None:
    with reading(made) as connection:
        files = lake_files.every_file(connection)
    missing = []
    with progress.task("checking lake files", len(files), unit="files") as advance:
        for file in files:
            if not _is_there(settings, file):
                if _brought_back(settings, file):
                    report.restored += 1
                else:
                    missing.append(file)
            advance(1)
    derived = [file for file in missing if file.kind in DERIVED_KINDS]
    missing = [file for file in missing if file.kind not in DERIVED_KINDS]
    report.files, report.missing = len(files) - len(missing) - len(derived), [file.path for file in missing]
    transact(made, partial(_take_out, files=derived))
    if not missing:
        return
    if not wishes.forget_missing:
        raise UserError(
            f"{len(missing):,} files that count are not in the lake {settings.lake.path}, the first: {missing[0].path}",
            "restore them; if they are lost, `mediameter adopt --forget-missing` reads their objects again, as far as"
            " the bucket has them, and names the others",
        )
    report.forgotten = forget(made, settings, missing)


def _is_there(settings: Settings, file: LakeFile) -> bool:
    """Raises ``WorldError`` when it has changed."""
    if not (settings.lake.path / file.path).exists():
        return False
    lake.verified(settings.lake.path, [file])
    return True


def _brought_back(settings: Settings, file: LakeFile) -> bool:
    """From the trash, where its like lies there."""
    at = settings.lake.path
    for day in sorted((at / lake.TRASH).glob("????-??-??"), reverse=True):
        try:
            [path] = lake.verified(day, [file])
        except WorldError:
            continue
        (at / file.path).parent.mkdir(parents=True, exist_ok=True)
        path.rename(at / file.path)
        return True
    return False


def _take_out(connection: sa.Connection, files: list[LakeFile]) -> None:
    for paths in warehouse.chunks([file.path for file in files]):
        lake_files.take_out_files(connection, _files.c.path.in_(paths))


def _mark_all_dirty(connection: sa.Connection) -> None:
    for family in families.verdict_fences():
        fences.mark_dirty(connection, family, fences.fenced_days(connection, family))
