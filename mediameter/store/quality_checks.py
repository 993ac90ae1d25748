"""The verdicts of the gate on a day: the table `quality_checks_daily`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import sqlalchemy as sa

from mediameter.store.warehouse import Row, frame_of, insert, tables
from schemas.rollups import QUALITY_CHECKS_DAILY

_checks = tables[QUALITY_CHECKS_DAILY.name]


def replace_day(
    connection: sa.Connection, tenant: str, day: date, family: str, suites: Collection[str], rows: Sequence[Row]
) -> None:
    """Lets these rows be the verdicts on the family; and on its suites, one of which may have been of the other
    family before."""
    of_family = sa.or_(_checks.c.family == family, _checks.c.suite.in_(list(suites)))
    connection.execute(_checks.delete().where(_checks.c.tenant == tenant, _checks.c.day == day, of_family))
    insert(connection, QUALITY_CHECKS_DAILY, frame_of(rows, QUALITY_CHECKS_DAILY))
