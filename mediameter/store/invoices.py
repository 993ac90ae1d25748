"""The invoices of the settings, written where the views that compare them with our figures read them."""

from __future__ import annotations

import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.store.warehouse import frame_of, insert, tables
from schemas.rollups import INVOICES

_invoices = tables[INVOICES.name]


def write_invoices(connection: sa.Connection, settings: Settings) -> None:
    """Replaces the invoices of the tenant."""
    rows = [
        (settings.tenant, i.source, i.month, i.currency, i.last_day, i.days_in_month, i.amount_micros, i.bytes_sent,
         i.citation)
        for i in settings.invoices
    ]  # fmt: skip
    connection.execute(_invoices.delete().where(_invoices.c.tenant == settings.tenant))
    insert(connection, INVOICES, frame_of(rows, INVOICES))
