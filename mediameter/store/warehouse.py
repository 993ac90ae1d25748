"""The database with the rollups: its tables (from the contracts), its migration, and the one way to replace a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

import schemas
from mediameter.engines import trouble
from mediameter.engines.load import load
from mediameter.errors import WorldError
from mediameter.faults import point
from schemas import MACHINERY
from schemas.contract import Column, Contract
from schemas.frames import polars_schema
from schemas.rollups import TRAFFIC_FAMILY as TRAFFIC_FAMILY

metadata = sa.MetaData()
Row = tuple[object, ...]
_T = TypeVar("_T")
_MOST_BOUND = 500  # bound parameters a statement


def _sql_type(column: Column) -> sa.types.TypeEngine[Any]:
    if column.type == "text":
        return sa.String(column.length) if column.length else sa.Text().with_variant(mysql.LONGTEXT(), "mysql")
    types: dict[str, sa.types.TypeEngine[Any]] = {
        "int": sa.BigInteger(),
        "float": sa.Double(),
        "bool": sa.Boolean(),
        # naive UTC: the engines' zoned types do not agree
        "instant": sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql"),
        "day": sa.Date(),
    }
    return types[column.type]


def _table(contract: Contract) -> sa.Table:
    columns = [
        sa.Column(
            column.name,
            _sql_type(column),
            primary_key=column.role == "key",
            nullable=column.is_nullable,
            autoincrement=False,
            comment=column.doc,
        )
        for column in contract
    ]
    return sa.Table(contract.name, metadata, *columns, comment=contract.doc)


tables: dict[str, sa.Table] = {contract.name: _table(contract) for contract in schemas.TABLES}
_objects = tables["objects"].c
_hours, _incidents, _outbox = (tables[name].c for name in ("object_hours", "incidents", "outbox"))
_by_key = (_objects.tenant, _objects.source, _objects.object_key)
sa.Index("objects_by_key", *_by_key, mysql_length={"object_key": 512})
sa.Index("objects_by_head", _objects.tenant, _objects.source, _objects.head_hash)
sa.Index("object_hours_by_hour", _hours.tenant, _hours.hour_at)
_generated = tables["generated_files_daily"].c
_by_file = (_generated.tenant, _generated.media_file_id, _generated.day, _generated.source, _generated.application)
sa.Index("generated_files_by_file", *_by_file)
sa.Index("incidents_by_fingerprint", _incidents.tenant, _incidents.fingerprint)
sa.Index("outbox_by_state", _outbox.tenant, _outbox.state, _outbox.sequence)
sa.Index("media_files_by_key", tables["media_files"].c.tenant, tables["media_files"].c.object_key_sha256)


def insert(connection: sa.Connection, contract: Contract, frame: pl.DataFrame) -> None:
    """Inserts the frame's rows, whose columns are the contract's. On the writing connection, inside its transaction.
    Rows of the machinery that name no tenant are the connection's.

    The same on every engine: NUL in a text, which PostgreSQL refuses, becomes U+FFFD, as the parser has it. Raises
    ``WorldError`` for a text longer than its column, which SQLite would take.
    """
    if not frame.height:
        return
    if contract in MACHINERY and "tenant" not in frame.columns:
        from mediameter.store import tenancy

        frame = frame.with_columns(tenant=pl.lit(tenancy.of(connection)))
    frame = frame.select(polars_schema(contract).keys())
    frame = frame.with_columns(_as_stored(column) for column in contract if column.type in _STORED_OTHERWISE)
    limits = {column.name: column.length for column in contract if column.length}
    longest = frame.select(pl.col(name).str.len_chars().max() for name in limits).to_dict(as_series=False)
    for name, limit in limits.items():
        if (longest[name][0] or 0) > limit:
            what = f"{contract.name}.{name}: a text has more than the {limit} characters it may have"
            raise WorldError(what, "see where it comes from; nothing was written")
    load(connection, contract.name, frame)


_STORED_OTHERWISE = ("text", "instant", "day", "bool")


def _as_stored(column: Column) -> pl.Expr:
    """As SQLAlchemy itself writes dates and times into SQLite, but for a whole column at once. All engines read it."""
    if column.type == "text":
        return pl.col(column.name).str.replace_all("\0", "\ufffd", literal=True)
    if column.type == "bool":
        return pl.col(column.name).cast(pl.Int8)
    return pl.col(column.name).dt.strftime("%Y-%m-%d" if column.type == "day" else "%Y-%m-%d %H:%M:%S.%6f")


def replace_day(
    connection: sa.Connection,
    tenant: str,
    day: date,
    hours: tuple[datetime, datetime],
    frames: Mapping[Contract, pl.DataFrame],
) -> None:
    """Law 1: deletes the day (in hourly tables: its hours, from and before) and inserts it whole."""
    for contract, frame in frames.items():
        table = tables[contract.name]
        is_hourly = "hour_at" in table.c
        if is_hourly:
            when = sa.and_(table.c.hour_at >= naive(hours[0]), table.c.hour_at < naive(hours[1]))
        else:
            when = table.c.day == day
        connection.execute(table.delete().where(table.c.tenant == tenant, when))
        point("rollup.deleted")
        insert(connection, contract, frame)


def ready(engine: sa.Engine, if_new: Callable[[], None] | None = None) -> None:
    """Makes or migrates the tables where that is needed; ``if_new`` is called before they are made in an empty
    database, and may refuse.

    Raises ``WorldError`` when the database cannot be reached or was made by a newer mediameter.
    """
    from mediameter.store.migration import migrate

    try:
        migrate(engine, if_new)
    except sa.exc.DBAPIError as error:
        raise trouble.refused(engine, error) from None


def read_in_parts(connection: sa.Connection, contract: Contract, rows: int = 50_000) -> Iterator[pl.DataFrame]:
    """All rows of a table, so many at a time."""
    found = connection.execute(sa.select(tables[contract.name]), execution_options={"stream_results": True})
    for part in found.partitions(rows):
        yield _as_frame([tuple(row) for row in part], contract)


def read(connection: sa.Connection, contract: Contract, where: sa.ColumnElement[bool] | None = None) -> pl.DataFrame:
    """Rows of a table as a frame with the contract's types; instants become UTC. Those of the machinery without the
    tenant: they are the connection's."""
    query = sa.select(tables[contract.name])
    query = query if where is None else query.where(where)
    frame = _as_frame([tuple(row) for row in connection.execute(query)], contract)
    return frame.select(frame_schema(contract).keys())


