"""What may go from the lake. Nothing does without proof: this warehouse itself took the file out of what counts, or a
run of this warehouse announced it in its journal and never settled it. What no journal and no ledger knows is a
stranger's, and is left.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from mediameter.connect import reading, transact
from mediameter.settings.lakes import TENANTS
from mediameter.store import lake as at_rest
from mediameter.store import neighbours, tenancy
from mediameter.store.lake import RUNS, TRASH, to_trash
from mediameter.store.warehouse import chunks, naive, tables
from schemas.internal import LAKE_FILES, LAKE_RETIRED, LAKE_RUNS
from schemas.vocabulary import LAKE_KINDS

READERS_HAVE = timedelta(hours=24)
"""How long a file that no longer counts is left to those who read it, and a silent run is not taken for dead."""
HANDFUL, SHARE = 20, 0.05
"""A sweep of more files than the first, and of a larger share of files or bytes than the second, is held back."""
_FOLDER = rf"(?:{'|'.join(LAKE_KINDS)})/source=[^/]+/day=\d{{4}}-\d\d-\d\d"
_OURS = re.compile(rf"{_FOLDER}/(?:[0-9a-f]{{40}}\.parquet|\.draft-[0-9a-f]+)")
_SCRATCH = re.compile(r"\.draft-[0-9a-f]{16}\*")
_files, _retired, _runs = (tables[contract.name] for contract in (LAKE_FILES, LAKE_RETIRED, LAKE_RUNS))


@dataclass(frozen=True, slots=True)
class Swept:
    """Files that went to the trash; ``held_back``: why none did, in one line, where there were too many."""

    files: int = 0
    held_back: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """What may go: paths relative to the lake, the bytes that lie there, and the journals that told of some of it."""

    paths: list[str]
    size_bytes: int
    runs: list[str]


def sweep(made: sa.Engine, lake: Path, trash_days: int, *, every: bool = False) -> Swept:
    """Moves what no longer counts to the trash, and deletes what has lain there long enough.

    Under the writer's lock: a run that is about to settle a file looks at it under the same.
    """
    if not lake.is_dir():
        return Swept()
    _empty_trash(lake, trash_days)
    with reading(made) as connection:
        if not _has_candidates(connection, lake):
            return Swept()
    return transact(made, lambda connection: _swept(connection, lake, every=every))


def unknown_files(connection: sa.Connection, lake: Path) -> list[str]:
    """Parquet below the lake that neither the ledger nor a journal knows: a stranger's, or of a lost warehouse."""
    known = {
        path for column in (_files.c.path, _retired.c.path) for path in _of_the_lake(connection, sa.select(column))
    }
    known |= {path for run in _journals(lake) for path in _announced(lake, run)}
    found = (path.relative_to(lake).as_posix() for path in lake.rglob("*.parquet"))
    return sorted(path for path in found if path not in known and path.partition("/")[0] not in (TRASH, TENANTS))


def _has_candidates(connection: sa.Connection, lake: Path) -> bool:
    old = sa.select(_retired.c.path).where(_retired.c.retired_at < _long_ago()).limit(1)
    return connection.execute(old).first() is not None or any(True for _ in _dead(lake))


def _swept(connection: sa.Connection, lake: Path, *, every: bool) -> Swept:
    found = _candidates(connection, lake)
    held_back = "" if every else _too_many(connection, found)
    if held_back:
        return Swept(held_back=held_back)
    for path in found.paths:
        to_trash(lake, lake / path)
    for some in chunks(found.paths):
        connection.execute(_retired.delete().where(_retired.c.path.in_(some)))
    for run in found.runs:
        to_trash(lake, lake / RUNS / run)
        connection.execute(_runs.delete().where(_runs.c.run_id == run))
    return Swept(len(found.paths))


def _candidates(connection: sa.Connection, lake: Path) -> _Found:
    query = sa.select(_retired.c.path, _retired.c.retired_at)
    retired = {row.path: row.retired_at for row in connection.execute(query)}
    ours = set(connection.execute(sa.select(_runs.c.run_id)).scalars())
    dead = [run for run in _dead(lake) if run in ours]
    paths = {path for path, at in retired.items() if at < _long_ago()}
    paths |= {path for run in dead for path in _announced(lake, run) if path not in retired}
    # What counts, for whichever tenant, is never a candidate, whatever a journal says.
    paths -= _counting(connection, sorted(paths))
    chosen = sorted(path for path in paths if _OURS.fullmatch(path) or path.startswith(".draft-"))
    sizes = {path: size for path in chosen if (size := _size(lake / path)) is not None}
    return _Found([path for path in chosen if path in sizes or path in retired], sum(sizes.values()), dead)


def _size(path: Path) -> int | None:
    """None where there is no such file: a draft may just have got its name."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def _counting(connection: sa.Connection, paths: list[str]) -> set[str]:
    queries = (sa.select(_files.c.path).where(_files.c.path.in_(some)) for some in chunks(paths))
    return {path for query in queries for path in _of_the_lake(connection, query)}


def _of_the_lake(connection: sa.Connection, paths: sa.Select[tuple[str]]) -> list[str]:
    """Of all tenants whose lake it is."""
    [table] = paths.get_final_froms()
    whose = table.c.tenant.in_(neighbours.sharing(connection))
    return list(connection.execute(paths.where(whose), execution_options=tenancy.EVERYBODY).scalars())


def _too_many(connection: sa.Connection, found: _Found) -> str:
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_files.c.size_bytes), 0))
    files, size_bytes = (int(each) for each in connection.execute(query).one())
    share = max(len(found.paths) / max(files, 1), found.size_bytes / max(size_bytes, 1))
    if len(found.paths) <= HANDFUL or share <= SHARE:
        return ""
    return (
        f"{len(found.paths):,} files that no longer count were left in the lake, beside {files:,} that do: more than"
        f" {SHARE:.0%} at once goes only if you say so (`mediameter run --sweep-all`, after a look at why)"
    )


# --- journals ----------------------------------------------------------------------------------------


def _dead(lake: Path) -> Iterator[str]:
    """Runs that have written nothing for a day."""
    before = (at_rest.clock() - READERS_HAVE).timestamp()
    for run in _journals(lake):
        with suppress(FileNotFoundError):  # another sweep was first
            if (lake / RUNS / run).stat().st_mtime < before:
                yield run


def _journals(lake: Path) -> list[str]:
    folder = lake / RUNS
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _announced(lake: Path, run: str) -> set[str]:
    """What the run said that it would write, as paths of our own layout."""
    lines = (lake / RUNS / run).read_text(encoding="utf-8", errors="replace").splitlines()
    paths = {line for line in lines if _OURS.fullmatch(line)}
    for scratch in (line for line in lines if _SCRATCH.fullmatch(line)):
        paths |= {path.name for path in lake.glob(scratch) if path.is_file()}
    return paths


# --- the trash ---------------------------------------------------------------------------------------


def _empty_trash(lake: Path, trash_days: int) -> None:
    """Deletes the folders of days that are long enough ago."""
    folder = lake / TRASH
    if not folder.is_dir():
        return
    first = at_rest.clock().date() - timedelta(days=trash_days)
    for each in folder.iterdir():
        day = _day(each.name)
        if day is not None and day < first and each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _long_ago() -> datetime:
    return naive((at_rest.clock() - READERS_HAVE).astimezone(UTC))
