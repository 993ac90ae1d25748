"""Event files in a bucket over S3: what is cut, gone or overwritten meanwhile costs nothing but time."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest

from tests.generations.files import app_error, generation, lines, purchase, sign_in
from tests.s3.injector import Injector, broken, meanwhile
from tests.s3.store import NOW, Site, Store

OF_JANUARY = {"timestamp": "2026-01-02T10:00:00Z"}
KEY, OTHER = "events/2026-01-02.ndjson.gz", "events/rows.json"
COUNTS = "SELECT (SELECT SUM(generations) FROM generations_daily), (SELECT SUM(events) FROM auth_daily)"


@pytest.fixture
def events(site: Site, store: Store) -> Site:
    """Two files; one of yesterday that is no event file lies beside their prefix."""
    first = lines(generation(1, **OF_JANUARY), sign_in(2, **OF_JANUARY), app_error(3, **OF_JANUARY))
    store.put(KEY, gzip.compress(first))
    store.put(OTHER, lines(generation(4, **OF_JANUARY), purchase(5, **OF_JANUARY)))
    store.put("2026-01-02-10-00-00-A", b"a,b\n")
    site.source = {"kind": "palette_events", "prefix": "events/"}
    return site


def test_they_are_taken_in_and_overwritten(events: Site, store: Store) -> None:
    summary = events.run()
    assert (summary.ingest.objects, summary.ingest.events, summary.ingest.rejected) == (2, 5, 0)
    assert events.rows(COUNTS) == [(2, 1)]
    store.put(KEY, lines(sign_in(2, **OF_JANUARY)), modified=NOW)
    store.delete(OTHER)
    events.run(NOW + timedelta(days=30))  # long after: no window hides it
    assert events.rows(COUNTS) == [(1, 1)]


def test_what_is_cut_or_changes_while_it_is_read_is_told_and_tried_again(
    events: Site, store: Store, injector: Injector
) -> None:
    injector.inject(KEY, broken(0.5, "closed", says_length=False))
    changed = lines(generation(6, **OF_JANUARY))
    injector.inject("list-type=2", meanwhile(lambda: store.put(OTHER, changed, modified=NOW)), times=1)
    summary = events.run()
    assert len(summary.ingest.failed) == summary.ingest.pending == 2 and summary.has_failed
    injector.calm()
    assert not events.run(NOW + timedelta(hours=1)).has_failed
    assert events.rows(COUNTS) == [(2, 1)]
