"""What generating systems made, and the money of it: read only where there are such systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from sqlalchemy import Boolean, Date, Row, Text
from sqlalchemy.sql.selectable import TextualSelect

from mediameter.report.columns import WHERE, Whole, by_day


@dataclass(frozen=True, slots=True)
class MadeDay:
    """One day of all systems. ``active_users`` by system: distinct users of several have no sum."""

    day: date
    generations: int
    completed: int
    failed: int
    credits_charged: int
    active_users: Mapping[str, int]
    is_final: bool
    is_suspect: bool


@dataclass(frozen=True, slots=True)
class Model:
    """One model over the whole range. ``cost_micros`` by currency; beside it how many charges are ``uncosted``."""

    model: str
    generations: int
    completed: int
    failed: int
    average_ms: int | None
    credits_charged: int
    cost_micros: Mapping[str, int]
    uncosted: int


@dataclass(frozen=True, slots=True)
class Money:
    """What moved for one reason in one currency, signed; None where some of it (``uncosted`` charges) is not known."""

    kind: str
    currency: str
    amount_micros: int | None
    uncosted: int = 0


@dataclass(frozen=True, slots=True)
class System:
    """One generating system: its source in the settings."""

    source: str
    generations: int
    completed: int
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Generated:
    """``days`` ascending, ``models`` and ``systems`` with the most generations first, ``money`` by currency and
    kind."""

    days: tuple[MadeDay, ...]
    models: tuple[Model, ...]
    money: tuple[Money, ...]
    systems: tuple[System, ...] = ()

    @cached_property
    def margins(self) -> tuple[tuple[str, int | None], ...]:
        """What is left in each currency; None while any amount is not known, since that is of no currency yet."""
        left: dict[str, int] = defaultdict(int)
        for row in self.money:
            left[row.currency] += row.amount_micros or 0
        is_known = all(row.amount_micros is not None for row in self.money)
        return tuple((currency, left[currency] if is_known else None) for currency in sorted(left) if currency)

    @cached_property
    def generations(self) -> int:
        return sum(row.generations for row in self.days)


_MADE = by_day(
    f"""SELECT day, SUM(generations) AS generations,
        SUM(CASE WHEN status = 'completed' THEN generations ELSE 0 END) AS completed,
        SUM(CASE WHEN status = 'failed' THEN generations ELSE 0 END) AS failed,
        SUM(credits_charged) AS credits_charged
    FROM generations_daily {WHERE} GROUP BY day""",
    day=Date, generations=Whole, completed=Whole, failed=Whole, credits_charged=Whole,
)  # fmt: skip
_ACTIVE = by_day(
    f"""SELECT day, source, active_users FROM active_users_trailing {WHERE} AND window_days = 1""",
    day=Date, source=Text, active_users=Whole,
)  # fmt: skip
_FINAL = by_day(
    f"""SELECT day, MIN(is_final) AS is_final, MAX(is_suspect) AS is_suspect FROM generation_finality {WHERE}
    GROUP BY day""",
    day=Date, is_final=Boolean, is_suspect=Boolean,
)  # fmt: skip
_MODELS = by_day(
    f"""SELECT model, SUM(generations) AS generations,
        SUM(CASE WHEN status = 'completed' THEN generations ELSE 0 END) AS completed,
        SUM(CASE WHEN status = 'failed' THEN generations ELSE 0 END) AS failed,
        SUM(CASE WHEN status = 'completed' THEN duration_ms_sum ELSE 0 END) AS lasted,
        SUM(CASE WHEN status = 'completed' THEN duration_count ELSE 0 END) AS timed,
        SUM(credits_charged) AS credits_charged, SUM(uncosted) AS uncosted
    FROM generations_daily {WHERE} GROUP BY model""",
    model=Text, generations=Whole, completed=Whole, failed=Whole, lasted=Whole, timed=Whole, credits_charged=Whole,
    uncosted=Whole,
)  # fmt: skip
_COSTS = by_day(
    f"""SELECT model, currency, SUM(cost_micros) AS cost_micros FROM generations_daily {WHERE} AND currency <> ''
    GROUP BY model, currency""",
    model=Text, currency=Text, cost_micros=Whole,
)  # fmt: skip
_SYSTEMS = by_day(
    f"""SELECT source, SUM(generations) AS generations,
        SUM(CASE WHEN status = 'completed' THEN generations ELSE 0 END) AS completed,
        MIN(day) AS first_day, MAX(day) AS last_day
    FROM generations_daily {WHERE} GROUP BY source""",
    source=Text, generations=Whole, completed=Whole, first_day=Date, last_day=Date,
)  # fmt: skip
_MONEY = by_day(
    f"""SELECT kind, currency, CASE WHEN COUNT(amount_micros) = COUNT(*) THEN SUM(amount_micros) END AS amount_micros,
        SUM(uncosted) AS uncosted
    FROM money_daily {WHERE} GROUP BY kind, currency""",
    kind=Text, currency=Text, amount_micros=Whole, uncosted=Whole,
)  # fmt: skip


def read(rows: Callable[[TextualSelect], list[Row[Any]]]) -> Generated | None:
    """The figures from the rows of each query; None where nothing was generated."""
    made = rows(_MADE)
    if not made:
        return None
    active: dict[date, dict[str, int]] = {}
    for row in rows(_ACTIVE):
        active.setdefault(row.day, {})[row.source] = row.active_users
    states = {row.day: (bool(row.is_final), bool(row.is_suspect)) for row in rows(_FINAL)}
    days = [
        MadeDay(
            row.day, row.generations, row.completed, row.failed, row.credits_charged, active.get(row.day, {}),
            *states.get(row.day, (False, False)),
        )
        for row in made
    ]  # fmt: skip
    costs: dict[str, dict[str, int]] = defaultdict(dict)
    for row in sorted(rows(_COSTS), key=lambda row: (row.model, row.currency)):
        costs[row.model][row.currency] = row.cost_micros
    models = [_model(row, costs[row.model]) for row in rows(_MODELS)]
    return Generated(
        days=tuple(sorted(days, key=lambda row: row.day)),
        models=tuple(sorted(models, key=lambda row: (-row.generations, row.model))),
        money=tuple(sorted((Money(*row) for row in rows(_MONEY)), key=lambda row: (row.currency, row.kind))),
        systems=tuple(sorted((System(*row) for row in rows(_SYSTEMS)), key=lambda row: (-row.generations, row.source))),
    )


def _model(row: Row[Any], costs: Mapping[str, int]) -> Model:
    average = round(row.lasted / row.timed) if row.timed else None
    counts = row.generations, row.completed, row.failed, average, row.credits_charged
    return Model(row.model, *counts, costs, row.uncosted)
