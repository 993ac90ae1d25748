"""The tables of a source, as the settings say: a database, or a REST API. Nothing is asked of them yet."""

from __future__ import annotations

from mediameter.connect import rest_client, source_engine
from mediameter.sections.tables import RestTableSource, TableSource
from mediameter.sources.api_keys import read_key
from mediameter.sources.postgrest import Rest
from mediameter.sources.tables import Database


def tables(name: str, source: TableSource, timeout_s: int | None = None) -> Database | Rest:
    """Whichever the URL names; ``timeout_s``: instead of what the settings give a query. Close it in the end. Raises
    ``UserError`` for a URL that cannot be read."""
    if isinstance(source, RestTableSource) and source.is_rest:
        client = rest_client(source.url, source.key, timeout_s or source.statement_timeout_s)
        names, columns = _called(source)
        return Rest(f"[sources.{name}]", client, read_key(source.key), source.role, names, columns, source.page_rows)
    return database(name, source, timeout_s)


def database(name: str, source: TableSource, timeout_s: int | None = None) -> Database:
    """A database of SQL."""
    names, columns = _called(source)
    engine = source_engine(source.url, timeout_s or source.statement_timeout_s, f"[sources.{name}] url")
    return Database(f"[sources.{name}]", engine, names, columns, source.page_rows)


def _called(source: TableSource) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Names of tables, and of columns by table, that are called otherwise there."""
    columns: dict[str, dict[str, str]] = {str(table): names for table, names in source.columns.items()}
    return {str(table): name for table, name in source.tables.items()}, columns
