"""A warehouse of a million rollup rows: the demo's week, metered by the real steps, laid down again and again in SQL.

Weeks go back in time, each with every row of the demo's; applications are repeated under other names until there are
ten. What must not be summed (rows over all applications) is there once, as it is in a real one.
"""

from __future__ import annotations

import io
import shutil
import sqlite3
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console

from mediameter import connect
from mediameter.commands.demo import demo
from mediameter.store import warehouse
from mediameter.store.migration import HEAD
from schemas import TABLES
from schemas.contract import Contract
from schemas.rollups import DAYS, ROLLUPS

WEEK = 7
COPIES = ("-2", "-3")  # of each application that has a name: with `unattributed` the demo's three are ten
_REPEATED = (*ROLLUPS, DAYS)
_ONCE = ("*", "unattributed")


def year(kept: Path, rows: int) -> str:
    """URL of an SQLite warehouse with about so many rollup rows, of whole weeks; made where it is not there yet."""
    path = kept / f"year-{HEAD}-{rows}.sqlite"
    if not path.exists():
        week = _week(kept / f"demo-week-{HEAD}")
        draft = path.with_suffix(".draft")
        shutil.copy(week, draft)
        with sqlite3.connect(draft) as connection:
            _lay_down(connection, rows)
            connection.execute("PRAGMA journal_mode = DELETE")
        draft.rename(path)
    return f"sqlite:///{path}"


def _week(folder: Path) -> Path:
    """The warehouse of a small world of seven days, computed by the job itself."""
    done = folder / "warehouse.sqlite"
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        if demo(folder, 7, WEEK, "small", use_flow=False, console=Console(file=io.StringIO())):
            raise AssertionError("the demo's figures are not its world's")
        (folder / "whole").touch()
    return done


def _lay_down(connection: sqlite3.Connection, rows: int) -> None:
    last = date.fromisoformat(connection.execute("SELECT max(day) FROM days").fetchone()[0])
    for contract in _REPEATED:  # the world's first day is thin, and some events are of the day after its last
        of_week = f"{_day(contract)} BETWEEN date('{last}', '-{WEEK - 1} days') AND '{last}'"
        connection.execute(f"DELETE FROM {contract.name} WHERE NOT ({of_week})")
    for suffix in COPIES:
        for contract in _REPEATED:
            if "application" in contract.names:
                _copy(connection, contract, 0, suffix)
    of_a_week = rollup_rows(connection)
    for number in range(1, max(1, round(rows / of_a_week))):
        for contract in _REPEATED:
            _copy(connection, contract, number * WEEK, "", f"{_day(contract)} > date('{last}', '-{WEEK} days')")
    connection.commit()


def _copy(connection: sqlite3.Connection, contract: Contract, days_back: int, suffix: str, where: str = "1") -> None:
    """The table's rows once more: so many days earlier, or of applications that are called so."""
    values = {
        "day": f"date(day, '-{days_back} days')",
        "hour_at": f"datetime(hour_at, '-{days_back} days') || substr(hour_at, 20)",
        "last_at": f"datetime(last_at, '-{days_back} days') || substr(last_at, 20)",
        "complete_through_at": f"datetime(complete_through_at, '-{days_back} days') || substr(complete_through_at, 20)",
        "application": f"application || '{suffix}'",
    }
    names, of = ", ".join(contract.names), ", ".join(values.get(name, name) for name in contract.names)
    if suffix:
        where += f" AND application NOT IN {_ONCE} AND application NOT LIKE '%-_'"
    connection.execute(f"INSERT INTO {contract.name} ({names}) SELECT {of} FROM {contract.name} WHERE {where}")


def _day(contract: Contract) -> str:
    return "date(hour_at)" if "hour_at" in contract.names else "day"


def rollup_rows(connection: sqlite3.Connection) -> int:
    """How many there are, in all rollups."""
    return sum(connection.execute(f"SELECT count(*) FROM {each.name}").fetchone()[0] for each in ROLLUPS)


def copied(from_url: str, to_url: str) -> None:
    """All tables of one warehouse into another, empty one."""
    source, target = connect.engine(from_url), connect.engine(to_url)
    try:
        warehouse.ready(target)
        for contract in TABLES:
            with connect.reading(source) as reader:
                frame = warehouse.read(reader, contract)
            with connect.writing(target) as writer:
                warehouse.insert(writer, contract, frame)
        with target.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            _analyze(connection)
    finally:
        source.dispose()
        target.dispose()


def _analyze(connection: sa.Connection) -> None:
    """What a server does by itself some minutes later."""
    is_postgres = connection.dialect.name == "postgresql"
    for contract in TABLES:
        connection.exec_driver_sql(f"{'VACUUM ANALYZE' if is_postgres else 'ANALYZE TABLE'} {contract.name}")
