"""Many rows into a table at once, on the connection that writes and inside its transaction: each engine's own way.

The frames hold what every engine takes for its types: text, numbers, 1 and 0, days and instants as text.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import polars as pl
import sqlalchemy as sa

from mediameter.engines import mysql, postgres, trouble
from mediameter.errors import WorldError

_ESCAPED = "['\"\\\\\0\n\r\x1a]"  # what pymysql writes as two characters
_STATEMENT_BYTES = 4096  # what stands around a row's texts, at most
LOAD_DATA_FROM = 5000
"""Rows. A file costs more than it saves below that."""


def load(connection: sa.Connection, table: str, frame: pl.DataFrame) -> None:
    """Inserts the frame's rows into the columns of the same names."""
    _LOADS[connection.dialect.name](connection, table, frame)


def _names(connection: sa.Connection, frame: pl.DataFrame) -> str:
    quote = connection.dialect.identifier_preparer.quote_identifier
    return ", ".join(quote(name) for name in frame.columns)


def _into_sqlite(connection: sa.Connection, table: str, frame: pl.DataFrame) -> None:
    marks = ", ".join("?" * frame.width)
    connection.exec_driver_sql(f"INSERT INTO {table} ({_names(connection, frame)}) VALUES ({marks})", frame.rows())


def _into_postgres(connection: sa.Connection, table: str, frame: pl.DataFrame) -> None:
    postgres.copy(connection, f"COPY {table} ({_names(connection, frame)}) FROM STDIN", tab_separated(frame))


def _into_mysql(connection: sa.Connection, table: str, frame: pl.DataFrame) -> None:
    if frame.height >= LOAD_DATA_FROM and connection.connection.info.get(mysql.LOADS_FILES):
        _load_data(connection, table, frame)
        return
    _refuse_giants(connection, frame)
    marks = ", ".join(["%s"] * frame.width)  # pymysql makes one statement of as many rows as a packet holds
    connection.exec_driver_sql(f"INSERT INTO {table} ({_names(connection, frame)}) VALUES ({marks})", frame.rows())


def _refuse_giants(connection: sa.Connection, frame: pl.DataFrame) -> None:
    """A statement larger than a packet ends the connection without an error, so the size is checked first."""
    texts = [column for column in frame if column.dtype == pl.String]
    sizes = [column.str.len_bytes() + column.str.count_matches(_ESCAPED) for column in texts]
    most = connection.connection.info[mysql.PACKET] - _STATEMENT_BYTES
    if sizes and (pl.DataFrame(sizes).sum_horizontal() > most).any():
        raise trouble.too_large(trouble.name(connection.engine.url), "")


def _load_data(connection: sa.Connection, table: str, frame: pl.DataFrame) -> None:
    """LOAD DATA LOCAL only warns of what it cuts, replaces or leaves out: raises ``WorldError``, which rolls the
    transaction back, unless every row came as it was."""
    with tempfile.NamedTemporaryFile(prefix="mediameter-load-") as file:
        file.write(tab_separated(frame))
        file.flush()
        statement = f"LOAD DATA LOCAL INFILE %s INTO TABLE {table} CHARACTER SET utf8mb4 ({_names(connection, frame)})"
        loaded = connection.exec_driver_sql(statement, (file.name,)).rowcount
    warned = connection.exec_driver_sql("SHOW WARNINGS").all()
    if warned or loaded != frame.height:
        codes = ", ".join(sorted({str(code) for _, code, _ in warned})) or "none"
        raise WorldError(
            f"{table}: {loaded:,} of {frame.height:,} rows were loaded, with warnings {codes}; nothing was written",
            "drop local_infile from [warehouse] url",
        )


_LOADS: dict[str, Callable[[sa.Connection, str, pl.DataFrame], None]] = {
    "sqlite": _into_sqlite,
    "postgresql": _into_postgres,
    "mysql": _into_mysql,
}


def tab_separated(frame: pl.DataFrame) -> bytes:
    r"""Rows as COPY and LOAD DATA read them: tabs between, `\N` for NULL, backslash before what means something."""
    if not frame.height:
        return b""
    lines = frame.select(pl.concat_str([_cell(column) for column in frame], separator="\t")).to_series()
    return ("\n".join(lines.to_list()) + "\n").encode()


def _cell(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Float64:  # as Python writes it: to the last bit
        column = pl.Series(column.name, [None if value is None else repr(value) for value in column], pl.String)
    elif column.dtype == pl.String:
        column = column.str.replace_many(["\\", "\t", "\n", "\r"], ["\\\\", "\\t", "\\n", "\\r"])
    return column.cast(pl.String).fill_null("\\N")
