"""Budgets: what an application, a model, a user or all of them together may cost in a month or a week."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mediameter.sections.complaint import Complaint
from mediameter.sections.quantities import Money, money
from mediameter.sections.section import Section, setting

ANY = "*"
MONTHLY = "monthly_budget"
"""The budget of ``[alerts]``: of the bandwidth of a month."""
BudgetName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_]{0,49}$")]
_Scope = Annotated[str, Field(min_length=1, max_length=128)]


class Budget(Section):
    """``costs``: bandwidth is what the logs' bytes cost, generations what the models' providers take. ``each``: the
    amount is of each application, model or user by itself."""

    amount: Annotated[Money, BeforeValidator(money)] = Field(description='What may be spent, like "50.00 USD"')
    per: Literal["month", "week"] = setting("month", "Period: a month, or a week from Monday on")
    costs: Literal["bandwidth", "generations"] = setting("bandwidth", "Which costs")
    application: _Scope = setting(ANY, "Only this application")
    source: _Scope = setting(ANY, "Only this generating system")
    models: tuple[_Scope, ...] = setting((), "Only these models")
    user: Annotated[str, Field(min_length=1, max_length=64)] = setting(ANY, "Only this user")
    each: Literal["", "application", "model", "user"] = setting("", "One budget for each of these")

    @model_validator(mode="after")
    def _of_costs_that_are_known(self) -> Self:
        of_generations = {
            "source": self.source != ANY, "models": bool(self.models), "user": self.user != ANY,
            "each": self.each in ("model", "user"),
        }  # fmt: skip
        named = next((name for name, is_set in of_generations.items() if is_set), "")
        if self.costs == "bandwidth" and named:
            raise Complaint("the cost of bytes is known by application only", 'add costs = "generations"', (named,))
        if self.is_of_users and (self.models or self.each == "model"):
            raise Complaint("a user's cost is not known by model", "make a budget of each", ("user",))
        fixed = {"application": self.application != ANY, "model": len(self.models) == 1, "user": self.user != ANY}
        if self.each and fixed[self.each]:
            raise Complaint(f"it is of one {self.each} already", "leave out each", ("each",))
        if len(set(self.models)) < len(self.models):
            raise Complaint("a model is named twice", "leave one out", ("models",))
        if not 0 < self.amount.micros < 2**63:
            raise Complaint("the amount must be above 0", "write an amount above 0", ("amount",))
        return self

    @property
    def is_of_users(self) -> bool:
        return self.user != ANY or self.each == "user"

    @property
    def basis(self) -> Literal["bandwidth", "models", "users"]:
        """Where its costs stand."""
        if self.costs == "bandwidth":
            return "bandwidth"
        return "users" if self.is_of_users else "models"


def of_known_sources(budgets: Mapping[str, Budget], generating: Mapping[str, object]) -> None:
    """Raises ``Complaint`` for a budget of a system that is not there, and for a name that is taken."""
    for name, budget in budgets.items():
        if name == MONTHLY:
            raise Complaint("this is the name of the budget in [alerts]", "give it another", ("budgets", name))
        if budget.source not in (ANY, *generating):
            known = ", ".join(generating) or "none yet"
            raise Complaint("no generating system has this name", f"sources: {known}", ("budgets", name, "source"))
