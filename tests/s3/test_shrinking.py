"""Promise 23 for buckets: wrong prefixes, other buckets, lost mounts and dead copy jobs are named, never believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from mediameter.commands.run import run
from mediameter.commands.status import status
from mediameter.errors import WorldError
from mediameter.steps.pass_.complaints import require_all_read
from mediameter.steps.redo.backfill import Task, backfill
from tests.s3.places import FolderPlace, Place
from tests.s3.store import NOW, Site, Store, line

HOUR = timedelta(hours=1)
FIGURES = "SELECT day, requests FROM traffic_daily ORDER BY day"
EVENTS = "SELECT day, generations FROM generations_daily ORDER BY day"
_EVENT = {"event_type": "generation", "user_id": "u", "model_id": "fox", "status": "completed"}
Write = Callable[[int, datetime], bytes]


def log(number: int, at: datetime) -> bytes:
    return line(number).replace(b"02/Jan/2026", f"{at:%d/%b/%Y}".encode())


def events(number: int, at: datetime) -> bytes:
    return json.dumps({**_EVENT, "id": f"e-{number}", "timestamp": at.isoformat()}).encode()


@pytest.fixture(params=["folder", "s3"])
def bucket(request: pytest.FixtureRequest, site: Site, store: Store) -> Iterator[Place]:
    """An empty bucket, which ``site`` meters."""
    if request.param == "s3":
        yield store
        return
    site.source = {"path": "bucket", "endpoint": "", "access_key": "", "secret_key": ""}
    (site.folder / "bucket").mkdir()
    yield FolderPlace(site.folder / "bucket")


def delivered(bucket: Place, count: int, until: datetime = NOW, write: Write = log) -> list[str]:
    """An object an hour, the last an hour before ``until``."""
    keys = []
    for number in range(count):
        at = until - (count - number) * HOUR
        keys.append(f"logs/{at:%Y-%m-%d-%H-%M-%S}-{number:04}")
        bucket.put(keys[-1], write(number, at - HOUR), at)
    return keys


def emptied(bucket: Place, keys: list[str]) -> dict[str, object]:
    """A mount that is gone, objects that somebody removed."""
    for key in keys:
        bucket.delete(key)
    return {}


def thinned(bucket: Place, keys: list[str]) -> dict[str, object]:
    return emptied(bucket, keys[: len(keys) * 2 // 3])


def other_prefix(bucket: Place, keys: list[str]) -> dict[str, object]:
    bucket.put("wrong/2026-01-03-03-00-00-X", log(999, NOW), NOW - HOUR)
    return {"prefix": "wrong/"}


WAYS = [emptied, thinned, other_prefix]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["s3_access_log", "palette_events"])
def test_a_listing_that_shows_less_is_not_believed(
    kind: str, way: Callable[[Place, list[str]], dict[str, object]], bucket: Place, site: Site
) -> None:
    write, asked = (log, FIGURES) if kind == "s3_access_log" else (events, EVENTS)
    site.source["kind"] = kind
    keys = delivered(bucket, 12, write=write)
    assert not site.run(NOW, prefix="logs/").has_failed
    before, listed = site.rows(asked), site.listing()
    assert before
    source = {"prefix": "logs/", **way(bucket, keys)}
    summary = site.run(NOW + HOUR, **source)
    [told] = summary.ingest.doubted
    assert summary.has_failed and told in "\n".join(summary.lines()) and "of 12 objects" in told
    assert "--accept-fewer" in told
    with pytest.raises(WorldError, match=r"\[sources.logs\]"):
        require_all_read(summary.ingest.to_dict())
    assert (site.rows(asked), site.listing()) == (before, listed)
    found = status(site.settings(**source), now=NOW + HOUR)
    assert found.is_late and told in found.complaints
    delivered(bucket, 12, write=write)
    assert not site.run(NOW + 2 * HOUR, prefix="logs/").has_failed
    assert site.rows(asked) == before and not status(site.settings(), now=NOW + 2 * HOUR).complaints


def test_objects_that_were_deleted_with_intent_are_accepted(bucket: Place, site: Site) -> None:
    keys = delivered(bucket, 12)
    site.run(NOW)
    emptied(bucket, keys)
    day = NOW.date()
    report = backfill(site.settings(), Task(day, day, accept_fewer=tuple(site.settings().sources)), now=NOW + HOUR)
    assert "0 of 12 objects" in report.ingest.accepted[0] and not report.ingest.doubted
    assert not site.run(NOW + 2 * HOUR).has_failed
    assert len(site.rows(FIGURES)) == 2


def test_what_expires_day_by_day_is_no_loss(bucket: Place, site: Site) -> None:
    """A lifecycle of two days, also where nobody looked for a while."""
    begun, there = NOW - timedelta(days=6), dict[str, datetime]()
    for step in range(24):
        at = begun + step * timedelta(hours=6)
        key = f"{at:%Y-%m-%d-%H-%M-%S}-{step:04}"
        bucket.put(key, log(step, at - HOUR), at)
        there[key] = at
        for old in [each for each, since in there.items() if at - since > timedelta(days=2)]:
            bucket.delete(old)
            del there[old]
        if step % 2 and not 14 < step < 23:  # nobody looks for two days
            assert site.run(at + HOUR).ingest.doubted == [], step


def test_an_empty_prefix_is_a_warning_from_the_first_run_on(bucket: Place, site: Site) -> None:
    bucket.put("logs/2026-01-03-03-00-00-A", log(1, NOW))
    for now in (NOW, NOW + HOUR):
        summary = site.run(now, prefix="lgos/")
        assert not summary.has_failed and "no object is there, with the prefix 'lgos/'" in "\n".join(summary.lines())
        found = status(site.settings(prefix="lgos/"), now=now)
        assert found.is_late and "lgos/" in found.complaints[0]
        assert site.listing()[3] is None  # type: ignore[index]
    assert site.run(NOW + 2 * HOUR, prefix="logs/").ingest.doubts == []
    assert not status(site.settings(), now=NOW + 2 * HOUR).is_late


def test_a_dead_copy_job_makes_no_day_final_and_is_told(site: Site) -> None:
    """Without an application beside it; the hole has a name."""
    site.source = {"path": "bucket", "endpoint": "", "access_key": "", "secret_key": ""}
    site.name = "logs"
    delivered(FolderPlace(site.folder / "bucket"), 72, until=NOW - timedelta(hours=52))
    summary = site.run(NOW)
    place = site.settings()
    assert any("nothing has been delivered since 2026-01-01 00h UTC" in each for each in summary.lines())
    found = status(place, now=NOW)
    assert found.is_late and "for 2.2 days" in found.complaints[0]
    days = {str(day.day): (day.state, day.is_late) for day in found.days}
    assert days["2025-12-30"] == days["2025-12-31"] == ("final", False)
    assert days["2026-01-01"] == ("no_objects", True) and days["2026-01-02"] == ("no_objects", False)
    run(place, now=NOW + HOUR)
    assert site.rows("SELECT rule, check_group, state FROM incidents WHERE rule = 'delivery_late'") == [
        ("delivery_late", "logs", "firing")
    ]
    delivered(FolderPlace(site.folder / "bucket"), 52, until=NOW)
    run(place, now=NOW + 2 * HOUR)
    assert not status(place, now=NOW + 2 * HOUR).complaints


def test_a_quiet_source_is_left_in_peace_where_the_settings_say_so(site: Site) -> None:
    site.source = {"path": "bucket", "endpoint": "", "access_key": "", "secret_key": "", "quiet_hours": 96}
    delivered(FolderPlace(site.folder / "bucket"), 5, until=NOW - timedelta(hours=52))
    site.run(NOW)
    assert not status(site.settings(), now=NOW).complaints
