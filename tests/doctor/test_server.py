"""A warehouse on a server, as the doctor sees it: real ones, with what is wrong planted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from mediameter import connect
from mediameter.engines import mysql, postgres
from mediameter.errors import WorldError
from mediameter.store import warehouse
from mediameter.store.migration import HEAD
from tests import servers
from tests.doctor.site import NOTHING_ELSE, Folder
from tests.engines.user import SECRET, Server, a_user, administered


def found(folder: Folder, url: sa.URL) -> list[str]:
    """What is said of the warehouse: verdict, words, remedy."""
    folder.extra = f'[warehouse]\nurl = "{url.render_as_string(hide_password=False)}"\n{NOTHING_ELSE}'
    said = [f"{f.verdict}: {f.found}: {f.remedy}" for f in folder.examined() if f.check == "warehouse"]
    assert SECRET not in str(said)
    return said


def migrated(server: Server) -> None:
    made = connect.engine(server.url.render_as_string(hide_password=False))
    warehouse.ready(made)
    made.dispose()


@pytest.fixture
def server(new_server_url: str) -> Iterator[Server]:
    with administered(new_server_url) as server:
        yield server


def test_before_the_tables_are_made(folder: Folder, server: Server) -> None:
    assert found(folder, server.url)[0] == "ok: can be written, no tables yet: the first run creates them: "
    with a_user(server) as reader:
        said = found(folder, reader)
    lacks = "may not create any: GRANT CREATE ON SCHEMA" if server.is_postgres else "lacks CREATE, ALTER, INDEX, DROP"
    assert f"error: there are no tables yet, and the user {lacks}" in said[1]


def test_before_the_tables_are_brought_to_the_newest_revision(folder: Folder, server: Server) -> None:
    """The next run alters tables, which on PostgreSQL their owner alone may."""
    migrated(server)
    server.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0024'")
    assert [each.partition(":")[0] for each in found(folder, server.url)].count("error") == 0
    with a_user(server) as reader:
        rights = "SELECT, INSERT, UPDATE, DELETE"
        to = f"{reader.username}" if server.is_postgres else f"'{reader.username}'@'%%'"
        on = "ALL TABLES IN SCHEMA public" if server.is_postgres else f"{server.url.database}.*"
        with servers.administrator(server.url) as connection:
            connection.exec_driver_sql(f"GRANT {rights} ON {on} TO {to}")
        said = [each for each in found(folder, reader) if each.startswith("error: the next run has to change")]
    words = ("may not create any", "does not own") if server.is_postgres else ("lacks CREATE, ALTER, INDEX, DROP",)
    assert all(any(word in each for each in said) for word in words) and len(said) == len(words)


def test_a_function_that_the_server_does_not_know(
    folder: Folder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As newer servers drop some. The run and the doctor say what the server said, and send nobody to a disk."""
    monkeypatch.setattr(postgres, "_WRITERS_LOCK", "1, 2, 3")
    monkeypatch.setattr(mysql, "takes_lock", lambda connection, *_: connection.exec_driver_sql("SELECT MD6('x')"))
    (said,) = [each for each in found(folder, server.url) if each.startswith("error")]
    with pytest.raises(WorldError) as told:
        migrated(server)
    for each in (said, str(told.value)):
        assert "the server refuses a statement of mediameter's" in each and "does not exist" in each
        assert "the versions that are supported" in each and "disk" not in each and "folder" not in each


def test_with_its_tables(folder: Folder, server: Server) -> None:
    migrated(server)
    first, *more = found(folder, server.url)
    assert first == f"ok: can be written, at revision {HEAD}: "
    if not server.is_postgres:
        assert any("local_infile=1 is faster" in each for each in more)
        assert any("LOAD DATA LOCAL" in each for each in found(folder, server.url.set(query={"local_infile": "1"})))
    with a_user(server) as reader:
        assert found(folder, reader)[0].startswith("error: a privilege is missing")


def test_columns_of_another_collation(folder: Folder, server: Server) -> None:
    migrated(server)
    rule = 'TYPE text COLLATE "default"' if server.is_postgres else "MODIFY reason LONGTEXT COLLATE utf8mb4_general_ci"
    alter = "ALTER TABLE rejects " + (f"ALTER reason {rule}" if server.is_postgres else rule)
    server.connection.exec_driver_sql(alter)
    (said,) = [each for each in found(folder, server.url) if each.startswith("error")]
    assert "1 columns are not compared byte by byte, rejects.reason among them" in said


def test_nobody_there(folder: Folder, server: Server) -> None:
    (said,) = found(folder, server.url.set(port=1, password=SECRET))
    assert said.startswith("error: cannot be reached (") and "see host and port" in said
