"""How a step tells how far it is, to whoever listens: a terminal's bar, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[float], None]


class Progress(Protocol):
    """A listener. ``task`` opens one bar of ``total`` units; the function it gives adds to it."""

    def task(self, description: str, total: float, *, unit: str = "") -> AbstractContextManager[Advance]: ...


class _Quiet:
    @contextmanager
    def task(self, description: str, total: float, *, unit: str = "") -> Iterator[Advance]:
        yield lambda _: None


def quiet() -> Progress:
    """Nobody listens."""
    return _Quiet()
