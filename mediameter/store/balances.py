"""The hourly balances of a generating system: the table `gauges_hourly`, which nothing can tell again."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import sqlalchemy as sa

from mediameter.store.warehouse import insert, naive, read, tables
from schemas.generations import GAUGES_HOURLY

_gauges = tables[GAUGES_HOURLY.name]


def replace_hour(connection: sa.Connection, tenant: str, source: str, hour: datetime, rows: pl.DataFrame) -> bool:
    """Lets these rows be the balances of the hour; False when they stood there just so."""
    which = sa.and_(_gauges.c.tenant == tenant, _gauges.c.source == source, _gauges.c.hour_at == naive(hour))
    before = read(connection, GAUGES_HOURLY, which).sort(GAUGES_HOURLY.key)
    if before.equals(rows.sort(GAUGES_HOURLY.key)):
        return False
    connection.execute(_gauges.delete().where(which))
    insert(connection, GAUGES_HOURLY, rows)
    return True
