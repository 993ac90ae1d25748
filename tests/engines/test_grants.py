"""`mediameter migrate --grant`: a role of a BI tool reads every rollup and view, and nothing of the machinery."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.answers import OF_THE_LEDGER, ask, catalogue
from mediameter.cli import main
from mediameter.settings import load
from mediameter.store.grants import READABLE
from schemas import READABLE as CONTRACTS
from schemas import VIEWS
from schemas.internal import INTERNAL
from tests import servers
from tests.engines.user import Server, a_login, administered
from tests.pictures import Warehouse

pytestmark = pytest.mark.usefixtures("real_migrations")


@pytest.fixture(params=servers.SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An empty database, which the settings name."""
    monkeypatch.chdir(tmp_path)
    with servers.new_database(request.param, tmp_path) as url, administered(url) as server:
        Path("mediameter.toml").write_text(f'[warehouse]\nurl = "{url}"\n')
        yield server


def refused(connection: sa.Connection, table: str) -> bool:
    try:
        connection.exec_driver_sql(f"SELECT * FROM {table}").all()
    except sa.exc.DBAPIError as error:
        connection.rollback()
        return "denied" in str(error.orig)
    return False


def test_a_role_reads_what_is_meant_for_it(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with a_login(server) as url:
        grant = ["migrate", "--grant", url.username or "", "--personal"]
        assert main([*grant, "--dry-run"]) == 0
        assert "GRANT SELECT" in capsys.readouterr().out
        assert main(grant) == 0
        assert main(grant) == 0
        made = sa.create_engine(url)
        with made.connect() as connection:
            for name in READABLE:
                assert connection.exec_driver_sql(f"SELECT * FROM {name}").all() == [], name
            internal = [contract.name for contract in INTERNAL]
            assert [name for name in internal if not refused(connection, name)] == []
            for each in catalogue():
                if each.name not in OF_THE_LEDGER:
                    ask(connection, each.name, first_day=date(2026, 11, 1), last_day=date(2026, 11, 7))
            with pytest.raises(sa.exc.DBAPIError, match="denied"):
                connection.exec_driver_sql("DELETE FROM traffic_daily")
        made.dispose()
    assert {view.name for view in VIEWS} < set(READABLE)


PERSONAL = {contract.name for contract in CONTRACTS if contract.is_personal}


def test_rows_about_persons_are_granted_where_that_is_asked_for(server: Server) -> None:
    with a_login(server) as url:
        assert main(["migrate", "--grant", url.username or ""]) == 0
        made = sa.create_engine(url)
        with made.connect() as connection:
            for name in READABLE:
                assert refused(connection, name) == (name in PERSONAL), name
        made.dispose()
    assert {"users_daily", "addresses_daily", "generation_users_daily", "media_files", "budget_through"} <= PERSONAL
    assert not PERSONAL & {"traffic_daily", "application_daily", "days", "incidents", "money_daily"}


def fill(url: str) -> None:
    """Rows of two tenants: of `default`, and of `other`."""
    made = connect.engine(url)
    with connect.writing(made) as connection:
        Warehouse(connection).fill("days", "day | source | lines | parsed\n2026-11-04 | ovh | 7 | 7")
        Warehouse(connection).fill("traffic_daily", "day | requests | bytes_sent\n2026-11-04 | 7 | 5_000")
        Warehouse(connection).fill("users_daily", "day | user_id | requests\n2026-11-04 | u | 7")
    made.dispose()


def shown_to(server: Server, name: str) -> str:
    """What a table is called for a role of the tenant `other`."""
    return f"mediameter_bi_of_other.{name}" if server.is_postgres else f"other__{name}"


def test_a_role_of_one_tenant_reads_its_rows_alone(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with a_login(server) as url:
        role = url.username or ""
        assert main(["migrate", "--grant", role, "--tenant", "default"]) == 0
        with a_login(server) as another:
            grant = ["migrate", "--grant", another.username or "", "--tenant", "other"]
            assert main([*grant, "--dry-run"]) == 0 and main(grant) == 0 and main(grant) == 0
            fill(load("mediameter.toml").warehouse.url)
            made = sa.create_engine(another)
            with made.connect() as connection:
                for name in READABLE:
                    mine = shown_to(server, name)
                    assert refused(connection, mine) == (name in PERSONAL) or name in PERSONAL, name
                    assert refused(connection, name), "the table itself"
                    assert refused(connection, mine.replace("other", "default")), "another tenant's"
                for name in ("traffic_daily", "days", "application_daily"):
                    tenants = connection.exec_driver_sql(f"SELECT DISTINCT tenant FROM {shown_to(server, name)}")
                    assert tenants.scalars().all() == ["other"], name
                with pytest.raises(sa.exc.DBAPIError, match=r"denied|not updatable|must be owner"):
                    connection.exec_driver_sql(f"DELETE FROM {shown_to(server, 'traffic_daily')}")
            made.dispose()
            assert main([*grant, "--personal"]) == 0
            made = sa.create_engine(another)
            with made.connect() as connection:
                users = connection.exec_driver_sql(f"SELECT tenant, user_id FROM {shown_to(server, 'users_daily')}")
                assert [tuple(row) for row in users] == [("other", "u")]
            made.dispose()


def test_an_update_goes_through_beside_a_tenants_views(server: Server) -> None:
    with a_login(server) as url:
        grant = ["migrate", "--grant", url.username or "", "--tenant", "other"]
        assert main(grant) == 0
        made = connect.engine(load("mediameter.toml").warehouse.url)
        with connect.altering(made) as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0025'")
        made.dispose()
        assert main(grant) == 0
        made = sa.create_engine(url)
        with made.connect() as connection:
            assert connection.exec_driver_sql(f"SELECT * FROM {shown_to(server, 'traffic_daily')}").all() == []
        made.dispose()


@pytest.mark.parametrize("tenant", ["", "x'; DROP", "x" * 31])
def test_a_tenant_that_no_view_can_be_named_with(
    server: Server, tenant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", "--grant", "bi", "--tenant", tenant]) == 2
    assert "no tenant that views can be named with" in capsys.readouterr().err


def test_a_schema_shows_a_role_what_it_may_read_and_nothing_else(server: Server) -> None:
    """PostgreSQL: `WHERE is_final` holds, an instant carries its zone, and nothing that is listed is refused."""
    if not server.is_postgres:
        pytest.skip("no schemas beside databases there")
    with a_login(server) as url:
        assert main(["migrate", "--grant", url.username or "", "--personal"]) == 0
        made = connect.engine(load("mediameter.toml").warehouse.url)
        with connect.writing(made) as connection:
            columns = "day | source | family | state | complete_through_at"
            Warehouse(connection).fill("days", f"{columns}\n2026-11-04 | ovh | traffic | final | 2026-11-05 00:00")
            Warehouse(connection).fill("traffic_daily", "day | requests | bytes_sent\n2026-11-04 | 7 | 5_000")
        made.dispose()
        made = sa.create_engine(url, connect_args={"options": "-c search_path=mediameter_bi -c timezone=Asia/Tokyo"})
        with made.connect() as connection:
            assert set(sa.inspect(connection).get_view_names(schema="mediameter_bi")) == set(READABLE)
            for name in READABLE:
                connection.exec_driver_sql(f"SELECT * FROM {name}").all()
            query = "SELECT requests, complete_through_at FROM application_daily WHERE is_final AND tenant = 'default'"
            [(requests, at)] = connection.exec_driver_sql(query).all()
            assert requests == 7 and at.tzinfo and at == datetime(2026, 11, 5, tzinfo=UTC)
            types = "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema = 'mediameter_bi'"
            assert "timestamp without time zone" not in set(connection.exec_driver_sql(types).scalars())
            yes_or_no = f"{types} AND column_name LIKE 'is\\_%%'"
            assert set(connection.exec_driver_sql(yes_or_no).scalars()) == {"boolean"}
            described = "SELECT obj_description('mediameter_bi.money_daily'::regclass)"
            assert "a margin is the sum" in connection.exec_driver_sql(described).scalar_one()
        made.dispose()


def test_a_user_with_a_host_is_named_so(server: Server) -> None:
    """MySQL and MariaDB: a user is a name and the hosts that it may come from."""
    with a_login(server) as url:
        name = url.username if server.is_postgres else f"{url.username}@%"
        assert main(["migrate", "--grant", name or ""]) == 0
        made = sa.create_engine(url)
        with made.connect() as connection:
            assert connection.exec_driver_sql("SELECT * FROM incidents").all() == []
        made.dispose()


def test_a_role_asks_by_the_command(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with a_login(server) as url:
        assert main(["migrate", "--grant", url.username or ""]) == 0
        made = connect.engine(load("mediameter.toml").warehouse.url)
        with connect.writing(made) as connection:
            Warehouse(connection).fill("days", "day | source | lines | parsed\n2026-11-04 | ovh | 7 | 7")
            Warehouse(connection).fill("traffic_daily", "day | requests | bytes_sent\n2026-11-04 | 7 | 5_000")
        made.dispose()
        Path("mediameter.toml").write_text(f'[warehouse]\nurl = "{url.render_as_string(hide_password=False)}"\n')
        capsys.readouterr()
        assert main(["answer", "bandwidth_by_day", "--format", "csv"]) == 0
        assert "2026-11-04" in capsys.readouterr().out
        assert main(["run"]) != 0


@pytest.mark.parametrize(
    ("role", "said"),
    [("nobody_here", "no such role"), ("x'; DROP", "not a valid role name"), ("", "not a valid role name")],
)
def test_a_role_that_cannot_be(server: Server, role: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--grant", role]) == 2
    assert said in capsys.readouterr().err


def test_a_file_has_no_roles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mediameter.toml").write_text("")
    assert main(["migrate", "--grant", "bi"]) == 2
    assert "a file has no roles" in capsys.readouterr().err
    assert not Path("warehouse.sqlite").exists()
