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
    if revision is None and engine == "postgresql" and not _may_make_tables(connection):
        remedy = "GRANT CREATE ON SCHEMA public to the user, or let another user run `mediameter migrate`"
        yield error(shown, "there are no tables yet, and the user may not create any", remedy)
    if revision == HEAD:
        write_nothing(connection)
        yield from _collations(connection, shown)
    if engine == "mysql":
        yield from _packets(connection, shown)
        yield _loading(connection, shown, is_wanted=mysql.may_load_files(sa.make_url(url)))


def _may_make_tables(connection: sa.Connection) -> bool:
    return bool(connection.exec_driver_sql("SELECT has_schema_privilege(current_schema(), 'CREATE')").scalar())


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
