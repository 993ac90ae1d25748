"""From the records of a day to its rollups. A day may be given in slices of whole hours: a slice becomes `Parts`, which
add up; only then are percentiles, endpoints and the rest made. Nothing here depends on the order of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import polars_hash as plh

from mediameter.metering.attribution import capped, endpoint, is_elsewhere
from mediameter.metering.audience import asked
from mediameter.metering.bots import is_crawler
from mediameter.metering.catalogue import SIDECAR
from mediameter.metering.cost import Price, costed
from mediameter.metering.deliveries import with_deliveries
from mediameter.metering.durations import bucketed, percentiles
from mediameter.metering.rankings import top_addresses, top_agents
from mediameter.metering.viewers import Known, attributed
from schemas import rollups as tables
from schemas.contract import Contract
from schemas.frames import polars_schema
from schemas.vocabulary import ALL, CLIENT_ABORT, MATCH_BASES

MOST_ENDPOINTS = 200
LARGEST_SUM = 2**63 - 1
LONGEST_BUCKET = tables.TRAFFIC_HOURLY.column("bucket").length
LONGEST_ERROR_CODE = tables.ERRORS_DAILY.column("error_code").length
# What a rollup reads of a record (schemas.records.RECORD).
READS = (
    "object_id", "line_number", "line_hash", "at", "bucket", "key", "http_status", "error_code", "bytes_sent",
    "total_ms", "turn_around_ms", "user_agent", "address", "country", "edge", "referer_host", "operation_class",
    "status_class", "is_request", "is_delivery_candidate",
)  # fmt: skip
_ADDED = ("requests", "deliveries", "bytes_sent")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a slice of records of one source adds to its day.

    ``hourly``: traffic by hour; ``objects``: requests by object, status and error; ``response`` and ``turn_around``:
    counts by whole ms; ``countries``; ``audience``: requests by application and address; ``clients``: requests by
    application, basis of the match and agent, and what reconciliation asks; ``asked``: who asked for which
    object; ``users``: None where no application is connected; ``distinct``: records.
    """

    hourly: pl.DataFrame
    objects: pl.DataFrame
    response: pl.DataFrame
    turn_around: pl.DataFrame
    countries: pl.DataFrame
    audience: pl.DataFrame
    clients: pl.DataFrame
    asked: pl.DataFrame
    users: pl.DataFrame | None
    distinct: int


def parts(
    records: pl.DataFrame, *, source: str, begin: datetime, referers: Mapping[str, str], known: Known | None = None
) -> Parts:
    """Parts of one source's records from ``begin`` on; those up to 60 s before only say whether a delivery went on.

    ``records``: the columns READS, a row a line, duplicates included. Raises ``OverflowError`` when a sum does not fit.
    """
    rows = with_deliveries(distinct(records)).filter(pl.col("at") >= begin)
    rows = attributed(rows, referers, known).with_columns(
        # As long as a key of a table may be; no real name is longer.
        pl.col("bucket").fill_null("").str.slice(0, LONGEST_BUCKET),
        pl.col("error_code").str.slice(0, LONGEST_ERROR_CODE),
        pl.lit(source).alias("source"),
        pl.col("at").dt.truncate("1h").alias("hour_at"),
    )
    _refuse_overflow(rows, "bytes_sent", "total_ms")
    requests = rows.filter("is_request")
    timed = requests.filter(pl.col("http_status").is_not_null())
    return Parts(
        hourly=_hourly(rows),
        objects=_objects(requests),
        response=_counted(timed, ["hour_at", "application", "operation_class"], "total_ms"),
        turn_around=_counted(
            timed.filter(pl.col("operation_class") == "get_object"), ["application"], "turn_around_ms"
        ),
        countries=_summed(requests, ["application", "country", "edge"]),
        audience=_summed(requests.filter(pl.col("address").is_not_null()), ["application", "address", "edge"]),
        clients=_clients(requests, referers, is_connected=known is not None),
        asked=asked(requests, is_connected=known is not None),
        users=_users(requests) if known else None,
        distinct=rows.height,
    )


