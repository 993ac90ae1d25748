"""Whose rows a connection reads and writes. Tenants may share a warehouse: to each it is a warehouse of its own.

A connection belongs to a tenant (``engine``). Every statement that SQLAlchemy builds on the warehouse's tables is
confined to that tenant's rows here, on its way to the database, so that no statement can forget it. SQL that is written
as text (views, answers, suites, the report) is not touched: it says ``tenant = :tenant`` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from mediameter import connect
from mediameter.errors import UserError
from mediameter.store.warehouse import tables

_OPTION = "tenant"
_CONFINED = frozenset(tables.values())
EVERYBODY: Mapping[str, None] = {_OPTION: None}
"""Execution options of the few statements that look at all tenants on purpose."""
_TABLES_OF: dict[Any, Sequence[Sequence[sa.FromClause]]] = {}
"""By a statement's shape: the tables of each SELECT, UPDATE and DELETE in it, in the order in which they are met."""
_MOST_SHAPES = 2_000


def engine(url: str, tenant: str) -> sa.Engine:
    """An engine of the warehouse (``connect.engine``) whose connections belong to this tenant."""
    made = connect.engine(url)
    sa.event.listen(made, "before_execute", _on_its_way, retval=True)
    return made.execution_options(**{_OPTION: tenant})


def everybody(made: sa.Engine) -> sa.Engine:
    """The same warehouse with the rows of all tenants: for who carries it away whole."""
    return made.execution_options(**EVERYBODY)


def of(connection: sa.Connection | sa.Engine) -> str:
    """Whose connection (or engine) it is. Raises ``LookupError`` where nobody said so: nothing is written then."""
    tenant = connection.get_execution_options().get(_OPTION)
    if tenant is None:
        raise LookupError("this connection belongs to no tenant: open the warehouse with store.tenancy.engine")
    return str(tenant)


def undecided(tenants: Sequence[str], source: str) -> UserError:
    """Of a warehouse from before its ledger said whose its rows are: nobody can tell of this source's."""
    return UserError(
        f"the warehouse holds several tenants ({', '.join(tenants)}), and its ledger does not tell whose the source"
        f" {source!r} is; nothing was changed",
        "give each tenant an empty [warehouse] url and [lake] path: `mediameter run` reads its sources anew; or keep"
        " the version of mediameter that made this warehouse",
    )


def _on_its_way(
    connection: sa.Connection,
    statement: Any,
    many: Sequence[Mapping[str, Any]],
    one: Mapping[str, Any],
    options: Mapping[str, Any],
) -> tuple[Any, Sequence[Mapping[str, Any]], Mapping[str, Any]]:
    """The statement and its parameters as the database gets them."""
    tenant = options.get(_OPTION)
    if tenant is None or not isinstance(statement, sa.sql.ClauseElement) or not _is_confined(statement):
        return statement, many, one
    if not isinstance(statement, sa.Insert) or statement.select is not None:
        return confined(statement, tenant), many, one
    if _OPTION in {getattr(column, "key", column) for column in statement._values or ()}:
        return statement, many, one
    if many:
        return statement, [{_OPTION: tenant, **row} for row in many], one
    return statement, many, {_OPTION: tenant, **one}


def _is_confined(statement: sa.sql.ClauseElement) -> bool:
    return any(each in _CONFINED for each in visitors.iterate(statement) if isinstance(each, sa.Table))


def confined(statement: sa.sql.ClauseElement, tenant: str) -> sa.sql.ClauseElement:
    """The statement, each SELECT, UPDATE and DELETE of it on the tenant's rows alone.

    To find the tables of a SELECT costs more than most statements do, so it is remembered by the statement's shape, as
    SQLAlchemy's own cache of compiled statements has it: all but the values.
    """
    shape = statement._generate_cache_key()
    known = _TABLES_OF.get(shape.key) if shape else None
    if known is not None and len(known) == 1 and isinstance(statement, sa.Select | sa.Update | sa.Delete):
        return statement.where(*_of_tenant(known[0], tenant))  # nothing lies within it that would have to be copied
    seen: list[Sequence[sa.FromClause]] = []

    def confine(part: Any, froms: Callable[[], Sequence[Any]]) -> None:
        of_tables = [each for source in froms() for each in _tables(source)] if known is None else known[len(seen)]
        seen.append(of_tables)
        part._where_criteria += _of_tenant(of_tables, tenant)

    def of_select(select: Any) -> None:
        confine(select, select.get_final_froms)

    def of_change(change: Any) -> None:
        confine(change, lambda: [change.table])

    changed = visitors.cloned_traverse(statement, {}, {"select": of_select, "update": of_change, "delete": of_change})
    if shape and known is None and _are_remembered(seen):
        if len(_TABLES_OF) >= _MOST_SHAPES:
            _TABLES_OF.clear()
        _TABLES_OF[shape.key] = seen
    return changed


def _of_tenant(of_tables: Sequence[sa.FromClause], tenant: str) -> tuple[sa.ColumnElement[bool], ...]:
    return tuple(each.c[_OPTION] == tenant for each in of_tables)


def _are_remembered(seen: Sequence[Sequence[sa.FromClause]]) -> bool:
    """An alias is another object in each statement of a shape."""
    return all(isinstance(each, sa.Table) for of_tables in seen for each in of_tables)


def _tables(part: sa.FromClause) -> Iterator[sa.FromClause]:
    """The warehouse's tables of a FROM, under the names that they have there."""
    if isinstance(part, sa.Join):
        if part.isouter or part.full:
            raise TypeError("an outer join would lose its rows without a partner here: write it as two statements")
        yield from _tables(part.left)
        yield from _tables(part.right)
    elif part in _CONFINED or (isinstance(part, sa.Alias) and part.element in _CONFINED):
        yield part
