"""A warehouse on a server: what its user may do there, and whether it is set up so that nothing is lost or slow."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from mediameter.doctor.finding import Finding, error, ok, warning
from mediameter.engines import mysql
from mediameter.store.grants import write_nothing
from mediameter.store.migration import HEAD
from mediameter.store.warehouse import tables

LITTLE_PACKET_BYTES = 16 * 2**20
EXACT = ("C", "utf8mb4_nopad_bin", "utf8mb4_0900_bin")
_HERE = {"postgresql": "current_schema()", "mysql": "DATABASE()"}


def examined(connection: sa.Connection, shown: str, revision: str | None, url: str) -> Iterator[Finding]:
    """What is to be said of a server beside its tables' revision; nothing of an SQLite file. Changes nothing: what it
    writes has no rows. Raises ``UserError`` where a privilege is missing."""
    engine = connection.dialect.name
    if engine == "sqlite":
        return
    if revision != HEAD:
        yield from _MIGRATING[engine](connection, shown, revision)
    if revision == HEAD:
        write_nothing(connection)
        yield from _collations(connection, shown)
    if engine == "mysql":
        yield from _packets(connection, shown)
        yield _loading(connection, shown, is_wanted=mysql.may_load_files(sa.make_url(url)))


_NONE_YET, _OLDER = "there are no tables yet, and the user", "the next run has to change the tables, and the user"
_ANOTHER = "or let another user run `mediameter migrate`"


def _migrating_postgres(connection: sa.Connection, shown: str, revision: str | None) -> Iterator[Finding]:
    """Only its owner may alter a table."""
    may_create = connection.exec_driver_sql("SELECT has_schema_privilege(current_schema(), 'CREATE')").scalar()
    if not may_create:
        what = f"{_OLDER if revision else _NONE_YET} may not create any"
        yield error(shown, what, f"GRANT CREATE ON SCHEMA public to the user, {_ANOTHER}")
    query = sa.text(
        "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename IN :ours"
        " AND NOT pg_has_role(tableowner, 'USAGE') ORDER BY tablename"
    ).bindparams(sa.bindparam("ours", tuple(tables), expanding=True))
    foreign = list(connection.execute(query).scalars())
    if foreign:
        what = f"{_OLDER} does not own {len(foreign)} of them, {foreign[0]} among them"
        yield error(shown, what, "let their owner run `mediameter migrate`")


_TO_MIGRATE = ("CREATE", "ALTER", "INDEX", "DROP", "CREATE VIEW")


def _migrating_mysql(connection: sa.Connection, shown: str, revision: str | None) -> Iterator[Finding]:
    """By what the server tells a user of its own grants; of what comes with a role it tells nothing there."""
    mine = "REPLACE(grantee, '''', '') = CURRENT_USER()"
    query = sa.text(
        f"SELECT privilege_type FROM information_schema.user_privileges WHERE {mine} UNION SELECT privilege_type"
        f" FROM information_schema.schema_privileges WHERE {mine} AND DATABASE() LIKE table_schema"
    )
    held = {str(name).upper() for name in connection.execute(query).scalars()}
    has_role = connection.exec_driver_sql("SELECT CURRENT_ROLE()").scalar() not in (None, "NONE")
    missing = [name for name in _TO_MIGRATE if name not in held]
    if missing and not has_role:
        what = f"{_OLDER if revision else _NONE_YET} lacks {', '.join(missing)}"
        yield error(shown, what, f"GRANT them on the database to the user, {_ANOTHER}")


_MIGRATING = {"postgresql": _migrating_postgres, "mysql": _migrating_mysql}


def _collations(connection: sa.Connection, shown: str) -> Iterator[Finding]:
    query = sa.text(
        f"""SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = {_HERE[connection.dialect.name]} AND table_name IN :ours
        AND data_type IN ('character varying', 'varchar', 'text', 'mediumtext', 'longtext')
        AND COALESCE(collation_name, 'default') NOT IN :exact ORDER BY table_name, column_name"""
    ).bindparams(sa.bindparam("ours", tuple(tables), expanding=True), sa.bindparam("exact", EXACT, expanding=True))
    other = [f"{table}.{column}" for table, column in connection.execute(query)]
    if other:
        what = f"{len(other)} columns are not compared byte by byte, {other[0]} among them: unlike keys become one"
        yield error(shown, what, f"change them to the engine's own of: {', '.join(EXACT)}")


def _packets(connection: sa.Connection, shown: str) -> Iterator[Finding]:
    packet = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()
    if packet < LITTLE_PACKET_BYTES:
        remedy = "set max_allowed_packet = 16M or more on the server"
        yield warning(shown, f"max_allowed_packet is {packet:,} bytes: many keys at once may not fit", remedy)


def _loading(connection: sa.Connection, shown: str, *, is_wanted: bool) -> Finding:
    """`local_infile` is a choice: a server that is not trusted could ask for any file of this machine."""
    is_allowed = bool(connection.exec_driver_sql("SELECT @@local_infile").scalar())
    if is_wanted and not is_allowed:
        return warning(shown, "local_infile is off on the server: rows go in one INSERT after the other", "set it ON")
    how = "LOAD DATA LOCAL" if is_wanted else "INSERT; where the server is trusted, ?local_infile=1 is faster"
    return ok(shown, f"many rows go in by {how}")
