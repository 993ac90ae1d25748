"""Every view and every answer over a million rollup rows, on every engine that is here: at most a second each."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from benchmarks import year
from mediameter import connect
from mediameter.answers import OF_THE_LEDGER, ask, catalogue, window
from mediameter.store import grants
from schemas import VIEWS
from schemas.contract import Contract
from schemas.vocabulary import DEFAULT_TENANT
from tests import servers
from tests.engines.user import a_login, administered

if TYPE_CHECKING:
    from benchmarks.sections import Bench

RUNS = 3
SLOWEST = 10
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Place:
    """A warehouse: its owner's URL, and that of a role that may read what a BI tool may."""

    engine: str
    owner: str
    reader: str


def answers(bench: Bench) -> None:
    """A thousand rollup rows for each megabyte asked for. Views as a BI tool asks them, in the name of the role that
    `migrate --grant` makes; answers as the command does."""
    bench.tell("answers: a year of rollups")
    from_url = year.year(bench.kept, 1000 * bench.mb)
    with sqlite_rows(from_url) as (rows, days):
        bench.report.notes.append(f"answers: {rows:,} rollup rows of {days:,} days")
    for place in places(bench, from_url):
        times = {**_views(bench, place), **_answers(bench, place)}
        slowest = sorted(times, key=lambda name: -times[name])[:SLOWEST]
        told = ", ".join(f"{name} {times[name]:.3f}" for name in slowest)
        bench.report.notes.append(f"answers, {place.engine}, slowest of {len(times)} (s): {told}")
        for name in [name for name in times if times[name] > 1]:
            bench.report.find(f"{place.engine}: {name}", times[name], unit="s", most=1.0)
        bench.report.find(f"{place.engine}: slowest of {len(times)}", max(times.values()), unit="s", most=1.0)


def places(bench: Bench, from_url: str) -> Iterator[Place]:
    """The same warehouse on every engine that is here, one after the other."""
    yield Place("sqlite", from_url, from_url)
    for engine in available(bench):
        with servers.new_database(engine, bench.work) as url, role(url) as reader:
            bench.tell(f"answers: filling {engine}")
            year.copied(from_url, url)
            made = connect.engine(url)
            grants.grant(made, reader.username or "")
            made.dispose()
            yield Place(engine, url, reader.render_as_string(hide_password=False))


def available(bench: Bench) -> list[str]:
    """The servers that answer; of the others it is said that they do not."""
    servers.find()
    found = [engine for engine in servers.SERVERS if os.environ.get(f"MEDIAMETER_TEST_{engine.upper()}_URL")]
    bench.report.notes += [f"skipped: {engine}" for engine in servers.SERVERS if engine not in found]
    return found


@contextmanager
def role(url: str) -> Iterator[sa.URL]:
    with administered(url) as server, a_login(server) as reader:
        yield reader


@contextmanager
def sqlite_rows(url: str) -> Iterator[tuple[int, int]]:
    made = connect.engine(url)
    with connect.reading(made) as connection:
        driver = connection.connection.driver_connection
        yield year.rollup_rows(driver), driver.execute("SELECT count(DISTINCT day) FROM days").fetchone()[0]  # type: ignore
    made.dispose()


def _views(bench: Bench, place: Place) -> dict[str, float]:
    made, times = connect.engine(place.reader), {}
    with connect.reading(made) as connection:
        last = connection.execute(sa.text("SELECT MAX(day) FROM days")).scalar_one()
    last = date.fromisoformat(last) if isinstance(last, str) else last
    for view in VIEWS:
        bench.tell(f"answers: {place.engine}: {view.name}")
        for name, query, values in _queries(view, last):

            def ask(query: str = query, values: dict[str, object] = values) -> None:
                with connect.reading(made) as connection:
                    connection.execute(sa.text(query), values).all()

            times[f"{view.name}, {name}"] = timed(ask)
    made.dispose()
    return times


def _queries(view: Contract, last: date) -> list[tuple[str, str, dict[str, object]]]:
    """A month of it, and how many rows it has: what a dashboard and a table with pages ask."""
    day = "day" if "day" in view.names else "month_first_day"
    month = f"SELECT * FROM {view.name} WHERE tenant = :tenant AND {day} > :first AND {day} <= :last"
    values: dict[str, object] = {"tenant": DEFAULT_TENANT, "first": str(last - MONTH), "last": str(last)}
    return [("a month", month, values), ("all, counted", f"SELECT COUNT(*) FROM {view.name}", {})]


def _answers(bench: Bench, place: Place) -> dict[str, float]:
    """As the role asks them; those that read the ledger as the owner does."""
    times: dict[str, float] = {}
    for each in catalogue():
        bench.tell(f"answers: {place.engine}: {each.name}")
        made = connect.engine(place.owner if each.name in OF_THE_LEDGER else place.reader)
        for last in ("7d", "30d"):
            times[f"{each.name} of {last}"] = timed(partial(_asked, made, each.name, last))
        made.dispose()
    return times


def _asked(made: sa.Engine, name: str, last: str) -> None:
    with connect.reading(made) as connection:
        newest = connection.execute(sa.text("SELECT MAX(day) FROM days")).scalar_one()
        first_day, last_day = window(last, newest=date.fromisoformat(newest) if isinstance(newest, str) else newest)
        ask(connection, name, first_day=first_day, last_day=last_day)


def timed(work: Callable[[], object]) -> float:
    """Median wall clock of a few runs."""
    walls = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        walls.append(time.perf_counter() - begun)
    return statistics.median(walls)
