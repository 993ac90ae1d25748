"""The warehouse as an analyst meets it: rollups, the state of days, reference tables."""

from __future__ import annotations

from schemas.budgets import BUDGETS
from schemas.contract import Column, Contract, key, measure
from schemas.generations import ACTIVE_FAMILY, CREDIT_PRICES, GAUGES_HOURLY, GENERATION_FAMILY, MODEL_PRICES
from schemas.prices import KEPT_PRICES, REPRICINGS
from schemas.records import NOT_COUNTED
from schemas.vocabulary import (
    CONFIDENCES,
    DAY_FAMILIES,
    DAY_STATES,
    EDGES,
    MATCH_BASES,
    OPERATION_CLASS_NAMES,
    OUTCOMES,
    RECONCILIATION_REASONS,
    RESPONSE_MEASURES,
    SEVERITIES,
    STATUS_CLASSES,
    VERDICTS,
)

_TENANT = key("tenant", "text", "Boundary of isolation; `default` where there is one.", length=64)
_DAY = key("day", "day", "Day in the reporting time zone.")
_HOUR = key("hour_at", "instant", "Begin of the hour, UTC.")
_APPLICATION = key("application", "text", "Application, or `unattributed`.", length=128)
_ANY_APPLICATION = key("application", "text", "Application, `unattributed`, or `*` for all.", length=128)
_BUCKET = key("bucket", "text", "Bucket that was asked; empty where the log has none.", length=255)
_OPERATION = key("operation_class", "text", "Class of the operation.", among=OPERATION_CLASS_NAMES, length=32)

_REQUESTS = measure(
    "requests", "HTTP requests: no lifecycle records, no second records of one action.", unit="requests"
)
_DELIVERIES = measure(
    "deliveries",
    "GETs of an object answered 200 or 206, where requests of the same object, address and agent at most 60 s "
    "apart count once, at the first of them.",
    unit="deliveries",
)
_BYTES = measure("bytes_sent", "Bytes of the responses' bodies.", unit="bytes")

_TRAFFIC_MEASURES = (
    measure("records", "All distinct log records.", unit="records"),
    _REQUESTS,
    _DELIVERIES,
    _BYTES,
    measure("response_ms_sum", "Sum of total_ms over requests that have a status and a time.", unit="ms"),
    measure("response_count", "How many requests response_ms_sum rests on.", unit="requests"),
)
_TRAFFIC_GRAIN = (
    _APPLICATION,
    _BUCKET,
    _OPERATION,
    key("status_class", "text", "2xx … 5xx, `aborted` (499), `none`.", among=STATUS_CLASSES, length=16),
)

TRAFFIC_HOURLY = Contract(
    "traffic_hourly",
    "tenant, UTC hour, application, bucket, operation class, status class",
    "Requests, deliveries, bytes and response time by hour.",
    (_TENANT, _HOUR, *_TRAFFIC_GRAIN, *_TRAFFIC_MEASURES),
    additivity="A",
)
TRAFFIC_DAILY = Contract(
    "traffic_daily",
    "tenant, day, application, bucket, operation class, status class",
    "The sum of the day's hours.",
    (_TENANT, _DAY, *_TRAFFIC_GRAIN, *_TRAFFIC_MEASURES),
    additivity="A",
)
BANDWIDTH_COST_DAILY = Contract(
    "bandwidth_cost_daily",
    "tenant, day, application, bucket, price card, currency",
    "What the bytes sent cost. Rounded half-even once, here; totals are sums of these rows.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _BUCKET,
        key("price_id", "text", "Price card in `prices`; empty where none is valid.", length=128),
        key("currency", "text", "ISO currency; empty without a price.", length=3),
        _REQUESTS,
        _BYTES,
        measure(
            "cost_micros",
            "Cost in millionths of the currency.",
            unit="micros",
            null="not available: no price card is valid",
        ),
    ),
    additivity="A",
)

