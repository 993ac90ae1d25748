"""A generating system's tables: reached, by a user or a key that sees every row, as they are known here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mediameter.connect import rest_client, source_engine
from mediameter.doctor.case import PaletteVisit
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, error, ok, skipped, warning
from mediameter.errors import MediameterError
from mediameter.sources.api_keys import read_key
from mediameter.sources.postgrest import Rest
from mediameter.sources.tables import Database
from schemas.palette import DIRECTORS_PALETTE

_ASK_S = 10


def _tables(visit: PaletteVisit) -> Database | Rest:
    source = visit.source
    names = {str(table): called for table, called in source.tables.items()}
    columns = {str(table): called for table, called in source.columns.items()}
    if source.is_rest:
        client = rest_client(source.url, source.key, _ASK_S)
        return Rest(visit.setting, client, read_key(source.key), source.role, names, columns)
    return Database(visit.setting, source_engine(source.url, _ASK_S), names, columns)


def key(visit: PaletteVisit) -> Iterator[Finding]:
    """Whose key it is, and until when, as far as it says."""
    if not visit.source.is_rest:
        yield skipped("key", "a database is asked with the user of its url")
        return
    told = read_key(visit.source.key)
    yield _whose(visit, told.role)
    if told.expires_at:
        yield _until(visit, told.expires_at)


def _whose(visit: PaletteVisit, role: str | None) -> Finding:
    if role is None:
        remedy = "use the service key (a JSON web token, or sb_secret_…): from another role policies hide rows"
        return warning("key", "it does not tell its role: whether it sees every row is not known", remedy)
    if role != visit.source.role:
        remedy = f'set key to the service key (secret key); role = "{role}" if policies hide nothing from it'
        return error("key", f"it is of the role {role}, which need not see all rows (row-level security)", remedy)
    return ok("key", f"of the role {role}")


def _until(visit: PaletteVisit, at: datetime) -> Finding:
    if at <= visit.clock():
        return error("key", f"it expired on {at:%Y-%m-%d}", f"make a new one there, and set {visit.setting} key")
    return ok("key", f"valid until {at:%Y-%m-%d}")


def tables(visit: PaletteVisit) -> Iterator[Finding]:
    """Each table as an export would find it: names, types, the right to read, policies that hide rows; and whether it
    shows any row at all."""
    source = _tables(visit)
    try:
        for table in DIRECTORS_PALETTE:
            try:
                with source.snapshot() as seen:
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
    finally:
        source.close()


PALETTE: tuple[Check[PaletteVisit], ...] = (
    Check("key", key),
    Check("tables", tables, needs=("key",), limit_s=60, if_late="see url, and the network on the way"),
)