def distinct(records: pl.DataFrame) -> pl.DataFrame:
    """One row a line hash: of equal lines the one of the lowest object id and line, whatever their order."""
    if records["line_hash"].n_unique() == records.height:
        return records
    is_twin = records["line_hash"].is_duplicated()
    twins = records.filter(is_twin).sort("line_hash", "object_id", "line_number")
    return pl.concat([records.filter(~is_twin), twins.unique("line_hash", keep="first", maintain_order=True)])


def _refuse_overflow(frame: pl.DataFrame, *names: str) -> None:
    """A sum of integers wraps silently; a bill must not."""
    for name in names:
        total = frame[name].cast(pl.Int128).sum()
        if total > LARGEST_SUM:
            raise OverflowError(f"{name} adds up to {total:,}, more than a database holds")


def _count() -> pl.Expr:
    return pl.len().cast(pl.Int64)


def _hourly(rows: pl.DataFrame) -> pl.DataFrame:
    is_request = pl.col("is_request")
    is_timed = is_request & pl.col("http_status").is_not_null() & pl.col("total_ms").is_not_null()
    return rows.group_by("source", "hour_at", "application", "bucket", "operation_class", "status_class").agg(
        records=_count(),
        requests=is_request.sum().cast(pl.Int64),
        deliveries=pl.col("deliveries").sum(),
        bytes_sent=pl.col("bytes_sent").filter(is_request).sum(),
        response_ms_sum=pl.col("total_ms").filter(is_timed).sum(),
        response_count=is_timed.sum().cast(pl.Int64),
    )


def _summed(requests: pl.DataFrame, group: Sequence[str], *, last_at: bool = False, **more: pl.Expr) -> pl.DataFrame:
    if last_at:
        more["last_at"] = pl.col("at").max()
    return requests.group_by(group).agg(
        requests=_count(), deliveries=pl.col("deliveries").sum(), bytes_sent=pl.col("bytes_sent").sum(), **more
    )


def _objects(requests: pl.DataFrame) -> pl.DataFrame:
    group = ["application", "bucket", "operation_class", "key", "http_status", "error_code"]
    is_refused = pl.col("http_status").is_between(400, 499) & (pl.col("http_status") != CLIENT_ABORT)
    agents = requests.filter(is_refused)["user_agent"].unique()
    crawlers = agents.to_frame().filter(is_crawler(pl.col("user_agent")))["user_agent"]
    of_crawlers = is_refused & pl.col("user_agent").is_in(crawlers.implode())
    return _summed(requests, group, last_at=True, crawler_errors=of_crawlers.fill_null(False).sum().cast(pl.Int64))


def _counted(timed: pl.DataFrame, group: Sequence[str], measure: str) -> pl.DataFrame:
    known = timed.filter(pl.col(measure).is_not_null())
    return known.group_by(*group, pl.col(measure).alias("ms")).agg(count=_count())


def _clients(requests: pl.DataFrame, referers: Mapping[str, str], *, is_connected: bool) -> pl.DataFrame:
    group = ["application", "match_basis", "user_agent"]
    if not is_connected:
        return _summed(requests, group)
    asked = requests.with_columns(
        is_get=pl.col("operation_class") == "get_object",
        is_media_file=pl.col("media_file_id").is_not_null(),
        is_sidecar=pl.col("key").str.ends_with(SIDECAR).fill_null(False) & pl.col("media_file_id").is_null(),
        is_elsewhere=is_elsewhere(referers),
    )
    return _summed(asked, [*group, "alone", "http_status", "is_get", "is_media_file", "is_sidecar", "is_elsewhere"])