_PERCENTILE = {
    f"{name}_ms": measure(f"{name}_ms", doc, unit="ms")
    for name, doc in (
        ("mean", "Mean, rounded half-even."),
        ("p50", "Median, nearest rank."),
        ("p90", "90th percentile, nearest rank."),
        ("p95", "95th percentile, nearest rank."),
        ("p99", "99th percentile, nearest rank."),
        ("max", "Slowest."),
    )
}
RESPONSE_TIME_DAILY = Contract(
    "response_time_daily",
    "tenant, day, application or *, operation class or *, measure",
    "Exact percentiles of total_ms (requests with a status) and turn_around_ms (GETs of objects with a status).",
    (
        _TENANT,
        _DAY,
        _ANY_APPLICATION,
        key("operation_class", "text", "Class of the operation, or `*` for all.", length=32),
        key("measure", "text", "`total` or `turn_around`.", among=RESPONSE_MEASURES, length=16),
        measure("observations", "Requests the figures rest on.", unit="requests"),
        *_PERCENTILE.values(),
    ),
    additivity="S",
)
RESPONSE_TIME_BUCKETS_HOURLY = Contract(
    "response_time_buckets_hourly",
    "tenant, UTC hour, application, operation class, upper edge",
    "Additive histogram of total_ms: any window's percentile in plain SQL, at most 1 % too high.",
    (
        _TENANT,
        _HOUR,
        _APPLICATION,
        _OPERATION,
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
        _TENANT,
        _DAY,
        _APPLICATION,
        key("upper_ms", "int", "Upper edge of the bucket, inclusive.", unit="ms"),
        measure("observations", "Requests in the bucket.", unit="requests"),
    ),
    additivity="A",
)

