"""Objects on their way before they are asked for: as many at a time as the reader can use, in bounded memory.

Latency rules a bucket of many small objects, and the parser must not wait for it. Nor must it share its cores with
requests that nobody waits for yet: so few are sent at first, and twice as many whenever the reader had to wait.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from types import TracebackType

from mediameter.sources.objects import ObjectVersion
from mediameter.sources.s3 import S3, Fetched, Part, S3Reading, parts_of
from mediameter.sources.temporary import LeftOut

FIRST_FETCHERS = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """``fetchers``: requests at a time, at most. ``held_bytes``: on their way or waiting to be taken, together; what
    has been taken is the taker's."""

    fetchers: int
    held_bytes: int


class Ahead:
    """A bucket whose objects are fetched in the order of ``versions``, about the order in which they are to be read.

    Nobody waits for memory: a part that is asked for before its turn is fetched at once by whoever asks.
    """

    def __init__(self, bucket: S3, versions: list[ObjectVersion], limits: Limits) -> None:
        self._bucket = bucket
        self._todo = dict.fromkeys(part for version in versions for part in parts_of(version))
        self._coming: dict[Part, Future[Fetched]] = {}
        self._room = limits.held_bytes
        self._most = limits.fetchers
        self._fetchers = min(FIRST_FETCHERS, limits.fetchers)  # that may be at work now
        self._busy = 0
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(limits.fetchers, thread_name_prefix="fetch")

    @property
    def source(self) -> str:
        return self._bucket.source

    @property
    def left_out(self) -> list[LeftOut]:
        return self._bucket.left_out

    def being_written(self, version: ObjectVersion) -> str:
        """As the bucket has it."""
        return self._bucket.being_written(version)

    def may_grow(self, version: ObjectVersion) -> str:
        """As the bucket has it."""
        return self._bucket.may_grow(version)

    def read(self, version: ObjectVersion) -> S3Reading:
        """The bytes of just that version; a second time too, though not ahead then."""
        return S3Reading(version, self._take, self._drop)

    def __enter__(self) -> Ahead:
        with self._lock:
            self._send_for_more()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._todo.clear()
        self._pool.shutdown(cancel_futures=True)

    def _take(self, part: Part) -> Fetched:
        with self._lock:
            coming = self._coming.get(part)
            self._todo.pop(part, None)
            if coming and not coming.done():
                self._fetchers = min(2 * self._fetchers, self._most)
                self._send_for_more()
        if coming is None:
            return self._bucket.fetch(part)
        try:
            return coming.result()
        finally:
            self._drop(part)

    def _drop(self, part: Part) -> None:
        with self._lock:
            self._todo.pop(part, None)
            coming = self._coming.pop(part, None)
            if coming is None:
                return
            self._busy -= coming.cancel()
            self._room += part.size
            self._send_for_more()

    def _send_for_more(self) -> None:
        """In order, as far as there is room, one part at least, and as fetchers are free. The lock is held."""
        while self._todo and self._busy < self._fetchers:
            part = next(iter(self._todo))
            if part.size > self._room and self._coming:
                return
            del self._todo[part]
            self._room -= part.size
            self._busy += 1
            self._coming[part] = self._pool.submit(self._fetch, part)

    def _fetch(self, part: Part) -> Fetched:
        try:
            return self._bucket.fetch(part)
        finally:
            with self._lock:
                self._busy -= 1
                self._send_for_more()
