"""A url that leads nowhere, or to a place that cannot be a warehouse: one line, whose fault it is, and no secret."""

from __future__ import annotations

import re
import traceback
import uuid
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from mediameter.connect import engine
from mediameter.errors import MediameterError, UserError, WorldError
from mediameter.store import warehouse
from tests import servers
from tests.engines.user import SECRET, Server, a_user, administered


def refusal(url: str | sa.URL) -> MediameterError:
    """What ends the first use of that url; no secret is anywhere in it."""
    text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    with pytest.raises((UserError, WorldError)) as told:
        made = engine(text)
        try:
            warehouse.ready(made)
        finally:
            made.dispose()
    assert SECRET not in "".join(traceback.format_exception(told.value))
    return told.value


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"oracle://u:{SECRET}@h/d", "only SQLite, PostgreSQL, MySQL and MariaDB"),
        (f"mysql+mysqldb://u:{SECRET}@h/d", 'the driver mysqldb is not supported: write "mysql://'),
        (f"postgresql://u:{SECRET}@h", "names no database"),
        (f"postgresql://u:{SECRET}@h:5432x/d", "cannot be read: write it like"),
        (f"mysql://u:{SECRET}:3306/d", "cannot be read: write it like"),
        (f"mysql://u:{SECRET}@127.0.0.1/d?charset=latin1", "charset=latin1 cannot hold every text: leave it out"),
        (f"mariadb://u:{SECRET}@127.0.0.1/d?colour=red", "/d: the url has an unknown option (colour)"),
    ],
)  # fmt: skip
def test_a_url_that_is_wrong_in_itself(url: str, words: str) -> None:
    told = refusal(url)
    assert isinstance(told, UserError) and words in str(told)


# --- on a server -------------------------------------------------------------------------------------


@pytest.fixture
def server(new_server_url: str) -> Iterator[Server]:
    with administered(new_server_url) as server:
        yield server


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (lambda url: url.set(port=1, password=SECRET), WorldError, "cannot be reached"),
        (lambda url: url.set(host="nowhere.invalid", password=SECRET), UserError, "there is no host of that name"),
        (lambda url: url.set(username="nobody_here", password=SECRET), UserError, "wrong user or password"),
        (lambda url: url.set(database="nowhere"), UserError, "the database does not exist"),
        (lambda url: url.update_query_dict({"colour": "red"}), UserError, "has an unknown option"),
    ],
)
def test_a_url_that_leads_nowhere(
    wrong: Callable[[sa.URL], sa.URL], kind: type[MediameterError], words: str, server: Server
) -> None:
    told = refusal(wrong(server.url))
    assert isinstance(told, kind) and words in str(told) and told.remedy


def test_a_missing_privilege(server: Server) -> None:
    with a_user(server) as url:
        told = refusal(url)
    assert isinstance(told, UserError) and "a privilege is missing" in str(told) and told.remedy


def test_a_wrong_password(server: Server) -> None:
    with a_user(server) as url:
        told = refusal(url.set(password=f"{SECRET}-wrong"))
    # A PostgreSQL that trusts its own machine lets everybody in, and then the privilege is missing.
    words = "wrong user or password|a privilege is missing" if server.is_postgres else "wrong user or password"
    assert isinstance(told, UserError) and re.search(words, str(told))


def test_a_database_of_another_encoding() -> None:
    server = sa.make_url(servers.server_url("postgres"))
    name = f"latin_{uuid.uuid4().hex[:8]}"
    with servers.administrator(server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            told = refusal(server.set(database=name))
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
    assert isinstance(told, UserError) and "has the encoding LATIN1: create one with ENCODING 'UTF8'" in str(told)
