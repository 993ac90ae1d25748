"""Distinct addresses and users over windows of days: what a day adds to them, and what a window comes to. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import polars_hash as plh

from schemas.vocabulary import ALL, MOST_TRAILING_FILES

# What the lake keeps of a day (kinds `audience` and `file_audience`). Who asked for a file is kept as sorted 64-bit
# hashes of the pseudonyms: they are only ever counted.
AUDIENCE = {"application": pl.String(), "address": pl.String(), "edge": pl.String(), "requests": pl.Int64()}
FILE_AUDIENCE = {
    "application": pl.String(),
    "key": pl.String(),
    "deliveries": pl.Int64(),
    "bytes_sent": pl.Int64(),
    "last_at": pl.Datetime("us", "UTC"),
    "addresses": pl.List(pl.UInt64()),
}
# Where an application is connected, a file audience has these, too.
OF_APPLICATION = {"media_file_id": pl.String(), "users": pl.List(pl.UInt64()), "user_deliveries": pl.Int64()}
_FILE = ["application", "key"]


def audience(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The day's AUDIENCE, sorted, so that equal days are equal bytes."""
    group = ["application", "address", "edge"]
    return pl.concat(parts).group_by(group).agg(pl.col("requests").sum()).sort(group).select(AUDIENCE.keys())


def asked(requests: pl.DataFrame, *, is_connected: bool) -> pl.DataFrame:
    """Who asked for what: distinct application, key and hash of the address; and of the user, with deliveries."""
    named = requests.filter(pl.col("key").is_not_null())
    if not is_connected:
        return named.select(*_FILE, _hash("address")).unique()
    group = [*_FILE, _hash("address"), _hash("user_id"), "media_file_id"]
    return named.group_by(group).agg(pl.col("deliveries").sum())


def _hash(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_not_null()).then(plh.col(name).nchash.xxh3_64()).alias(name)


def file_audience(files: pl.DataFrame, parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The day's FILE_AUDIENCE, sorted. ``files``: application, key and what they come to; ``parts``: see ``asked``."""
    rows = pl.concat(parts)
    found = files.join(_listed(rows, "address").rename({"address": "addresses"}), on=_FILE, how="left")
    names = [*FILE_AUDIENCE]
    if "user_id" in rows.columns:
        is_user = pl.col("user_id").is_not_null()
        of_users = rows.group_by(_FILE).agg(
            pl.col("media_file_id").first().fill_null(""), user_deliveries=pl.col("deliveries").filter(is_user).sum()
        )
        found = found.join(_listed(rows, "user_id").rename({"user_id": "users"}), on=_FILE, how="left")
        found, names = found.join(of_users, on=_FILE, how="left"), [*names, *OF_APPLICATION]
    return found.select(names).sort(_FILE)


def _listed(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    known = rows.select(*_FILE, name).drop_nulls(name)
    return known.sort(name).group_by(_FILE, maintain_order=False).agg(pl.col(name).unique(maintain_order=True))


def audience_trailing(days: pl.LazyFrame, files: pl.LazyFrame, window_days: int) -> pl.DataFrame:
    """audience_trailing of one window, without tenant and day. ``days``, ``files``: what its days have added."""
    edge = pl.col("requests").filter(pl.col("edge") == "edge").sum()
    is_known = (pl.col("edge") != "not_available").any()
    measures = {
        "unique_addresses": pl.col("address").n_unique().cast(pl.Int64),
        "is_behind_cdn": pl.when(is_known).then(edge * 2 >= pl.col("requests").sum()),
    }
    found = _of_each_and_all(days, measures).filter(pl.col("unique_addresses") > 0)
    return _with_users(found, files).with_columns(window_days=pl.lit(window_days))


def _with_users(applications: pl.DataFrame, files: pl.LazyFrame) -> pl.DataFrame:
    """Adds users and deliveries to them; null where no application is connected."""
    names = ("unique_users", "authenticated_deliveries")
    if "users" not in files.collect_schema():
        return applications.with_columns(pl.lit(None, pl.Int64).alias(name) for name in names)
    measures = {
        "unique_users": pl.col("users").explode().drop_nulls().n_unique().cast(pl.Int64),
        "authenticated_deliveries": pl.col("user_deliveries").sum(),
    }
    users = _of_each_and_all(files, measures)
    return applications.join(users, on="application", how="left").with_columns(pl.col(names).fill_null(0))


def _of_each_and_all(days: pl.LazyFrame, measures: dict[str, pl.Expr]) -> pl.DataFrame:
    of_each = days.group_by("application").agg(**measures)
    of_all = days.select(**measures).with_columns(application=pl.lit(ALL)).select("application", *measures)
    return pl.concat([of_each, of_all]).collect()


def media_file_trailing(files: pl.LazyFrame, window_days: int) -> pl.DataFrame:
    """media_file_trailing of one window, without tenant and day. ``files``: what its days have added."""
    sums = files.group_by(_FILE).agg(pl.col("bytes_sent").sum()).collect()
    most = sums.sort("bytes_sent", "key", descending=[True, False])
    most = most.filter(pl.int_range(pl.len()).over("application") < MOST_TRAILING_FILES).select(_FILE)
    is_connected = "users" in files.collect_schema()
    measures = {"unique_users": _number_of("users"), "media_file_id": pl.col("media_file_id").max().fill_null("")}
    if not is_connected:
        measures = {"unique_users": pl.lit(None, pl.Int64), "media_file_id": pl.lit("")}
    found = (
        files.join(most.lazy(), on=_FILE, how="semi")
        .group_by(_FILE)
        .agg(
            pl.col("deliveries").sum(),
            pl.col("bytes_sent").sum(),
            pl.col("last_at").max(),
            unique_addresses=_number_of("addresses"),
            **measures,
        )
        .collect()
    )
    return found.with_columns(
        object_key=pl.col("key"), object_key_sha256=plh.col("key").chash.sha2_256(), window_days=pl.lit(window_days)
    )


def _number_of(lists: str) -> pl.Expr:
    return pl.col(lists).explode().drop_nulls().n_unique().cast(pl.Int64)
