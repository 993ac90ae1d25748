"""Which warehouse and which lake belong together, and what the hashes in them were made with.

The warehouse (table `identity`) and the lake (`lake.json` in its root) say the same: a random id, the line hash, and a
fingerprint of the tenant's key. A run compares both before it reads or writes anything, and stops when they do not know
each other: else it would take a stranger's files for orphans, or count every line a second time. Each tenant of a
warehouse has a lake of its own, and rows of its own in that table.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mediameter import connect
from mediameter.atomic import replaced, sync_folder, write_once
from mediameter.connect import reading, transact
from mediameter.errors import UserError, WorldError
from mediameter.faults import point
from mediameter.settings.lakes import MARKER
from mediameter.store import neighbours
from mediameter.store.lake import make_folder
from mediameter.store.neighbours import SOURCE
from mediameter.store.warehouse import naive, tables
from schemas.internal import EXPORTS, IDENTITY, LAKE_FILES, LAKE_RUNS, OBJECTS
from schemas.vocabulary import LAKE_KINDS, LINE_HASHES, NEW_LINE_HASH, OLD_LINE_HASH

FORMAT = 1
FOUNDING, OURS = "founding", "ours"
KEY_REMEDY = (
    "restore it from its backup; if it is lost for good, `mediameter adopt --new-key` goes on under another one:"
    " addresses become new ones, and lines that come again count twice"
)
_ENOUGH = 100  # files of an older installation that are looked for before it is taken as its own
_identity, _files, _objects, _exports, _runs = (
    tables[contract.name] for contract in (IDENTITY, LAKE_FILES, OBJECTS, EXPORTS, LAKE_RUNS)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the settings say of an installation. ``key``: None where none was made yet; ``key_at``: where it is looked
    for, in words. ``sources``: by name the place that each reads, in words without secrets."""

    lake: Path
    tenant: str
    key: bytes | None
    key_at: str
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Marker:
    """What `lake.json` says."""

    lake_id: str
    line_hash: str
    keys: Mapping[str, str]


def key_fingerprint(key: bytes) -> str:
    """64 bits of an HMAC under the key: two keys differ in it, and it tells nothing else of them."""
    return hmac.digest(key, b"mediameter: fingerprint of the key", "sha256").hex()[:16]


def line_hash(lake: Path) -> str:
    """The line hash that this lake's records were made with; of a lake that is to be made, today's."""
    marker = read_marker(lake)
    if marker:
        return marker.line_hash
    return OLD_LINE_HASH if _holds_files(lake) else NEW_LINE_HASH


# --- the two sides -----------------------------------------------------------------------------------


