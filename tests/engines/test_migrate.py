"""`mediameter migrate`: what it says, what it makes, and that a killed one goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mediameter import connect
from mediameter.cli import main
from mediameter.store import warehouse
from mediameter.store.migration import HEAD, migrate
from tests import picture, servers

pytestmark = pytest.mark.usefixtures("real_migrations")


@pytest.fixture(params=servers.ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of an empty database, which the settings name."""
    monkeypatch.chdir(tmp_path)
    database = servers.new_database(request.param, tmp_path)
    url = database.__enter__()
    request.addfinalizer(lambda: database.__exit__(None, None, None))
    Path("mediameter.toml").write_text(f'[warehouse]\nurl = "{url}"\n')
    return url


def differences(url: str) -> list[object]:
    made = connect.engine(url)
    try:
        with made.connect() as connection:
            return list(compare_metadata(MigrationContext.configure(connection), warehouse.metadata))
    finally:
        made.dispose()


def without_bi(connection: sa.Connection) -> None:
    """What BI tools are shown would keep tables and views from being dropped by hand, or come of a later revision."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP SCHEMA mediameter_bi CASCADE")


def test_it_says_what_it_does(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> str:
        assert main(["migrate", *arguments]) == 0
        return capsys.readouterr().out

    assert f"without tables; would be brought to {HEAD}; nothing was done" in said("--dry-run")
    assert f"without tables; would be brought to {HEAD}" in said("--dry-run")
    assert f"was without tables, is at {HEAD}" in said()
    assert f"at revision {HEAD}, the newest; nothing was done" in said()
    assert not differences(url)


def test_two_first_runs_at_once(url: str) -> None:
    """The other makes all tables after our snapshot began: MariaDB refuses to read them in it (error 1412)."""
    ours, other = connect.engine(url), connect.engine(url)
    others = [other]

    @sa.event.listens_for(ours, "before_cursor_execute")
    def meanwhile(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        if others and "alembic_version" in f"{statement} {parameters}":
            assert migrate(others.pop())

    migrate(ours)
    assert not others
    ours.dispose()
    other.dispose()
    assert not differences(url)


def test_a_killed_one_goes_on(url: str) -> None:
    """MySQL's DDL commits statement by statement: tables may be there without the revision that made them."""
    warehouse_of = connect.engine(url)
    warehouse.ready(warehouse_of)
    with connect.altering(warehouse_of) as connection:
        without_bi(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
        for name in ("users_daily", "user_agents_daily", "row_rejects"):
            connection.execute(sa.schema.DropTable(warehouse.tables[name]))
    warehouse_of.dispose()
    assert differences(url)
    assert main(["migrate"]) == 0
    assert not differences(url)


def test_verdicts_from_before_generations_were_judged_are_of_traffic(url: str) -> None:
    warehouse_of = connect.engine(url)
    warehouse.ready(warehouse_of)
    with connect.altering(warehouse_of) as connection:
        without_bi(connection)
        connection.exec_driver_sql("ALTER TABLE quality_checks_daily DROP COLUMN family")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
        connection.exec_driver_sql(
            "INSERT INTO quality_checks_daily (tenant, day, suite, rule, severity, is_met)"
            " VALUES ('default', '2025-11-01', 'hours', 'sum', 'critical', '1')"
        )
    assert main(["migrate"]) == 0
    with connect.reading(warehouse_of) as connection:
        assert connection.exec_driver_sql("SELECT family, suite FROM quality_checks_daily").all() == [
            ("traffic", "hours")
        ]
    warehouse_of.dispose()
    assert not differences(url)


def test_older_tables_are_not_asked(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked may stand in a view that is not there yet."""
    warehouse_of = connect.engine(url)
    warehouse.ready(warehouse_of)
    with connect.altering(warehouse_of) as connection:
        without_bi(connection)
        connection.exec_driver_sql("DROP VIEW response_time_window")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
    warehouse_of.dispose()
    assert main(["status"]) == 2
    assert "is at revision 0002" in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert main(["status"]) == 0


def test_the_tests_picture_is_what_the_migrations_make(tmp_path: Path) -> None:
    """Most tests begin with it (tests/picture.py): every statement and every row is the same."""
    dumps = []
    for name, is_drawn in (("migrated", False), ("drawn", True)):
        made = connect.engine(f"sqlite:///{tmp_path / name}")
        with picture.drawn(is_drawn):
            warehouse.ready(made)
        made.dispose()
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            dumps.append(sorted(connection.iterdump()))
    assert dumps[0] == dumps[1] and any("CREATE TABLE days" in each for each in dumps[0])
