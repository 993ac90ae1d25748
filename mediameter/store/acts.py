"""What changes the ledger, as acts that can be written down and done again: a settlement, an export, rows of reference.

`settled` is the one way to commit such a change: in one transaction it is done, the files that count by it are looked
at, and a manifest that tells it lies in the lake. Doing the acts of all manifests again, in their order, makes the same
ledger (`mediameter adopt`).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa
from pydantic import TypeAdapter

import schemas
from mediameter.connect import reading, transact
from mediameter.errors import UserError
from mediameter.settings.lakes import own_chain
from mediameter.sources.objects import ObjectVersion
from mediameter.store import exports, fences, halves, identity, lake, manifests, settling, tenancy, warehouse
from mediameter.store.lake import LakeFile
from mediameter.store.settling import Settlement
from schemas.contract import Contract
from schemas.generations import GAUGES_HOURLY, MODEL_PRICES
from schemas.internal import EXPORTS, LAKE_FILES, OBJECT_HOURS, OBJECTS, REJECTS, ROW_REJECTS
from schemas.prices import KEPT_PRICES, REPRICINGS
from schemas.rollups import APPLICATIONS, MEDIA_FILES
from schemas.vocabulary import DERIVED_KINDS

_A = TypeVar("_A", "Revived", "Repriced")
REMEMBERED = (APPLICATIONS, MEDIA_FILES, MODEL_PRICES, GAUGES_HOURLY, KEPT_PRICES, REPRICINGS)
"""Tables that no log and no later reading of a source would give back as they are."""
_LEDGER = (OBJECTS, OBJECT_HOURS, LAKE_FILES, REJECTS, EXPORTS, ROW_REJECTS, *REMEMBERED)
_contracts: dict[str, Contract] = {contract.name: contract for contract in schemas.TABLES}


@dataclass(frozen=True)
class Settled:
    """Objects that were read; ``old``: of these, those that had been read before, whose rows leave the ``retired``
    files, so that ``remaining`` stand for them. ``wholes``: by half the object that counts in its place from now on."""

    KIND: ClassVar[str] = "settled"
    family: str
    settlements: list[Settlement]
    files: list[LakeFile]
    old: list[int] = field(default_factory=list)
    retired: list[LakeFile] = field(default_factory=list)
    remaining: list[LakeFile] = field(default_factory=list)
    wholes: dict[int, int] = field(default_factory=dict)

    @property
    def counting(self) -> list[LakeFile]:
        return [*self.remaining, *self.files]

    def do(self, connection: sa.Connection, zone: ZoneInfo) -> None:
        if self.old:
            settling.unsettle(connection, self.old, self.retired, zone, self.family)
        settling.settle(connection, self.settlements, self.counting, zone, self.family)
        if self.wholes:
            halves.absorb(connection, self.wholes, zone, self.family)


@dataclass(frozen=True)
class Revived:
    """Versions that had been overwritten, and that the bucket shows again."""

    KIND: ClassVar[str] = "revived"
    family: str
    versions: list[ObjectVersion]
    counting: ClassVar[list[LakeFile]] = []

    def do(self, connection: sa.Connection, zone: ZoneInfo) -> None:
        settling.revive(connection, self.versions, zone, self.family)


@dataclass(frozen=True)
class Exported:
    """A day of a table that was read."""

    KIND: ClassVar[str] = "exported"
    export: exports.Export
    files: list[LakeFile]

    @property
    def counting(self) -> list[LakeFile]:
        return self.files

    def do(self, connection: sa.Connection, zone: ZoneInfo) -> None:
        exports.settle_export(connection, self.export, self.files, zone)


@dataclass(frozen=True)
class Remembered:
    """Rows of tables, as Parquet by name: reference that was read, or (``is_whole``) the ledger of an installation
    that was older than its manifests."""

    KIND: ClassVar[str] = "remembered"
    tables: dict[str, str]
    is_whole: bool = False
    counting: ClassVar[list[LakeFile]] = []

    def do(self, connection: sa.Connection, zone: ZoneInfo) -> None:
        if self.is_whole:
            for contract in _LEDGER:  # of the connection's tenant, as everywhere
                connection.execute(warehouse.tables[contract.name].delete())
        for name, packed in self.tables.items():
            contract, rows = _contracts[name], _unpacked(packed)
            known = warehouse.frame_schema(contract)
            newer = [name for name in known if name not in rows.columns]  # than the version that wrote it
            rows = rows.with_columns(pl.lit(None).alias(name) for name in newer)
            _forget(connection, contract, rows)
            warehouse.insert(connection, contract, rows)


@dataclass(frozen=True)
class Repriced:
    """Days that keep old prices no longer (``lifted``: rows of `kept_prices`), and what was ``remembered`` with it:
    other prices that are kept, the receipts of what was made anew. ``dirty``: by family the days to be computed."""

    KIND: ClassVar[str] = "repriced"
    lifted: str
    remembered: Remembered
    dirty: dict[str, list[date]]
    counting: ClassVar[list[LakeFile]] = []

    def do(self, connection: sa.Connection, zone: ZoneInfo) -> None:
        _forget(connection, KEPT_PRICES, _unpacked(self.lifted))
        self.remembered.do(connection, zone)
        for family, days in self.dirty.items():
            fences.mark_dirty(connection, family, days)


Act = Settled | Revived | Exported | Remembered | Repriced
_KINDS: dict[str, type[Any]] = {act.KIND: act for act in (Settled, Revived, Exported, Remembered, Repriced)}


def remembered(frames: Mapping[Contract, pl.DataFrame], *, is_whole: bool = False) -> Remembered:
    """These rows as an act."""
    return Remembered({contract.name: _packed(frame) for contract, frame in frames.items()}, is_whole)


def _packed(frame: pl.DataFrame) -> str:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return base64.b64encode(buffer.getvalue()).decode()


def _unpacked(packed: str) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(base64.b64decode(packed)))


def repriced(
    lifted: pl.DataFrame, kept: pl.DataFrame, receipts: pl.DataFrame, dirty: Mapping[str, Collection[date]]
) -> Repriced:
    """These rows as an act."""
    new = {contract: rows for contract, rows in ((KEPT_PRICES, kept), (REPRICINGS, receipts)) if rows.height}
    return Repriced(_packed(lifted), remembered(new), {family: sorted(days) for family, days in dirty.items()})


def _forget(connection: sa.Connection, contract: Contract, rows: pl.DataFrame) -> None:
    """Rows of these keys, which others take the place of."""
    table = warehouse.tables[contract.name]
    if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is None:
        return
    *shared, last = contract.key
    for values, part in rows.select(contract.key).group_by(shared, maintain_order=True):
        for some in warehouse.chunks([_plain(value) for value in part[last].to_list()]):
            which = [table.c[name] == _plain(value) for name, value in zip(shared, values, strict=True)]
            connection.execute(table.delete().where(*which, table.c[last].in_(some)))


def _plain(value: Any) -> Any:
    return warehouse.naive(value) if hasattr(value, "tzinfo") else value


# --- doing -------------------------------------------------------------------------------------------


def settled(made: sa.Engine, at: Path, work: Callable[[sa.Connection], Act | None]) -> None:
    """One transaction: ``work`` changes the ledger and returns what it did (None: nothing that counts); the files that
    count by it are there; a manifest in the lake tells it.

    Raises what ``work`` raises, ``lake.Gone`` when a file has gone meanwhile: nothing is committed then.
    """

    def change(connection: sa.Connection) -> None:
        act = work(connection)
        if act is not None:
            lake.require_there(at, act.counting)
            write_down(connection, at, act)

    transact(made, change)


def done(act: _A, connection: sa.Connection, zone: ZoneInfo) -> _A:
    """The act, when it is done."""
    act.do(connection, zone)
    return act


def write_down(connection: sa.Connection, at: Path, act: Act) -> None:
    """The next manifest, in the transaction of what it tells."""
    known = identity.recorded(connection)
    if "moved_to" in known:  # while this run was at work
        raise UserError(f"the warehouse was moved to {known['moved_to']}", "set [warehouse] url to that one")
    told = _adapter(act.KIND).dump_python(act, mode="json")
    chain = own_chain(at, tenancy.of(connection))
    name = manifests.write(chain, known.get("lake_id", ""), known.get("manifest", manifests.NONE), act.KIND, told)
    identity.record(connection, {"manifest": name})


def do_again(connection: sa.Connection, at: Path, name: str, zone: ZoneInfo) -> Act:
    """What a manifest tells, done on this ledger, which stands at the one before it."""
    manifest = manifests.read(own_chain(at, tenancy.of(connection)), name)
    act: Act = _adapter(manifest.kind).validate_python(manifest.act)
    act.do(connection, zone)
    identity.record(connection, {"manifest": name})
    return act


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[kind])


# --- both sides --------------------------------------------------------------------------------------


def catch_up(made: sa.Engine, at: Path, zone: ZoneInfo) -> None:
    """Holds the newest manifest of the lake against the newest that the warehouse knows. One more than it knows is of a
    run that was killed before it committed: it is done now. Of a warehouse without any the first tells all of it.

    Raises ``UserError`` when one of the two is older than the other.
    """
    known = _manifest_of(made)
    if known is None:
        transact(made, lambda connection: _begin(connection, at))
        return
    while True:
        trouble, ahead = compare(made, at, known)
        if not trouble and not ahead:
            return
        before, known = known, _manifest_of(made) or manifests.NONE
        if before != known:
            continue  # another run has settled something meanwhile
        if trouble:
            raise trouble
        return transact(made, partial(_finish, at=at, known=known, ahead=ahead, zone=zone))


def compare(made: sa.Engine, at: Path, known: str) -> tuple[UserError | None, str]:
    """What does not fit, if anything; and the manifest that is to be done yet."""
    number, chain = manifests.number(known), own_chain(at, tenancy.of(made))
    if number and known not in manifests.of_number(chain, number):
        newest = manifests.newest(chain)
        what = f"an older one (manifest {newest}, the warehouse knows {number})" if newest < number else "another one"
        return UserError(
            f"the lake {at} is not the one that the warehouse knows, but {what}: files that count may be missing",
            "restore the lake as it was, or the warehouse's backup of the same time; if the lake's newest files are"
            " lost, `mediameter adopt --forget-missing` reads their objects again, as far as the bucket has them",
        ), ""
    ahead = manifests.of_number(chain, number + 1)
    if len(ahead) > 1 or manifests.of_number(chain, number + 2):
        newest = manifests.newest(chain)
        return UserError(
            f"the warehouse is older than the lake {at} (it knows manifest {number}, the lake has {newest}): an older"
            " backup of it was restored, or another warehouse writes to this lake",
            "`mediameter adopt` brings it up to the lake; where another warehouse is at work, give each its own [lake]"
            " path",
        ), ""
    return None, next(iter(ahead), "")


def _manifest_of(made: sa.Engine) -> str | None:
    with reading(made) as connection:
        return identity.recorded(connection).get("manifest")


def _begin(connection: sa.Connection, at: Path) -> None:
    """An installation that is older than manifests writes its whole ledger down; a new one has nothing to tell."""
    if "manifest" in identity.recorded(connection):
        return
    if any(connection.execute(sa.select(warehouse.tables[each.name]).limit(1)).first() for each in _LEDGER):
        write_whole(connection, at)
    else:
        identity.record(connection, {"manifest": manifests.NONE})


def write_whole(connection: sa.Connection, at: Path) -> None:
    """A manifest that tells all of the ledger: whoever adopts the lake begins with it."""
    frames = {contract: warehouse.read(connection, contract) for contract in _LEDGER}
    frames[LAKE_FILES] = frames[LAKE_FILES].filter(~pl.col("kind").is_in(DERIVED_KINDS))
    write_down(connection, at, remembered(frames, is_whole=True))


def _finish(connection: sa.Connection, at: Path, known: str, ahead: str, zone: ZoneInfo) -> None:
    if identity.recorded(connection).get("manifest") != known:
        return
    act = do_again(connection, at, ahead, zone)
    try:
        lake.require_there(at, act.counting)
    except lake.Gone as gone:
        raise UserError(
            f"the manifest {ahead} in the lake {at} counts the file {gone}, which is not there",
            "restore the lake from its backup, or `mediameter adopt --forget-missing`",
        ) from None
