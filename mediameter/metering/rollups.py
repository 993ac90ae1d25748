"""From the records of a day to its rollups. A day may be given in slices of whole hours: a slice becomes `Parts`, which
add up; only then are percentiles, endpoints and the rest made. Nothing here depends on the order of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl
import polars_hash as plh

from mediameter.metering.attribution import application, cap_endpoints, endpoint
from mediameter.metering.cost import Price, costed
from mediameter.metering.durations import bucketed, percentiles
from schemas import rollups as tables
from schemas.contract import Contract
from schemas.frames import polars_schema
from schemas.vocabulary import ALL, CLIENT_ABORT, DELIVERY_GAP_S

LOOK_BACK = timedelta(seconds=DELIVERY_GAP_S)
MOST_ENDPOINTS = 200
LARGEST_SUM = 2**63 - 1
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
    counts by whole ms; ``countries``; ``audience``: requests by application and address; ``distinct``: records.
    """

    hourly: pl.DataFrame
    objects: pl.DataFrame
    response: pl.DataFrame
    turn_around: pl.DataFrame
    countries: pl.DataFrame
    audience: pl.DataFrame
    distinct: int


def parts(records: pl.DataFrame, *, source: str, begin: datetime, referers: Mapping[str, str]) -> Parts:
    """Parts of one source's records from ``begin`` on; those up to 60 s before only say whether a delivery went on.

    ``records``: the columns READS, a row a line, duplicates included. Raises ``OverflowError`` when a sum does not fit.
    """
    rows = with_deliveries(distinct(records)).filter(pl.col("at") >= begin)
    rows = with_application(rows, referers).with_columns(
        pl.col("bucket").fill_null(""), pl.lit(source).alias("source"), pl.col("at").dt.truncate("1h").alias("hour_at")
    )
    _refuse_overflow(rows, "bytes_sent", "total_ms")
    requests = rows.filter("is_request")
    timed = requests.filter(pl.col("http_status").is_not_null())
    return Parts(
        hourly=_hourly(rows),
        objects=_summed(
            requests, ["application", "bucket", "operation_class", "key", "http_status", "error_code"], last_at=True
        ),
        response=_counted(timed, ["hour_at", "application", "operation_class"], "total_ms"),
        turn_around=_counted(
            timed.filter(pl.col("operation_class") == "get_object"), ["application"], "turn_around_ms"
        ),
        countries=_summed(requests, ["application", "country", "edge"]),
        audience=requests.filter(pl.col("address").is_not_null())
        .group_by("application", "address", "edge")
        .agg(requests=_count()),
        distinct=rows.height,
    )


def distinct(records: pl.DataFrame) -> pl.DataFrame:
    """One row a line hash: of equal lines the one of the lowest object id and line, whatever their order."""
    if records["line_hash"].n_unique() == records.height:
        return records
    is_twin = records["line_hash"].is_duplicated()
    twins = records.filter(is_twin).sort("line_hash", "object_id", "line_number")
    return pl.concat([records.filter(~is_twin), twins.unique("line_hash", keep="first", maintain_order=True)])


def with_deliveries(records: pl.DataFrame) -> pl.DataFrame:
    """Adds ``deliveries``: 1 on the first of the candidates that are one delivery, else 0 (docs/definitions.md)."""
    who = [pl.col(name).fill_null("\0") for name in ("bucket", "key", "address", "user_agent")]
    seen = (
        records.lazy()
        .with_row_index("row")
        .filter("is_delivery_candidate")
        .select("row", "at", "line_hash", plh.concat_str(who, separator="\x1f").nchash.xxh3_128().alias("who"))
        .sort("who", "at", "line_hash")
    )
    goes_on = (pl.col("who") == pl.col("who").shift()) & (pl.col("at") - pl.col("at").shift() <= LOOK_BACK)
    begins = seen.filter(~goes_on.fill_null(False)).select("row").collect()["row"]
    deliveries = pl.zeros(records.height, pl.Int64, eager=True).scatter(begins, 1)
    return records.with_columns(deliveries.alias("deliveries"))


def _refuse_overflow(frame: pl.DataFrame, *names: str) -> None:
    """A sum of integers wraps silently; a bill must not."""
    for name in names:
        total = frame[name].cast(pl.Int128).sum()
        if total > LARGEST_SUM:
            raise OverflowError(f"{name} adds up to {total:,}, more than a database holds")


def with_application(records: pl.DataFrame, referers: Mapping[str, str]) -> pl.DataFrame:
    """Adds ``application``: looked up once for each distinct key and host, since most are asked for again and again."""
    basis = ["key", "referer_host"]
    known = records.select(basis).unique().with_columns(application(referers).alias("application"))
    return records.join(known, on=basis, how="left", nulls_equal=True)


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


def _summed(requests: pl.DataFrame, group: Sequence[str], *, last_at: bool = False) -> pl.DataFrame:
    more = {"last_at": pl.col("at").max()} if last_at else {}
    return requests.group_by(group).agg(
        requests=_count(), deliveries=pl.col("deliveries").sum(), bytes_sent=pl.col("bytes_sent").sum(), **more
    )


def _counted(timed: pl.DataFrame, group: Sequence[str], measure: str) -> pl.DataFrame:
    known = timed.filter(pl.col(measure).is_not_null())
    return known.group_by(*group, pl.col(measure).alias("ms")).agg(count=_count())


# --- the day -----------------------------------------------------------------------------------------


