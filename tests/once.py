"""What is the same each time and is done once a process in tests: SQL is compiled, certificates are read.

A run opens its warehouse ten times, and SQLAlchemy keeps what it has compiled with each engine: in the field that costs
a run 50 ms, here a sixth of the CPU of thousands of small runs, each of which compiles the same statements. What makes
the same statement another text is in the key: the kind of server, its version, how it quotes. PyMySQL reads all
certificates of the machine for each connection, and then asks for none: 20 ms of CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa
from pymysql.connections import Connection
from sqlalchemy.util import LRUCache

_MOST = 5_000
_TOLD_BY = ("paramstyle", "server_version_info", "is_mariadb", "default_schema_name", "_backslash_escapes")
_cache: LRUCache[Any, Any] = LRUCache(_MOST)


@contextmanager
def done() -> Iterator[None]:
    """Within, engines share what they compile, and connections to MySQL and MariaDB that check no certificate what they
    encrypt with."""
    shared, make = _Shared(), Connection._create_ssl_ctx
    plain = cache(lambda: make(None, {}))

    def keep(engine: sa.Engine, own: object) -> None:
        engine.__dict__["_compiled_cache"] = None if own is None else shared

    with pytest.MonkeyPatch.context() as patch:
        kept = property(lambda engine: engine.__dict__["_compiled_cache"], keep)
        patch.setattr(sa.Engine, "_compiled_cache", kept, raising=False)
        patch.setattr(Connection, "_create_ssl_ctx", lambda self, asked: make(self, asked) if asked else plain())
        yield


class _Shared:
    """As far as SQLAlchemy asks it: a statement's key begins with the engine's own dialect, in whose place stands what
    is the same for all engines of its kind."""

    def get(self, key: tuple[Any, ...]) -> Any:
        return _cache.get(_key(key))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        if not isinstance(compiled.statement, sa.TextClause):  # the columns of `SELECT *` are kept with it
            _cache[_key(key)] = compiled

    def __len__(self) -> int:
        return len(_cache)


def _key(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return (
        type(dialect),
        *(getattr(dialect, name, None) for name in _TOLD_BY),
        dialect.identifier_preparer.initial_quote,
        *statement,
    )
