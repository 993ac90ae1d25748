"""Options of a URL (``?name=value``): which ones the driver knows, and what to write instead of another.

Hosting companies, poolers and drivers of other languages print URLs with options of their own. Our drivers answer
such an option with a ``TypeError``, or refuse to connect: so the options are checked before anybody connects.
"""

from __future__ import annotations

import re
from functools import cache

import sqlalchemy as sa

from mediameter.engines import mysql
from mediameter.errors import UserError

_OUT = "leave it out"
_TLS_OF_MYSQL = "write ssl_ca=FILE&ssl_verify_cert=true&ssl_verify_identity=true instead"
_TLS_OF_POSTGRES = "write sslmode=require instead, or sslmode=verify-full&sslrootcert=FILE"
_POOLS = (
    "pgbouncer", "connection_limit", "pool_timeout", "socket_timeout", "statement_cache_size", "pool_mode", "pool_size",
    "max_overflow", "pool_recycle", "prepared_statements", "uselibpqcompat", "supa", "workaround", "serverTimezone",
    "useUnicode", "characterEncoding", "allowPublicKeyRetrieval", "local_infile", "timezone", "multipleStatements",
)  # fmt: skip
_MYSQL_SPELLS_TLS = (
    "ssl-mode", "ssl_mode", "sslmode", "ssl", "useSSL", "requireSSL", "tls", "sslaccept", "sslcert", "sslidentity",
    "sslpassword", "sslrootcert", "ssl-ca", "tls_version",
)  # fmt: skip
_POSTGRES_SPELLS_TLS = ("ssl", "ssl-mode", "ssl_mode", "sslaccept", "sslidentity", "ssl_ca", "ssl_verify_cert", "tls")
_TABLES_OF_A_SCHEMA = 'name the tables with their schema under tables: generation_events = "SCHEMA.generation_events"'
_INSTEAD = {
    "mysql": {**dict.fromkeys(_POOLS, _OUT), **dict.fromkeys(_MYSQL_SPELLS_TLS, _TLS_OF_MYSQL)},
    "postgresql": {
        **dict.fromkeys(_POOLS, _OUT),
        **dict.fromkeys(_POSTGRES_SPELLS_TLS, _TLS_OF_POSTGRES),
        **dict.fromkeys(("schema", "currentSchema", "search_path"), _TABLES_OF_A_SCHEMA),
    },
    "sqlite": {},
}
_SHOWN = {"mysql": "MySQL and MariaDB", "postgresql": "PostgreSQL", "sqlite": "SQLite"}
_PLAIN = re.compile("[A-Za-z][A-Za-z_-]{0,40}")
"""An option reads like this. What does not may be the end of a password that holds a question mark."""


def check(url: sa.URL, where: str) -> None:
    """Raises ``UserError`` for an option that the driver does not know; ``where``: the setting that holds the URL."""
    backend = _backend(url)
    unknown = [name for name in url.query if name not in _known(backend)]
    if not unknown:
        return
    name = unknown[0]
    if name not in _INSTEAD[backend] and not _PLAIN.fullmatch(name):
        what = f"{where}: what follows the ? is no option of {_SHOWN[backend]}"
        raise UserError(what, "leave it out; if the password holds a ?, write it as %3F")
    remedy = _INSTEAD[backend].get(name, _OUT)
    raise UserError(f"{where}: {name} is no option of {_SHOWN[backend]}", remedy)


def _backend(url: sa.URL) -> str:
    backend = url.get_backend_name()
    return "mysql" if backend == "mariadb" else backend


@cache
def _known(backend: str) -> frozenset[str]:
    if backend == "mysql":
        return frozenset(mysql.OPTIONS) - {"local_infile"}  # nothing is loaded into an application's database
    if backend == "sqlite":
        return frozenset()
    from psycopg.pq import Conninfo  # whatever the libpq that is installed knows

    return frozenset(option.keyword.decode() for option in Conninfo.get_defaults())