def _users(requests: pl.DataFrame) -> pl.DataFrame:
    return _summed(requests.filter(pl.col("user_id").is_not_null()), ["application", "user_id"], last_at=True)


# --- the day -----------------------------------------------------------------------------------------


def rolled_up(
    slices: Iterable[Parts], *, tenant: str, day: date, prices: Iterable[Price], known: Known | None = None
) -> dict[Contract, pl.DataFrame]:
    """The traffic family of one day but for reconciliation_daily, each frame sorted by its key and of its contract's
    columns.

    Raises ``OverflowError`` when a sum does not fit into 63 bits.
    """
    all_parts = list(slices)

    hourly = pl.concat(part.hourly for part in all_parts)
    _refuse_overflow(hourly, "bytes_sent", "response_ms_sum")
    objects = pl.concat(part.objects for part in all_parts)
    response = pl.concat(part.response for part in all_parts)
    turn_around = pl.concat(part.turn_around for part in all_parts)
    countries = pl.concat(part.countries for part in all_parts)
    requests = clients(all_parts)
    traffic = _added(hourly, tables.TRAFFIC_HOURLY.key[1:], tables.TRAFFIC_HOURLY.measures)
    endpoints = _by_endpoint(objects)
    frames = {
        tables.TRAFFIC_HOURLY: traffic,
        tables.TRAFFIC_DAILY: _added(traffic, tables.TRAFFIC_DAILY.key[2:], tables.TRAFFIC_DAILY.measures),
        tables.BANDWIDTH_COST_DAILY: _bandwidth(hourly, day, prices),
        tables.RESPONSE_TIME_DAILY: response_times(response, turn_around),
        tables.RESPONSE_TIME_BUCKETS_HOURLY: bucketed(response, ["hour_at", "application", "operation_class"]),
        tables.RESPONSE_TIME_BUCKETS_DAILY: bucketed(response, ["application"]),
        tables.ERRORS_DAILY: _errors(endpoints),
        tables.ENDPOINTS_DAILY: _endpoints(endpoints),
        tables.MEDIA_FILE_DAILY: _media_files(objects, known),
        tables.COUNTRIES_DAILY: _added(countries, ["application", "country", "edge"], _ADDED),
        tables.ATTRIBUTION_DAILY: _bases(requests),
        tables.ADDRESSES_DAILY: top_addresses(pl.concat(part.audience for part in all_parts)),
        tables.USER_AGENTS_DAILY: top_agents(requests),
    }
    users = [part.users for part in all_parts if part.users is not None]
    if users:
        frames[tables.USERS_DAILY] = _added(pl.concat(users), ["application", "user_id"], _ADDED, last_at=True)
    return {contract: finished(frame, contract, tenant, day) for contract, frame in frames.items()}


def clients(slices: Iterable[Parts]) -> pl.DataFrame:
    """Requests of the day by application, basis, agent and what reconciliation asks; in any order."""
    frame = pl.concat(part.clients for part in slices)
    return _added(frame, [name for name in frame.columns if name not in _ADDED], _ADDED)


def files(slices: Iterable[Parts]) -> pl.DataFrame:
    """Requests that name an object, by application and key; in any order."""
    keyed = pl.concat(part.objects for part in slices).filter(pl.col("key").is_not_null())
    return _added(keyed, ["application", "key"], _ADDED, last_at=True)


def _bases(requests: pl.DataFrame) -> pl.DataFrame:
    confidence = pl.col("match_basis").replace_strict(MATCH_BASES, return_dtype=pl.String)
    return _added(requests, ["application", "match_basis"], _ADDED).with_columns(match_confidence=confidence)


def finished(frame: pl.DataFrame, contract: Contract, tenant: str, day: date) -> pl.DataFrame:
    """The frame with the contract's columns and types, sorted by its key."""
    leading = {"tenant": pl.lit(tenant), "day": pl.lit(day)}
    columns = [
        (leading[name] if name in leading and name not in frame.columns else pl.col(name)).cast(dtype).alias(name)
        for name, dtype in polars_schema(contract).items()
    ]
    return frame.select(columns).sort(contract.key)


