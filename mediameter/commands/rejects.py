"""The lines that could not be read, with their place: what to look at when a count seems low."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from rich.console import Console
from sqlalchemy import Connection, Select, func, select

from mediameter.errors import UserError
from mediameter.opening.bucket import bucket
from mediameter.opening.reader import plain, reader, rows
from mediameter.printable import shown
from mediameter.settings import Settings
from mediameter.sources.folder import Folder
from mediameter.sources.objects import ObjectVersion
from mediameter.store import objects
from mediameter.store.warehouse import tables
from schemas.internal import REJECTS

SHOWN_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Reject:
    """One rejected line, redacted; line 0 is an object that was refused as a whole."""

    source: str
    object_key: str
    line_number: int
    byte_offset: int
    reason: str
    line: str
    least_bytes: int | None
    most_bytes: int | None

    @property
    def size(self) -> str:
        """How many bytes it may stand for, in words."""
        if self.most_bytes is None:
            return "of unknown size" if self.line_number else ""
        exact = f"{self.most_bytes:,} bytes"
        return exact if self.least_bytes == self.most_bytes else f"{self.least_bytes:,} to {exact}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A file of a folder that is left out, since it may not be whole yet."""

    source: str
    object_key: str
    why: str


@dataclass(frozen=True, slots=True)
class Rejects:
    """The newest rejects, and how many there are in all; ``unread``: files of folders that no run reads as they are."""

    rejects: tuple[Reject, ...]
    total: int
    unread: tuple[Unread, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        unread = [asdict(each) for each in self.unread]
        return {"total": self.total, "rejects": [asdict(each) for each in self.rejects], "unread": unread}

    def render(self, console: Console) -> None:
        for each in self.rejects:
            place = f"{each.source}:{each.object_key}" + (f" line {each.line_number}" if each.line_number else "")
            size = f"  ({each.size})" if each.size else ""
            console.print(
                shown(f"{each.reason}  {place}{size}"), style="bold", markup=False, highlight=False, soft_wrap=True
            )
            console.print(shown(f"  {cut(each.line)}"), markup=False, highlight=False, soft_wrap=True)
        for file in self.unread:
            said = shown(f"not read  {file.source}:{file.object_key}: {file.why}")
            console.print(said, markup=False, highlight=False, soft_wrap=True)
        console.print(f"{len(self.rejects):,} of {self.total:,} rejects.", highlight=False)


@dataclass(frozen=True, slots=True)
class RejectShown:
    """One reject with all that is known of it: the object's version, and the parser that read it."""

    source: str
    object_key: str
    last_modified_at: datetime
    size_bytes: int
    etag: str
    parser_version: int
    line_number: int
    byte_offset: int
    reason: str
    line: str
    least_bytes: int | None
    most_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(asdict(self))
        return values

    def render(self, console: Console) -> None:
        for name, value in self.to_dict().items():
            console.print(shown(f"{name:<17} {value}"), markup=False, highlight=False, soft_wrap=True)


def cut(line: str) -> str:
    """What a terminal can show of a line; ``--json`` has all that is kept."""
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]} … ({len(line):,} characters kept)"


def list_rejects(
    settings: Settings, reason: str | None = None, limit: int = 20, *, now: datetime | None = None
) -> Rejects:
    """At most ``limit`` rejects, of one reason or of all, of the newest objects first; and, as of ``now``, the files of
    folders that may not be whole yet.

    Those of an object that was overwritten since went with it. Raises ``UserError`` for a reason that does not exist.
    """
    query = _standing(reason)
    with reader(settings) as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        objects = tables["objects"]
        newest = (objects.c.last_modified_at.desc(), objects.c.source, objects.c.object_key, objects.c.object_id)
        found = rows(connection, query.order_by(*newest, tables["rejects"].c.line_number).limit(limit))
        unread = tuple(_unread(settings, connection, now)) if now and not reason else ()
    return Rejects(tuple(Reject(**row) for row in found), int(total), unread)


def _unread(settings: Settings, connection: Connection, now: datetime) -> Iterator[Unread]:
    """By their names, their times and their ends; of a gzip file only a run sees its end."""
    for name, source in settings.bucket_sources.items():
        folder = bucket(settings, name, now=now) if source.is_folder else None
        if not isinstance(folder, Folder) or not folder.path.is_dir():
            continue
        known = objects.known_versions(connection, name)
        for version in folder.listing():
            if version.object_id not in known and (why := _may_be_written(folder, version)):
                yield Unread(name, version.key, f"may still be written: {why}")
        yield from (Unread(name, each.key, each.why) for each in folder.left_out)


def _may_be_written(folder: Folder, version: ObjectVersion) -> str:
    if why := folder.being_written(version):
        return why
    changed = folder.may_grow(version)
    return f"no newline at its end, {changed}" if changed and folder.lacks_newline(version) else ""


def show_reject(settings: Settings, key: str, line: int) -> RejectShown:
    """The reject of this object and line (0: the object itself). Raises ``UserError`` where there is none."""
    rejects, objects = tables["rejects"], tables["objects"]
    names = [field.name for field in fields(RejectShown)]
    query = (
        # `reason` is of both: here the line's; of a refused object line 0 has the object's.
        select(*(rejects.c[name] if name in rejects.c else objects.c[name] for name in names))
        .select_from(rejects.join(objects, objects.c.object_id == rejects.c.object_id))
        .where(objects.c.state != "superseded", objects.c.object_key == key)
        .order_by(objects.c.source, rejects.c.line_number)
    )
    with reader(settings) as connection:
        found = {row["line_number"]: row for row in rows(connection, query)}
    if line not in found:
        lines = ", ".join(map(str, list(found)[:20]))
        remedy = f"it has rejects at line {lines}" if found else "`mediameter rejects list` has them all"
        raise UserError(f"{key}: there is no reject at line {line}", remedy)
    return RejectShown(**found[line])


def _standing(reason: str | None) -> Select[Any]:
    rejects, objects = tables["rejects"], tables["objects"]
    query = (
        select(
            objects.c.source,
            objects.c.object_key,
            rejects.c.line_number,
            rejects.c.byte_offset,
            rejects.c.reason,
            rejects.c.line,
            rejects.c.least_bytes,
            rejects.c.most_bytes,
        )
        .select_from(rejects.join(objects, objects.c.object_id == rejects.c.object_id))
        .where(objects.c.state != "superseded")
    )
    return query.where(rejects.c.reason == _known(reason)) if reason else query


def _known(reason: str) -> str:
    reasons = REJECTS.column("reason").among
    if reason.upper() in reasons:
        return reason.upper()
    near = get_close_matches(reason.upper(), reasons, n=1, cutoff=0.4)
    raise UserError(f"there is no reject reason {reason!r}", f"did you mean {near[0]}?" if near else ", ".join(reasons))
