"""Trailing figures: what the 1, 7 or 30 days that end with a day come to, which no sum of days can tell."""

from __future__ import annotations

from schemas.contract import Column, Contract, key, measure
from schemas.traffic_columns import (
    ANY_APPLICATION,
    APPLICATION,
    DAY,
    PERCENTILE,
    TENANT,
)

RESPONSE_TIME_TRAILING = Contract(
    "response_time_trailing",
    "tenant, day, application or *, window",
    "Percentiles of total_ms over the window that ends with the day, from the daily histogram: at most 1 % too high. "
    "max_ms is exact.",
    (
        TENANT,
        DAY,
        ANY_APPLICATION,
        key("window_days", "int", "Days in the window (7, 30), this day the last."),
        measure("observations", "Requests the figures rest on.", unit="requests"),
        *(PERCENTILE[name] for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")),
    ),
    additivity="S",
)
MEDIA_FILE_TRAILING = Contract(
    "media_file_trailing",
    "tenant, day, window, application, object key",
    "The files with the most bytes over the window that ends with the day (at most 1,000 for each application).",
    (
        TENANT,
        DAY,
        key("window_days", "int", "Days in the window (1, 7, 30), this day the last."),
        APPLICATION,
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
        TENANT,
        DAY,
        ANY_APPLICATION,
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
AUDIENCE_FAMILY = (AUDIENCE_TRAILING, MEDIA_FILE_TRAILING, RESPONSE_TIME_TRAILING)
