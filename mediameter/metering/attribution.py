"""Whose a record is, and what was asked of the storage: application and endpoint, from key and referer's host.

The rules are those of docs/definitions.md. They are expressions without look-arounds and with anchored patterns, so
that they cost some hundred nanoseconds a row; still cheaper on distinct keys with their counts.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from mediameter.metering.catalogue import application_name
from schemas.vocabulary import OTHER, UNATTRIBUTED

KEY_PATTERN = "key_pattern"
REFERER = "referer"
NONE = "none"

# Anchored, and never two ways to read on: such patterns go over a key once. Each is used once in an expression, since
# Polars computes an expression that stands there twice twice.
# A client may ask for any key: only what reads like a name becomes an application or stands in an endpoint.
_NAME = r"([A-Za-z0-9_.-]{1,64})"
_APP_OF_BUCKET_ID = rf"^files/[^/]+/{_NAME}-[^/-]*/"
_BUCKET_ID = rf"^files/[^/]+/{_NAME}/"
_APP = rf"^media/{_NAME}/[^/]+/(?:originals|variants)/"
_APP_OF_ORIGINAL = rf"^media/{_NAME}/[^/]+/originals/"
_APP_OF_VARIANT = rf"^media/{_NAME}/[^/]+/variants/[^/]+/"
_VARIANT = rf"^media/[^/]+/[^/]+/variants/{_NAME}/"
_FIRST = r"^([^/]*)/"
# The first segment is an id: a number, a UUID (even one without a digit), or eight characters and more with a digit.
_NUMBER = r"^[0-9]+/"
_UUID = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}/"
_WITH_DIGIT = r"^[A-Za-z_-]*[0-9][A-Za-z0-9_-]*/"
_EIGHT = r"^[A-Za-z0-9_-]{8}"
_TOO_LONG = r"^[^/]{65}"


def application(referers: Mapping[str, str], names: Mapping[str, str] | None = None) -> pl.Expr:
    """Application of a record with ``key`` and ``referer_host``: by the key, else by the host, else ``unattributed``.

    ``referers``: host → application, as in the settings; hosts in any case. ``names``: application by its id.
    """
    return pl.coalesce(_by_key(names), _by_referer(referers), pl.lit(UNATTRIBUTED)).alias("application")


def application_basis(referers: Mapping[str, str]) -> pl.Expr:
    """What ``application`` rests on: ``key_pattern``, ``referer`` or ``none``."""
    by_referer = pl.when(_by_referer(referers).is_not_null()).then(pl.lit(REFERER)).otherwise(pl.lit(NONE))
    return pl.when(_by_key().is_not_null()).then(pl.lit(KEY_PATTERN)).otherwise(by_referer).alias("match_basis")


def is_elsewhere(referers: Mapping[str, str]) -> pl.Expr:
    """Whether a record was asked for by a page of none of the hosts that are known, of an ``application`` some of
    whose hosts are: what others link to, the application does not hear of."""
    host, hosts = pl.col("referer_host"), [host.lower() for host in referers]
    is_foreign = host.is_not_null() & ~host.is_in(hosts)
    return is_foreign & pl.col("application").is_in(sorted(set(referers.values())))


def _by_key(names: Mapping[str, str] | None = None) -> pl.Expr:
    """Null where the key names no application. A key may name one by its id."""
    named = pl.coalesce(_in_key(_APP_OF_BUCKET_ID), _in_key(_APP))
    return application_name(named, names) if names else named


def _in_key(pattern: str) -> pl.Expr:
    return pl.col("key").str.extract(pattern)


def _by_referer(referers: Mapping[str, str]) -> pl.Expr:
    if not referers:
        return pl.lit(None, pl.String)
    hosts = [host.lower() for host in referers]
    return pl.col("referer_host").replace_strict(hosts, list(referers.values()), default=None, return_dtype=pl.String)


def endpoint() -> pl.Expr:
    """Endpoint of a record with ``operation_class`` and ``key``: class, a space, the key's template. Before the cap."""
    key = pl.col("key").str
    is_id = key.contains(_NUMBER) | (key.contains(_WITH_DIGIT) & key.contains(_EIGHT)) | key.contains(_UUID)
    is_id |= key.contains(_TOO_LONG) & key.contains("/", literal=True)
    # A text is null when one of its parts is: the first template that has all its parts is the key's.
    template = pl.coalesce(
        pl.format("files/{{user}}/{}/*", _in_key(_BUCKET_ID)),
        pl.format("media/{}/{{user}}/originals/*", _in_key(_APP_OF_ORIGINAL)),
        pl.format("media/{}/{{user}}/variants/{}/*", _in_key(_APP_OF_VARIANT), _in_key(_VARIANT)),
        pl.when(is_id).then(pl.lit("{id}/*")),
        _in_key(_FIRST) + "/*",
        pl.when(pl.col("key").is_null()).then(pl.lit("-")).otherwise(pl.lit("*")),
    )
    return pl.concat_str(pl.col("operation_class"), pl.lit(" "), template).alias("endpoint")


def capped(frame: pl.DataFrame, name: str, most: int) -> pl.DataFrame:
    """The frame with the column ``name`` turned into ``other`` but for the ``most`` with the most requests (ties: by
    name).

    ``frame`` has application, the column, requests, and day where it holds more than one; a name may have any number
    of rows (by status, say), and counts by their sum. Rows keep their order and are not merged.
    """
    within = [column for column in ("day", "application") if column in frame.columns]
    ranked = frame.group_by(*within, name).agg(pl.col("requests").sum())
    ranked = ranked.sort("requests", name, descending=[True, False])
    kept = ranked.filter(pl.int_range(pl.len()).over(within) < most).select(*within, name, pl.lit(True).alias("_kept"))
    rows = frame.join(kept, on=[*within, name], how="left", maintain_order="left")
    return rows.with_columns(pl.when("_kept").then(name).otherwise(pl.lit(OTHER)).alias(name)).drop("_kept")
