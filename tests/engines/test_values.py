"""What goes into a table comes out of it, to the byte and on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from mediameter.connect import reading, writing
from mediameter.engines import load
from mediameter.errors import WorldError
from mediameter.store import warehouse
from schemas import TABLES
from schemas.contract import Contract
from schemas.internal import REJECTS
from schemas.rollups import ADDRESSES_DAILY, ALERT_CHECKS_DAILY, ENDPOINTS_DAILY
from tests import servers
from tests.conftest import emptied

DAY, AT = date(2025, 10, 30), datetime(2025, 10, 30, 12, 34, 56, 789_012, tzinfo=UTC)
HOSTILE = (
    "", " ", "a", "A", "a ", " a", "á", "a\u0301", "\U0001f3ac", "tab\there", "new\nline", "return\r", "\\", "\\N",
    "\\.", "\n\\.\n", "\\n", "'", '"', "`", "%s", "%(x)s", ":x", "?", "{}", "\x01\x1a\x7f\x85\u2028", "NULL", "=1+1",
    "x" * 255,
)  # fmt: skip


def put(made: sa.Engine, contract: Contract, *rows: tuple[Any, ...]) -> pl.DataFrame:
    """Inserts the rows, and returns them as they come back, by key."""
    with writing(made) as connection:
        warehouse.insert(connection, contract, warehouse.frame_of(rows, contract))
    with reading(made) as connection:
        found = warehouse.read(connection, contract)
    return found.sort(name for name in contract.key if name in found.columns)


def test_keys_are_compared_byte_by_byte(made: sa.Engine) -> None:
    rows = [("default", DAY, "app", text, number, 0, 0, 0, 0, 1) for number, text in enumerate(HOSTILE)]
    assert put(made, ENDPOINTS_DAILY, *rows).rows() == sorted(rows)
    endpoints = warehouse.tables["endpoints_daily"]
    with reading(made) as connection:
        ordered = connection.execute(sa.select(endpoints.c.endpoint).order_by(endpoints.c.endpoint)).scalars().all()
        found = [
            connection.execute(sa.select(endpoints.c.requests).where(endpoints.c.endpoint == text)).scalars().all()
            for text in HOSTILE
        ]
    assert ordered == sorted(HOSTILE, key=str.encode)
    assert found == [[number] for number in range(len(HOSTILE))]


def test_texts_are_kept_whole(made: sa.Engine) -> None:
    texts = [*HOSTILE, "long " * 20_000, "\U0001f3ac" * 70_000]
    assert (
        put(made, REJECTS, *((1, n, 0, "X", text, None, n) for n, text in enumerate(texts)))["line"].to_list() == texts
    )


def test_numbers_and_times_are_kept_to_the_last_digit(made: sa.Engine) -> None:
    rng, most = Random(1), 2**63 - 1
    floats = [
        0.0,
        0.1,
        1 / 3,
        5e-324,
        1.7976931348623157e308,
        *(rng.random() * 10.0 ** rng.randint(-30, 30) for _ in range(50)),
    ]
    rows = [("default", DAY, "rule", f"{n:03}", value, None, "u", "ok", most - n, AT) for n, value in enumerate(floats)]
    assert put(made, ALERT_CHECKS_DAILY, *rows).rows() == rows


def test_nul_is_replaced_and_a_text_too_long_is_refused(made: sa.Engine) -> None:
    assert put(made, REJECTS, (1, 1, 0, "X", "nul\0byte", None, None))["line"].to_list() == ["nul\ufffdbyte"]
    with pytest.raises(WorldError, match=r"endpoints_daily.endpoint: a text has more than the 255 characters"):
        put(made, ENDPOINTS_DAILY, ("default", DAY, "app", "x" * 256, 1, 0, 0, 0, 0, 1))


def test_a_row_that_is_there_is_refused_without_its_values(made: sa.Engine) -> None:
    row = ("default", DAY, "app", "canary", "direct", 1, 1, 1, 1)
    put(made, ADDRESSES_DAILY, row)
    with pytest.raises(sa.exc.IntegrityError) as told:
        put(made, ADDRESSES_DAILY, ("default", DAY, "app", "other", "direct", 1, 1, 1, 1), row)
    chain: BaseException | None = told.value
    while chain:
        assert "canary" not in f"{chain} {chain.args}"
        chain = chain.__cause__ or chain.__context__
    with reading(made) as connection:
        assert warehouse.read(connection, ADDRESSES_DAILY).height == 1


def test_the_tables_say_what_they_are(made_on_server: sa.Engine) -> None:
    """Comments, and byte-exact collations on every text of every table."""
    with made_on_server.connect() as connection:
        inspector = sa.inspect(connection)
        for contract in TABLES:
            assert inspector.get_table_comment(contract.name)["text"] == contract.doc
            columns = {column["name"]: column for column in inspector.get_columns(contract.name)}
            for column in contract:
                found = columns[column.name]
                assert found["comment"] == column.doc
                if column.type == "text":
                    assert found["type"].collation in ("C", "utf8mb4_nopad_bin", "utf8mb4_0900_bin")


# --- LOAD DATA LOCAL ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[server for server in servers.SERVERS if server != "postgres"])
def mysql_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.new_database(request.param, tmp_path_factory.mktemp("warehouse")) as url:
        yield url


@pytest.fixture
def loading(mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """MySQL's way for many rows, for any number; proves that it was gone."""
    monkeypatch.setattr(load, "LOAD_DATA_FROM", 1)
    loaded = []

    def see(*arguments: Any) -> None:
        loaded.append(arguments[2].startswith("LOAD DATA LOCAL"))

    for made in emptied(f"{mysql_url}?local_infile=1"):
        sa.event.listen(made, "before_cursor_execute", see)
        yield made
    assert any(loaded)


def test_load_data_keeps_every_text_and_null(loading: sa.Engine) -> None:
    texts = [*HOSTILE, "long " * 20_000]
    rows = [(1, n, 0, "X", text, None, n) for n, text in enumerate(texts)]
    assert put(loading, REJECTS, *rows).rows() == rows
    checks = [
        ("default", DAY, "rule", f"{n}", value, None, "u", "ok", 1, at)
        for n, value, at in ((1, None, AT), (2, 0.1, None))
    ]
    assert put(loading, ALERT_CHECKS_DAILY, *checks).rows() == checks


def test_load_data_hides_no_warning(loading: sa.Engine) -> None:
    cut = warehouse.frame_of([(1, 1, 0, "X", "fine", 1, 2), (1, 2, 0, "X", "fine", 1, 2)], REJECTS)
    cut = cut.with_columns(pl.Series("byte_offset", [0, 2**70], pl.Int128))  # it would become the largest there is
    with pytest.raises(WorldError, match="2 of 2 rows were loaded, with warnings 1264"), writing(loading) as connection:
        load.load(connection, "rejects", cut)
    with reading(loading) as connection:
        assert warehouse.read(connection, REJECTS).height == 0


def test_load_data_refuses_a_row_that_is_there(loading: sa.Engine) -> None:
    """It would be left out, with a warning; nothing of the transaction stays."""
    with pytest.raises(WorldError, match="2 of 3 rows were loaded, with warnings 1062"):
        put(loading, REJECTS, (1, 1, 0, "X", "one", 1, 1), (1, 2, 0, "X", "two", 1, 1), (1, 1, 0, "X", "three", 1, 1))
    with reading(loading) as connection:
        assert warehouse.read(connection, REJECTS).height == 0
