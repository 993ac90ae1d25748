"""An event and its delivery on two sides of midnight: whatever comes last, both days say the same of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.commands.run import run
from mediameter.families import attribute
from mediameter.privacy.pseudonyms import pseudonym
from mediameter.settings import Settings
from mediameter.store import tenancy
from tests.reference.application import Database, Event, MediaFile
from tests.reference.rollups import LogObject
from tests.trials.application import export, fill
from tests.trials.dump import FIGURES, difference, dump
from tests.worlds.log_lines import line
from tests.worlds.log_worlds import KEY, World

MIDNIGHT = datetime(2025, 11, 1, tzinfo=UTC)
NOW = MIDNIGHT + timedelta(days=2)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def got(at: datetime, key: str, block: str = "200 - 1000 - 100 40", lasted: timedelta = 0 * SECOND) -> bytes:
    began = int((at - lasted).timestamp())
    agent = '"Mozilla/5.0 (X11)"'
    return line(Random(1), "ovh", int(at.timestamp()), key=key, block=block, agent=agent, began=began)


def viewed(at: datetime, key: str, user: str) -> Event:
    return Event(f"by {user}", at, "view", key, "app-1", user, pseudonym(KEY.encode(), "192.0.2.1"), app_bytes=7)


def film(begin: datetime, key: str, last: int) -> list[bytes]:
    """A film that is watched in ranges, 50 s apart."""
    return [got(begin + n * 50 * SECOND, key, "206 - 10 - 0 0") for n in range(last)]


# One is asked for before midnight and logged after it; one is logged before midnight, and the application's clock is
# ahead; two are watched through midnight, of which the second began more than an hour before, if its first record came.
SHORT, LONG = film(MIDNIGHT - 55 * MINUTE, "film", 108), film(MIDNIGHT - 60 * MINUTE - 10 * SECOND, "long", 108)
EVENTS = {
    "ann": viewed(MIDNIGHT - 50 * MINUTE, "slow", "ann"),
    "bob": viewed(MIDNIGHT + 5 * SECOND, "early", "bob"),
    "cleo": viewed(MIDNIGHT - 55 * MINUTE, "film", "cleo"),
    "dan": viewed(MIDNIGHT - 60 * MINUTE + 15 * SECOND, "long", "dan"),
}
LOGS = {
    "first record": LONG[:1],
    "before": [got(MIDNIGHT - 5 * SECOND, "early"), *SHORT[:66], *LONG[1:73]],
    "after": [
        got(MIDNIGHT + 5 * MINUTE, "slow", f"200 - 1000 - {55 * 60_000} 40", 55 * MINUTE),
        *SHORT[66:],
        *LONG[73:],
    ],
}
ALL = (*EVENTS, *LOGS)
FILES = Database([MediaFile(key, key, "app-1") for key in ("slow", "early", "film", "long")])


def told_of(folder: Path, *deliveries: Iterable[str]) -> Settings:
    """A place of its own where this has come, with a run after each delivery."""
    made, before = World(ZoneInfo("UTC"), NOW, {"main": "logs"}), set[str]()
    settings = made.lay_out(folder)
    fill(settings, FILES)
    for names in deliveries:
        logs = [(name, b"\n".join(LOGS[name])) for name in names if name in LOGS]
        made.deliver(folder, [LogObject("main", name, lines, MIDNIGHT + 60 * MINUTE) for name, lines in logs])
        known = before | set(names)
        export(settings, *([EVENTS[name] for name in EVENTS if name in some] for some in (before, known)))
        run(settings, now=NOW)
        before = known
    return settings


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return told_of(tmp_path_factory.mktemp("at-once") / "site", ALL)


def rows(settings: Settings, query: str) -> list[tuple[object, ...]]:
    engine = tenancy.engine(settings.warehouse.url, settings.tenant)
    with connect.reading(engine) as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_both_days_know_the_match(at_once: Settings) -> None:
    asked = "SELECT day, outcome, reason, requests, deliveries, events FROM reconciliation_daily ORDER BY day, outcome"
    assert rows(at_once, asked) == [
        ("2025-10-31", "matched", "event_address", 1 + 66 + 73, 3, 3),
        ("2025-11-01", "log_only", "range", 35, 0, 0),  # of what began more than an hour before the day
        ("2025-11-01", "matched", "event_address", 1 + 42, 1, 1),
    ]


def test_a_film_through_midnight_has_one_viewer(at_once: Settings) -> None:
    asked = "SELECT user_id, day, requests, deliveries FROM users_daily ORDER BY user_id, day"
    assert rows(at_once, asked) == [
        ("ann", "2025-11-01", 1, 1),
        ("bob", "2025-10-31", 1, 1),
        ("cleo", "2025-10-31", 66, 1),
        ("cleo", "2025-11-01", 42, 0),
        ("dan", "2025-10-31", 73, 1),
    ]


def test_the_logs_side_sums_to_the_traffic(at_once: Settings) -> None:
    of_log = "SELECT day, sum(requests), sum(deliveries), sum(log_bytes) FROM reconciliation_daily GROUP BY day"
    of_traffic = "SELECT day, sum(requests), sum(deliveries), sum(bytes_sent) FROM traffic_daily GROUP BY day"
    assert rows(at_once, of_log) == rows(at_once, of_traffic) != []


def test_in_how_many_parts_it_is_matched_does_not_matter(
    at_once: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten records and events a part: most files are larger than that."""
    monkeypatch.setattr(attribute, "ROWS_AT_ONCE", 10)
    parts = told_of(tmp_path / "site", ALL)
    assert difference(dump(at_once.warehouse.url, FIGURES), dump(parts.warehouse.url, FIGURES)) == []
    assert not list((tmp_path / "site" / "lake").glob(".draft-*"))


@pytest.mark.parametrize("last", [*((name,) for name in ALL), tuple(EVENTS), tuple(LOGS)], ids=" ".join)
def test_what_comes_last_reaches_the_other_day(last: tuple[str, ...], at_once: Settings, tmp_path: Path) -> None:
    late = told_of(tmp_path / "site", [name for name in ALL if name not in last], last)
    meant = dump(at_once.warehouse.url, FIGURES)
    assert difference(meant, dump(late.warehouse.url, FIGURES)) == []
