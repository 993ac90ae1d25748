"""Rows into a table: as the warehouse takes them on each engine, and as SQLAlchemy's executemany would bring them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
import sqlalchemy as sa

from mediameter import connect
from mediameter.store import warehouse
from schemas.rollups import MEDIA_FILE_DAILY
from tests import servers

if TYPE_CHECKING:
    from benchmarks.sections import Bench

TABLE = warehouse.tables[MEDIA_FILE_DAILY.name]
OURS, LOAD_DATA, PLAIN = "ours", "ours, LOAD DATA LOCAL", "SQLAlchemy's executemany"
TARGETS = {("postgres", OURS): 4.0, ("mariadb", LOAD_DATA): 3.0}


def loads(bench: Bench) -> None:
    """200 rows of media_file_daily, the widest of the large tables, for each megabyte asked for."""
    frame = rows(200 * bench.mb)
    servers.find()
    for engine in servers.ENGINES:
        if engine != "sqlite" and f"MEDIAMETER_TEST_{engine.upper()}_URL" not in os.environ:
            bench.report.notes.append(f"skipped: {engine}")
            continue
        with ExitStack() as stack:
            url = stack.enter_context(servers.new_database(engine, bench.work))
            times = _interleaved(bench, engine, _ways(stack, engine, url, frame))
        for name in [name for name in times if name != PLAIN]:
            ratio = times[PLAIN] / times[name]
            bench.report.find(
                f"load, {engine}, {name}: times as fast as executemany", ratio, least=TARGETS.get((engine, name))
            )
        paces = ", ".join(f"{name} {frame.height / seconds:,.0f}" for name, seconds in times.items())
        bench.report.notes.append(f"load, {engine}, rows/s of {frame.height:,}: {paces}")


def rows(count: int) -> pl.DataFrame:
    """So many files of a day, in the order of their keys, as rollups are."""
    number = pl.int_range(count, eager=True)
    frame = pl.DataFrame({"bytes_sent": number * 1000, "name": number.cast(pl.String).str.zfill(8)})
    columns = {
        "tenant": pl.lit("default"),
        "day": pl.lit(date(2026, 3, 2)),
        "application": pl.lit("castingly"),
        "bucket": pl.lit("dailey-media"),
        "media_file_id": pl.lit("V1StGXR8_Z5jdHi6B-my") + pl.col("name"),
        "object_key_sha256": pl.lit("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15") + pl.col("name"),
        "object_key": pl.lit("files/a6b8d3c1/castingly-public/1730281868000-") + pl.col("name") + ".jpg",
        "requests": pl.lit(3),
        "deliveries": pl.lit(2),
        "bytes_sent": pl.col("bytes_sent"),
        "last_at": pl.datetime(2026, 3, 2, 21, 11, 8, time_zone="UTC"),
    }
    return frame.select(expression.alias(name) for name, expression in columns.items())


def _ways(stack: ExitStack, engine: str, url: str, frame: pl.DataFrame) -> dict[str, tuple[sa.Engine, Callable]]:
    """By name: the engine, and what brings the rows in on its connection."""

    def made(url: str) -> sa.Engine:
        found = connect.engine(url)
        stack.callback(found.dispose)
        return found

    ordinary = made(url)
    warehouse.ready(ordinary)
    as_dicts = frame.with_columns(pl.col("last_at").dt.replace_time_zone(None)).to_dicts()
    ours = lambda connection: warehouse.insert(connection, MEDIA_FILE_DAILY, frame)  # noqa: E731
    ways = {PLAIN: (ordinary, lambda connection: connection.execute(TABLE.insert(), as_dicts)), OURS: (ordinary, ours)}
    if engine in ("mariadb", "mysql"):
        ways[LOAD_DATA] = made(url + "?local_infile=1"), ours
    return ways


def _interleaved(bench: Bench, engine: str, ways: dict[str, tuple[sa.Engine, Callable]]) -> dict[str, float]:
    """Median seconds of a transaction, its COMMIT included; by name."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(bench.repeat):
        for name, (made, bring) in ways.items():
            bench.tell(f"loads: {engine}: {name} ({number + 1} of {bench.repeat})")
            with connect.writing(made) as connection:
                connection.execute(TABLE.delete())
            begun = time.perf_counter()
            with connect.writing(made) as connection:
                bring(connection)
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(walls) for name, walls in seconds.items()}
