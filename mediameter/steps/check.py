"""What the five checks of the OVH document say of each day; a day that is not complete is neither good nor bad."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from mediameter import ledger, warehouse
from mediameter.connect import engine, reading, transact
from mediameter.faults import point
from mediameter.metering.checks import Evidence, Thresholds, Verdict, judged
from mediameter.settings import Settings
from mediameter.steps import days
from mediameter.steps.rollup import basis
from mediameter.warehouse import tables
from schemas.rollups import ALERT_CHECKS_DAILY
from schemas.vocabulary import ALL


@dataclass(slots=True)
class CheckReport:
    """What was judged: one row a day and rule (day, and the fields of ``Verdict``)."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check(settings: Settings, *, now: datetime) -> CheckReport:
    """Judges every day whose figures or completeness have changed. ``now`` is taken as all steps take it; a verdict
    rests on what was listed, not on the clock."""
    report, made = CheckReport(), engine(settings.warehouse.url)
    try:
        warehouse.ready(made)
        with reading(made) as connection:
            dirty = ledger.dirty_days(connection, "checks", basis(settings))
        for day in dirty:
            report.rows += _check_day(made, settings, day)
    finally:
        made.dispose()
    return report


def _check_day(made: sa.Engine, settings: Settings, day: date) -> list[dict[str, Any]]:
    def judge(connection: sa.Connection) -> list[Verdict]:
        epoch = ledger.epoch(connection, "checks", day)
        if not ledger.pass_fence(connection, "checks", day, epoch, basis(settings)):
            return []
        through, is_complete = days.complete_through(connection, settings, day)
        evidence = _evidence(connection, settings, day)
        rows = judged(evidence, thresholds(settings), is_complete=is_complete) if evidence.requests is not None else []
        frame = pl.DataFrame(
            [
                (settings.tenant, day, r.rule, ALL, r.value, r.threshold, r.unit, r.verdict, r.sample, through)
                for r in rows
            ],
            schema=warehouse.empty(ALERT_CHECKS_DAILY).schema,
            orient="row",
        )
        bounds = ledger.day_bounds(day, settings.reporting.zone)
        warehouse.replace_day(connection, settings.tenant, day, bounds, {ALERT_CHECKS_DAILY: frame})
        point("check.before_commit")
        return rows

    return [{"day": day.isoformat(), **asdict(verdict)} for verdict in transact(made, judge)]


def thresholds(settings: Settings) -> Thresholds:
    """The shipped thresholds, with what the settings override."""
    own = {name: rule.above for name, rule in settings.alerts.rules.items() if name != "monthly_budget"}
    budget = settings.alerts.budget
    return Thresholds(
        **own, budget_micros=budget.micros if budget else None, currency=budget.currency if budget else ""
    )


def _evidence(connection: sa.Connection, settings: Settings, day: date) -> Evidence:
    """The day's figures that the checks judge. ``requests`` is None where the day has no rows at all."""

    def one(table: str, *columns: sa.ColumnElement[Any], **equal: object) -> sa.RowMapping:
        t = tables[table]
        where = [t.c.tenant == settings.tenant, t.c.day == day, *(t.c[name] == value for name, value in equal.items())]
        return connection.execute(sa.select(*columns).select_from(t).where(*where)).mappings().first() or {}  # type: ignore[return-value]

    traffic, endpoints = tables["traffic_daily"].c, tables["endpoints_daily"].c
    sums = one(
        "traffic_daily", sa.func.sum(traffic.requests).label("requests"), sa.func.sum(traffic.bytes_sent).label("bytes")
    )
    errors = one("endpoints_daily", sa.func.sum(endpoints.errors).label("errors"))
    times = tables["response_time_daily"].c
    p95 = one(
        "response_time_daily", times.p95_ms, times.observations, application=ALL, operation_class=ALL, measure="total"
    )
    addresses = one("audience_trailing", tables["audience_trailing"].c.unique_addresses, application=ALL, window_days=1)
    month = _month(connection, settings, day)
    return Evidence(
        requests=_whole(sums.get("requests")),
        bytes_sent=_whole(sums.get("bytes")) or 0,
        errors=_whole(errors.get("errors")) or 0,
        p95_ms=p95.get("p95_ms"),
        timed=p95.get("observations") or 0,
        unique_addresses=addresses.get("unique_addresses") or 0,
        month_micros=month,
        day_of_month=day.day,
        days_in_month=monthrange(day.year, day.month)[1],
    )


def _month(connection: sa.Connection, settings: Settings, day: date) -> dict[str, int] | None:
    """Cost of the month up to the day by currency; None where some bytes have no price."""
    cost = tables["bandwidth_cost_daily"].c
    query = sa.select(
        cost.currency,
        sa.func.sum(cost.cost_micros),
        sa.func.sum(sa.case((cost.cost_micros.is_(None), cost.bytes_sent), else_=0)),
    )
    query = query.where(cost.tenant == settings.tenant, cost.day.between(day.replace(day=1), day)).group_by(
        cost.currency
    )
    rows = connection.execute(query).all()
    if not rows or any(unpriced for _, _, unpriced in rows):
        return None
    return {currency: int(micros or 0) for currency, micros, _ in rows}


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
