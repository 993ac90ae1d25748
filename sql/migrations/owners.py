"""Whose the rows of the machinery are that were written before they said so (revision 0026).

Of one tenant all of them are. Where several have used a warehouse, a source's name says it, as far as it is the name of
one tenant's alone: else nobody can tell, and the revision refuses before it has changed anything.
"""

from dataclasses import dataclass, field

import sqlalchemy as sa
from alembic import op

from mediameter.store import tenancy
from sql.migrations.tenant_first import NOBODY

_LEDGER = ("objects", "lake_files", "exports")
_BY_SOURCE = (*_LEDGER, "listings", "sightings", "row_rejects", "prices")
_ALL = (
    *_BY_SOURCE, "identity", "object_hours", "rejects", "fences", "outbox", "lake_runs", "lake_retired",
)  # fmt: skip
_SHARED = "all"  # the source of files that were computed of all sources, and can be again


@dataclass(frozen=True)
class Owners:
    """The tenants that the warehouse knows, in order, and the one of each source."""

    tenants: list[str]
    of_source: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> str:
        return self.tenants[0]


def decide() -> Owners:
    """By what the warehouse says of itself, else by its rollups. Raises ``UserError`` (``tenancy.undecided``)."""
    named = _in_identity() or _in_rollups()
    tenants = sorted({tenant for tenant, _ in named})
    if len(tenants) < 2:
        return Owners(tenants or [op.get_bind().get_execution_options().get("tenant") or "default"])
    known: dict[str, set[str]] = {}
    for tenant, source in named:
        known.setdefault(source, set()).add(tenant)
    for source in sorted(_sources_of_the_ledger()):
        if len(known.get(source, ())) != 1:
            raise tenancy.undecided(tenants, source)
    return Owners(tenants, {source: min(of) for source, of in known.items() if len(of) == 1})


def _in_rollups() -> set[tuple[str, str]]:
    """Tenants with a source of theirs; with an empty name where only the tenant is known."""
    found = {(str(tenant), str(source)) for tenant, source in _rows("SELECT DISTINCT tenant, source FROM days")}
    for table in ("applications", "media_files", "incidents"):
        found |= {(str(tenant), "") for (tenant,) in _rows(f"SELECT DISTINCT tenant FROM {table}")}
    return found


def _in_identity() -> set[tuple[str, str]]:
    """The same, of those that have ever made a run here."""
    columns = {each["name"] for each in sa.inspect(op.get_bind()).get_columns("identity")}
    of_rows = "tenant" if "tenant" in columns else f"'{NOBODY}'"
    found = set()
    for tenant, name in _rows(f"SELECT {of_rows}, name FROM identity"):
        kind, _, rest = str(name).partition(":")
        if tenant != NOBODY:  # a killed revision has been here
            found.add((str(tenant), rest if kind == "source" else ""))
        elif kind in ("key", "source") and rest:
            owner, _, source = rest.partition("/")
            found.add((owner, source))
    return found


def _sources_of_the_ledger() -> set[str]:
    queries = (f"SELECT DISTINCT source FROM {table}" for table in _LEDGER)
    return {str(source) for query in queries for (source,) in _rows(query)} - {_SHARED}


def write(whose: Owners) -> None:
    """Gives every row that is nobody's its tenant."""
    _name_identity(whose)
    if len(whose.tenants) > 1:
        _by_source(whose)
        _share_fences(whose)
    for table in _ALL:
        _run(f"UPDATE {table} SET tenant = :tenant WHERE tenant = ''", tenant=whose.first)


def _name_identity(whose: Owners) -> None:
    """`key:TENANT` and `source:TENANT/NAME` become the tenant's `key` and `source:NAME`; what is said of the whole
    warehouse, each of its tenants says. Several begin a chain of manifests each."""
    for name, value in _rows("SELECT name, value FROM identity WHERE tenant = ''"):
        kind, _, rest = name.partition(":")
        owner, _, source = rest.partition("/")
        new = f"source:{source}" if kind == "source" else kind
        several = [] if name == "manifest" and len(whose.tenants) > 1 else whose.tenants
        for tenant in [owner] if rest else several:
            _run("DELETE FROM identity WHERE tenant = :tenant AND name = :name", tenant=tenant, name=new)
            row = {"tenant": tenant, "name": new, "value": value}
            _run("INSERT INTO identity (tenant, name, value) VALUES (:tenant, :name, :value)", **row)
        _run("DELETE FROM identity WHERE tenant = '' AND name = :name", name=name)


def _by_source(whose: Owners) -> None:
    for source, tenant in whose.of_source.items():
        for table in _BY_SOURCE:
            _run(f"UPDATE {table} SET tenant = :t WHERE tenant = '' AND source = :s", t=tenant, s=source)
        which = "tenant = '' AND path LIKE :path"
        _run(f"UPDATE lake_retired SET tenant = :t WHERE {which}", t=tenant, path=f"%/source={source}/%")
    for table in ("object_hours", "rejects"):
        owner = f"SELECT tenant FROM objects WHERE objects.object_id = {table}.object_id"
        _run(f"UPDATE {table} SET tenant = COALESCE(({owner}), '') WHERE tenant = ''")
    owner = "SELECT MIN(tenant) FROM incidents WHERE incidents.fingerprint = outbox.fingerprint"
    _run(f"UPDATE outbox SET tenant = COALESCE(({owner}), '') WHERE tenant = ''")
    # What was computed of the sources of all tenants counts no more; every day is computed anew.
    gone = "SELECT :t, path, CURRENT_TIMESTAMP, size_bytes FROM lake_files WHERE tenant = '' AND source = :all"
    already = "path NOT IN (SELECT path FROM (SELECT path FROM lake_retired) AS known)"
    what = {"t": whose.first, "all": _SHARED}
    _run(f"INSERT INTO lake_retired (tenant, path, retired_at, size_bytes) {gone} AND {already}", **what)
    _run("DELETE FROM lake_files WHERE tenant = '' AND source = :all", all=_SHARED)


def _share_fences(whose: Owners) -> None:
    """A day may have been marked as done by the run of another tenant: it is dirty for each that has it."""
    if not _rows("SELECT 1 FROM fences WHERE tenant = '' LIMIT 1"):
        return
    for tenant in whose.tenants:
        has_day = "day IN (SELECT day FROM days WHERE tenant = :of_days) OR day NOT IN (SELECT day FROM days)"
        _run("DELETE FROM fences WHERE tenant = :tenant", tenant=tenant)
        _run(
            "INSERT INTO fences (tenant, family, day, dirty_epoch, done_epoch, basis) SELECT :tenant, family, day,"
            f" dirty_epoch + 1, done_epoch, basis FROM fences WHERE tenant = '' AND ({has_day})",
            tenant=tenant,
            of_days=tenant,
        )
    _run("DELETE FROM fences WHERE tenant = ''")


def _rows(query: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in op.get_bind().execute(sa.text(query))]


def _run(statement: str, **values: str) -> None:
    op.get_bind().execute(sa.text(statement), values)
