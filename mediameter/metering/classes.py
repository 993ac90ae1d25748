"""What kind of record a record is: the columns every figure is cut by."""

from __future__ import annotations

import polars as pl

from schemas.vocabulary import CLIENT_ABORT, DELIVERED_STATUS, NOT_REQUESTS, operation_class


def classified(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds operation_class, status_class, is_request, is_delivery_candidate; drops key_raw where it is the key.

    Grain: the frame's, one record a row.
    """
    known = frame["operation"].unique().to_list()
    classes = pl.col("operation").replace_strict(
        known, [operation_class(name) for name in known], return_dtype=pl.String
    )
    key_raw = pl.when(pl.col("key_raw") != pl.col("key")).then(pl.col("key_raw"))
    frame = frame.with_columns(operation_class=classes, status_class=_status_class(), key_raw=key_raw)
    return frame.with_columns(
        is_request=~pl.col("operation_class").is_in(NOT_REQUESTS),
        is_delivery_candidate=(pl.col("operation_class") == "get_object")
        & pl.col("http_status").is_in(DELIVERED_STATUS).fill_null(False),
    )


def _status_class() -> pl.Expr:
    status = pl.col("http_status")
    known = {digit: f"{digit}xx" for digit in (2, 3, 4, 5)}
    by_digit = (status // 100).replace_strict(list(known), list(known.values()), default="none", return_dtype=pl.String)
    return pl.when(status == CLIENT_ABORT).then(pl.lit("aborted")).otherwise(by_digit)
