"""Where the storage's log and the application agree, and why not where they do not (docs/definitions.md,
"Reconciliation"). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from mediameter.metering import caches
from mediameter.metering.attribution import application
from mediameter.metering.bots import with_bots
from mediameter.metering.catalogue import Catalogue, application_name, files_by_key, objects_of
from mediameter.metering.matching import matched
from mediameter.metering.viewers import VIEWER
from schemas.events import EVENT
from schemas.vocabulary import NOTHING_FETCHED, RECONCILIATION_REASONS

MATCHED, LOG_ONLY, APP_ONLY = RECONCILIATION_REASONS
NOT_MODIFIED = 304
_GRAIN = ["application", "outcome", "reason"]
_MEASURES = ("requests", "deliveries", "events", "log_bytes", "app_bytes")


@dataclass(frozen=True, slots=True)
class Agreement:
    """``viewers``: VIEWER, ``source`` and ``begin_at``, a delivery a row that is an event, or needs none (``alone``).
    ``events``: at, application, outcome, reason, app_bytes, an event a row."""

    viewers: pl.DataFrame
    events: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Part:
    """What some of the objects come to; ``events`` with ``address`` and ``cache``, which of them may have answered.

    ``direct``: addresses that come past the edges; ``hours``: those in which anything was delivered.
    """

    viewers: pl.DataFrame
    events: pl.DataFrame
    direct: pl.DataFrame
    hours: pl.DataFrame


def agreement(
    deliveries: pl.DataFrame,
    events: pl.DataFrame,
    catalogue: Catalogue,
    referers: Mapping[str, str],
    tolerance: timedelta,
    edge_tolerance: timedelta,
) -> Part:
    """Holds deliveries (deliveries.DELIVERY and ``source``) against events (schemas.events.EVENT), in any order."""
    files = files_by_key(deliveries["key"], catalogue.files)
    sent = deliveries.join(files.select("key", file="media_file_id"), on="key", how="left", maintain_order="left")
    told = _told(distinct(events), catalogue, referers).with_row_index("event")
    told = told.with_columns(cache=caches.cached(sent, told, tolerance))
    fetched = told.filter(~pl.col("event_type").is_in(NOTHING_FETCHED))
    pairs = matched(sent, fetched, tolerance, edge_tolerance)
    of_event = pairs.with_columns(event=fetched["event"].gather(pairs["event"])).select("event", "match_basis")
    told = told.join(of_event, on="event", how="left")
    need_none = caches.explained(sent, fetched, pairs, tolerance)
    return Part(
        viewers=pl.concat(
            [_viewers(deliveries, fetched, pairs), alone(deliveries[need_none["delivery"]], need_none["alone"])]
        ),
        events=told.select("at", "application", "app_bytes", "address", "match_basis", "cache", "reason"),
        direct=caches.direct_visitors(sent),
        hours=sent.select(hour=pl.col("begin_at").dt.truncate("1h")).unique(),
    )


def together(parts: Sequence[Part]) -> Agreement:
    """The agreement of all objects. Who comes directly, and whether there was a log at all, no object tells alone."""
    direct = pl.concat(part.direct for part in parts)["address"].unique()
    hours = pl.concat(part.hours for part in parts)["hour"].unique()
    is_silent = ~pl.col("at").dt.truncate("1h").is_in(hours.implode())
    is_direct = pl.col("address").is_in(direct.implode()).fill_null(False)
    is_no_edges = (pl.col("cache") == caches.EDGE_CACHE) & is_direct
    cache = pl.when(~is_silent & ~is_no_edges).then("cache")
    of_alone = pl.when(pl.col("reason") == "no_delivery").then(pl.coalesce(cache, "reason")).otherwise("reason")
    is_matched = pl.col("match_basis").is_not_null()
    return Agreement(
        viewers=pl.concat(part.viewers for part in parts),
        events=pl.concat(part.events for part in parts).select(
            "at",
            "application",
            "app_bytes",
            outcome=pl.when(is_matched).then(pl.lit(MATCHED)).otherwise(pl.lit(APP_ONLY)),
            reason=pl.coalesce("match_basis", of_alone),
        ),
    )


def distinct(events: pl.DataFrame) -> pl.DataFrame:
    """One row an event id: the earliest, whatever the order they come in."""
    if events["event_id"].n_unique() == events.height:
        return events
    return events.sort("event_id", "at", *EVENT.names[2:]).unique("event_id", keep="first", maintain_order=True)


def _told(events: pl.DataFrame, catalogue: Catalogue, referers: Mapping[str, str]) -> pl.DataFrame:
    """Events with the file that their object is (``file``), their application, and why they would be alone."""
    own = catalogue.files.select(
        "media_file_id", "is_deleted", "deleted_at", key="object_key", in_file="application_id"
    )
    own = own.join(objects_of(catalogue.files), on="media_file_id", how="left")
    rows = events.join(own, on="media_file_id", how="left")
    named = [application_name(pl.col(name), catalogue.names) for name in ("application_id", "in_file")]
    reason = (
        pl.when(pl.col("event_type").is_in(NOTHING_FETCHED)).then(pl.lit("no_fetch"))
        .when(pl.col("key").is_null()).then(pl.lit("unknown_file"))
        .when(pl.col("is_deleted") & (pl.col("deleted_at") < pl.col("at"))).then(pl.lit("deleted_file"))
        .otherwise(pl.lit("no_delivery"))
    )  # fmt: skip
    return rows.select(
        "event_id", "at", "event_type", "file", "address", "user_id", pl.col("app_bytes").fill_null(0),
        application=pl.coalesce(*named, application(referers, catalogue.names)),
        in_event=pl.coalesce(*named), reason=reason,
    )  # fmt: skip


_OF_DELIVERY = ("source", "begin_at", "who", "first_at", "last_at")


def _viewers(deliveries: pl.DataFrame, events: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    seen = deliveries.select(_OF_DELIVERY)[pairs["delivery"]]
    by = events.select("user_id", application="in_event")[pairs["event"]]
    rows = pl.concat([seen, by, pairs.select("match_basis")], how="horizontal")
    return rows.with_columns(alone=pl.lit(None, pl.String())).select("source", "begin_at", *VIEWER)


def alone(deliveries: pl.DataFrame, why: pl.Expr | pl.Series) -> pl.DataFrame:
    """Deliveries that no event is asked of, as viewers: nothing but why is known of them."""
    unknown = [pl.lit(None, VIEWER[name]).alias(name) for name in ("match_basis", "user_id", "application")]
    rows = deliveries.select(_OF_DELIVERY).with_columns(*unknown, alone=why)
    return rows.select("source", "begin_at", *VIEWER)


# --- the two sides -----------------------------------------------------------------------------------


def reconciled(requests: pl.DataFrame | None, events: pl.DataFrame, begin: datetime, end: datetime) -> pl.DataFrame:
    """reconciliation_daily without tenant and day.

    ``requests``: application, match_basis, alone, user_agent, http_status, is_get, is_media_file, is_sidecar,
    is_elsewhere, and what they come to (requests, deliveries, bytes_sent); None where there are none.
    ``events``: as in ``Agreement``; those from ``begin`` to before ``end`` count.
    """
    of_day = events.filter(pl.col("at") >= begin, pl.col("at") < end)
    told = of_day.group_by(_GRAIN).agg(events=pl.len().cast(pl.Int64), app_bytes=pl.col("app_bytes").sum())
    empty = pl.DataFrame(schema=dict.fromkeys(_GRAIN, pl.String()) | dict.fromkeys(_MEASURES, pl.Int64()))
    logged = [] if requests is None else [_log_side(requests)]
    sides = pl.concat([empty, *logged, told], how="diagonal")
    return sides.group_by(_GRAIN).agg(pl.col(name).sum() for name in _MEASURES)


def _log_side(requests: pl.DataFrame) -> pl.DataFrame:
    status = pl.col("http_status")
    why = (
        pl.when(status.is_null() | (status >= 400)).then(pl.lit("failed"))
        .when(~pl.col("is_get")).then(pl.lit("no_delivery"))
        .when("is_sidecar").then(pl.lit("sidecar"))
        .when(~pl.col("is_media_file")).then(pl.lit("unknown_key"))
        .when("is_bot").then(pl.lit("bot"))
        .when(status == NOT_MODIFIED).then(pl.lit("not_modified"))
        .when((pl.col("alone") == caches.EDGE) | ((pl.col("alone") == caches.RANGE) & (status == 206))).then("alone")
        .when("is_elsewhere").then(pl.lit("elsewhere"))
        .otherwise(pl.lit("other_client"))
    )  # fmt: skip
    is_matched = pl.col("match_basis").is_in(RECONCILIATION_REASONS[MATCHED])
    rows = with_bots(requests).with_columns(
        outcome=pl.when(is_matched).then(pl.lit(MATCHED)).otherwise(pl.lit(LOG_ONLY)),
        reason=pl.when(is_matched).then("match_basis").otherwise(why),
    )
    return rows.group_by(_GRAIN).agg(
        pl.col("requests").sum(), pl.col("deliveries").sum(), log_bytes=pl.col("bytes_sent").sum()
    )
