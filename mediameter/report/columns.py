"""What a column of a query is, whichever engine answers it, and the two kinds of query that a report asks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, bindparam, text
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.selectable import TextualSelect
from sqlalchemy.types import TypeDecorator, TypeEngine

WHERE = "WHERE tenant = :tenant AND day BETWEEN :first AND :last"


class Whole(TypeDecorator[int]):
    """PostgreSQL and MySQL answer SUM of integers with a Decimal."""

    impl = BigInteger
    cache_ok = True

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class Instant(TypeDecorator[datetime]):
    """Naive UTC at rest, aware UTC in hand."""

    impl = DateTime
    cache_ok = True

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def by_day(sql: str, **columns: type[TypeEngine[Any]]) -> TextualSelect:
    """A query of a rollup: bound by :tenant and ``day BETWEEN :first AND :last``."""
    days = [bindparam(name, type_=Date()) for name in ("first", "last")]
    return text(sql).bindparams(*days).columns(**columns)


def by_object(sql: str, **columns: type[TypeEngine[Any]]) -> TextualSelect:
    """A query of the ledger, which knows no days: bound by :tenant and the instants :begin and :end."""
    instants = [bindparam(name, type_=DateTime()) for name in ("begin", "end")]
    return text(sql).bindparams(*instants).columns(**columns)
