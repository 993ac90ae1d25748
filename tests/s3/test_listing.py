"""Which keys a listing asks for: all of them, or those of the last days where the keys say of what day they are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote

import pytest

from mediameter.sources import s3_listing
from mediameter.sources.objects import key_day
from mediameter.steps.ingest.ingest import ingest
from mediameter.steps.redo.backfill import Task, backfill
from tests.conftest import Trials
from tests.s3.injector import Injector, refused
from tests.s3.store import NOW, Site, Store, line

FIRST = date(2025, 11, 1)
DAYS = 30
SINCE = FIRST + timedelta(days=DAYS - 7)

LAYOUTS = {
    "plain": "access-logs/%Y-%m-%d-%H-%M-%S-0A",
    "partitioned": "access-logs/111122223333/eu-west-3/media/%Y/%m/%d/%Y-%m-%d-%H-%M-%S-0A",
    "a folder a bucket": "access-logs/media/%Y-%m-%d-%H-%M-%S-0A",
}


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_listing, "PAGE_KEYS", 5)


def at(day: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, 3, tzinfo=UTC) + timedelta(days=day)


def fill(store: Store, layout: str, days: range = range(DAYS)) -> list[str]:
    """An object a day, delivered when its key says."""
    keys = [at(day).strftime(layout) for day in days]
    for day, key in zip(days, keys, strict=True):
        store.put(key, b"", at(day))
    return keys


def listed(site: Site, since: date | None, prefix: str = "access-logs/") -> list[str]:
    bucket = site.bucket(prefix=prefix)
    bucket.since = since
    return [version.key for version in bucket.listing()]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 13])
def test_page_after_page(count: int, store: Store, site: Site, injector: Injector) -> None:
    keys = [f"access-logs/{number:03}" for number in range(count)]
    for key in keys:
        store.put(key, b"")
    assert listed(site, None) == keys
    assert len(injector.seen) <= max(1, -(-count // 5)) + 1


def test_more_keys_than_a_page_of_s3_holds(store: Store, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_listing, "PAGE_KEYS", 1000)
    for number in range(1003):
        store.put(f"access-logs/{number:04}", b"")
    assert len(listed(site, None)) == 1003


def test_folder_markers_are_no_objects(store: Store, site: Site) -> None:
    for key in ("access-logs/", "access-logs/2026/", "access-logs/2026/A"):
        store.put(key, b"")
    assert listed(site, None) == ["access-logs/2026/A"]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_last_days_alone(name: str, store: Store, site: Site, injector: Injector) -> None:
    """And what stands on the first page, which is looked at to see the layout."""
    keys = fill(store, LAYOUTS[name])
    assert listed(site, SINCE) == [*keys[:5], *keys[-7:]]
    assert len(injector.seen) <= 6
    assert not any("2025-11-1" in unquote(target) for target in injector.seen)
    assert listed(site, None) == keys


def test_two_buckets_in_one_log(store: Store, site: Site) -> None:
    keys = [key for name in ("media", "web") for key in fill(store, LAYOUTS["partitioned"].replace("media", name))]
    store.put("access-logs/111122223333/note", b"")
    found = listed(site, SINCE)
    assert set(found) == {*keys[:5], *keys[23:30], *keys[-7:], "access-logs/111122223333/note"}


@pytest.mark.parametrize("stray", ["access-logs/.hidden", "access-logs/0-note", "access-logs/2025-11-01"])
def test_an_unknown_layout_is_listed_whole(stray: str, store: Store, site: Site) -> None:
    keys = fill(store, LAYOUTS["plain"])
    store.put(stray, b"")
    assert listed(site, SINCE) == sorted([*keys, stray])


def test_names_after_the_days_are_listed_too(store: Store, site: Site) -> None:
    fill(store, LAYOUTS["plain"])
    store.put("access-logs/other", b"")
    assert "access-logs/other" in listed(site, SINCE)


# --- the window of a run -------------------------------------------------------------------------------
def test_the_first_run_lists_everything_the_next_a_window(store: Store, site: Site, injector: Injector) -> None:
    keys = fill(store, LAYOUTS["plain"])
    now = at(DAYS)
    assert ingest(site.settings(), now=now).listed == len(keys)
    assert ingest(site.settings(), now=now + timedelta(hours=1)).listed == 5 + 8  # logs are complete until yesterday
    assert ingest(site.settings(), now=now + timedelta(hours=2), window=14).listed == 5 + 15
    assert ingest(site.settings(), now=now + timedelta(hours=3), window=90_000_000).listed == len(keys)


def test_what_comes_late_under_a_key_of_its_own_day_is_found(store: Store, site: Site) -> None:
    """Amazon's date partitions are by the time of the events: by a backfill of that day at once, else by the first
    `run` of the next day, which lists everything."""
    fill(store, LAYOUTS["partitioned"])
    ingest(site.settings(), now=at(DAYS))
    for number in (14, 15):
        store.put(f"{at(DAYS - number).strftime(LAYOUTS['partitioned'])}-late", line(number), at(DAYS))
    now = at(DAYS) + timedelta(hours=1)
    assert ingest(site.settings(), now=now).objects == 0
    day = at(DAYS - 14).date()
    assert backfill(site.settings(), Task(day, day), now=now).ingest.objects == 1
    assert ingest(site.settings(), now=now + timedelta(hours=19)).objects == 0
    assert ingest(site.settings(), now=now + timedelta(hours=20)).objects == 1


@pytest.mark.parametrize(
    ("key", "day"),
    [
        ("logs/2026-01-31-23-59-59-A", date(2026, 1, 31)),
        ("2026-01-31-23-59-59-A", date(2026, 1, 31)),
        ("logs/1111/eu/media/2026/01/31/2026-02-01-00-00-00-A", date(2026, 1, 31)),
        ("logs/2026-02-30-00-00-00-A", None),
        ("logs/x2026-01-31-23-59-59-A", None),
        ("logs/2026-01-31", None),
        ("", None),
    ],
)
def test_the_day_that_a_key_names(key: str, day: date | None) -> None:
    assert key_day(key) == day


def test_what_came_while_nobody_listed_is_in_the_window(store: Store, site: Site) -> None:
    """Three weeks of silence: a window of seven days before now would leave two of them out, and call them complete."""
    keys = fill(store, LAYOUTS["plain"])
    for key in keys[10:]:
        store.delete(key)
    ingest(site.settings(), now=at(10))
    for number, key in enumerate(keys[10:]):
        store.put(key, line(number))
    assert ingest(site.settings(), now=at(DAYS)).objects == 20


def test_what_is_pending_stays_in_the_window(store: Store, site: Site, injector: Injector) -> None:
    """Else it would count as complete as soon as it were a week old."""
    keys = fill(store, LAYOUTS["plain"])
    injector.inject(keys[10], refused(403, "AccessDenied"))
    store.put(keys[10], line(1), at(10))
    for day in (0, 20):
        fill(store, LAYOUTS["plain"], range(DAYS, DAYS + day))  # a source is complete while it goes on delivering
        assert ingest(site.settings(), now=at(DAYS + day)).pending == 1
        assert (site.listing() or ())[3] < f"{at(10):%Y-%m-%d}"
    injector.calm()
    assert ingest(site.settings(), now=at(DAYS + 20)).pending == 0
    assert (site.listing() or ())[3] > f"{at(DAYS + 19):%Y-%m-%d}"


def test_late_data_comes_whenever_it_comes(
    store: Store, site: Site, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 9: up to seven days late by the next hourly listing, up to 89 by the next nightly one."""
    monkeypatch.setattr(s3_listing, "PAGE_KEYS", 25)
    fill(store, LAYOUTS["plain"])
    now = at(DAYS)
    ingest(site.settings(), now=now)
    count = trials(5, 500)
    for number in range(count):
        delay = number * 90 // count
        now += timedelta(minutes=1)
        key = f"{now - timedelta(days=delay):access-logs/%Y-%m-%d-%H-%M-%S}-{number:04}"
        store.put(key, line(number), now)
        hourly = ingest(site.settings(), now=now).objects
        assert hourly == 1 or delay >= 7
        assert hourly + ingest(site.settings(), now=now, window=90).objects == 1


def test_now_is_asked_of_nobody(site: Site, store: Store) -> None:
    """A clock that was set back makes the window longer, never shorter."""
    store.put("access-logs/2026-01-03-03-00-00-A", line(1))
    ingest(site.settings(), now=NOW)
    store.put("access-logs/2025-12-31-03-00-00-A", line(2))
    assert ingest(site.settings(), now=NOW - timedelta(days=3)).objects == 1
