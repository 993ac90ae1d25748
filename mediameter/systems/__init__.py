"""Every kind of system that is read. A module of this package that has a ``SYSTEM`` is one: there is no other list."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from mediameter.systems.system import FORMS, Supplies, System


def _discovered() -> Iterator[System]:
    for module in iter_modules(__path__):
        system = getattr(import_module(f"{__name__}.{module.name}"), "SYSTEM", None)
        if isinstance(system, System):
            yield system


SYSTEMS: dict[str, System] = {
    system.kind: system for system in sorted(_discovered(), key=lambda system: (FORMS.index(system.form), system.kind))
}
"""By kind: buckets of logs, then of events, then tables."""


def kinds_that_supply(what: Supplies) -> list[str]:
    """The kinds of systems that something is metered of."""
    return [kind for kind, system in SYSTEMS.items() if system.supplies == what]


def quoted(kinds: list[str]) -> str:
    """Kinds as a message lists them: ``"a", "b" or "c"``."""
    *others, last = (f'"{kind}"' for kind in kinds)
    return f"{', '.join(others)} or {last}" if others else last