def _added(
    frame: pl.DataFrame, group: Sequence[str], measures: Sequence[str], *, last_at: bool = False
) -> pl.DataFrame:
    last = [pl.col("last_at").max()] if last_at else []
    return frame.group_by(group).agg(*(pl.col(name).sum() for name in measures), *last)


def _bandwidth(hourly: pl.DataFrame, day: date, prices: Iterable[Price]) -> pl.DataFrame:
    by_source = _added(hourly, ["source", "application", "bucket"], ["requests", "bytes_sent"])
    priced = costed(by_source.filter(pl.col("requests") > 0), day, prices)
    # Two sources without a price are one row: not available is not available twice.
    return priced.group_by("application", "bucket", "price_id", "currency").agg(
        pl.col("requests").sum(),
        pl.col("bytes_sent").sum(),
        cost_micros=pl.when(pl.col("cost_micros").is_null().any()).then(None).otherwise(pl.col("cost_micros").sum()),
    )


def response_times(response: pl.DataFrame, turn_around: pl.DataFrame) -> pl.DataFrame:
    """response_time_daily without tenant and day: each application and operation class, and `*` for all of either."""
    total = response.drop("hour_at").with_columns(measure=pl.lit("total"))
    first_byte = turn_around.with_columns(measure=pl.lit("turn_around"), operation_class=pl.lit("get_object"))
    counts = pl.concat([total, first_byte], how="diagonal")
    star = pl.lit(ALL)
    every = pl.concat(
        [
            counts,
            counts.with_columns(operation_class=star),
            counts.with_columns(application=star),
            counts.with_columns(application=star, operation_class=star),
        ]
    )
    return percentiles(every, ["application", "operation_class", "measure"])


def _by_endpoint(objects: pl.DataFrame) -> pl.DataFrame:
    """Requests and bytes by application, endpoint (the rarest are `other`), status and error code."""
    named = objects.with_columns(endpoint().alias("endpoint"))
    group = ["application", "endpoint", "http_status", "error_code"]
    measures = ["requests", "bytes_sent", "crawler_errors"]
    found = _added(named, group, measures)
    return _added(capped(found, "endpoint", MOST_ENDPOINTS), group, measures)


def _errors(endpoints: pl.DataFrame) -> pl.DataFrame:
    failed = endpoints.filter(pl.col("http_status") >= 400).with_columns(pl.col("error_code").fill_null(""))
    return _added(failed, ["application", "endpoint", "http_status", "error_code"], ["requests"])


def _endpoints(endpoints: pl.DataFrame) -> pl.DataFrame:
    status, requests = pl.col("http_status"), pl.col("requests")
    return endpoints.group_by("application", "endpoint").agg(
        requests.sum(),
        errors=requests.filter(status >= 400).sum(),
        errors_without_crawlers=requests.filter(status >= 400).sum() - pl.col("crawler_errors").sum(),
        server_errors=requests.filter(status.is_between(500, 599)).sum(),
        client_aborts=requests.filter(status == CLIENT_ABORT).sum(),
        bytes_sent=pl.col("bytes_sent").sum(),
    )


def _media_files(objects: pl.DataFrame, known: Known | None) -> pl.DataFrame:
    keyed = objects.filter(pl.col("key").is_not_null())
    by_key = _added(keyed, ["application", "bucket", "key"], _ADDED, last_at=True)
    if known:
        by_key = by_key.join(known.files.select("key", "media_file_id"), on="key", how="left")
    else:
        by_key = by_key.with_columns(media_file_id=pl.lit(""))
    return by_key.with_columns(
        pl.col("media_file_id").fill_null(""),
        object_key=pl.col("key"),
        object_key_sha256=plh.col("key").chash.sha2_256(),
    )
