"""Records of access logs, as they come in: addresses and requesters become pseudonyms, queries lose their values."""

from __future__ import annotations

import polars as pl

from mediameter.privacy.columns import mapped, mapped_columns, mapped_where
from mediameter.privacy.pseudonyms import Addresses, Pseudonyms
from mediameter.privacy.texts import CUT, cut_emails, cut_query, cut_request, cut_url
from schemas.records import RECORD

_SIGNED_KEY = r"(?is)\?.*(?:x-amz-|signature=)"


def at_the_door(
    frame: pl.DataFrame, *, pseudonyms: Pseudonyms, addresses: Addresses, keep_query: frozenset[str] = frozenset()
) -> pl.DataFrame:
    """Records as parsed (PARSED) → what of RECORD rests on personal text, in RECORD's order and the rows' own order.

    Addresses and requesters become pseudonyms after country and edge are derived; queries lose their values, except
    for the names in ``keep_query``. Keys stay as they are: they are what is metered.
    """

    def requesters(texts: pl.Series) -> list[pl.Series]:
        return [pl.Series("requester_hash", pseudonyms.of_all(texts.to_list()), dtype=pl.String)]

    def urls(referers: pl.Series) -> list[pl.Series]:
        cut = [cut_url(referer, keep_query) for referer in referers]
        return [
            pl.Series("referer", [url for url, _ in cut], dtype=pl.String),
            pl.Series("referer_host", [host for _, host in cut], dtype=pl.String),
        ]

    frame = _unsigned(frame)
    uris, agents = frame["request_uri"], frame["user_agent"]
    door = frame.with_columns(
        *mapped_columns(frame["remote_ip"], addresses.columns),
        *mapped_columns(frame["requester"], requesters),
        *mapped_columns(frame["referer"], urls),
        mapped_where(uris, uris.str.contains(r"[?#]|://"), lambda some: _cut_requests(some, keep_query)),
        mapped_where(agents, agents.str.contains("[@%]"), lambda some: mapped(some, cut_emails)),
    )
    country, edge = addresses.nowhere
    door = door.with_columns(pl.col("country").fill_null(country), pl.col("edge").fill_null(edge))
    return door.select(name for name in RECORD.names if name in door.columns)


def _unsigned(frame: pl.DataFrame) -> pl.DataFrame:
    """A broken client's key may hold the whole signed query: it ends at its ``?``, in the URI's path as well."""
    rows = frame["key"].str.contains(_SIGNED_KEY).fill_null(False)
    if not rows.any():
        return frame
    cut = {
        "key": pl.col("key").str.replace(r"(?s)\?.*", f"?{CUT}"),
        "key_raw": pl.col("key_raw").str.replace(r"(?is)(?:\?|%(?:25)*3f).*", f"?{CUT}"),
    }
    path = pl.col("request_uri").str.replace(r"(?is)(?:\?|%(?:25)*3f).*?( HTTP/[0-9.]{1,8})?$", f"?{CUT}$1")
    return frame.with_columns(
        pl.when(rows).then(change).otherwise(pl.col(name)).alias(name)
        for name, change in {**cut, "request_uri": path}.items()
    )


def _cut_requests(uris: pl.Series, keep: frozenset[str]) -> pl.Series:
    """Request URIs with their queries cut.

    Values differ from row to row, names hardly: values are cut over the whole column, and what is left is few texts.
    Fragments and authorities are rare in a request, and left to the exact way.
    """
    parts = (
        uris.str.splitn("?", 2)
        .struct.rename_fields(["front", "query"])
        .struct.unnest()
        .with_columns(pl.col("query").fill_null("").str.extract(r"( HTTP/[0-9.]{1,8})$").fill_null("").alias("end"))
        .with_columns(pl.col("query").str.strip_suffix(pl.col("end")))
    )
    names = parts["query"] if keep else _names_alone(parts["query"])
    query = mapped(names, lambda text: cut_query(text, keep))
    cut = parts.select(pl.concat_str("front", pl.lit("?"), query.alias("cut"), "end")).to_series()
    is_odd = uris.str.contains("#", literal=True) | parts["front"].str.contains("://", literal=True)
    odd = uris.filter(is_odd)
    return cut.scatter(is_odd.arg_true(), mapped(odd, lambda text: cut_request(text, keep))).alias(uris.name)


def _names_alone(queries: pl.Series) -> pl.Series:
    """``a=1&b=2&c`` as ``a=…&b=…&c``."""
    pair = pl.element().str.splitn("=", 2).struct
    value = pl.when(pair.field("field_1").is_null()).then(pl.lit("")).otherwise(pl.lit(f"={CUT}"))
    return queries.str.split("&").list.eval(pl.concat_str(pair.field("field_0"), value)).list.join("&")
