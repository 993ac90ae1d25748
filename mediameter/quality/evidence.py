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

_TYPES: dict[type, sa.types.TypeEngine[Any]] = {
    date: sa.Date(),
    datetime: sa.DateTime(),
    int: sa.BigInteger(),
    str: sa.String(),
    list: sa.String(),
}
"""Of a parameter, by what its value is."""


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
    given = {name: values[name] for name in sorted(suite.parameters)}
    binds = [
        sa.bindparam(name, value, _TYPES[type(value)], expanding=isinstance(value, list))
        for name, value in given.items()
    ]
    try:
        cursor = connection.execute(sa.text(suite.query).bindparams(*binds))
    except UserError as error:  # a right that is missing, or a query that would write
        raise UserError(f"{suite.place}: the query: {error.message}", error.remedy) from None
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
