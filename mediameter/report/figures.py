"""Reads the figures of a report from the warehouse: plain SQL that SQLite, PostgreSQL and MySQL understand alike.

What additive tables hold is summed by the database; percentiles and distinct addresses are read from the rows
that hold them ready, with ``*`` for all applications, since they must never be summed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Boolean, Connection, Date, Float, Row, Text
from sqlalchemy.sql.selectable import TextualSelect

from mediameter.metering import calendar
from mediameter.report import budgets, gate, generated, incidents, merged
from mediameter.report.columns import WHERE, Instant, Whole, by_day, by_object
from mediameter.report.facts import (
    Audience,
    Check,
    Cost,
    Country,
    Day,
    Endpoint,
    Figures,
    MediaFile,
    Price,
    Refusal,
    Reject,
    Response,
    Traffic,
)
from mediameter.report.incidents import Say, plainly
from schemas.vocabulary import ALL, DEFAULT_TENANT, STATUS_CLASSES

__all__ = ["Figures", "read"]

Fact = TypeVar("Fact")

LONGEST_LIST = 20
EXAMPLE_CHARACTERS = 100
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)  # a year to spare, for the zone's offset

# --- the queries -----------------------------------------------------------------------------------
_TRAFFIC = by_day(
    f"""SELECT day, application, SUM(requests) AS requests, SUM(deliveries) AS deliveries, SUM(bytes_sent) AS bytes_sent
    FROM traffic_daily {WHERE} GROUP BY day, application""",
    day=Date, application=Text, requests=Whole, deliveries=Whole, bytes_sent=Whole,
)  # fmt: skip
_STATUSES = by_day(
    f"""SELECT day, status_class, SUM(requests) AS requests FROM traffic_daily {WHERE} GROUP BY day, status_class""",
    day=Date, status_class=Text, requests=Whole,
)  # fmt: skip
_ERRORS = by_day(
    f"""SELECT day, application, SUM(errors) AS errors FROM endpoints_daily {WHERE} GROUP BY day, application""",
    day=Date, application=Text, errors=Whole,
)  # fmt: skip
_COST = by_day(
    f"""SELECT day, application, currency, SUM(cost_micros) AS cost_micros,
        SUM(CASE WHEN cost_micros IS NULL THEN bytes_sent ELSE 0 END) AS unpriced_bytes
    FROM bandwidth_cost_daily {WHERE} GROUP BY day, application, currency""",
    day=Date, application=Text, currency=Text, cost_micros=Whole, unpriced_bytes=Whole,
)  # fmt: skip
_RESPONSE = by_day(
    f"""SELECT day, application, p50_ms, p95_ms, p99_ms FROM response_time_daily
    {WHERE} AND operation_class = '*' AND measure = 'total'""",
    day=Date, application=Text, p50_ms=Whole, p95_ms=Whole, p99_ms=Whole,
)  # fmt: skip
_AUDIENCE = by_day(
    f"""SELECT day, application, unique_addresses, is_behind_cdn FROM audience_trailing {WHERE} AND window_days = 1""",
    day=Date, application=Text, unique_addresses=Whole, is_behind_cdn=Boolean,
)  # fmt: skip
# LINES is a reserved word of MySQL's; behind a dot it needs no quotes, which differ from engine to engine.
_DAYS = by_day(
    """SELECT d.day, d.source, d.state, d.is_suspect, d.complete_through_at, d.objects, d.lines AS line_count,
        d.parsed, d.ignored, d.rejected, d.duplicates, d.bytes_sent, d.rejected_least_bytes, d.rejected_most_bytes,
        d.unsized_lines, d.unsure_lines, d.unsure_bytes
    FROM days d WHERE d.tenant = :tenant AND d.family = 'traffic' AND d.day BETWEEN :first AND :last""",
    day=Date, source=Text, state=Text, is_suspect=Boolean, complete_through_at=Instant, objects=Whole,
    line_count=Whole, parsed=Whole, ignored=Whole, rejected=Whole, duplicates=Whole,
    bytes_sent=Whole, rejected_least_bytes=Whole, rejected_most_bytes=Whole, unsized_lines=Whole, unsure_lines=Whole,
    unsure_bytes=Whole,
)  # fmt: skip
_CHECKS = by_day(
    f"""SELECT day, rule, check_group, value, threshold, unit, verdict, sample FROM alert_checks_daily {WHERE}""",
    day=Date, rule=Text, check_group=Text, value=Float, threshold=Float, unit=Text, verdict=Text, sample=Whole,
)  # fmt: skip
_PRICES = by_day(
    f"""SELECT p.price_id, p.amount, p.currency, p.per, p.valid_from_day, p.valid_to_day, p.citation
    FROM prices p WHERE p.tenant = :tenant AND p.price_id IN (SELECT price_id FROM bandwidth_cost_daily {WHERE})""",
    price_id=Text, amount=Text, currency=Text, per=Text, valid_from_day=Date, valid_to_day=Date, citation=Text,
)  # fmt: skip
_KEPT_PRICES = by_day(f"SELECT COUNT(DISTINCT day) AS days FROM kept_prices {WHERE} AND kind = 'bandwidth'", days=Whole)
_MEDIA_FILES = by_day(
    f"""SELECT application, bucket, MIN(object_key) AS object_key, SUM(requests) AS requests,
        SUM(deliveries) AS deliveries, SUM(bytes_sent) AS bytes_sent, COUNT(*) OVER () AS in_all
    FROM media_file_daily {WHERE} GROUP BY application, bucket, object_key_sha256
    ORDER BY SUM(bytes_sent) DESC, SUM(requests) DESC, object_key_sha256, application, bucket LIMIT {LONGEST_LIST}""",
    application=Text, bucket=Text, object_key=Text, requests=Whole, deliveries=Whole, bytes_sent=Whole,
    in_all=Whole,
)  # fmt: skip
_COUNTRIES = by_day(
    f"""SELECT country, edge, SUM(requests) AS requests, SUM(deliveries) AS deliveries, SUM(bytes_sent) AS bytes_sent
    FROM countries_daily {WHERE} GROUP BY country, edge""",
    country=Text, edge=Text, requests=Whole, deliveries=Whole, bytes_sent=Whole,
)  # fmt: skip
_ENDPOINTS = by_day(
    f"""SELECT application, endpoint, SUM(requests) AS requests, SUM(errors) AS errors,
        SUM(server_errors) AS server_errors, SUM(client_aborts) AS client_aborts, COUNT(*) OVER () AS in_all
    FROM endpoints_daily {WHERE} GROUP BY application, endpoint HAVING SUM(errors) > 0
    ORDER BY SUM(errors) DESC, application, endpoint LIMIT {LONGEST_LIST}""",
    application=Text, endpoint=Text, requests=Whole, errors=Whole, server_errors=Whole, client_aborts=Whole,
    in_all=Whole,
)  # fmt: skip
_CAUSES = by_day(
    f"""SELECT application, endpoint, http_status, error_code, SUM(requests) AS requests
    FROM errors_daily {WHERE} GROUP BY application, endpoint, http_status, error_code""",
    application=Text, endpoint=Text, http_status=Whole, error_code=Text, requests=Whole,
)  # fmt: skip
# Line 0 of the rejects stands for a refused object, which is told apart; a superseded object counts no more.
_REJECTS = by_object(
    f"""SELECT reason, reason_lines, example, object_key, line_number, is_event FROM (
        SELECT r.reason AS reason, COUNT(*) OVER (PARTITION BY r.reason, f.source) AS reason_lines,
            SUBSTR(r.line, 1, {EXAMPLE_CHARACTERS}) AS example, o.object_key AS object_key,
            r.line_number AS line_number, CASE WHEN f.source IS NULL THEN 0 ELSE 1 END AS is_event,
            ROW_NUMBER() OVER (PARTITION BY r.reason, f.source ORDER BY r.object_id, r.line_number) AS place
        FROM rejects r JOIN objects o ON o.tenant = r.tenant AND o.object_id = r.object_id
        LEFT JOIN (SELECT DISTINCT source FROM days WHERE tenant = :tenant AND family = 'generations') f
            ON f.source = o.source
        WHERE r.tenant = :tenant AND r.line_number > 0 AND o.state = 'settled'
            AND COALESCE(o.first_at, o.last_modified_at) >= :begin AND COALESCE(o.first_at, o.last_modified_at) < :end
    ) numbered WHERE place = 1""",
    reason=Text, reason_lines=Whole, example=Text, object_key=Text, line_number=Whole, is_event=Boolean,
)  # fmt: skip
_REFUSALS = by_object(
    """SELECT reason, refused, object_key, detail FROM (
        SELECT o.reason AS reason, COUNT(*) OVER (PARTITION BY o.reason) AS refused, o.object_key AS object_key,
            o.detail AS detail, ROW_NUMBER() OVER (PARTITION BY o.reason ORDER BY o.object_id) AS place
        FROM objects o WHERE o.tenant = :tenant AND o.state = 'refused'
            AND o.last_modified_at >= :begin AND o.last_modified_at < :end
    ) numbered WHERE place = 1""",
    reason=Text, refused=Whole, object_key=Text, detail=Text,
)  # fmt: skip
_IGNORED = by_object(
    """SELECT COALESCE(SUM(ignored_log_bucket), 0) AS ignored_log_bucket FROM objects
    WHERE tenant = :tenant AND state = 'settled' AND COALESCE(first_at, last_modified_at) >= :begin
        AND COALESCE(first_at, last_modified_at) < :end""",
    ignored_log_bucket=Whole,
)  # fmt: skip


# --- reading ---------------------------------------------------------------------------------------
def read(
    connection: Connection,
    *,
    first: date | None = None,
    last: date | None = None,
    tenant: str = DEFAULT_TENANT,
    zone: str = "UTC",
    countries: str | None = None,
    edges: str | None = None,
    say: Say = plainly,
) -> Figures:
    """The figures of the days from ``first`` to ``last``, both included; None is without bound.

    Days are those of the reporting ``zone``, which is needed for the ledger: it knows instants only.
    ``countries`` and ``edges`` name the data sets that countries and CDN edges were looked up in. ``say``: how an
    incident is told.
    """
    first, last = first or _FIRST_DAY, last or _LAST_DAY
    begin, end = calendar.Day.of(first, ZoneInfo(zone)).begin, calendar.Day.of(last, ZoneInfo(zone)).end
    of_objects = {"tenant": tenant, "begin": _naive(begin), "end": _naive(end)}
    of_days = partial(_rows, connection, {"tenant": tenant, "first": first, "last": last})
    return Figures(
        zone=zone,
        **_of_traffic(of_days),
        **_of_objects(partial(_rows, connection, of_objects)),
        merged=merged.read(of_days),
        generated=generated.read(of_days),
        incidents=incidents.read(partial(_rows, connection, {"tenant": tenant, "begin": of_objects["begin"]}), say),
        gate=gate.read(of_days),
        budgets=budgets.read(of_days),
        countries_label=countries,
        edges_label=edges,
    )


def _of_traffic(of_days: Callable[[TextualSelect], list[Row[Any]]]) -> dict[str, Any]:
    """What the rollups of traffic, the checks and the prices say of the days, by the names of ``Figures``."""
    traffic, media_files, endpoints = _traffic(of_days), of_days(_MEDIA_FILES), of_days(_ENDPOINTS)
    return {
        "totals": tuple(row for row in traffic if row.application == ALL),
        "traffic": tuple(row for row in traffic if row.application != ALL),
        "statuses": _statuses(of_days(_STATUSES)),
        "days": _sorted(Day, of_days(_DAYS), lambda row: (row.day, row.source)),
        "checks": _sorted(Check, of_days(_CHECKS), lambda row: (row.day, row.rule, row.group)),
        "prices": _sorted(Price, of_days(_PRICES), lambda row: (row.valid_from_day, row.price_id)),
        "days_with_kept_prices": of_days(_KEPT_PRICES)[0].days,
        "media_files": tuple(_media_file(row) for row in media_files),
        "media_file_count": media_files[0].in_all if media_files else 0,
        "countries": _sorted(Country, of_days(_COUNTRIES), lambda row: (-row.requests, row.country, row.edge)),
        "endpoints": tuple(_endpoints(endpoints, of_days(_CAUSES))),
        "endpoint_count": endpoints[0].in_all if endpoints else 0,
    }


def _of_objects(rows: Callable[[TextualSelect], list[Row[Any]]]) -> dict[str, Any]:
    """What the ledger says of the objects between two instants, by the names of ``Figures``."""
    return {
        "rejects": _sorted(Reject, rows(_REJECTS), lambda row: (row.is_event, -row.lines, row.reason)),
        "refusals": _sorted(Refusal, rows(_REFUSALS), lambda row: (-row.objects, row.reason)),
        "ignored_log_bucket": rows(_IGNORED)[0].ignored_log_bucket,
    }


def totals(connection: Connection, *, first: date, last: date, tenant: str = DEFAULT_TENANT) -> dict[date, Traffic]:
    """All applications together, each day from ``first`` to ``last`` that has any traffic."""
    of_days = partial(_rows, connection, {"tenant": tenant, "first": first, "last": last})
    return {row.day: row for row in _traffic(of_days) if row.application == ALL}


def _naive(at: datetime) -> datetime:
    """As the warehouse writes instants: UTC, without a zone."""
    return at.astimezone(UTC).replace(tzinfo=None)


def _rows(connection: Connection, bounds: Mapping[str, object], query: TextualSelect) -> list[Row[Any]]:
    return list(connection.execute(query, bounds))


def _sorted(kind: Callable[..., Fact], rows: list[Row[Any]], order: Callable[[Fact], Any]) -> tuple[Fact, ...]:
    """Columns become a fact in their order. Sorted here, since engines do not sort text alike."""
    return tuple(sorted((kind(*row) for row in rows), key=order))


def _traffic(of_days: Callable[[TextualSelect], list[Row[Any]]]) -> list[Traffic]:
    """A row per day and application, and one per day for all (``*``): sums, and what is read from ready rows."""
    served: Counter[tuple[date, str, str]] = Counter()
    for row in of_days(_TRAFFIC):
        for application in (row.application, ALL):
            for measure in ("requests", "deliveries", "bytes_sent"):
                served[row.day, application, measure] += getattr(row, measure)
    for row in of_days(_ERRORS):
        for application in (row.application, ALL):
            served[row.day, application, "errors"] += row.errors
    costs: dict[tuple[date, str], list[Cost]] = {}
    for row in of_days(_COST):
        micros = {} if row.cost_micros is None else {row.currency: row.cost_micros}
        for application in (row.application, ALL):
            costs.setdefault((row.day, application), []).append(Cost(micros, row.unpriced_bytes))
    response = {(row.day, row.application): Response(row.p50_ms, row.p95_ms, row.p99_ms) for row in of_days(_RESPONSE)}
    audience = {
        (row.day, row.application): Audience(row.unique_addresses, row.is_behind_cdn) for row in of_days(_AUDIENCE)
    }
    return [
        Traffic(
            day=day,
            application=application,
            requests=served[day, application, "requests"],
            deliveries=served[day, application, "deliveries"],
            bytes_sent=served[day, application, "bytes_sent"],
            errors=served[day, application, "errors"],
            cost=Cost.total(costs.get((day, application), ())),
            response=response.get((day, application)),
            audience=audience.get((day, application)),
        )
        for day, application in sorted({key[:2] for key in served})
    ]


def _statuses(rows: list[Row[Any]]) -> dict[date, dict[str, int]]:
    mix: dict[date, dict[str, int]] = {}
    for row in rows:
        mix.setdefault(row.day, dict.fromkeys(STATUS_CLASSES, 0))[row.status_class] = row.requests
    return mix


def _media_file(row: Row[Any]) -> MediaFile:
    return MediaFile(row.application, row.bucket, row.object_key, row.requests, row.deliveries, row.bytes_sent)


def _endpoints(rows: list[Row[Any]], causes: list[Row[Any]]) -> Iterator[Endpoint]:
    by_endpoint: dict[tuple[str, str], list[tuple[int, str, int]]] = {}
    for row in causes:
        cause = (row.http_status, row.error_code, row.requests)
        by_endpoint.setdefault((row.application, row.endpoint), []).append(cause)
    for row in rows:
        found = by_endpoint.get((row.application, row.endpoint), [])
        yield Endpoint(
            row.application, row.endpoint, row.requests, row.errors, row.server_errors, row.client_aborts,
            tuple(sorted(found, key=lambda cause: (-cause[2], cause[0], cause[1]))),
        )  # fmt: skip
