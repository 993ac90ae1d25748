"""Trailing response times: who makes them dirty, what a warehouse of before and a frozen day get; on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa

from mediameter import connect, faults
from mediameter.commands.run import RunSummary, run
from mediameter.store.warehouse import tables
from tests.trials.dump import FIGURES, difference, dump
from tests.worlds.log_lines import line
from tests.worlds.month import NOW, month
from tests.worlds.site import LogObject, Site

pytestmark = pytest.mark.in_turn
NOON = datetime(2025, 10, 20, 1, tzinfo=UTC)  # of the site's reporting zone


@pytest.fixture
def site(made: sa.Engine, warehouse_url: str, tmp_path: Path) -> Site:
    """An empty place whose warehouse is on each engine."""
    return Site(tmp_path / "site", server=warehouse_url)


def answered(days_later: int, *times_ms: int) -> LogObject:
    """One request for each time, all of one client for one file."""
    at = NOON + timedelta(days=days_later)
    lines = [
        line(Random(n), "ovh", int(at.timestamp()) + n, key="a.jpg", address="192.0.2.1", block=f"200 - 9 9 {ms} 1")
        for n, ms in enumerate(times_ms)
    ]
    key, written_at = f"access-logs/{at:%Y-%m-%d}", int((at + timedelta(hours=1)).timestamp())
    return LogObject(key, b"\n".join(lines) + b"\n", written_at * 10**9)


def delivered(site: Site, *objects: LogObject) -> RunSummary:
    site.deliver(objects)
    return run(site.settings(), now=NOW)


def told(made: sa.Engine, columns: str, table: str = "response_time_trailing") -> list[tuple[object, ...]]:
    with connect.reading(made) as connection:
        rows = connection.execute(sa.text(f"SELECT {columns} FROM {table} WHERE application = '*' ORDER BY 1, 2, 3"))
        return [(int(str(row[0])[-2:]), *row[1:]) for row in rows]


def test_windows_end_with_each_day(site: Site, made: sa.Engine) -> None:
    """Nothing was asked on the 21st to 26th; on the 27th the 20th is out of the 7 days. The slowest is exact, where the
    edge of its bucket is 501, and no percentile is above it."""
    delivered(site, answered(0, *[10] * 10, 500), answered(7, *[100] * 5))
    rows = told(made, "day, window_days, observations, p50_ms, p95_ms, p99_ms, max_ms")
    assert rows == [
        *((day, window, 11, 10, 500, 500, 500) for day in range(20, 27) for window in (7, 30)),
        (27, 7, 5, 100, 100, 100, 100),
        (27, 30, 16, 10, 500, 500, 500),
    ]


def test_other_response_times_alone_reach_every_window(site: Site, made: sa.Engine) -> None:
    delivered(site, answered(0, 10, 20), answered(7, 30))
    audience = told(made, "day, window_days, unique_addresses", "audience_trailing")
    slower = answered(0, 10, 2000)
    slower = LogObject(slower.key, slower.content, slower.modified_ns + 10**9)
    summary = delivered(site, slower)
    assert summary.rollup.audience_days == [f"2025-10-{day}" for day in range(20, 28)]
    assert told(made, "day, window_days, max_ms") == [
        *((day, window, 2000) for day in range(20, 27) for window in (7, 30)), (27, 7, 30), (27, 30, 2000),
    ]  # fmt: skip
    assert told(made, "day, window_days, unique_addresses", "audience_trailing") == audience
    assert delivered(site).rollup.audience_days == []


def test_another_maximum_in_the_same_bucket_reaches_every_window(site: Site, made: sa.Engine) -> None:
    """500 and 501 ms lie in one bucket: the histogram stays, the slowest does not."""
    delivered(site, answered(0, 10, 500), answered(7, 30))
    slower = answered(0, 10, 501)
    slower = LogObject(slower.key, slower.content, slower.modified_ns + 10**9)
    delivered(site, slower)
    assert [row[2] for row in told(made, "day, window_days, max_ms")] == [*[501] * 14, 30, 501]


def test_who_computed_before_a_change_does_not_write(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While windows are computed, another run makes the day slower that they rest on."""
    slower = answered(0, 10, 2000)
    slower = LogObject(slower.key, slower.content, slower.modified_ns + 10**9)

    def overtake() -> None:
        monkeypatch.delitem(faults.at, "audience.computed")
        delivered(site, slower)

    monkeypatch.setitem(faults.at, "audience.computed", overtake)
    delivered(site, answered(0, 10, 20), answered(1, 30))
    assert "audience.computed" not in faults.at
    straight = Site(tmp_path / "straight")
    delivered(straight, slower, answered(1, 30))
    assert difference(dump(straight.url, FIGURES), dump(site.url, FIGURES)) == []


def taken_back_to_0003(made: sa.Engine) -> None:
    with connect.altering(made) as connection:
        if made.dialect.name == "postgresql":  # what BI tools are shown rests on it
            connection.exec_driver_sql("DROP SCHEMA mediameter_bi CASCADE")
        connection.exec_driver_sql("DROP VIEW response_time_window")
        connection.execute(sa.schema.DropTable(tables["response_time_trailing"]))
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")


@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_warehouse_of_before_gets_them(site: Site, made: sa.Engine, is_frozen: bool) -> None:
    """Of frozen days, too, and all else of them stays: who asked has gone, the histograms have not."""
    delivered(site, *month(days=3))
    straight = dump(site.url, FIGURES)
    if is_frozen:
        with connect.writing(made) as connection:
            connection.execute(tables["days"].update().values(state="frozen"))
            connection.execute(tables["lake_files"].delete())
        straight = dump(site.url, FIGURES)
    taken_back_to_0003(made)
    delivered(site)
    assert straight["response_time_trailing"]
    assert difference(straight, dump(site.url, FIGURES)) == []
