"""What the newest file of a source of events holds: events or not, of which types, how many are rejected.

Its first events are parsed in memory; nothing of them is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

from mediameter.doctor import bucket, folder, newest
from mediameter.doctor.case import Visit
from mediameter.doctor.checking import Check
from mediameter.doctor.deliveries import silence
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from parsers.access_log import Context, Refused

_NO_SEED = 0  # ids of events are not kept, so they need no secret


def sample(visit: Visit) -> Iterator[Finding]:
    """The newest file, as a run reads it."""
    if not visit.objects or visit.chunks is None:
        yield skipped("newest file", newest.NOTHING_TO_LOOK_AT)
        return
    version = visit.objects[-1]
    try:
        with closing(visit.chunks(version)) as chunks:
            parsed = next(visit.system.events(chunks, Context(_NO_SEED, version.last_modified)), None)
    except Refused as refused:
        yield error(version.key, str(refused), f"point {visit.setting} prefix (or path) at files with events alone")
        return
    if parsed is None:
        yield ok(version.key, "no events in it")
        return
    held = ", ".join(f"{frame.height:,} {kind.replace('_', ' ')}" for kind, frame in parsed.frames.items())
    reasons = Counter(reason for _, _, reason, _ in parsed.rejects)
    if len(parsed.rejects) > visit.settings.rejects.budget * parsed.events:
        said = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
        remedy = "see `mediameter rejects` after a run, and docs/definitions.md for the shapes that are read"
        yield warning(version.key, f"{held or 'no events'}; of {parsed.events:,} rejected: {said}", remedy)
    else:
        yield ok(version.key, held or "no events in it")


_NEWEST = (
    Check("silence", silence, needs=("list",)),
    Check("get", newest.get, needs=("list",), limit_s=30),
    Check("newest", sample, needs=("get",), limit_s=60),
)
EVENT_FOLDER: tuple[Check[Visit], ...] = (
    Check("list", folder.there, limit_s=60),
    Check("unfinished", folder.unfinished, needs=("list",)),
    *_NEWEST,
)
EVENT_BUCKET: tuple[Check[Visit], ...] = (
    *(check for check in bucket.BUCKET if check.name in ("reach", "clock", "region", "list")),
    *_NEWEST,
)