RESPONSE_TIME_TRAILING = Contract(
    "response_time_trailing",
    "tenant, day, application or *, window",
    "Percentiles of total_ms over the window that ends with the day, from the daily histogram: at most 1 % too high. "
    "max_ms is exact.",
    (
        _TENANT,
        _DAY,
        _ANY_APPLICATION,
        key("window_days", "int", "Days in the window (7, 30), this day the last."),
        measure("observations", "Requests the figures rest on.", unit="requests"),
        *(_PERCENTILE[name] for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")),
    ),
    additivity="S",
)

_ENDPOINT = key(
    "endpoint", "text", "Operation class and key template, ids replaced; `other` beyond the cap.", length=255
)
ERRORS_DAILY = Contract(
    "errors_daily",
    "tenant, day, application, endpoint, status, error code",
    "Requests with a status of 400 or more.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _ENDPOINT,
        key("http_status", "int", "HTTP status."),
        key("error_code", "text", "S3 error code; empty where none.", length=128),
        _REQUESTS,
    ),
    additivity="A",
)
ENDPOINTS_DAILY = Contract(
    "endpoints_daily",
    "tenant, day, application, endpoint",
    "All requests by endpoint: the denominators of errors_daily.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _ENDPOINT,
        _REQUESTS,
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
        _BYTES,
    ),
    additivity="A",
)
MEDIA_FILE_DAILY = Contract(
    "media_file_daily",
    "tenant, day, application, bucket, media file, object key",
    "Requests for an object, by object.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        _BUCKET,
        key("media_file_id", "text", "Id in media_files; empty while the application is not connected.", length=64),
        key("object_key_sha256", "text", "SHA-256 of the decoded key, hex: long keys need no long index.", length=64),
        Column("object_key", "text", "The decoded key."),
        _REQUESTS,
        _DELIVERIES,
        _BYTES,
        Column("last_at", "instant", "Latest request. Take MAX, never a sum."),
    ),
    additivity="A",
)
ATTRIBUTION_DAILY = Contract(
    "attribution_daily",
    "tenant, day, application, basis of the match",
    "How the day's requests were attributed, by basis.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        key("match_basis", "text", "The first rule that applied.", among=tuple(MATCH_BASES), length=16),
        Column("match_confidence", "text", "How sure that rule is.", among=CONFIDENCES),
        _REQUESTS,
        _DELIVERIES,
        _BYTES,
    ),
    additivity="A",
)
RECONCILIATION_DAILY = Contract(
    "reconciliation_daily",
    "tenant, day, application, outcome, reason",
    "How requests in the log and events of the application match, and why some do not. No rows while no application "
    "is connected.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        key("outcome", "text", "In both, in the log alone, in the application alone.", among=OUTCOMES, length=16),
        key(
            "reason",
            "text",
            "What matched, or why nothing did.",
            among=tuple(dict.fromkeys(reason for of in RECONCILIATION_REASONS.values() for reason in of)),
            length=32,
        ),
        _REQUESTS,
        _DELIVERIES,
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
        _TENANT,
        _DAY,
        _APPLICATION,
        key("user_id", "text", "Id of the user in the application.", length=64, pii="pseudonym"),
        _REQUESTS,
        _DELIVERIES,
        _BYTES,
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
        _TENANT,
        _DAY,
        _APPLICATION,
        key("address", "text", "HMAC of the client address, or `other`.", length=64, pii="pseudonym"),
        Column("edge", "text", "Whether the address is a CDN's; NULL for `other`.", null="`other`", among=EDGES),
        measure("addresses", "Number of addresses in the row: 1, or all of `other`.", unit="addresses"),
        _REQUESTS,
        _DELIVERIES,
        _BYTES,
    ),
    additivity="A",
)
USER_AGENTS_DAILY = Contract(
    "user_agents_daily",
    "tenant, day, application, user agent",
    "The user agents with the most requests, the others as `other`.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        key("user_agent", "text", "The agent's first 200 characters, `other`, or empty where none.", length=255),
        Column("is_bot", "bool", "The agent calls itself a crawler, a script or a monitor."),
        _REQUESTS,
        _DELIVERIES,
        _BYTES,
    ),
    additivity="A",
)
MEDIA_FILE_TRAILING = Contract(
    "media_file_trailing",
    "tenant, day, window, application, object key",
    "The files with the most bytes over the window that ends with the day (at most 1,000 for each application).",
    (
        _TENANT,
        _DAY,
        key("window_days", "int", "Days in the window (1, 7, 30), this day the last."),
        _APPLICATION,
        key("object_key_sha256", "text", "SHA-256 of the decoded key, hex.", length=64),
        Column("media_file_id", "text", "Id in media_files; empty where unknown."),
        Column("object_key", "text", "The decoded key."),
        measure("deliveries", "Deliveries over the window.", unit="deliveries"),
        measure("bytes_sent", "Bytes of the responses' bodies.", unit="bytes"),
        measure("unique_users", "Distinct users.", unit="users", null="not available: no application is connected"),
        measure("unique_addresses", "Distinct client addresses.", unit="addresses"),
        Column("last_at", "instant", "Latest request in the window."),
    ),
    additivity="S",
)
AUDIENCE_TRAILING = Contract(
    "audience_trailing",
    "tenant, day, application or *, window",
    "Distinct addresses over the window that ends with the day. Behind a CDN the addresses are edges.",
    (
        _TENANT,
        _DAY,
        _ANY_APPLICATION,
        key("window_days", "int", "Days in the window (1, 7, 30), this day the last."),
        measure("unique_addresses", "Distinct client addresses of requests.", unit="addresses"),
        measure("unique_users", "Distinct users.", unit="users", null="not available: no application is connected"),
        measure(
            "authenticated_deliveries",
            "Deliveries to a known user.",
            unit="deliveries",
            null="not available: no application is connected",
        ),
        Column(
            "is_behind_cdn",
            "bool",
            "At least half of the requests came from CDN edges: unique addresses count edges.",
            null="not available: no table of CDN ranges",
        ),
    ),
    additivity="S",
)
COUNTRIES_DAILY = Contract(
    "countries_daily",
    "tenant, day, application, country, edge",
    "Requests by the country of the address. Rows with edge = 'edge' say where the CDN is, not the viewer.",
    (
        _TENANT,
        _DAY,
        _APPLICATION,
        key("country", "text", "ISO code, `unknown`, or `not_available` without a database.", length=16),
        key(
            "edge",
            "text",
            "`edge`, `direct`, or `not_available` without a table of CDN ranges.",
            among=EDGES,
            length=16,
        ),
        _REQUESTS,
        _DELIVERIES,
        _BYTES,
    ),
    additivity="A",
)
ALERT_CHECKS_DAILY = Contract(
    "alert_checks_daily",
    "tenant, day, rule, group",
    "The verdict of each rule on each day. A day that is not complete is neither good nor bad.",
    (
        _TENANT,
        _DAY,
        key("rule", "text", "Name of the rule.", length=64),
        key("check_group", "text", "What the rule was judged for; `*` is everything.", length=128),
        Column("value", "float", "The measure; one division of integers at most.", null="not available"),
        Column("threshold", "float", "Above this the rule fires.", null="no threshold is set"),
        Column("unit", "text", "bytes, ratio, ms, addresses, or a currency."),
        Column("verdict", "text", "The answer.", among=VERDICTS),
        measure("sample", "Requests the value rests on.", unit="requests"),
        Column("complete_through_at", "instant", "Until when the logs were complete.", null="nothing listed yet"),
    ),
    additivity="S",
)
DAYS = Contract(
    "days",
    "tenant, source, day",
    "How complete each day is and what it rests on. lines = parsed + ignored + rejected; "
    "distinct records = parsed - duplicates. A rejected or ignored line counts on its object's first day.",
    (
        _TENANT,
        key("source", "text", "Source in the settings.", length=64),
        _DAY,
        Column("family", "text", "What the source tells of: traffic, or generations.", among=DAY_FAMILIES, length=16),
        Column(
            "state",
            "text",
            "open, or final (complete, and no rule broken). frozen: its raw data was deleted; set by nothing yet.",
            among=DAY_STATES,
        ),
        Column("is_suspect", "bool", "A rule of quality is broken, or too much was rejected or refused."),
        measure("revision", "How often the day has been written."),
        Column(
            "complete_through_at", "instant", "Until when the source's logs are complete.", null="nothing listed yet"
        ),
        measure("objects", "Log objects booked on this day, empty and refused ones among them.", unit="objects"),
        measure("lines", "Lines.", unit="lines"),
        measure("parsed", "Lines that became records.", unit="lines"),
        measure("ignored", "Blank lines, and the log bucket's own records.", unit="lines"),
        measure("rejected", "Lines that could not be read; see rejects.", unit="lines"),
        measure("duplicates", "Records that were there already.", unit="lines"),
        measure("bytes_sent", "Bytes sent by the day's requests; 0 of generations.", unit="bytes"),
        *NOT_COUNTED,
    ),
    kind="state",
    additivity="S",
    summable=(
        "objects", "lines", "parsed", "ignored", "rejected", "duplicates", "bytes_sent",
        *(column.name for column in NOT_COUNTED),
    ),
)  # fmt: skip
QUALITY_CHECKS_DAILY = Contract(
    "quality_checks_daily",
    "tenant, day, suite, rule",
    "The last result of the quality gate for each day and rule. A day's traffic, or its generations, that breaks a "
    "critical one is suspect and never final. Written again whenever the day or the suites are.",
    (
        _TENANT,
        _DAY,
        key("suite", "text", "File in `sql/suites`, or in `expectations` beside the settings.", length=64),
        key("rule", "text", "Name of the rule there.", length=64),
        Column("family", "text", "What of the day the suite judges.", among=DAY_FAMILIES, length=16),
        Column("severity", "text", "Whether a break makes the day suspect.", among=SEVERITIES),
        Column("is_met", "bool", "The day keeps the rule."),
        Column("detail", "text", "Where it is broken: table and figures found.", null="it is met"),
    ),
    kind="state",
    additivity="S",
)
PRICES = Contract(
    "prices",
    "price card",
    "The price cards of the settings, as used.",
    (
        key("price_id", "text", "source/measure/currency/valid_from.", length=128),
        Column("source", "text", "Source it applies to."),
        Column("measure", "text", "What is priced.", among=("bytes_sent",)),
        Column("amount", "text", "Exact decimal amount."),
        Column("currency", "text", "ISO currency."),
        Column("per", "text", "Unit: GB is 10^9, GiB is 2^30 bytes."),
        Column("valid_from_day", "day", "First day."),
        Column("valid_to_day", "day", "Last day.", null="until further notice"),
        Column("citation", "text", "Where the price stands, and when it was read."),
    ),
    kind="reference",
)
INVOICES = Contract(
    "invoices",
    "tenant, source, month, currency",
    "The invoices of the settings: the whole amount that was billed.",
    (
        _TENANT,
        key("source", "text", "Source whose provider sent it.", length=64),
        key("month_first_day", "day", "First day of the month that it is for."),
        key("currency", "text", "ISO currency.", length=3),
        Column("month_last_day", "day", "Last day of it."),
        Column("days_in_month", "int", "28 to 31."),
        measure("amount_micros", "What was billed, in millionths.", unit="micros"),
        measure("bytes_sent", "Traffic that it names.", unit="bytes", null="it names none"),
        Column("citation", "text", "Its number, and where it is kept."),
    ),
    kind="reference",
    summable=("amount_micros", "bytes_sent"),
)

