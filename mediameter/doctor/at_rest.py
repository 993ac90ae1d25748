"""Lake, warehouse and the disks below them: can be written, and for how long."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from mediameter import connect
from mediameter.doctor import server
from mediameter.doctor.case import Case
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.engines import trouble as engine_trouble
from mediameter.errors import MediameterError
from mediameter.store import migration, tenancy

LITTLE_BYTES = 5 * 10**9
NOTHING_BYTES = 2 * 10**8  # a batch, its sort, and SQLite's journal


def lake(case: Case) -> Iterator[Finding]:
    """Writes, syncs and removes a file, as a run does; makes no folder that was not there."""
    path = case.settings.lake.path
    place = _nearest(path)
    try:
        if not place.is_dir():
            raise NotADirectoryError(20, "it is a file, not a folder")
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"mediameter doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as trouble:
        remedy = f"correct the permissions of {place}, or set [lake] path to a folder that can be written"
        yield error(str(path), f"the lake cannot be written: {trouble.strerror}", remedy)
        return
    yield ok(str(path), "can be written" if path.exists() else f"not there yet; {place} can be written")


def warehouse(case: Case) -> Iterator[Finding]:
    """Opened, locked as a run and a migration lock it, and at our revision. A warehouse that is not there is not
    made."""
    file = case.settings.warehouse.sqlite_path
    if file is not None and not file.exists():
        yield _unmade(file)
        return
    url = case.settings.warehouse.url
    engine = tenancy.engine(url, case.settings.tenant)
    shown = connect.name(engine)
    try:
        with connect.writing(engine) as connection:  # takes the writer's lock, and has nothing to commit
            found = migration.revision(connection)
            findings = [_revision(shown, found), *server.examined(connection, shown, found, url)]
        with connect.altering(engine):  # on some engines another lock, and another statement
            pass
    except MediameterError as trouble:
        yield error(shown, trouble.message.removeprefix(f"{shown}: "), trouble.remedy)
        return
    except sa.exc.SQLAlchemyError as trouble:
        refused = engine_trouble.refused(engine, trouble)
        yield error(shown, refused.message.removeprefix(f"{shown}: "), refused.remedy)
        return
    finally:
        engine.dispose()
    yield from findings


def _unmade(file: Path) -> Finding:
    place = _nearest(file.parent)
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return ok(str(file), f"does not exist yet: the first run creates it; {place} can be written")
    remedy = f"correct the permissions of {place}, or set [warehouse] url"
    return error(str(file), f"does not exist and cannot be created: {place} cannot be written", remedy)


def _revision(shown: str, found: str | None) -> Finding:
    if found == migration.HEAD:
        return ok(shown, f"can be written, at revision {found}")
    if found is None:
        return ok(shown, "can be written, no tables yet: the first run creates them")
    if found < migration.HEAD:
        return ok(shown, f"can be written, at revision {found}: the next run brings it to {migration.HEAD}")
    remedy = "use the newer mediameter that made it: git pull, then make venv"
    return error(shown, f"at revision {found}, and this mediameter knows {migration.HEAD} at most", remedy)


def disk(case: Case) -> Iterator[Finding]:
    """Free space, once a disk."""
    settings = case.settings
    warehouse_file = settings.warehouse.sqlite_path
    wanted = [
        settings.lake.path,
        warehouse_file.parent if warehouse_file else settings.folder,
        Path(tempfile.gettempdir()),
    ]
    by_device: dict[int, list[Path]] = {}
    for path in wanted:
        by_device.setdefault(_nearest(path).stat().st_dev, []).append(path)
    for paths in by_device.values():
        names = ", ".join(dict.fromkeys(str(path) for path in paths))
        usage = shutil.disk_usage(_nearest(paths[0]))
        yield _space(names, usage.free) if usage.total else skipped(names, "what lies there tells no size")


def _space(names: str, free: int) -> Finding:
    found, remedy = f"{free / 10**9:,.1f} GB free", "free some space; old logs of a synced folder are the likely ones"
    if free < NOTHING_BYTES:
        return error(names, found, remedy)
    return warning(names, found, remedy) if free < LITTLE_BYTES else ok(names, found)


def _nearest(path: Path) -> Path:
    """The path, or the nearest one above it that is there."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


AT_REST: tuple[Check[Case], ...] = (
    Check("lake", lake),
    Check("warehouse", warehouse, if_late="does another process hold it for so long? See [warehouse] url"),
    Check("disk", disk),
)
