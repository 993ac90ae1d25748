"""Columns that several tables of traffic share: keys of their grain, and measures."""

from __future__ import annotations

from schemas.contract import key, measure
from schemas.vocabulary import (
    OPERATION_CLASS_NAMES,
)

TENANT = key("tenant", "text", "Boundary of isolation; `default` where there is one.", length=64)
DAY = key("day", "day", "Day in the reporting time zone.")
HOUR = key("hour_at", "instant", "Begin of the hour, UTC.")
APPLICATION = key("application", "text", "Application, or `unattributed`.", length=128)
ANY_APPLICATION = key("application", "text", "Application, `unattributed`, or `*` for all.", length=128)
BUCKET = key("bucket", "text", "Bucket that was asked; empty where the log has none.", length=255)
OPERATION = key("operation_class", "text", "Class of the operation.", among=OPERATION_CLASS_NAMES, length=32)
REQUESTS = measure("requests", "HTTP requests: no lifecycle records, no second records of one action.", unit="requests")
DELIVERIES = measure(
    "deliveries",
    "GETs of an object answered 200 or 206, where requests of the same object, address and agent at most 60 s "
    "apart count once, at the first of them.",
    unit="deliveries",
)
BYTES = measure("bytes_sent", "Bytes of the responses' bodies.", unit="bytes")
PERCENTILE = {
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
