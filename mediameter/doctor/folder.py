"""A folder laid out as the bucket: it is there, readable, not empty, and its files kept the times of their delivery."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mediameter.doctor import newest
from mediameter.doctor.case import Visit
from mediameter.doctor.checking import Check
from mediameter.doctor.deliveries import silence
from mediameter.doctor.emptiness import nothing_below
from mediameter.doctor.finding import Finding, ok, skipped, warning
from mediameter.sources.folder import Folder, Patience
from mediameter.sources.objects import ObjectVersion
from mediameter.sources.temporary import NO_COPIES

# When the object was made, as OVH and AWS write it into its name.
_NAMED_AT = re.compile(r"(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[0-9A-Z]")
_EARLIER, _LATER = timedelta(hours=1), timedelta(days=1)
_TOP_NAMES = 200
_SHOWN = 5
_KEEP_TIMES = "sync with times preserved (rsync -t, cp -p, rclone or aws s3 sync as they are), then sync anew"


def there(visit: Visit) -> Iterator[Finding]:
    """Lists all of it, as a run does."""
    path, ingest = _path(visit), visit.settings.ingest
    folder = Folder(visit.name, path, visit.source.prefix, Patience.of(visit.clock(), ingest.quiet, ingest.unfinished))
    found = folder.listing()
    visit.left_out, visit.listed = folder.left_out, found
    visit.growing = {version.key: why for version in found if (why := folder.being_written(version))}
    whole = [version for version in found if version.key not in visit.growing]
    visit.objects = sorted(whole, key=lambda version: (version.last_modified, version.key))
    visit.chunks = lambda version: folder.read(version).chunks()
    looked_at = str(path / visit.source.prefix)
    if found:
        newest_at = max(version.last_modified for version in found)
        yield ok(looked_at, f"{len(found):,} files, the newest of {newest_at:%Y-%m-%d %H:%MZ}")
        return
    names = sorted(each.name + ("/" if each.is_dir() else "") for each in path.iterdir())[:_TOP_NAMES]
    yield nothing_below(visit, looked_at, names)


def _path(visit: Visit) -> Path:
    assert visit.source.path is not None  # it is a folder that is visited
    return visit.source.path


def unfinished(visit: Visit) -> Iterator[Finding]:
    """Files that are left out since they may not be whole yet. One that stays so is what a copy that died left."""
    path, looked_at = _path(visit), f"{len(visit.left_out) + len(visit.growing):,} files that may not be whole yet"
    growing = [f"{key} ({why})" for key, why in visit.growing.items()]
    temporary = [f"{each.key} ({each.why})" for each in visit.left_out]
    named = ", ".join([*growing, *temporary][:_SHOWN]) or "none"
    dead = [each.key for each in visit.left_out if each.program not in NO_COPIES and _is_old(path / each.key, visit)]
    if dead:
        found = f"{len(dead):,} temporary files have not changed for a day, like {dead[0]}: a copy has died"
        yield warning(looked_at, found, "let the copy run again, and remove what it left behind")
    else:
        yield ok(looked_at, f"not read as they are: {named}" if visit.left_out or visit.growing else "none")


def _is_old(path: Path, visit: Visit) -> bool:
    try:
        return visit.clock() - datetime.fromtimestamp(path.stat().st_ctime, UTC) > timedelta(days=1)
    except FileNotFoundError:
        return False


def times(visit: Visit) -> Iterator[Finding]:
    """Files' times against those in their names: a copy that does not keep them looks like a late delivery."""
    named = _named(visit.listed)
    if not named:
        yield skipped("files' times", "no file name tells a time")
        return
    looked_at = f"times of {len(named):,} files, against their names"
    early = [version for version, at in named if version.last_modified < at - _EARLIER]
    late = [version for version, at in named if version.last_modified > at + _LATER]
    if early:
        found = f"{len(early):,} are older than their names say, like {early[-1].key}: their lines would be FUTURE_TIME"
        yield warning(looked_at, found, _KEEP_TIMES)
    elif 2 * len(late) > len(named):
        found = f"{len(late):,} are more than a day younger than their names say: a copy has rewritten them"
        yield warning(looked_at, f"{found}, and every delivery looks late", _KEEP_TIMES)
    else:
        yield ok(looked_at, "they agree")


def _named(objects: Sequence[ObjectVersion]) -> list[tuple[ObjectVersion, datetime]]:
    """The objects whose names tell a time, and that time."""
    return [(version, at) for version in objects if (at := _time_in(version.key))]


def _time_in(key: str) -> datetime | None:
    match = _NAMED_AT.search(key)
    try:
        return datetime.strptime(match[1], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


FOLDER: tuple[Check[Visit], ...] = (
    Check("list", there, limit_s=60),
    Check("silence", silence, needs=("list",)),
    Check("get", newest.get, needs=("list",)),
    Check("unfinished", unfinished, needs=("list",)),
    Check("times", times, needs=("list",)),
    Check("newest", newest.sample, needs=("get",), limit_s=60),
    Check("rejects", newest.rejects, needs=("newest",)),
    Check("lag", newest.lag, needs=("newest",)),
    Check("loop", newest.loop, needs=("newest",)),
)
