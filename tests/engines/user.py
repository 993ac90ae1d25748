"""A database on a server, its administrator, and one who may only look into it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from tests import servers

SECRET = "canary-s3cret"


@dataclass(frozen=True)
class Server:
    """An empty database on a server, and its administrator's connection."""

    url: sa.URL
    connection: sa.Connection

    @property
    def is_postgres(self) -> bool:
        return self.url.get_backend_name() == "postgresql"


@contextmanager
def administered(url: str) -> Iterator[Server]:
    """The database at that URL, with a connection of its administrator's."""
    with servers.administrator(sa.make_url(url)) as connection:
        yield Server(sa.make_url(url), connection)


@contextmanager
def a_user(server: Server) -> Iterator[sa.URL]:
    """One who may look into the database, and make nothing there."""
    lets_in = "CONNECT ON DATABASE {}" if server.is_postgres else "SELECT ON {}.*"
    with a_login(server) as url:
        user = url.username if server.is_postgres else f"'{url.username}'@'%%'"
        server.connection.exec_driver_sql(f"GRANT {lets_in.format(server.url.database)} TO {user}")
        yield url


@contextmanager
def a_login(server: Server) -> Iterator[sa.URL]:
    """One who may come in, and see nothing."""
    name = f"reader_{uuid.uuid4().hex[:8]}"
    user = name if server.is_postgres else f"'{name}'@'%%'"
    made_so = "LOGIN PASSWORD" if server.is_postgres else "IDENTIFIED BY"
    kind = "ROLE" if server.is_postgres else "USER"
    server.connection.exec_driver_sql(f"CREATE {kind} {user} {made_so} '{SECRET}'")
    try:
        yield server.url.set(username=name, password=SECRET)
    finally:
        if server.is_postgres:
            with servers.administrator(server.url) as connection:
                connection.exec_driver_sql(f"DROP OWNED BY {user}")
        server.connection.exec_driver_sql(f"DROP {kind} {user}")
