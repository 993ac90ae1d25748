"""Rollups of traffic: what one day of access logs comes to."""

from __future__ import annotations

from schemas.contract import Column, Contract, key, measure
from schemas.traffic_columns import (
    ANY_APPLICATION,
    APPLICATION,
    BUCKET,
    BYTES,
    DAY,
    DELIVERIES,
    HOUR,
    OPERATION,
    PERCENTILE,
    REQUESTS,
    TENANT,
)
from schemas.vocabulary import (
    CONFIDENCES,
    EDGES,
    MATCH_BASES,
    OUTCOMES,
    RECONCILIATION_REASONS,
    RESPONSE_MEASURES,
    STATUS_CLASSES,
)

_TRAFFIC_MEASURES = (
    measure("records", "All distinct log records.", unit="records"),
    REQUESTS,
    DELIVERIES,
    BYTES,
    measure("response_ms_sum", "Sum of total_ms over requests that have a status and a time.", unit="ms"),
    measure("response_count", "How many requests response_ms_sum rests on.", unit="requests"),
)
_TRAFFIC_GRAIN = (
    APPLICATION,
    BUCKET,
    OPERATION,
    key("status_class", "text", "2xx … 5xx, `aborted` (499), `none`.", among=STATUS_CLASSES, length=16),
)
TRAFFIC_HOURLY = Contract(
    "traffic_hourly",
    "tenant, UTC hour, application, bucket, operation class, status class",
    "Requests, deliveries, bytes and response time by hour.",
    (TENANT, HOUR, *_TRAFFIC_GRAIN, *_TRAFFIC_MEASURES),
    additivity="A",
)
TRAFFIC_DAILY = Contract(
    "traffic_daily",
    "tenant, day, application, bucket, operation class, status class",
    "The sum of the day's hours.",
    (TENANT, DAY, *_TRAFFIC_GRAIN, *_TRAFFIC_MEASURES),
    additivity="A",
)
BANDWIDTH_COST_DAILY = Contract(
    "bandwidth_cost_daily",
    "tenant, day, application, bucket, price card, currency",
    "What the bytes sent cost. Rounded half-even once, here; totals are sums of these rows.",
    (
        TENANT,
        DAY,
        APPLICATION,
        BUCKET,
        key("price_id", "text", "Price card in `prices`; empty where none is valid.", length=128),
        key("currency", "text", "ISO currency; empty without a price.", length=3),
        REQUESTS,
        BYTES,
        measure(
            "cost_micros",
            "Cost in millionths of the currency.",
            unit="micros",
            null="not available: no price card is valid",
        ),
    ),
    additivity="A",
)
RESPONSE_TIME_DAILY = Contract(
    "response_time_daily",
    "tenant, day, application or *, operation class or *, measure",
    "Exact percentiles of total_ms (requests with a status) and turn_around_ms (GETs of objects with a status).",
    (
        TENANT,
        DAY,
        ANY_APPLICATION,
        key("operation_class", "text", "Class of the operation, or `*` for all.", length=32),
        key("measure", "text", "`total` or `turn_around`.", among=RESPONSE_MEASURES, length=16),
        measure("observations", "Requests the figures rest on.", unit="requests"),
        *PERCENTILE.values(),
    ),
    additivity="S",
)
RESPONSE_TIME_BUCKETS_HOURLY = Contract(
    "response_time_buckets_hourly",
    "tenant, UTC hour, application, operation class, upper edge",
    "Additive histogram of total_ms: any window's percentile in plain SQL, at most 1 % too high.",
    (
        TENANT,
        HOUR,
        APPLICATION,
        OPERATION,
        key("upper_ms", "int", "Upper edge of the bucket, inclusive.", unit="ms"),
        measure("observations", "Requests in the bucket.", unit="requests"),
    ),
    additivity="A",
)
RESPONSE_TIME_BUCKETS_DAILY = Contract(
    "response_time_buckets_daily",
    "tenant, day, application, upper edge",
    "The sum of the day's hours over all operation classes: windows of days in a twentieth of the rows.",
    (
        TENANT,
        DAY,
        APPLICATION,
        key("upper_ms", "int", "Upper edge of the bucket, inclusive.", unit="ms"),
        measure("observations", "Requests in the bucket.", unit="requests"),
    ),
    additivity="A",
)
_ENDPOINT = key(
    "endpoint", "text", "Operation class and key template, ids replaced; `other` beyond the cap.", length=255
)
ERRORS_DAILY = Contract(
    "errors_daily",
    "tenant, day, application, endpoint, status, error code",
    "Requests with a status of 400 or more.",
    (
        TENANT,
        DAY,
        APPLICATION,
        _ENDPOINT,
        key("http_status", "int", "HTTP status."),
        key("error_code", "text", "S3 error code; empty where none.", length=128),
        REQUESTS,
    ),
    additivity="A",
)
ENDPOINTS_DAILY = Contract(
    "endpoints_daily",
    "tenant, day, application, endpoint",
    "All requests by endpoint: the denominators of errors_daily.",
    (
        TENANT,
        DAY,
        APPLICATION,
        _ENDPOINT,
        REQUESTS,
        measure(
            "errors",
            "Requests with a status of 400 or more (the documents' definition; 499 included).",
            unit="requests",
        ),
        measure(
            "errors_without_crawlers",
            "Errors, without the 4xx of clients that call themselves crawlers: these ask for what was never there.",
            unit="requests",
        ),
        measure("server_errors", "Requests with a 5xx.", unit="requests"),
        measure("client_aborts", "Requests with 499.", unit="requests"),
        BYTES,
    ),
    additivity="A",
)
MEDIA_FILE_DAILY = Contract(
    "media_file_daily",
    "tenant, day, application, bucket, media file, object key",
    "Requests for an object, by object.",
    (
        TENANT,
        DAY,
        APPLICATION,
        BUCKET,
        key("media_file_id", "text", "Id in media_files; empty while the application is not connected.", length=64),
        key("object_key_sha256", "text", "SHA-256 of the decoded key, hex: long keys need no long index.", length=64),
        Column("object_key", "text", "The decoded key."),
        REQUESTS,
        DELIVERIES,
        BYTES,
        Column("last_at", "instant", "Latest request. Take MAX, never a sum."),
    ),
    additivity="A",
)
ATTRIBUTION_DAILY = Contract(
    "attribution_daily",
    "tenant, day, application, basis of the match",
    "How the day's requests were attributed, by basis.",
    (
        TENANT,
        DAY,
        APPLICATION,
        key("match_basis", "text", "The first rule that applied.", among=tuple(MATCH_BASES), length=16),
        Column("match_confidence", "text", "How sure that rule is.", among=CONFIDENCES),
        REQUESTS,
        DELIVERIES,
        BYTES,
    ),
    additivity="A",
)
RECONCILIATION_DAILY = Contract(
    "reconciliation_daily",
    "tenant, day, application, outcome, reason",
    "How requests in the log and events of the application match, and why some do not. No rows while no application "
    "is connected.",
    (
        TENANT,
        DAY,
        APPLICATION,
        key("outcome", "text", "In both, in the log alone, in the application alone.", among=OUTCOMES, length=16),
        key(
            "reason",
            "text",
            "What matched, or why nothing did.",
            among=tuple(dict.fromkeys(reason for of in RECONCILIATION_REASONS.values() for reason in of)),
            length=32,
        ),
        REQUESTS,
        DELIVERIES,
        measure("events", "Events of the application; a view's pair of rows is one.", unit="events"),
        measure("log_bytes", "Bytes that the storage sent.", unit="bytes"),
        measure("app_bytes", "Bytes that the application guessed (the whole file).", unit="bytes"),
    ),
    additivity="A",
)
USERS_DAILY = Contract(
    "users_daily",
    "tenant, day, application, user",
    "What each known user was served. Personal: a row a user; nothing deletes it by age yet.",
    (
        TENANT,
        DAY,
        APPLICATION,
        key("user_id", "text", "Id of the user in the application.", length=64, pii="pseudonym"),
        REQUESTS,
        DELIVERIES,
        BYTES,
        Column("last_at", "instant", "Latest request. Take MAX, never a sum."),
    ),
    additivity="A",
)
ADDRESSES_DAILY = Contract(
    "addresses_daily",
    "tenant, day, application, address",
    "The addresses with the most requests, the others as `other`: scraping shows here. Personal, by pseudonym: "
    "nothing deletes it by age yet.",
    (
        TENANT,
        DAY,
        APPLICATION,
        key("address", "text", "HMAC of the client address, or `other`.", length=64, pii="pseudonym"),
        Column("edge", "text", "Whether the address is a CDN's; NULL for `other`.", null="`other`", among=EDGES),
        measure("addresses", "Number of addresses in the row: 1, or all of `other`.", unit="addresses"),
        REQUESTS,
        DELIVERIES,
        BYTES,
    ),
    additivity="A",
)
USER_AGENTS_DAILY = Contract(
    "user_agents_daily",
    "tenant, day, application, user agent",
    "The user agents with the most requests, the others as `other`.",
    (
        TENANT,
        DAY,
        APPLICATION,
        key("user_agent", "text", "The agent's first 200 characters, `other`, or empty where none.", length=255),
        Column("is_bot", "bool", "The agent calls itself a crawler, a script or a monitor."),
        REQUESTS,
        DELIVERIES,
        BYTES,
    ),
    additivity="A",
)
COUNTRIES_DAILY = Contract(
    "countries_daily",
    "tenant, day, application, country, edge",
    "Requests by the country of the address. Rows with edge = 'edge' say where the CDN is, not the viewer.",
    (
        TENANT,
        DAY,
        APPLICATION,
        key("country", "text", "ISO code, `unknown`, or `not_available` without a database.", length=16),
        key(
            "edge",
            "text",
            "`edge`, `direct`, or `not_available` without a table of CDN ranges.",
            among=EDGES,
            length=16,
        ),
        REQUESTS,
        DELIVERIES,
        BYTES,
    ),
    additivity="A",
)
# One family of rollups is what one transaction replaces for one day, under one fence.
TRAFFIC_FAMILY = (
    TRAFFIC_HOURLY,
    TRAFFIC_DAILY,
    BANDWIDTH_COST_DAILY,
    RESPONSE_TIME_DAILY,
    RESPONSE_TIME_BUCKETS_HOURLY,
    RESPONSE_TIME_BUCKETS_DAILY,
    ERRORS_DAILY,
    ENDPOINTS_DAILY,
    MEDIA_FILE_DAILY,
    COUNTRIES_DAILY,
    ATTRIBUTION_DAILY,
    RECONCILIATION_DAILY,
    USERS_DAILY,
    ADDRESSES_DAILY,
    USER_AGENTS_DAILY,
)
