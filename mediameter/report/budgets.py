"""What has been spent of each budget, and what its period comes to: the rows of ``budget_through`` of the last day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Boolean, Date, Float, Text
from sqlalchemy.sql.selectable import TextualSelect

from mediameter.report import words
from mediameter.report.columns import Whole, by_day
from mediameter.report.markup import Markup, element
from mediameter.report.tables import table
from schemas.currencies import MICROS
from schemas.vocabulary import ALL, NOT_AVAILABLE

SQL = by_day(
    """SELECT day, budget_name, subject, period, period_first_day, currency, is_counted, cost_micros, projected_cost,
        budget, is_over_budget, known_hours, uncosted, unpriced_bytes
    FROM budget_through WHERE tenant = :tenant AND day = (
        SELECT MAX(calendar.day) FROM calendar WHERE calendar.tenant = :tenant AND calendar.day BETWEEN :first AND :last
    ) ORDER BY budget_name, subject, budget_through.is_counted DESC, budget_through.currency""",
    day=Date, budget_name=Text, subject=Text, period=Text, period_first_day=Date, currency=Text, is_counted=Boolean,
    cost_micros=Whole, projected_cost=Float, budget=Float, is_over_budget=Boolean, known_hours=Whole, uncosted=Whole,
    unpriced_bytes=Whole,
)  # fmt: skip
HEADS = ("budget", "since", "#spent", "#projected", "#budget", "holds", "#known hours", "not counted")


@dataclass(frozen=True, slots=True)
class Budgeted:
    """A budget and whom it is of, through the last known day. ``cost``, ``projected``, ``amount``: micros of the
    currency; ``not_counted``: costs that are held against nothing, in words."""

    name: str
    subject: str
    period: str
    first_day: date
    day: date
    currency: str
    cost: int
    projected: int | None
    amount: int
    is_over: bool | None
    known_hours: int
    not_counted: tuple[str, ...]


def read(ask: Callable[[TextualSelect], Sequence[Any]]) -> tuple[Budgeted, ...]:
    """One a budget and subject; none where nothing was spent in a budget's own currency, so that there is nothing to
    hold against it. ``ask`` binds tenant and days."""
    rows = ask(SQL)
    others: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        others.setdefault((row.budget_name, row.subject), []).extend(_not_counted(row))
    return tuple(
        Budgeted(
            row.budget_name, row.subject, row.period, row.period_first_day, row.day, row.currency, row.cost_micros,
            None if row.projected_cost is None else round(row.projected_cost * MICROS), round(row.budget * MICROS),
            row.is_over_budget, row.known_hours, tuple(others[row.budget_name, row.subject]),
        )
        for row in rows
        if row.is_counted
    )  # fmt: skip


def _not_counted(row: Any) -> list[str]:
    told = []
    if not row.is_counted and row.cost_micros:
        told.append(f"{words.money(row.cost_micros)} {row.currency}")
    if row.uncosted:
        told.append(f"{words.counted(row.uncosted, 'charge')} without a known cost")
    if row.unpriced_bytes:
        told.append(f"{words.gigabytes(row.unpriced_bytes)} GB without a price")
    return told


def shown(budgets: Sequence[Budgeted]) -> tuple[Markup, ...]:
    """A heading and a table; nothing where there is no budget."""
    if not budgets:
        return ()
    caption = f"Budgets through {budgets[0].day}, at the pace of the hours that are known"
    return element("h3", "Budgets"), table(caption, HEADS, map(_cells, budgets))


def _cells(each: Budgeted) -> list[str]:
    of = "" if each.subject == ALL else f": {words.visible(each.subject)}"
    projected = NOT_AVAILABLE.replace("_", " ") if each.projected is None else words.money(each.projected)
    return [
        f"{each.name}{of}", f"{each.first_day} ({each.period})", f"{words.money(each.cost)} {each.currency}", projected,
        words.money(each.amount), _holds(each), words.count(each.known_hours), " + ".join(each.not_counted),
    ]  # fmt: skip


def _holds(each: Budgeted) -> str:
    if each.is_over:
        return element("span", "no", class_="pill critical")
    return "not known" if each.is_over is None else "yes"
