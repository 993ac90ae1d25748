"""Budgets of the settings, and what has been spent of them: the table, and the views that hold costs against it."""

from __future__ import annotations

from schemas.contract import Column, Contract, key, measure
from schemas.vocabulary import DAY_FAMILIES

COSTS = ("bandwidth", "generations")
PERIODS = ("month", "week")
SUBJECTS = ("application", "model", "user")
LEAST_KNOWN_HOURS = 24
"""Of fewer known hours nothing is projected."""
_TENANT = key("tenant", "text", "Boundary of isolation; `default` where there is one.", length=64)
_BUDGET = key("budget_name", "text", "Name in the settings; `monthly_budget`: that of [alerts].", length=64)
_CURRENCY = key("currency", "text", "ISO currency; empty where no cost is known.", length=8)
_NOT_PROJECTED = "less than 24 hours are known"

BUDGETS = Contract(
    "budgets",
    "tenant, budget name, model",
    "The budgets of the settings, a row for each model that one is of.",
    (
        _TENANT,
        _BUDGET,
        key("model", "text", "Model whose costs it is of; `*`: of any.", length=128),
        key("currency", "text", "ISO currency.", length=8),
        measure("amount_micros", "What may be spent in a period, in millionths.", unit="micros"),
        Column("period", "text", "Which period.", among=PERIODS, length=16),
        Column("costs", "text", "Which costs.", among=COSTS, length=16),
        Column("basis", "text", "Where they are: of users, apart from models.", among=("bandwidth", "models", "users")),
        Column("application", "text", "Application; `*`: any.", length=128),
        Column("source", "text", "Generating system; `*`: any.", length=64),
        Column("user_id", "text", "User; `*`: any.", length=64, pii="pseudonym"),
        Column("subject_of", "text", "Whom it is of, each by itself; empty: of all together.", among=("", *SUBJECTS)),
    ),
    kind="reference",
)
KNOWN_HOURS_DAILY = Contract(
    "known_hours_daily",
    "tenant, family, day",
    "How many hours of a day are known. Projections are computed from them.",
    (
        _TENANT,
        key("family", "text", "traffic: of logs; generations: of all generating systems.", among=DAY_FAMILIES),
        key("day", "day", "Day in the reporting time zone."),
        Column("month_first_day", "day", "First day of its month."),
        Column("week_first_day", "day", "Monday of its week."),
        Column("days_in_month", "int", "28 to 31."),
        measure(
            "hours",
            "24 of a final day, and of one without anything between two final ones; of the first day those since its "
            "first hour; of an open one none.",
        ),
    ),
    kind="view",
    additivity="A",
)
BUDGET_THROUGH = Contract(
    "budget_through",
    "tenant, day, budget name, subject, currency",
    "What has been spent of each budget in its period through a day, and what it comes to at the pace of the hours "
    "that are known. Only rows of the budget's currency are held against it (is_counted); others are named.",
    (
        _TENANT,
        key("day", "day", "Day in the reporting time zone."),
        _BUDGET,
        key("subject", "text", "Application, model or user that it is of; `*`: of all together.", pii="pseudonym"),
        _CURRENCY,
        Column("is_counted", "bool", "The costs are in the budget's currency."),
        Column("period", "text", "Which period.", among=PERIODS),
        Column("period_first_day", "day", "First day of the period."),
        measure("known_hours", "Hours of the period until then that are known (known_hours_daily)."),
        Column("hours_in_period", "int", "24 for each of its days."),
        measure("cost_micros", "What was spent until then, in millionths, as far as it is known.", unit="micros"),
        measure("known_cost_micros", "Of it, that of the days with known hours.", unit="micros"),
        measure("uncosted", "Charges whose cost is not known.", unit="charges"),
        measure("unpriced_bytes", "Bytes without a valid price card.", unit="bytes"),
        Column(
            "projected_cost",
            "money",
            "known cost / known hours * hours of the period; at least its cost.",
            null=_NOT_PROJECTED,
        ),
        Column("budget", "money", "What may be spent in the period.", null="the row is not counted"),
        Column(
            "is_over_budget",
            "bool",
            "Cost or projection exceeds it.",
            null="not counted; no projection; or it is not, and something is not counted",
        ),
    ),
    kind="view",
    additivity="S",
)