def _as_frame(rows: list[tuple[Any, ...]], contract: Contract) -> pl.DataFrame:
    stored = {
        name: pl.Datetime("us") if dtype == pl.Datetime("us", "UTC") else dtype
        for name, dtype in polars_schema(contract).items()
    }
    frame = pl.DataFrame(rows, schema=stored, orient="row")
    return frame.with_columns(pl.col(pl.Datetime("us")).dt.replace_time_zone("UTC"))


def empty(contract: Contract) -> pl.DataFrame:
    """No rows of a table."""
    return pl.DataFrame(schema=frame_schema(contract))


def frame_of(rows: Sequence[tuple[object, ...]], contract: Contract) -> pl.DataFrame:
    """Rows in the order of ``frame_schema`` as a frame of its types."""
    return pl.DataFrame(rows, schema=frame_schema(contract), orient="row")


def frame_schema(contract: Contract) -> dict[str, pl.DataType]:
    """Names and types of the contract's columns; of the machinery's tables without the tenant."""
    schema = polars_schema(contract)
    return {name: schema[name] for name in schema if name != "tenant" or contract not in MACHINERY}


def naive(at: datetime) -> datetime:
    """An aware instant as the tables hold it."""
    return at.astimezone(UTC).replace(tzinfo=None)


def chunks(items: list[_T]) -> Iterator[list[_T]]:
    """A few hundred of the items at a time, so that a statement has fewer bound parameters than every engine allows."""
    return (items[i : i + _MOST_BOUND] for i in range(0, len(items), _MOST_BOUND))
