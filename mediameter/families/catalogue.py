"""What the warehouse's reference tables say of the keys and ids at hand: never the whole of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import polars_hash as plh
import sqlalchemy as sa

from mediameter.metering.catalogue import FILES, Catalogue, id_in_key
from mediameter.store.warehouse import tables

_files, _applications = tables["media_files"], tables["applications"]
_MANY = 500  # bound parameters a statement, well under every engine's limit


def read_catalogue(connection: sa.Connection, tenant: str, keys: pl.Series, ids: pl.Series) -> Catalogue:
    """The media files that have one of these keys or ids, or the key of one that has; and all applications' names."""
    wanted = pl.DataFrame({"key": keys.unique()})
    named = pl.concat([ids, wanted.select(id_in_key())["key"]]).drop_nulls().unique()
    by_id = _read(connection, tenant, _files.c.media_file_id, named)
    digests = pl.concat([wanted["key"], by_id["object_key"]]).unique().to_frame("key")
    by_key = _read(
        connection, tenant, _files.c.object_key_sha256, digests.select(plh.col("key").chash.sha2_256())["key"]
    )
    names = sa.select(_applications.c.application_id, _applications.c.application).where(
        _applications.c.tenant == tenant
    )
    files = pl.concat([by_id, by_key]).unique("media_file_id").sort("media_file_id")
    return Catalogue(files, {row.application_id: row.application for row in connection.execute(names)})


def _read(connection: sa.Connection, tenant: str, column: sa.Column[Any], values: pl.Series) -> pl.DataFrame:
    """Rows of FILES of which the column is one of the values."""
    stored = {name: pl.Datetime("us") if name.endswith("_at") else dtype for name, dtype in FILES.items()}
    query = sa.select(*(_files.c[name] for name in FILES)).where(_files.c.tenant == tenant)
    frames = [
        pl.DataFrame([tuple(row) for row in connection.execute(query.where(column.in_(part)))], stored, orient="row")
        for part in _parts(values.sort().to_list())
    ]
    rows = pl.concat([pl.DataFrame(schema=stored), *frames])
    return rows.with_columns(pl.col(pl.Datetime("us")).dt.replace_time_zone("UTC"))


def _parts(values: list[str]) -> Iterator[list[str]]:
    return (values[i : i + _MANY] for i in range(0, len(values), _MANY))
