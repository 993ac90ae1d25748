"""What the lake itself can tell of its ledger: a numbered file for each change of what counts.

Each is written and synced inside the transaction that makes the change, under the writer's lock, and names the one
before it: number 58 stands for what the 58th transaction did. The warehouse keeps the name of the newest it knows. So
the two sides can be compared by two names, and a ledger that was lost is made anew by doing it all again
(`mediameter.store.acts`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediameter.errors import Unavailable, WorldError
from mediameter.faults import point
from mediameter.store import lake as at_rest

FOLDER = "manifests"
FORMAT = 1
NONE = "000000000-"
"""The name that stands before the first."""
_A_FOLDER = 1000
_SUFFIX = ".json.gz"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One of them, as read: its own name, the one before it, and what was done, by kind."""

    name: str
    previous: str
    kind: str
    act: dict[str, Any]


def number(name: str) -> int:
    """Which of them a name is of; 0 of none."""
    return int((name or NONE).partition("-")[0])


def write(lake: Path, lake_id: str, previous: str, kind: str, act: dict[str, Any]) -> str:
    """Writes the next one, synced, and returns its name. To be called under the writer's lock: another one of the same
    number was never committed, and goes to the trash.

    Raises ``Unavailable`` when it cannot be written.
    """
    told = {"format": FORMAT, "lake_id": lake_id, "previous": previous, "kind": kind, "act": act}
    content = gzip.compress(json.dumps(told, ensure_ascii=False).encode(), 1, mtime=0)
    name = f"{number(previous) + 1:09d}-{hashlib.sha256(content).hexdigest()[:20]}"
    path = place(lake, name)
    try:
        at_rest.write_synced(path, memoryview(content))
        for other in of_number(lake, number(name)) - {name}:
            at_rest.to_trash(lake, place(lake, other))
    except OSError as error:
        raise Unavailable(
            f"the manifest {path} cannot be written ({error.strerror})",
            "free some space or correct the folder's permissions, then run again; nothing was lost",
        ) from None
    point("manifest.written")
    return name


def place(lake: Path, name: str) -> Path:
    """Where one of them lies."""
    return lake / FOLDER / f"{number(name) // _A_FOLDER:06d}" / f"{name}{_SUFFIX}"


def of_number(lake: Path, wanted: int) -> set[str]:
    """The names of those of one number: at most one that was committed."""
    folder = lake / FOLDER / f"{wanted // _A_FOLDER:06d}"
    try:
        names = [path.name for path in folder.iterdir() if path.name.startswith(f"{wanted:09d}-")]
    except FileNotFoundError:
        return set()
    return {name.removesuffix(_SUFFIX) for name in names if _is_name(name)}


def newest(lake: Path) -> int:
    """The greatest number in the lake; 0 where there is none."""
    return max((number(name) for name in _names(lake)), default=0)


def chain(lake: Path, after: str = NONE) -> list[str]:
    """The names of all that came after one, oldest first, each the one that its successor names; from the newest that
    tells the whole ledger on, where there is one.

    Raises ``WorldError`` when one is missing in between.
    """
    by_number: dict[int, list[str]] = {}
    for name in _names(lake):
        by_number.setdefault(number(name), []).append(name)
    last = max(by_number, default=0)
    # Of two that are the newest, neither is contradicted by what came later: the later one was written knowing more.
    head = max(by_number.get(last, []), key=lambda name: place(lake, name).stat().st_mtime_ns, default=NONE)
    names: list[str] = []
    while number(head) > number(after):
        names.append(head)
        found = read(lake, head)
        if found.act.get("is_whole"):
            return names[::-1]
        head = found.previous
    if head != after:
        raise WorldError(
            f"the lake's manifests do not go back to {after}, the newest that the warehouse knows",
            "run `mediameter adopt` with an empty warehouse: it begins with the first",
        )
    return names[::-1]


def read(lake: Path, name: str) -> Manifest:
    """One of them, checked against its name. Raises ``WorldError`` when it is missing, or has changed."""
    path = place(lake, name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WorldError(
            f"the manifest {path} cannot be read ({error.strerror})", "restore the lake from its backup"
        ) from None
    if hashlib.sha256(content).hexdigest()[:20] != name.partition("-")[2]:
        raise WorldError(f"the manifest {path} has changed since it was written", "restore the lake from its backup")
    told = json.loads(gzip.decompress(content))
    if told["format"] > FORMAT:
        raise WorldError(f"the manifest {path} was made by a newer mediameter", "use the newer mediameter")
    return Manifest(name, told["previous"], told["kind"], told["act"])


def _names(lake: Path) -> Iterator[str]:
    for _, _, names in os.walk(lake / FOLDER):
        yield from (name.removesuffix(_SUFFIX) for name in names if _is_name(name))


def _is_name(name: str) -> bool:
    return name.endswith(_SUFFIX) and name[:9].isdecimal() and name[9:10] == "-"
