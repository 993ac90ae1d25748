"""An application's database: it can be reached and read, its tables are as we know them, and it cannot be written."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from mediameter.connect import source_engine
from mediameter.doctor.case import AppVisit
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.errors import MediameterError
from mediameter.sources.tables import Database, Snapshot
from schemas.application import DAILEY_MEDIA, MEDIA_ANALYTICS

_ASK_S = 10


def _database(visit: AppVisit) -> Database:
    source = visit.source
    names = {str(table): called for table, called in source.tables.items()}
    columns = {str(table): called for table, called in source.columns.items()}
    return Database(visit.setting, source_engine(source.url, _ASK_S), names, columns)


def reach(visit: AppVisit) -> Iterator[Finding]:
    """A connection, and one row of each table."""
    database = _database(visit)
    with database.snapshot() as seen:
        kind = seen.connection.dialect.name
        yield ok(database.engine.url.render_as_string(hide_password=True), f"reached: {kind}")


def tables(visit: AppVisit) -> Iterator[Finding]:
    """Names and types of the columns, and the right to read them; what is new there is worth a word."""
    for table in DAILEY_MEDIA:
        try:
            with _database(visit).snapshot() as seen:
                unknown = seen.check(table)
                seen.peek(table)
        except MediameterError as trouble:
            yield error(table.name, trouble.message, trouble.remedy)
            continue
        if unknown:
            remedy = "nothing is lost; a newer mediameter may read it"
            yield warning(table.name, f"new columns, which are not read: {', '.join(unknown)}", remedy)
        else:
            yield ok(table.name, "as it is known here, and can be read")


def rights(visit: AppVisit) -> Iterator[Finding]:
    """The session is read-only whatever the user may do; a user that may do no more is safer still. Where rows are to
    be written back, their user has to be one that may."""
    source = visit.source
    with _database(visit).snapshot() as seen:
        may_write = _may_write(seen)
    if source.write_back and source.write_back_url:
        yield _writer(visit)
    elif source.write_back:
        yield _of_writer(may_write)
        return
    if may_write is None:
        yield skipped("rights", "a file is opened to be read only")
    elif may_write:
        remedy = "give the url a user that was granted SELECT on these three tables, and nothing else"
        yield warning("rights", f"the user may write into {seen.name_of(MEDIA_ANALYTICS)}", remedy)
    else:
        yield ok("rights", "the user can only read")


def _writer(visit: AppVisit) -> Finding:
    """What the user of write_back_url may do."""
    as_writer = visit.source.model_copy(update={"url": visit.source.write_back_url})
    with _database(AppVisit(visit.name, as_writer)).snapshot() as seen:
        return _of_writer(_may_write(seen))


def _of_writer(may_write: bool | None) -> Finding:
    if may_write is False:
        remedy = "GRANT INSERT, UPDATE, DELETE on media_analytics to it, or set write_back = false"
        return error("write-back", "its user may not write into media_analytics", remedy)
    return ok("write-back", "its user may write" if may_write else "a file is opened to be written")


_GRANTS = "SELECT privilege_type FROM information_schema."
_TO_WRITE = "privilege_type IN ('INSERT', 'UPDATE', 'DELETE')"


def _may_write(seen: Snapshot) -> bool | None:
    if seen.connection.dialect.name == "sqlite":
        return None
    if seen.connection.dialect.name == "postgresql":
        quoted = seen.connection.dialect.identifier_preparer.quote_identifier
        name = ".".join(quoted(part) for part in seen.name_of(MEDIA_ANALYTICS).split("."))
        asked = sa.text("SELECT has_table_privilege(:name, 'INSERT, UPDATE, DELETE')")
        return bool(seen.connection.execute(asked, {"name": name}).scalar())
    # MySQL shows a user its own grants alone.
    here = f"{_TO_WRITE} AND table_schema = DATABASE()"
    views = {"user_privileges": _TO_WRITE, "schema_privileges": here, "table_privileges": here}
    return any(
        seen.connection.execute(sa.text(f"{_GRANTS}{view} WHERE {which}")).first() for view, which in views.items()
    )


DATABASE: tuple[Check[AppVisit], ...] = (
    Check("reach", reach, limit_s=25, if_late="see host and port in url, and the firewalls on the way"),
    Check("tables", tables, needs=("reach",), limit_s=25),
    Check("rights", rights, needs=("reach",), limit_s=25),
)
