"""The table `alert_silences`: which rules tell nobody for a while."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from mediameter.store.warehouse import Row, frame_of, insert, naive, tables
from schemas.alerts import ALERT_SILENCES

_silences = tables[ALERT_SILENCES.name]


def add(connection: sa.Connection, row: Row) -> None:
    insert(connection, ALERT_SILENCES, frame_of([row], ALERT_SILENCES))


def end(connection: sa.Connection, tenant: str, rule: str, group: str, at: datetime) -> int:
    """Ends the silences of a rule and group that would last beyond this instant; returns how many."""
    which = (_silences.c.tenant == tenant, _silences.c.rule == rule, _silences.c.check_group == group)
    ended = _silences.update().where(*which, _silences.c.ends_at > naive(at)).values(ends_at=naive(at))
    return connection.execute(ended).rowcount
