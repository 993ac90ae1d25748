"""What the tenants of one warehouse have to know of each other: who is there, whose lake is shared, who reads a place.

The few statements of the warehouse that look at the rows of all tenants, each on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from mediameter.connect import reading
from mediameter.store import tenancy
from mediameter.store.warehouse import tables
from schemas.internal import EXPORTS, IDENTITY, OBJECTS

SOURCE = "source:"
"""What names of `identity` begin with that say which place a source reads."""
_identity, _objects, _exports = (tables[contract.name] for contract in (IDENTITY, OBJECTS, EXPORTS))


def readers_of(made: sa.Engine, place: str) -> list[tuple[str, str]]:
    """Tenants and sources, of the whole warehouse, that have read anything of this place."""
    named = sa.select(_identity.c.tenant, _identity.c.name).where(_identity.c.value == place)
    named = named.where(_identity.c.name.like(f"{SOURCE}%")).order_by(_identity.c.tenant, _identity.c.name)
    with reading(made) as connection:
        readers = [(tenant, name.removeprefix(SOURCE)) for tenant, name in _everybodys(connection, named)]
        return [(tenant, source) for tenant, source in readers if _has_read(connection, tenant, source)]


def _has_read(connection: sa.Connection, tenant: str, source: str) -> bool:
    whose = ((table, sa.and_(table.c.tenant == tenant, table.c.source == source)) for table in (_objects, _exports))
    return any(_everybodys(connection, sa.select(table.c.source).where(which).limit(1)) for table, which in whose)


def _everybodys(connection: sa.Connection, query: sa.Select[Any]) -> list[Any]:
    return list(connection.execute(query, execution_options=tenancy.EVERYBODY))


def sharing(connection: sa.Connection) -> list[str]:
    """The tenants whose lake is the connection's tenant's: itself, and in an old lake those that it is shared with."""
    mine = sa.select(_identity.c.value).where(
        _identity.c.tenant == tenancy.of(connection), _identity.c.name == "lake_id"
    )
    query = sa.select(_identity.c.tenant).where(_identity.c.name == "lake_id", _identity.c.value.in_(mine))
    return sorted({tenancy.of(connection), *(row.tenant for row in _everybodys(connection, query))})


def tenants(connection: sa.Connection) -> list[str]:
    """All tenants that the warehouse knows."""
    query = sa.select(_identity.c.tenant).distinct().order_by(_identity.c.tenant)
    return [row.tenant for row in _everybodys(connection, query)]


def record_of_all(connection: sa.Connection, values: Mapping[str, str]) -> None:
    """Writes these names for every tenant of the warehouse; on a connection that is everybody's."""
    for tenant in tenants(connection):
        connection.execute(_identity.delete().where(_identity.c.tenant == tenant, _identity.c.name.in_(list(values))))
        rows = [{"tenant": tenant, "name": name, "value": value} for name, value in values.items()]
        connection.execute(_identity.insert(), rows)
