"""The verdicts of the alert rules: by window (`alert_windows`, for some weeks) and by day (`alert_checks_daily`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

import sqlalchemy as sa

from mediameter.store.warehouse import Row, frame_of, insert, naive, tables
from schemas.alerts import ALERT_WINDOWS
from schemas.rollups import ALERT_CHECKS_DAILY

_windows, _daily = tables[ALERT_WINDOWS.name], tables[ALERT_CHECKS_DAILY.name]


def replace_windows(
    connection: sa.Connection, tenant: str, before: Iterable[tuple[str, str, datetime]], rows: Sequence[Row]
) -> None:
    """Deletes the verdicts ``before`` (rule, group and end of each window) and inserts these rows."""
    for rule, group, end in before:
        which = (_windows.c.rule == rule, _windows.c.check_group == group, _windows.c.end_at == naive(end))
        connection.execute(_windows.delete().where(_windows.c.tenant == tenant, *which))
    insert(connection, ALERT_WINDOWS, frame_of(rows, ALERT_WINDOWS))


def forget_windows(connection: sa.Connection, tenant: str, until: datetime) -> None:
    """Deletes the windows that ended before an instant."""
    connection.execute(_windows.delete().where(_windows.c.tenant == tenant, _windows.c.end_at < naive(until)))


def replace_day(
    connection: sa.Connection, tenant: str, day: date, rows: Sequence[Row], other_rules: Collection[str]
) -> None:
    """Lets these rows be the day's verdicts, and leaves those of ``other_rules`` as they are."""
    which = (_daily.c.tenant == tenant, _daily.c.day == day, _daily.c.rule.not_in(list(other_rules)))
    connection.execute(_daily.delete().where(*which))
    insert(connection, ALERT_CHECKS_DAILY, frame_of(rows, ALERT_CHECKS_DAILY))
