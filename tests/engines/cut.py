"""What stands between us and a database server, and cuts the line when we say COMMIT: before the server hears it, or
before we hear its answer."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from tests.flows.relay import Relay

_COMMIT = re.compile(rb"(?<![A-Z])COMMIT(\0|$)")  # not AUTOCOMMIT, not READ-COMMITTED
_USUAL_PORTS = {"postgresql": 5432, "mysql": 3306}


class _Cutting(Relay):
    def __init__(self, target: tuple[str, int], *, arrives: bool) -> None:
        self._arrives = arrives
        self._is_committing = False
        super().__init__(target)

    def _hand_over(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while received := one.recv(65_536):
                if self._is_committing:  # the answer: nobody hears it
                    break
                self._is_committing = _COMMIT.search(received) is not None
                if self._is_committing and not self._arrives:
                    break
                other.sendall(received)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cut_at_commit(server: sa.URL, *, arrives: bool) -> Iterator[str]:
    """The database's URL through a line that is cut at the first COMMIT."""
    port = server.port or _USUAL_PORTS[server.get_backend_name()]
    relay = _Cutting((str(server.host), port), arrives=arrives)
    through = server.set(host="127.0.0.1", port=relay.port)
    if server.get_backend_name() == "postgresql":  # a line under TLS shows no COMMIT
        through = through.update_query_dict({"sslmode": "disable"})
    try:
        yield through.render_as_string(hide_password=False)
    finally:
        relay.stop()
