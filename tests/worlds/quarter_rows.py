"""Lots of a quarter's logs → rows of the rollups of traffic, at the grain of the warehouse's tables. Pure.

Percentiles are read from the histogram: at most 1 % too high. Not made, since no rule asks for them: files, countries,
agents, users, the basis of attributions, daily buckets, and what trails them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np

from schemas.vocabulary import ALL
from tests.worlds.quarter_logs import APPLICATIONS, EDGES, GET, OPERATIONS, SHAPE, STATUSES, Lot

Row = dict[str, Any]
PRICE_ID, MICROS_OF_A_GB = "ovh/bytes_sent/USD/2026-01-01", 11_000
_CLASSES = {"2xx": (0, 1), "3xx": (2,), "4xx": (3, 4), "aborted": (5,), "5xx": (6, 7)}
_CODES = {403: "AccessDenied", 404: "NoSuchKey", 499: "", 500: "InternalError", 503: "SlowDown"}
_ERRORS, _SERVER, _ABORTED = slice(3, None), slice(6, None), 5
_PERCENTILES = {"p50_ms": 50, "p90_ms": 90, "p95_ms": 95, "p99_ms": 99}
_SUMMED = ("counts", "deliveries", "sent", "ms", "times", "addresses", "viewed", "matched", "strangers")


@dataclass(slots=True)
class Sum:
    """Of some lots: the measures of ``Lot``, and how many objects and lines they come from. ``recorded``: views that
    the app recorded, by application."""

    counts: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE, np.int64))
    deliveries: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE, np.int64))
    sent: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE, np.int64))
    ms: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE, np.int64))
    times: np.ndarray = field(default_factory=lambda: np.zeros((*SHAPE[:2], len(EDGES)), np.int64))
    addresses: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE[0]))
    viewed: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE[0], np.int64))
    matched: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE[0], np.int64))
    strangers: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE[0], np.int64))
    recorded: np.ndarray = field(default_factory=lambda: np.zeros(SHAPE[0], np.int64))
    rejected: int = 0
    misses: int = 0
    rejected_bytes: int = 0
    objects: int = 0

    def add(self, lot: Lot) -> None:
        for name in _SUMMED:
            getattr(self, name).__iadd__(getattr(lot, name))
        self.rejected += lot.rejected
        self.misses += lot.misses
        self.rejected_bytes += lot.rejected_bytes
        self.objects += 1

    @property
    def requests(self) -> int:
        return int(self.counts.sum())


# --- hours -------------------------------------------------------------------------------------------


def traffic(of: Sum, when: Row) -> list[Row]:
    """traffic_hourly or traffic_daily. ``when``: hour_at or day."""
    return [
        {
            **when, "application": APPLICATIONS[app], "bucket": "media", "operation_class": OPERATIONS[operation],
            "status_class": name, "records": count, "requests": count,
            "deliveries": _at(of.deliveries, app, operation, statuses),
            "bytes_sent": _at(of.sent, app, operation, statuses),
            "response_ms_sum": _at(of.ms, app, operation, statuses), "response_count": count,
        }
        for app in range(SHAPE[0])
        for operation in range(SHAPE[1])
        for name, statuses in _CLASSES.items()
        if (count := _at(of.counts, app, operation, statuses))
    ]  # fmt: skip


def _at(cube: np.ndarray, app: int, operation: int, statuses: tuple[int, ...]) -> int:
    return int(sum(cube[app, operation, status] for status in statuses))


def buckets(of: Sum, hour_at: datetime) -> list[Row]:
    """response_time_buckets_hourly."""
    places = zip(*(each.tolist() for each in np.nonzero(of.times)), strict=True)
    return [
        {
            "hour_at": hour_at, "application": APPLICATIONS[app], "operation_class": OPERATIONS[operation],
            "upper_ms": int(EDGES[edge]), "observations": int(of.times[app, operation, edge]),
        }
        for app, operation, edge in places
    ]  # fmt: skip


# --- days --------------------------------------------------------------------------------------------


def of_day(of: Sum, day: date, trailing: dict[int, np.ndarray]) -> dict[str, list[Row]]:
    """Rows of each daily table. ``trailing``: unique addresses by application, by window."""
    when = {"day": day}
    return {
        "traffic_daily": traffic(of, when),
        "bandwidth_cost_daily": list(_costs(of, when)),
        "response_time_daily": list(_times(of, when)),
        "endpoints_daily": list(_endpoints(of, when)),
        "errors_daily": list(_errors(of, when)),
        "audience_trailing": list(_audience(of, when, trailing)),
        "addresses_daily": list(_addresses(of, when)),
        "reconciliation_daily": list(_reconciliation(of, when)),
    }


def _costs(of: Sum, when: Row) -> Iterator[Row]:
    for app, name in enumerate(APPLICATIONS):
        sent = int(of.sent[app].sum())
        yield {
            **when, "application": name, "bucket": "media", "price_id": PRICE_ID, "currency": "USD",
            "requests": int(of.counts[app].sum()), "bytes_sent": sent,
            "cost_micros": round(sent * MICROS_OF_A_GB / 1e9),
        }  # fmt: skip


def _times(of: Sum, when: Row) -> Iterator[Row]:
    for app, operation in [(a, o) for a in (None, *range(SHAPE[0])) for o in (None, *range(SHAPE[1]))]:
        which = (slice(None) if app is None else app, slice(None) if operation is None else operation)
        times = of.times[which].reshape(-1, len(EDGES)).sum(axis=0)
        rank = times.cumsum()
        if not rank[-1]:
            continue
        told = {name: int(EDGES[np.searchsorted(rank, -(-rank[-1] * p // 100))]) for name, p in _PERCENTILES.items()}
        yield {
            **when, "application": ALL if app is None else APPLICATIONS[app], "measure": "total",
            "operation_class": ALL if operation is None else OPERATIONS[operation], "observations": int(rank[-1]),
            "mean_ms": round(int(of.ms[which].sum()) / int(rank[-1])), **told,
            "max_ms": int(EDGES[np.nonzero(times)[0][-1]]),
        }  # fmt: skip


def _endpoint(app: int, operation: int) -> str:
    return f"{OPERATIONS[operation]} " + ("-" if operation == 3 else f"files/{{user}}/{APPLICATIONS[app]}-public/*")


def _endpoints(of: Sum, when: Row) -> Iterator[Row]:
    for app in range(SHAPE[0]):
        for operation in range(SHAPE[1]):
            statuses = of.counts[app, operation]
            if not statuses.sum():
                continue
            errors, misses = int(statuses[_ERRORS].sum()), of.misses if (app, operation) == (0, GET) else 0
            yield {
                **when, "application": APPLICATIONS[app], "endpoint": _endpoint(app, operation),
                "requests": int(statuses.sum()), "errors": errors, "errors_without_crawlers": errors - misses,
                "server_errors": int(statuses[_SERVER].sum()), "client_aborts": int(statuses[_ABORTED]),
                "bytes_sent": int(of.sent[app, operation].sum()),
            }  # fmt: skip


def _errors(of: Sum, when: Row) -> Iterator[Row]:
    for app, operation, status in zip(*(each.tolist() for each in np.nonzero(of.counts)), strict=True):
        if STATUSES[status] >= 400:
            yield {
                **when, "application": APPLICATIONS[app], "endpoint": _endpoint(app, operation),
                "http_status": STATUSES[status], "error_code": _CODES[STATUSES[status]],
                "requests": int(of.counts[app, operation, status]),
            }  # fmt: skip


def _audience(of: Sum, when: Row, trailing: dict[int, np.ndarray]) -> Iterator[Row]:
    delivered = of.deliveries.sum(axis=(1, 2))
    for window, addresses in trailing.items():
        for app in (None, *range(SHAPE[0])):
            which = slice(None) if app is None else app
            yield {
                **when, "application": ALL if app is None else APPLICATIONS[app], "window_days": window,
                "unique_addresses": round(addresses[which].sum()), "unique_users": round(addresses[which].sum() * 0.3),
                "authenticated_deliveries": int(delivered[which].sum() * 0.4), "is_behind_cdn": False,
            }  # fmt: skip


def _addresses(of: Sum, when: Row) -> Iterator[Row]:
    """The three busiest of each application, and the others."""
    for app, name in enumerate(APPLICATIONS):
        left = [int(each[app].sum()) for each in (of.counts, of.deliveries, of.sent)]
        for rank, share in enumerate((0.012, 0.009, 0.006)):
            mine = [int(each * share) for each in left]
            yield _address(when, name, f"address-{rank}", "direct", 1, mine)
        rest = [each - sum(int(each * share) for share in (0.012, 0.009, 0.006)) for each in left]
        yield _address(when, name, "other", None, max(0, int(of.addresses[app]) - 3), rest)


def _address(when: Row, application: str, address: str, edge: str | None, addresses: int, of: list[int]) -> Row:
    requests, deliveries, sent = of
    return {
        **when, "application": application, "address": address, "edge": edge, "addresses": addresses,
        "requests": requests, "deliveries": deliveries, "bytes_sent": sent,
    }  # fmt: skip


def _reconciliation(of: Sum, when: Row) -> Iterator[Row]:
    """What of the log is a view, and what the app recorded that the log does not have (yet). Whose GET is no view is a
    crawler or a player that resumes, but for strangers and for views that could not be told to be one."""
    mean = 1_000_000
    for app, name in enumerate(APPLICATIONS):
        recorded, delivered = int(of.recorded[app]), int(of.deliveries[app].sum())
        matched = min(int(of.matched[app]), delivered, recorded)
        failed, requests = int(of.counts[app, :, _ERRORS].sum()), int(of.counts[app].sum())
        sent, no_fetch = int(of.sent[app].sum()), (recorded - matched) // 8
        alone = int(of.counts[app, GET, :3].sum()) - matched
        others = min(alone, int(of.viewed[app] - of.matched[app] + of.strangers[app]))
        known = alone - others
        # Of what a browser has, four in five were fetched within the two hours before: it is soon asked again, or not.
        kept = min(recorded - int(of.viewed[app]), int(of.viewed[app]) // 8)
        cached = max(0, min(recorded - matched - no_fetch, kept * 4 // 5))
        undelivered = recorded - matched - no_fetch - cached
        sides = {
            ("matched", "event_address"): (matched, matched, matched, min(matched * mean, sent), matched * mean),
            ("log_only", "failed"): (failed, 0, 0, 0, 0),
            ("log_only", "other_client"): (others, 0, 0, 0, 0),
            ("log_only", "bot"): (known, delivered - matched, 0, sent - min(matched * mean, sent), 0),
            ("log_only", "no_delivery"): (requests - matched - failed - alone, 0, 0, 0, 0),
            ("app_only", "no_fetch"): (0, 0, no_fetch, 0, 0),
            ("app_only", "own_cache"): (0, 0, cached, 0, cached * mean),
            ("app_only", "no_delivery"): (0, 0, undelivered, 0, undelivered * mean),
        }
        for (outcome, reason), figures in sides.items():
            if any(figures):
                names = ("requests", "deliveries", "events", "log_bytes", "app_bytes")
                told = dict(zip(names, figures, strict=True))
                yield {**when, "application": name, "outcome": outcome, "reason": reason, **told}
