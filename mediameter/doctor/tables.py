"""The tables of a system, whichever it is: reached, by a user or a key that sees every row, as they are known here, and
not to be written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sqlalchemy as sa

from mediameter.doctor.case import TableVisit
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.errors import MediameterError
from mediameter.opening import tables as opening
from mediameter.sections.tables import RestTableSource, TableSource
from mediameter.sources.postgrest import Rest
from mediameter.sources.tables import Database, Snapshot
from schemas.source_table import SourceTable

_ASK_S = 10


def reach(visit: TableVisit) -> Iterator[Finding]:
    """A connection."""
    database = opening.database(visit.name, visit.source, _ASK_S)
    try:
        with database.snapshot() as seen:
            kind = seen.connection.dialect.name
            yield ok(database.engine.url.render_as_string(hide_password=True), f"reached: {kind}")
    finally:
        database.close()


def key(visit: TableVisit) -> Iterator[Finding]:
    """Whose key it is, and until when, as far as it says; an error as an export would tell it."""
    rest = opening.tables(visit.name, visit.source, _ASK_S)
    if not isinstance(rest, Rest):
        raise AssertionError(f"{visit.setting} has no key")
    try:
        rest.refuse_other_roles()
    finally:
        rest.close()
    yield _whose(rest.key.role)
    if expired := rest.key.expired(rest.setting, visit.clock()):
        raise expired
    if rest.key.expires_at:
        yield ok("key", f"valid until {rest.key.expires_at:%Y-%m-%d}")


def _whose(role: str | None) -> Finding:
    if role is None:
        remedy = "use the service key (a JSON web token, or sb_secret_…): from another role policies hide rows"
        return warning("key", "it does not tell its role: whether it sees every row is not known", remedy)
    return ok("key", f"of the role {role}")


def tables(visit: TableVisit) -> Iterator[Finding]:
    """Each table as an export would find it: names and types of the columns, the right to read it, policies that hide
    rows; what is new there is worth a word."""
    source = opening.tables(visit.name, visit.source, _ASK_S)
    try:
        for table in visit.system.tables:
            yield _table(source, table)
    finally:
        source.close()


def _table(source: Database | Rest, table: SourceTable) -> Finding:
    try:
        with source.snapshot() as seen:
            unknown = seen.check(table)
            seen.peek(table)
    except MediameterError as trouble:
        return error(table.name, trouble.message, trouble.remedy)
    if unknown:
        remedy = "nothing is lost; a newer mediameter may read it"
        return warning(table.name, f"new columns, which are not read: {', '.join(unknown)}", remedy)
    return ok(table.name, "as it is known here, and can be read")


def rights(visit: TableVisit) -> Iterator[Finding]:
    """The session is read-only whatever the user may do; a user that may do no more is safer still. Where rows are to
    be written back, their user has to be one that may."""
    writes_back = getattr(visit.source, "write_back", False)
    writer = getattr(visit.source, "write_back_url", "") if writes_back else ""
    if writer:
        yield _of_writer(visit, _writable(visit, writer, visit.system.writes_into))
    elif writes_back:
        yield _of_writer(visit, _writable(visit, visit.source.url, visit.system.writes_into))
        return
    writable = _writable(visit, visit.source.url, visit.system.tables)
    if writable is None:
        yield skipped("rights", "a file is opened to be read only")
    elif writable:
        remedy = f"give the url a user that was granted SELECT on {_listed(visit.system.tables)}, and nothing else"
        yield warning("rights", f"the user may write into {', '.join(writable)}", remedy)
    else:
        yield ok("rights", "the user can only read")


def _listed(declared: tuple[SourceTable, ...]) -> str:
    return ", ".join(table.name for table in declared)


def _of_writer(visit: TableVisit, writable: list[str] | None) -> Finding:
    name = _listed(visit.system.writes_into)
    if writable == []:
        remedy = f"GRANT INSERT, UPDATE, DELETE on {name} to it, or set write_back = false"
        return error("write-back", f"its user may not write into {name}", remedy)
    return ok("write-back", "its user may write" if writable else "a file is opened to be written")


_GRANTS = "SELECT privilege_type FROM information_schema."
_TO_WRITE = "privilege_type IN ('INSERT', 'UPDATE', 'DELETE')"


def _writable(visit: TableVisit, url: str, declared: tuple[SourceTable, ...]) -> list[str] | None:
    """Which of these tables the user of a URL may write into, as they are called there; None for a file, which has no
    users. MySQL's answer is about all of them at once: it shows a user its own grants alone."""
    database = opening.database(visit.name, visit.source.model_copy(update={"url": url}), _ASK_S)
    try:
        with database.snapshot() as seen:
            if seen.connection.dialect.name == "sqlite":
                return None
            names = [seen.name_of(table) for table in declared]
            if seen.connection.dialect.name == "postgresql":
                return [name for name in names if _may_write_in_postgres(seen, name)]
            return names if _may_write_in_mysql(seen) else []
    finally:
        database.close()


def _may_write_in_postgres(seen: Snapshot, name: str) -> bool:
    quoted = seen.connection.dialect.identifier_preparer.quote_identifier
    asked = sa.text("SELECT has_table_privilege(to_regclass(:name), 'INSERT, UPDATE, DELETE')")
    [(may,)] = seen.ask(asked, {"name": ".".join(quoted(part) for part in name.split("."))})
    return bool(may)


def _may_write_in_mysql(seen: Snapshot) -> bool:
    here = f"{_TO_WRITE} AND table_schema = DATABASE()"
    views = {"user_privileges": _TO_WRITE, "schema_privileges": here, "table_privileges": here}
    return any(seen.ask(sa.text(f"{_GRANTS}{view} WHERE {which} LIMIT 1")) for view, which in views.items())


_TABLES = Check("tables", tables, limit_s=60, if_late="see url, and the network on the way")
IN_DATABASE: tuple[Check[TableVisit], ...] = (
    Check("reach", reach, limit_s=25, if_late="see host and port in url, and the firewalls on the way"),
    replace(_TABLES, needs=("reach",)),
    Check("rights", rights, needs=("reach",), limit_s=25),
)
OVER_REST: tuple[Check[TableVisit], ...] = (
    Check("key", key),
    replace(_TABLES, needs=("key",)),
)
"""An API is reached with the first question about a table, and a service key may do everything: nothing is written
with it."""


def checks_of(source: TableSource) -> tuple[Check[TableVisit], ...]:
    """What is looked at, by how the tables are reached."""
    return OVER_REST if isinstance(source, RestTableSource) and source.is_rest else IN_DATABASE
