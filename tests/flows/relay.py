"""What stands between a flow and its server, so that the server can be gone for one of them alone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Relay:
    """Hands bytes to and fro until it is stopped; from then on there is nobody at its port."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def stop(self) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._open += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._hand_over, args=(one, other), daemon=True).start()

    def _hand_over(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while received := one.recv(65_536):
                other.sendall(received)
            other.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(api: str) -> Iterator[tuple[Relay, str]]:
    """A relay before this API, and the API's URL through it."""
    url = urlsplit(api)
    relay = Relay((str(url.hostname), int(url.port or 80)))
    try:
        yield relay, f"http://127.0.0.1:{relay.port}{url.path}"
    finally:
        relay.stop()
