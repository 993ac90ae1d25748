"""The quarter that the alerts are tried on is one: the same for a seed, conserved in the tables, its troubles apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal

from mediameter import connect
from mediameter.store import lake_files, tenancy
from mediameter.store.warehouse import tables
from schemas.vocabulary import DEFAULT_TENANT
from tests.trials.replay import Replay, settings_of
from tests.worlds.quarter import BEGIN, Quarter
from tests.worlds.quarter_logs import Hour
from tests.worlds.quarter_plants import OFTEN

DAYS = 2


def test_a_seed_is_a_quarter() -> None:
    one, same, other = Quarter(7), Quarter(7), Quarter(8)
    for number in (0, 500, 2000):
        assert as_numbers(one.hour(number)) == as_numbers(same.hour(number)) != as_numbers(other.hour(number))
    assert_frame_equal(one.palette(20).generations, same.palette(20).generations)
    assert one.plants == same.plants != other.plants


def as_numbers(hour: Hour) -> list[object]:
    return [(lot.counts.tolist(), lot.sent.tolist(), lot.arrived_at, lot.rejected) for lot in hour.lots]


def test_what_goes_wrong_changes_its_own_hours_alone() -> None:
    planted, quiet = Quarter(3), Quarter(3, kinds=())
    changed = {
        number for number in range(90 * 24) if as_numbers(planted.hour(number)) != as_numbers(quiet.hour(number))
    }
    wrong = {number for number in range(90 * 24) if planted.wrong(BEGIN + timedelta(hours=number))}
    assert changed and changed <= wrong


@pytest.mark.parametrize("seed", range(1, 21))
def test_twenty_troubles_never_overlap(seed: int) -> None:
    quarter = Quarter(seed)
    assert len(quarter.plants) == 20 and {plant.kind for plant in quarter.plants} == set(OFTEN)
    assert all(one.end <= other.begin for one, other in pairwise(quarter.plants))
    assert quarter.plants[0].begin >= BEGIN + timedelta(days=14) and quarter.plants[-1].end <= quarter.end


def test_too_many_troubles_are_refused() -> None:
    with pytest.raises(ValueError, match="20 kinds need 52 days, there are 16"):
        assert Quarter(1, days=30).plants


@pytest.mark.in_turn
def test_tables_hold_what_the_quarter_tells(warehouse_url: str, tmp_path: Path) -> None:
    days = DAYS if warehouse_url.startswith("sqlite") else 1
    quarter, settings = Quarter(5, days=days, kinds=()), settings_of(warehouse_url, tmp_path)
    pending: list[int] = []

    def look(now: datetime) -> None:
        with connect.reading(made) as connection:
            files = lake_files.files_of_days(connection, "generations", now.date(), now.date())
        frames = [pl.read_parquet(settings.lake.path / file.path) for file in files]
        assert all((frame["at"] <= now).all() for frame in frames)
        pending.append(sum(int((frame["status"] == "pending").sum()) for frame in frames))

    made = tenancy.engine(warehouse_url, DEFAULT_TENANT)
    replay = Replay(quarter, settings, is_judged=False, on_tick=look)
    replay.run()
    lots = [lot for number in range(days * 24) for lot in quarter.hour(number).lots]
    told = [quarter.palette(number) for number in range(days)]
    with connect.reading(made) as connection:
        assert total(connection, "traffic_hourly.requests") == total(connection, "traffic_daily.requests")
        assert total(connection, "traffic_daily.requests") == sum(lot.requests for lot in lots)
        assert total(connection, "response_time_buckets_hourly.observations") == sum(lot.requests for lot in lots)
        assert total(connection, "endpoints_daily.bytes_sent") == sum(int(lot.sent.sum()) for lot in lots)
        assert total(connection, "reconciliation_daily.requests") == sum(lot.requests for lot in lots)
        assert total(connection, "objects.lines") == total(connection, "days.lines", tables["days"].c.source == "ovh")
        assert total(connection, "generations_daily.generations") == sum(each.generations.height for each in told)
        assert total(connection, "credits_daily.paid_micros") == sum(each.credits["paid_micros"].sum() for each in told)
        states = connection.execute(sa.select(tables["days"].c.state)).scalars().all()
    made.dispose()
    assert states == ["final"] * days * 2
    assert max(pending) > 0 and replay.hours == days * 24


def total(connection: sa.Connection, column: str, where: sa.ColumnElement[bool] | None = None) -> int:
    table, name = column.split(".")
    query = sa.select(sa.func.sum(tables[table].c[name]))
    return int(connection.execute(query if where is None else query.where(where)).scalar_one())
