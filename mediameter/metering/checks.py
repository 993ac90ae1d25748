"""Five questions asked of each day, and their verdicts (docs/definitions.md, "Checks"). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.vocabulary import NOT_AVAILABLE

WARNING_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Above these the rules fire: bytes, a share, ms, addresses, micros of the currency a month."""

    daily_bandwidth: int = 100 * 2**30
    error_rate: float = 0.01
    response_time_p95: int = 1000
    unique_addresses: int = 50_000
    budget_micros: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A day's figures. ``month_micros``: the month's cost so far by currency; None where some bytes have no price."""

    requests: int | None
    bytes_sent: int
    errors: int
    p95_ms: int | None
    timed: int
    unique_addresses: int
    month_micros: dict[str, int] | None
    day_of_month: int
    days_in_month: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says. ``value`` and ``threshold`` are in ``unit``; ``sample``: requests the value rests on."""

    rule: str
    value: float | None
    threshold: float | None
    unit: str
    verdict: str
    sample: int


def judged(seen: Evidence, limits: Thresholds, *, is_complete: bool) -> list[Verdict]:
    """All five, in the order of their names."""
    requests = seen.requests or 0
    projected = _projected(seen, limits)
    budget = None if limits.budget_micros is None else limits.budget_micros / 1_000_000
    asked = [
        ("daily_bandwidth", float(seen.bytes_sent), float(limits.daily_bandwidth), "bytes", requests, True),
        ("error_rate", seen.errors / requests if requests else None, limits.error_rate, "ratio", requests, False),
        ("monthly_budget", projected, budget, limits.currency or "currency", requests, True),
        ("response_time_p95", _real(seen.p95_ms), float(limits.response_time_p95), "ms", seen.timed, False),
        ("unique_addresses", float(seen.unique_addresses), float(limits.unique_addresses), "addresses", requests, True),
    ]
    return [
        Verdict(rule, value, limit, unit, _verdict(value, limit, warns=warns, is_complete=is_complete), sample)
        for rule, value, limit, unit, sample, warns in asked
    ]


def _verdict(value: float | None, limit: float | None, *, warns: bool, is_complete: bool) -> str:
    if value is None or limit is None:
        return NOT_AVAILABLE
    if not is_complete:
        return "not_yet_knowable"
    if value > limit:
        return "critical"
    return "warning" if warns and value > limit * WARNING_SHARE else "ok"


def _projected(seen: Evidence, limits: Thresholds) -> float | None:
    """The month's cost at the pace so far, in whole units of the budget's currency: one division, so one rounding."""
    if seen.month_micros is None or "" in seen.month_micros:  # no bytes without a price: not available, never 0
        return None
    currencies = set(seen.month_micros)
    if limits.currency:
        micros = seen.month_micros.get(limits.currency) if currencies == {limits.currency} else None
    else:
        micros = next(iter(seen.month_micros.values())) if len(currencies) == 1 else None
    return None if micros is None else micros * seen.days_in_month / (seen.day_of_month * 1_000_000)


def _real(value: int | None) -> float | None:
    return None if value is None else float(value)
