"""What a suite's query says of a day: few rows, read in the snapshot of whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from mediameter.errors import UserError
from mediameter.quality.suites import Suite
from schemas.vocabulary import LAKE_OF_FEED

_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    **dict.fromkeys(("day", "day_before"), sa.Date()),
    **dict.fromkeys(("begin_at", "end_at", "day_before_at"), sa.DateTime()),
    **dict.fromkeys(("is_connected", "lake_rows", "lake_records"), sa.BigInteger()),
    **dict.fromkeys((f"lake_{kind}" for kind in LAKE_OF_FEED), sa.BigInteger()),
    **dict.fromkeys(("tenant", "sources", "table_sources", "event_sources"), sa.String()),
}
_MANY = frozenset({"sources", "table_sources", "event_sources"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows that a suite's query gave for one day; its columns also where it gave none."""

    day: date
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


def evidence(connection: sa.Connection, suite: Suite, day: date, values: Mapping[str, Any]) -> Evidence:
    """Asks the suite's query for one day. ``values``: those of its parameters, at least.

    Raises ``UserError`` that names the file when the database does not understand the query.
    """
    binds = [
        sa.bindparam(name, values[name], _TYPES[name], expanding=name in _MANY) for name in sorted(suite.parameters)
    ]
    try:
        cursor = connection.execute(sa.text(suite.query).bindparams(*binds))
    except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
        words = " ".join(str(error.orig).split())
        raise UserError(f"{suite.place}: the warehouse refuses the query: {words[:300]}", "correct the file") from None
    columns = list(cursor.keys())
    return Evidence(day, columns, [tuple(_plain(value) for value in row) for row in cursor])


def _plain(value: Any) -> Any:
    """One type on every engine: sums are decimals on some, instants text on others."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date | datetime) else value