def read_marker(lake: Path) -> Marker | None:
    """The lake's marker; None where there is none. Raises ``WorldError`` when it cannot be read or understood."""
    path = lake / MARKER
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if told["format"] > FORMAT:
            raise UserError(f"{path} was made by a newer mediameter", "use the newer mediameter that made it")
        return Marker(told["lake_id"], told["line_hash"], dict(told["keys"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise WorldError(f"{path} cannot be read ({error.strerror})", "correct its permissions or its disk") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is no marker of a lake", "restore it from the lake's backup") from None


def recorded(connection: sa.Connection) -> dict[str, str]:
    """What the warehouse says of the connection's tenant, by name."""
    rows = connection.execute(sa.select(_identity.c.name, _identity.c.value))
    return {row.name: row.value for row in rows}


def record(connection: sa.Connection, values: Mapping[str, str]) -> None:
    """Writes these names, whatever they said before."""
    for name, value in values.items():
        which = _identity.c.name == name
        if connection.execute(_identity.update().where(which, _identity.c.value != value).values(value=value)).rowcount:
            continue
        if connection.execute(sa.select(_identity.c.name).where(which)).first() is None:
            connection.execute(_identity.insert().values(name=name, value=value))


def write_marker(lake: Path, marker: Marker) -> None:
    """Replaces the lake's marker, synced."""
    with replaced(lake / MARKER, encoding="utf-8") as stream:
        stream.write(_marker_text(marker))
    sync_folder(lake)


def _marker_text(marker: Marker) -> str:
    told = {
        "about": "A lake of mediameter. What it holds counts by the one warehouse that has the same lake_id.",
        "format": FORMAT,
        "lake_id": marker.lake_id,
        "line_hash": marker.line_hash,
        "keys": dict(marker.keys),
    }
    return json.dumps(told, indent=2) + "\n"


def register(made: sa.Engine, run_id: str, at: datetime) -> None:
    """A run that is about to write into the lake: its journal there is this warehouse's."""
    transact(made, lambda connection: connection.execute(_runs.insert().values(run_id=run_id, begun_at=naive(at))))


# --- comparing ---------------------------------------------------------------------------------------


def refuse_new_warehouse(made: sa.Engine, claim: Claim) -> None:
    """To be called before tables are made in an empty database. Raises ``UserError`` when the lake has a warehouse."""
    marker = read_marker(claim.lake)
    if marker is not None:
        raise UserError(
            f"the warehouse {connect.name(made)} is empty, but the lake {claim.lake} is in use by another warehouse",
            "set [warehouse] url to that one, or restore its backup; if it is lost, `mediameter adopt` rebuilds this"
            " one from the lake",
        )
    if _holds_files(claim.lake):
        raise UserError(
            f"the warehouse {connect.name(made)} is empty, but the lake {claim.lake} holds files and says not whose",
            "restore the warehouse's backup, or set [lake] path to a folder of its own",
        )


def refuse_lost_key(made: sa.Engine, claim: Claim) -> None:
    """Raises ``UserError`` where there is no key, and one was made once."""
    with reading(made) as connection:
        known = recorded(connection)
    trouble = _of_the_key(made, claim, known, read_marker(claim.lake))
    if trouble:
        raise trouble


def meet(made: sa.Engine, claim: Claim) -> dict[str, str]:
    """Compares warehouse, lake and settings, and makes both sides where they are new. Returns what the warehouse says.

    An installation from before there were identities is taken as its own, once. Costs one query and one small file.
    Raises ``UserError`` that names what does not fit, and what mends it: nothing was read or written then.
    """
    known, marker = refuse(made, claim)
    if known.get("state") != OURS or marker is None or known["lake_id"] != marker.lake_id:
        known = _found(made, claim, known)
    return _remember(made, claim, known)


def refuse(made: sa.Engine, claim: Claim) -> tuple[dict[str, str], Marker | None]:
    """What both sides say, compared; nothing is written. Raises what ``meet`` raises.

    The two are no one instant: a first run beside this one may have made the second when the first was read already.
    So trouble is believed only where a second look finds both as they were.
    """
    known, marker = _both(made, claim)
    while trouble := examine(made, claim, known, marker):
        before = known.get("lake_id"), known.get("state"), marker
        known, marker = _both(made, claim)
        if (known.get("lake_id"), known.get("state"), marker) == before:
            raise trouble
    return known, marker


def _both(made: sa.Engine, claim: Claim) -> tuple[dict[str, str], Marker | None]:
    """The marker first: where there is one, the warehouse that it was made for has said so before."""
    marker = read_marker(claim.lake)
    with reading(made) as connection:
        return recorded(connection), marker


def examine(made: sa.Engine, claim: Claim, known: Mapping[str, str], marker: Marker | None) -> UserError | None:
    """What does not fit, if anything; nothing is written."""
    warehouse = connect.name(made)
    if "moved_to" in known:
        return UserError(
            f"the warehouse {warehouse} was moved to {known['moved_to']}", "set [warehouse] url to that one"
        )
    return (
        _of_the_lake(made, claim, known, marker)
        or _of_the_line_hash(known, marker)
        or _of_the_key(made, claim, known, marker)
        or _of_the_sources(made, claim, known)
    )


def _of_the_lake(made: sa.Engine, claim: Claim, known: Mapping[str, str], marker: Marker | None) -> UserError | None:
    warehouse, lake = connect.name(made), claim.lake
    if known.get("state") == OURS and marker is not None and known["lake_id"] == marker.lake_id:
        return None
    if marker is not None and "lake_id" not in known:
        return UserError(
            f"the lake {lake} is in use by another warehouse than {warehouse}",
            "set [warehouse] url to that one, or give this one a [lake] path of its own; if the other is lost,"
            " `mediameter adopt` rebuilds this one from the lake",
        )
    if marker is not None and known["lake_id"] != marker.lake_id:
        return UserError(
            f"the lake {lake} and the warehouse {warehouse} do not belong together: the lake's id is"
            f" {marker.lake_id}, the warehouse is of lake {known['lake_id']}",
            "set [lake] path or [warehouse] url to the one that belongs to the other; if this lake's warehouse is"
            " lost, run `mediameter adopt` with an empty warehouse",
        )
    with reading(made) as connection:
        return _of_a_lake_without_marker(connection, claim, known, warehouse) if marker is None else None


def _of_a_lake_without_marker(
    connection: sa.Connection, claim: Claim, known: Mapping[str, str], warehouse: str
) -> UserError | None:
    some = list(connection.execute(sa.select(_files.c.path).order_by(_files.c.path).limit(_ENOUGH)).scalars())
    missing = [path for path in some if not (claim.lake / path).exists()]
    if known.get("state") == OURS and (some or known.get("manifest")):
        return UserError(
            f"{claim.lake} has no {MARKER}: it is not the lake of the warehouse {warehouse}, or not mounted",
            "mount it, restore it from its backup, or set [lake] path",
        )
    if missing:
        return UserError(
            f"the lake {claim.lake} lacks files that the warehouse {warehouse} counts, the first: {missing[0]}",
            "mount it, restore it from its backup, or set [lake] path",
        )
    if not some and "lake_id" not in known and _holds_files(claim.lake):
        return UserError(
            f"the lake {claim.lake} holds files that the warehouse {warehouse} does not know",
            "restore the warehouse's backup, or set [lake] path to a folder of its own",
        )
    return None


def _of_the_line_hash(known: Mapping[str, str], marker: Marker | None) -> UserError | None:
    for found in (known.get("line_hash"), marker.line_hash if marker else None):
        if found is not None and found not in LINE_HASHES:
            return UserError(f"the lake's line hash {found} is not known here", "use the newer mediameter that made it")
    return None


def _of_the_key(made: sa.Engine, claim: Claim, known: Mapping[str, str], marker: Marker | None) -> UserError | None:
    """Another key makes every address a new one, and every line that comes again a new line."""
    fingerprints = {known.get("key"), marker.keys.get(claim.tenant) if marker else None} - {None}
    if claim.key is None:
        has_gone = bool(fingerprints) or has_objects(made)
        message = f"{claim.key_at} has gone, and what is in the lake was made under it"
    else:
        has_gone = bool(fingerprints - {key_fingerprint(claim.key)}) and has_objects(made)
        message = f"{claim.key_at} holds another key than the one that the lake was made under"
    if not has_gone:
        return None
    return UserError(
        message,
        KEY_REMEDY,
    )


def _of_the_sources(made: sa.Engine, claim: Claim, known: Mapping[str, str]) -> UserError | None:
    """A source's name goes into the ids of its objects: under another name everything would be read and billed anew."""
    read_by: dict[str, str] = {}
    for name, place in claim.sources.items():
        other = read_by.setdefault(place, name)
        if other != name:
            return UserError(
                f"[sources.{other}] and [sources.{name}] both read {place}: all of it would count twice",
                "keep one of them",
            )
    new = {name: place for name, place in claim.sources.items() if f"{SOURCE}{name}" not in known}
    for name, place in new.items():
        for tenant, old in neighbours.readers_of(made, place):
            is_mine = tenant == claim.tenant
            remedy = f"name it [sources.{old}] again" if is_mine else f'set tenant = "{tenant}" again'
            return UserError(
                f"[sources.{name}] reads {place}, which was read as {tenant}/{old} before: all of it would count again",
                remedy,
            )
    return None


def has_objects(made: sa.Engine) -> bool:
    """Whether the warehouse counts anything of the tenant yet."""
    with reading(made) as connection:
        queries = (sa.select(_objects.c.object_id), sa.select(_files.c.path))
        return any(connection.execute(query.limit(1)).first() for query in queries)


def _holds_files(lake: Path) -> bool:
    """Whether there is anything where files of ours lie."""
    for kind in LAKE_KINDS:
        for _, _, names in os.walk(lake / kind):
            if any(name.endswith(".parquet") for name in names):
                return True
    return False


# --- making ------------------------------------------------------------------------------------------


def _found(made: sa.Engine, claim: Claim, known: Mapping[str, str]) -> dict[str, str]:
    """Gives both sides an id: the warehouse first, then the lake; killed between the two, the next run goes on."""
    chosen = known.get("line_hash") or (OLD_LINE_HASH if _holds_files(claim.lake) else NEW_LINE_HASH)
    values = {"lake_id": secrets.token_hex(16), "state": FOUNDING, "line_hash": chosen}

    def begin(connection: sa.Connection) -> dict[str, str]:
        found = recorded(connection)
        if "lake_id" not in found:
            record(connection, values)
            return {**found, **values}
        return found

    known = transact(made, begin) if "lake_id" not in known else dict(known)
    point("identity.begun")
    keys = {claim.tenant: key_fingerprint(claim.key)} if claim.key else {}
    make_folder(claim.lake)
    write_once(claim.lake / MARKER, _marker_text(Marker(known["lake_id"], known["line_hash"], keys)))
    point("identity.marked")
    marker = read_marker(claim.lake)
    if marker is None or marker.lake_id != known["lake_id"]:
        raise UserError(
            f"the lake {claim.lake} was taken by another warehouse just now", "give each warehouse a lake of its own"
        )
    transact(made, lambda connection: record(connection, {"state": OURS}))
    return {**known, "state": OURS}


def _remember(made: sa.Engine, claim: Claim, known: dict[str, str]) -> dict[str, str]:
    """The tenant's key and the places of its sources, where they are new."""
    values = {f"{SOURCE}{name}": place for name, place in claim.sources.items()}
    if claim.key:
        values["key"] = key_fingerprint(claim.key)
    if values.items() <= known.items():
        return known
    transact(made, lambda connection: record(connection, values))
    marker = read_marker(claim.lake)
    if claim.key and marker and marker.keys.get(claim.tenant) != values["key"]:
        keys = {**marker.keys, claim.tenant: values["key"]}
        write_marker(claim.lake, Marker(marker.lake_id, marker.line_hash, keys))
    return {**known, **values}
