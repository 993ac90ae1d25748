"""The budgets of the settings, written where the views that hold costs against them read them."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.settings.budgets import ANY
from mediameter.store.warehouse import frame_of, insert, tables
from schemas.budgets import BUDGETS


def write_budgets(connection: sa.Connection, settings: Settings) -> None:
    """Replaces the tenant's budgets, where they differ."""
    table, wanted = tables[BUDGETS.name], sorted(_rows(settings))
    of_tenant = table.c.tenant == settings.tenant
    columns = [table.c[name] for name in BUDGETS.names]
    if wanted == sorted(tuple(row) for row in connection.execute(sa.select(*columns).where(of_tenant))):
        return
    connection.execute(table.delete().where(of_tenant))
    insert(connection, BUDGETS, frame_of(wanted, BUDGETS))


def _rows(settings: Settings) -> Iterator[tuple[object, ...]]:
    for name, budget in settings.every_budget.items():
        for model in budget.models or (ANY,):
            yield (
                settings.tenant, name, model, budget.amount.currency, budget.amount.micros, budget.per, budget.costs,
                budget.basis, budget.application, budget.source, budget.user, budget.each,
            )  # fmt: skip
