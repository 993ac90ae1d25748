"""How the lines reach the bucket: two logging hosts, an object about every hour from each, and what goes wrong."""

from __future__ import annotations

import gzip
import os
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from mediameter.demo.lines import LOG_BUCKET, Event, ovh_line
from mediameter.demo.oddities import KINDS, SEED_AT, Maker, Oddity, amazons, seed
from mediameter.demo.truth import BLANK, LOG_BUCKET_OWN, Outcome, Tally

HOUR = 3600
HOSTS = (5 * 60, 35 * 60)
"""The minute of the hour, in seconds, after which each logging host begins a new object."""
OLDEST_RECORD_S = 90 * 60
LATE_S = 2 * 86400

_ERROR_PAGE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>ServiceUnavailable</Code><Message>Reduce your request rate.</Message><RequestId>tx0</RequestId></Error>
"""


@dataclass(slots=True)
class Draft:
    """An object that still grows."""

    rotation: int
    lines: list[tuple[str, Outcome]] = field(default_factory=list)

    def add(self, line: str, outcome: Outcome) -> None:
        self.lines.append((line, outcome))

    def bytes(self, newline: str = "\n", end: str = "\n") -> bytes:
        return (newline.join(line for line, _ in self.lines) + end).encode("utf-8", "surrogateescape")

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for _, outcome in self.lines]


class Bucket:
    """Writes objects named by the time of their rotation, which is their last-modified too."""

    def __init__(self, root: Path, prefix: str, rng: Random, tally: Tally) -> None:
        self._root, self._prefix, self._rng, self._tally = root, prefix, rng, tally

    def put(
        self, content: bytes, at: int, outcomes: list[Outcome], refused: str | None = None, digits: int = 32
    ) -> None:
        """One object whose fate the tally is told. Amazon's names end in 16 characters, OVH's in 32."""
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d-%H-%M-%S")
        path = self._root / f"{self._prefix}{stamp}-{self._rng.getrandbits(4 * digits):0{digits}X}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at, at))
        self._tally.object(outcomes, refused)


class Logging:
    """The logging hosts. Events come in order of time; an object is delivered when no event can enter it any more."""

    def __init__(self, bucket: Bucket, rng: Random, tally: Tally, maker: Maker, begin: int, days: int) -> None:
        self._bucket, self._rng, self._tally = bucket, rng, tally
        self._rotations = [
            [begin + hour * HOUR + minute + rng.randrange(240) for hour in range(24 * days + 3)] for minute in HOSTS
        ]
        self._drafts: dict[tuple[int, int], Draft] = {}
        self._maker = maker
        # Each on a day and in an hour of its own, as far as the days reach.
        self._odd = {(n % 2, n % days * 24 + 7 + n): kind for n, kind in enumerate(KINDS)}
        self._mishaps = {(n % 2, n % days * 24 + 15 + n): mishap for n, mishap in enumerate(_MISHAPS)}

    def write(self, event: Event) -> None:
        """Log one event on one of the hosts; a few lines are held up and come an object later."""
        outcome: Outcome = LOG_BUCKET_OWN if event.bucket == LOG_BUCKET else self._tally.event(event)
        host = self._rng.random() < 0.45
        rotations = self._rotations[host]
        slot = bisect_left(rotations, event.at)
        if self._rng.random() < 0.02 and rotations[slot + 1] - event.at <= OLDEST_RECORD_S:
            slot += 1
        self._draft(host, slot).add(ovh_line(event), outcome)

    def _draft(self, host: int, slot: int) -> Draft:
        draft = self._drafts.get((host, slot))
        if draft is None:
            draft = self._drafts[host, slot] = Draft(self._rotations[host][slot])
        return draft

    def deliver(self, until: int | None = None) -> None:
        """Deliver what was rotated before ``until`` (all, where None is given)."""
        due = [place for place, draft in self._drafts.items() if until is None or draft.rotation < until]
        for place in sorted(due):
            self._close(*place, self._drafts.pop(place))

    def _close(self, host: int, slot: int, draft: Draft) -> None:
        kind = self._odd.get((host, slot))
        if kind:
            self._maker.move(draft.rotation - 1500, draft.rotation)
            for oddity in kind(self._maker):
                place = self._rng.randrange(len(draft.lines) + 1)
                draft.lines.insert(place, (oddity.line, outcome_of(oddity, self._tally)))
        mishap = self._mishaps.get((host, slot))
        if mishap is _doubled:
            later = self._draft(host, slot + 1)
            later.lines += draft.lines[:5]
        if mishap:
            mishap(self._bucket, draft)
        else:
            content = draft.bytes()
            self._bucket.put(_packed(content) if (host + slot) % 3 == 0 else content, draft.rotation, draft.outcomes)


def outcome_of(oddity: Oddity, tally: Tally) -> Outcome:
    """What becomes of an odd line; the event it tells of, if any, is counted."""
    return tally.event(oddity.event) if oddity.event else oddity.reason


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)


def _late(bucket: Bucket, draft: Draft) -> None:
    bucket.put(draft.bytes(), draft.rotation + LATE_S, draft.outcomes)


def _twice(bucket: Bucket, draft: Draft) -> None:
    for delay in (0, 420):
        bucket.put(draft.bytes(), draft.rotation + delay, draft.outcomes)


def _carriage_returns(bucket: Bucket, draft: Draft) -> None:
    draft.lines.insert(2, ("", BLANK))
    bucket.put(draft.bytes("\r\n", "\r\n"), draft.rotation, draft.outcomes)


def _ragged(bucket: Bucket, draft: Draft) -> None:
    """Blank lines, and no newline at the end."""
    for place in (0, 3, 3, 7):
        draft.lines.insert(place, ("", BLANK))
    draft.lines.insert(5, ("   ", BLANK))
    bucket.put(draft.bytes(end=""), draft.rotation, draft.outcomes)


def _marked(bucket: Bucket, draft: Draft) -> None:
    bucket.put(b"\xef\xbb\xbf" + draft.bytes(), draft.rotation, draft.outcomes)


def _doubled(bucket: Bucket, draft: Draft) -> None:
    """Some lines twice in this object; the next one repeats them too."""
    draft.lines += draft.lines[2:9]
    bucket.put(draft.bytes(), draft.rotation, draft.outcomes)


def _cut_short(bucket: Bucket, draft: Draft) -> None:
    """The first upload broke off; the whole followed under another name."""
    content = _packed(draft.bytes())
    bucket.put(content[: len(content) * 2 // 3], draft.rotation, [], refused="TRUNCATED")
    bucket.put(content, draft.rotation + 600, draft.outcomes)


_MISHAPS: tuple[Callable[[Bucket, Draft], None], ...] = (
    _late,
    _twice,
    _carriage_returns,
    _ragged,
    _marked,
    _doubled,
    _cut_short,
)


def strays(bucket: Bucket, tally: Tally, maker: Maker, begin: int) -> None:
    """Objects that no logging host of ours rotated: an empty one, an error page, Amazon's, the guide's example."""
    bucket.put(b"", begin + 4 * HOUR, [])
    bucket.put(_ERROR_PAGE, begin + 6 * HOUR, [], refused="NOT_AN_ACCESS_LOG")
    maker.move(begin + 12 * HOUR, begin + 12 * HOUR + 1200)
    for oddities, rotation, digits in ((list(amazons(maker)), maker.rotation, 16), ([seed()], SEED_AT + 1732, 32)):
        draft = Draft(rotation, [(oddity.line, outcome_of(oddity, tally)) for oddity in oddities])
        bucket.put(draft.bytes(), rotation, draft.outcomes, digits=digits)
