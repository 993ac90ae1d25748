"""What is fetched before it is asked for: in order, many at a time, in bounded memory, and never waited for in vain."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from random import Random
from typing import cast

import pytest

from mediameter.errors import WorldError
from mediameter.sources import s3
from mediameter.sources.ahead import FIRST_FETCHERS, Ahead, Limits
from mediameter.sources.objects import ObjectVersion
from mediameter.sources.s3 import S3, Fetched, Part, parts_of


class Slow:
    """A bucket that takes its time, and counts what it has given and nobody has taken."""

    source = "logs"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.fetched: list[Part] = []
        self.busy = self.busiest = 0
        self._lock = threading.Lock()

    def fetch(self, part: Part) -> Fetched:
        with self._lock:
            self.fetched.append(part)
            self.busy += 1
            self.busiest = max(self.busy, self.busiest)
        time.sleep(self.seconds)
        with self._lock:
            self.busy -= 1
        if part.version.key == "broken":
            raise WorldError("broken")
        return Fetched(b"x" * part.size, ())


def versions(*sizes: int, key: str = "") -> list[ObjectVersion]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [ObjectVersion("logs", key or f"{number}", f"e{number}", size, at) for number, size in enumerate(sizes)]


def ahead(slow: Slow, todo: list[ObjectVersion], fetchers: int = 4, held: int = 1000) -> Ahead:
    return Ahead(cast(S3, slow), todo, Limits(fetchers, held))


def a_moment() -> None:
    time.sleep(0.1)


def test_parts_cover_an_object() -> None:
    for size in (0, 1, s3.PART_BYTES, s3.PART_BYTES + 1, 3 * s3.PART_BYTES):
        [version] = versions(size)
        parts = parts_of(version)
        assert sum(part.size for part in parts) == size
        assert [part.start for part in parts] == [number * s3.PART_BYTES for number in range(len(parts))]
        assert parts[0].is_whole == (size <= s3.PART_BYTES)


def test_no_more_is_held_than_may_be() -> None:
    slow, todo = Slow(), versions(*[100] * 50)
    with ahead(slow, todo) as near:
        a_moment()
        assert [part.version for part in slow.fetched] == todo[:10] and slow.busiest <= 4
        for _ in near.read(todo[0]).chunks():
            pass
        a_moment()
        assert len(slow.fetched) == 11
    assert len(slow.fetched) == 11


def test_who_never_waits_is_served_by_few() -> None:
    slow, todo = Slow(0.02), versions(*[1] * 60)
    with ahead(slow, todo, fetchers=32) as near:
        time.sleep(1.0)  # at work with something else, while all of it comes
        for version in todo:
            for _ in near.read(version).chunks():
                pass
    assert len(slow.fetched) == 60 and slow.busiest == FIRST_FETCHERS


def test_who_waits_is_served_by_more_as_far_as_the_settings_say() -> None:
    slow, todo = Slow(0.05), versions(*[1] * 60)
    with ahead(slow, todo, fetchers=12) as near:
        for version in todo:
            for _ in near.read(version).chunks():
                pass
    assert FIRST_FETCHERS < slow.busiest <= 12


def test_one_that_is_larger_than_the_room_comes_alone() -> None:
    slow, todo = Slow(), versions(5000, 5000)
    with ahead(slow, todo) as near:
        a_moment()
        assert len(slow.fetched) == 1
        assert [len(b"".join(near.read(version).chunks())) for version in todo] == [5000, 5000]
    assert len(slow.fetched) == 2


@pytest.mark.parametrize("seed", range(5))
def test_in_any_order_each_is_fetched_once_and_none_waited_for(seed: int) -> None:
    rng = Random(seed)
    slow = Slow(0.001)
    todo = versions(*(rng.randrange(0, 700) for _ in range(100)))
    order = rng.sample(todo, len(todo))
    with ahead(slow, todo) as near:
        for version in order:
            assert sum(map(len, near.read(version).chunks())) == version.size
    assert sorted(part.version.key for part in slow.fetched) == sorted(version.key for version in todo)


def test_what_is_left_in_the_middle_gives_its_room_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", 100)
    slow, todo = Slow(), versions(1000, 1000)
    with ahead(slow, todo) as near:
        chunks = near.read(todo[0]).chunks()
        next(chunks)
        chunks.close()
        a_moment()
        assert sum(part.version == todo[1] for part in slow.fetched) == 10


def test_failures_are_told_to_who_asks() -> None:
    slow = Slow()
    [broken] = versions(10, key="broken")
    todo = [broken, *versions(10)]
    with ahead(slow, todo) as near:
        with pytest.raises(WorldError, match="broken"):
            list(near.read(broken).chunks())
        assert list(near.read(todo[1]).chunks()) == [b"x" * 10]


def test_a_second_reading_asks_again() -> None:
    slow, todo = Slow(), versions(10)
    with ahead(slow, todo) as near:
        for _ in range(2):
            assert list(near.read(todo[0]).chunks()) == [b"x" * 10]
    assert len(slow.fetched) == 2


def test_who_gives_up_does_not_wait_for_the_rest() -> None:
    slow, todo = Slow(0.05), versions(*[1] * 500)
    begun = time.monotonic()
    with pytest.raises(KeyError), ahead(slow, todo):
        raise KeyError
    assert time.monotonic() - begun < 2 and len(slow.fetched) < 20