def rolled_up(
    slices: Iterable[Parts], *, tenant: str, day: date, prices: Iterable[Price]
) -> dict[Contract, pl.DataFrame]:
    """The traffic family of one day, each frame sorted by its key and of its contract's columns.

    Raises ``OverflowError`` when a sum does not fit into 63 bits.
    """
    all_parts = list(slices)

    hourly = pl.concat(part.hourly for part in all_parts)
    _refuse_overflow(hourly, "bytes_sent", "response_ms_sum")
    objects = pl.concat(part.objects for part in all_parts)
    response = pl.concat(part.response for part in all_parts)
    turn_around = pl.concat(part.turn_around for part in all_parts)
    countries = pl.concat(part.countries for part in all_parts)
    traffic = _added(hourly, tables.TRAFFIC_HOURLY.key[1:], tables.TRAFFIC_HOURLY.measures)
    endpoints = _by_endpoint(objects)
    frames = {
        tables.TRAFFIC_HOURLY: traffic,
        tables.TRAFFIC_DAILY: _added(traffic, tables.TRAFFIC_DAILY.key[2:], tables.TRAFFIC_DAILY.measures),
        tables.BANDWIDTH_COST_DAILY: _bandwidth(hourly, day, prices),
        tables.RESPONSE_TIME_DAILY: response_times(response, turn_around),
        tables.RESPONSE_TIME_BUCKETS_HOURLY: bucketed(response, ["hour_at", "application", "operation_class"]),
        tables.ERRORS_DAILY: _errors(endpoints),
        tables.ENDPOINTS_DAILY: _endpoints(endpoints),
        tables.MEDIA_FILE_DAILY: _media_files(objects),
        tables.COUNTRIES_DAILY: _added(countries, ["application", "country", "edge"], _ADDED),
    }
    return {contract: _finished(frame, contract, tenant, day) for contract, frame in frames.items()}


def _finished(frame: pl.DataFrame, contract: Contract, tenant: str, day: date) -> pl.DataFrame:
    leading = {"tenant": pl.lit(tenant), "day": pl.lit(day)}
    columns = [
        (leading[name] if name in leading and name not in frame.columns else pl.col(name)).cast(dtype).alias(name)
        for name, dtype in polars_schema(contract).items()
    ]
    return frame.select(columns).sort(contract.key)


def _added(frame: pl.DataFrame, group: Sequence[str], measures: Sequence[str]) -> pl.DataFrame:
    return frame.group_by(group).agg(pl.col(name).sum() for name in measures)


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
    found = _added(named, group, ["requests", "bytes_sent"])
    return _added(cap_endpoints(found, MOST_ENDPOINTS), group, ["requests", "bytes_sent"])


def _errors(endpoints: pl.DataFrame) -> pl.DataFrame:
    failed = endpoints.filter(pl.col("http_status") >= 400).with_columns(pl.col("error_code").fill_null(""))
    return _added(failed, ["application", "endpoint", "http_status", "error_code"], ["requests"])


def _endpoints(endpoints: pl.DataFrame) -> pl.DataFrame:
    status, requests = pl.col("http_status"), pl.col("requests")
    return endpoints.group_by("application", "endpoint").agg(
        requests.sum(),
        errors=requests.filter(status >= 400).sum(),
        server_errors=requests.filter(status.is_between(500, 599)).sum(),
        client_aborts=requests.filter(status == CLIENT_ABORT).sum(),
        bytes_sent=pl.col("bytes_sent").sum(),
    )


def _media_files(objects: pl.DataFrame) -> pl.DataFrame:
    keyed = objects.filter(pl.col("key").is_not_null())
    by_key = keyed.group_by("application", "bucket", "key").agg(
        *(pl.col(name).sum() for name in _ADDED), pl.col("last_at").max()
    )
    return by_key.with_columns(
        object_key=pl.col("key"), media_file_id=pl.lit(""), object_key_sha256=plh.col("key").chash.sha2_256()
    )


# --- the audience ------------------------------------------------------------------------------------

AUDIENCE = {"application": pl.String(), "address": pl.String(), "edge": pl.String(), "requests": pl.Int64()}


def audience(slices: Iterable[Parts]) -> pl.DataFrame:
    """The day's addresses: application, address, edge, requests; sorted, so that equal days are equal bytes."""
    rows = pl.concat([part.audience for part in slices]) if slices else pl.DataFrame(schema=AUDIENCE)
    return (
        _added(rows, ["application", "address", "edge"], ["requests"])
        .sort("application", "address", "edge")
        .select(AUDIENCE.keys())
    )


def audience_trailing(days: pl.LazyFrame, *, tenant: str, day: date, window_days: int) -> pl.DataFrame:
    """audience_trailing of one window. ``days``: the audiences of its days, one after the other."""
    edge = pl.col("requests").filter(pl.col("edge") == "edge").sum()
    is_known = (pl.col("edge") != "not_available").any()
    measures = {
        "unique_addresses": pl.col("address").n_unique().cast(pl.Int64),
        "is_behind_cdn": pl.when(is_known).then(edge * 2 >= pl.col("requests").sum()),
    }
    of_each = days.group_by("application").agg(**measures)
    of_all = days.select(**measures).with_columns(application=pl.lit(ALL)).select("application", *measures)
    found = pl.concat([of_each, of_all]).collect().filter(pl.col("unique_addresses") > 0)
    frame = found.with_columns(
        window_days=pl.lit(window_days),
        unique_users=pl.lit(None, pl.Int64),
        authenticated_deliveries=pl.lit(None, pl.Int64),
    )
    return _finished(frame, tables.AUDIENCE_TRAILING, tenant, day)