APPLICATIONS = Contract(
    "applications",
    "tenant, application",
    "The applications, as the application's database names them.",
    (
        _TENANT,
        key("application_id", "text", "Id there.", length=64),
        Column("application", "text", "The name in the rollups: slug, else id."),
        Column("name", "text", "Name there.", null="none"),
    ),
    kind="reference",
)
MEDIA_FILES = Contract(
    "media_files",
    "tenant, media file",
    "The application's files, including those that it has deleted.",
    (
        _TENANT,
        key("media_file_id", "text", "Id there.", length=64),
        Column("object_key_sha256", "text", "SHA-256 of object_key, hex.", length=64),
        Column("object_key", "text", "The storage key."),
        Column("original_filename", "text", "Name that the file was uploaded under.", null="none"),
        Column("mime_type", "text", "MIME type.", null="none"),
        Column("size_bytes", "int", "Size.", null="unknown", unit="bytes", least=0),
        Column("application_id", "text", "In applications.", null="none"),
        Column("user_id", "text", "Whose it is.", null="none", pii="pseudonym"),
        Column("width", "int", "Pixels.", null="unknown", least=0),
        Column("height", "int", "Pixels.", null="unknown", least=0),
        Column("duration_ms", "int", "Length of a video.", null="none", unit="ms", least=0),
        Column("uploaded_at", "instant", "Upload.", null="unknown"),
        Column("is_deleted", "bool", "Deleted there, or no longer there."),
        Column("deleted_at", "instant", "Since when.", null="not deleted, or not known since when"),
    ),
    kind="reference",
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
AUDIENCE_FAMILY = (AUDIENCE_TRAILING, MEDIA_FILE_TRAILING, RESPONSE_TIME_TRAILING)
ROLLUPS = (*TRAFFIC_FAMILY, *AUDIENCE_FAMILY, *GENERATION_FAMILY, *ACTIVE_FAMILY, GAUGES_HOURLY, ALERT_CHECKS_DAILY)
REFERENCE = (
    PRICES, INVOICES, APPLICATIONS, MEDIA_FILES, MODEL_PRICES, CREDIT_PRICES, KEPT_PRICES, REPRICINGS, BUDGETS,
)  # fmt: skip
