"""Whose each record is: by the event that its delivery is, else by the media file, the key, the referer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from mediameter.metering.attribution import application, application_basis
from mediameter.metering.catalogue import application_name
from mediameter.metering.deliveries import who

_WHAT = ["key", "referer_host"]
MEDIA_FILE = "media_file"
VIEWER = {
    "who": pl.UInt128(),
    "first_at": pl.Datetime("us", "UTC"),
    "last_at": pl.Datetime("us", "UTC"),
    "match_basis": pl.String(),
    "user_id": pl.String(),
    "application": pl.String(),
    "alone": pl.String(),  # why it needs no event, where it is none (metering.caches)
}


@dataclass(frozen=True, slots=True)
class Known:
    """What a connected application says of a day.

    ``files``: key, media_file_id, application_id of the keys that are media files. ``viewers``: VIEWER, a delivery
    a row that is an event or needs none; application null where the event names none. ``names``: application by its id.
    """

    files: pl.DataFrame
    viewers: pl.DataFrame
    names: Mapping[str, str]


def attributed(records: pl.DataFrame, referers: Mapping[str, str], known: Known | None = None) -> pl.DataFrame:
    """Adds ``application`` and ``match_basis``; where an application is connected ``user_id``, ``media_file_id``,
    ``alone``.

    Looked up once for each distinct key and host, since most are asked for again and again.
    """
    texts = records.select(_WHAT).unique()
    if known is None:
        told = texts.select(*_WHAT, application(referers), application_basis(referers))
        return records.join(told, on=_WHAT, how="left", nulls_equal=True)
    rows = records.join(_by_file(texts, referers, known), on=_WHAT, how="left", nulls_equal=True)
    return _with_viewers(rows, known.viewers)


def _by_file(texts: pl.DataFrame, referers: Mapping[str, str], known: Known) -> pl.DataFrame:
    of_file = application_name(pl.col("application_id"), known.names)
    rows = texts.join(known.files, on="key", how="left").with_columns(of_file.alias("of_file"))
    return rows.select(
        *_WHAT,
        "media_file_id",
        pl.coalesce("of_file", application(referers, known.names)).alias("application"),
        pl.when(pl.col("of_file").is_not_null())
        .then(pl.lit(MEDIA_FILE))
        .otherwise(application_basis(referers))
        .alias("match_basis"),
    )


def _with_viewers(records: pl.DataFrame, viewers: pl.DataFrame) -> pl.DataFrame:
    """The viewer of a delivery on all of its records; deliveries of one client and object do not overlap."""
    rows = records.with_row_index("row")
    asked = rows.lazy().filter("is_delivery_candidate").select("row", "at", who())
    asked = asked.join(viewers.lazy().select("who"), on="who", how="semi").sort("at")
    seen = asked.join_asof(
        viewers.lazy().rename({"match_basis": "of_event", "application": "in_event"}).sort("first_at"),
        left_on="at", right_on="first_at", by="who", check_sortedness=False,
    )  # fmt: skip
    seen = seen.filter(pl.col("at") <= pl.col("last_at")).select("row", "of_event", "in_event", "user_id", "alone")
    return (
        rows.join(seen.collect(), on="row", how="left")
        .with_columns(
            application=pl.coalesce("in_event", "application"), match_basis=pl.coalesce("of_event", "match_basis")
        )
        .drop("row", "of_event", "in_event")
    )
