"""Whoever reads the warehouse cannot write to it, on every engine, whatever the query is: the engine itself refuses."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.errors import UserError
from mediameter.quality.evidence import evidence
from mediameter.quality.suites import Suite
from tests.pictures import Warehouse

DAY = date(2026, 11, 4)
WRITES = (
    "DELETE FROM days",
    "UPDATE days SET state = 'open'",
    "INSERT INTO alembic_version (version_num) VALUES ('9999')",
    "CREATE TABLE of_a_reader (a INTEGER)",
)
HIDDEN = "WITH one AS (SELECT 1 AS a) DELETE FROM days WHERE day IS NOT NULL RETURNING source"


@pytest.fixture(name="filled")
def _filled(made: sa.Engine) -> sa.Engine:
    with connect.writing(made) as connection:
        Warehouse(connection).fill(
            "days", f"tenant | day | source | family | state\nacme | {DAY} | ovh | traffic | final"
        )
    return made


def states(made: sa.Engine) -> list[str]:
    with connect.reading(made) as connection:
        return list(connection.exec_driver_sql("SELECT state FROM days").scalars())


@pytest.mark.parametrize("statement", WRITES)
def test_a_reader_writes_nothing(filled: sa.Engine, statement: str) -> None:
    with pytest.raises(UserError, match="only reads tried to write; nothing was written"), connect.reading(filled) as c:
        c.exec_driver_sql(statement)
    assert states(filled) == ["final"]


def test_a_suite_that_writes_behind_a_with_is_refused_by_name(filled: sa.Engine) -> None:
    """MariaDB knows no such statement; all others refuse it since the transaction only reads."""
    suite = Suite("own", "", "traffic", HIDDEN, (), "expectations/own.yaml")
    told = r"^expectations/own\.yaml: the (query|warehouse refuses)"
    with pytest.raises(UserError, match=told), connect.reading(filled) as connection:
        evidence(connection, suite, DAY, {})
    assert states(filled) == ["final"]


def test_the_connection_of_a_reader_serves_a_writer_next(filled: sa.Engine) -> None:
    assert states(filled) == ["final"]
    with connect.writing(filled) as connection:
        connection.exec_driver_sql("UPDATE days SET state = 'open'")
    assert states(filled) == ["open"]
    with pytest.raises(UserError, match="only reads"), connect.reading(filled) as connection:
        connection.exec_driver_sql("DELETE FROM days")
