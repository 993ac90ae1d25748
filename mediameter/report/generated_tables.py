"""The section of the page that tells of generating systems: revenue, usage, users."""

from __future__ import annotations

from mediameter.report import words
from mediameter.report.generated import Generated, MadeDay, Model, Money
from mediameter.report.markup import Markup, element
from mediameter.report.tables import folded, pill, table
from mediameter.systems import kinds_that_supply, quoted

LEAD = (
    "What generating systems made, and the money of it. Revenue is money really paid, not the credits that were "
    "granted. A margin is the sum of a currency's rows, and not available while the cost of some charges is not known."
)
NOT_CONNECTED = (
    "No generating system is connected. "
    f"Add a source of kind = {quoted(kinds_that_supply('generations'))} under [sources] in mediameter.toml."
)
KINDS = {
    "revenue": "paid by users", "refund": "paid back", "provider": "taken by providers of models",
    "bandwidth": "bandwidth",
}  # fmt: skip


def parts(generated: Generated) -> list[Markup]:
    days = folded(f"Figures of {words.counted(len(generated.days), 'day')}", _days(generated))
    return [_money(generated), _models(generated), days]


def amount(row: Money) -> str:
    return _not_known(row.uncosted) if row.amount_micros is None else signed(row.amount_micros)


def signed(micros: int | None) -> str:
    """An amount without its currency; None is not available."""
    if micros is None:
        return words.NOT_AVAILABLE
    return f"{'-' if micros < 0 else ''}{words.money(abs(micros))}"


def cost(row: Model) -> str:
    """Each currency for itself; nothing while the cost of some charges is not known, but how many these are."""
    if row.uncosted:
        return _not_known(row.uncosted)
    amounts = [f"{words.money(micros)} {words.visible(currency)}" for currency, micros in row.cost_micros.items()]
    return " + ".join(amounts) or words.ABSENT


def _not_known(uncosted: int) -> str:
    return words.NOT_AVAILABLE + (f" ({words.counted(uncosted, 'charge')} without a known cost)" if uncosted else "")


def _money(generated: Generated) -> Markup:
    rows = [[KINDS[row.kind], words.visible(row.currency) or words.ABSENT, amount(row)] for row in generated.money]
    rows += [["margin", words.visible(currency), signed(micros)] for currency, micros in generated.margins]
    return table("Money, whole range", ("what", "currency", "#amount"), rows)


def _models(generated: Generated) -> Markup:
    rows = [
        [
            words.visible(row.model, 60), words.count(row.generations), words.count(row.completed),
            words.count(row.failed), words.rate(row.failed, row.completed + row.failed), words.count(row.average_ms),
            words.count(row.credits_charged),
            cost(row),
        ]
        for row in generated.models
    ]  # fmt: skip
    heads = (
        "model", "#generations", "#completed", "#failed", "#failed of ended", "#mean ms", "#credits", "#provider's cost"
    )  # fmt: skip
    return table("Models, whole range", heads, rows)


def _state(day: MadeDay) -> Markup:
    state = pill("final" if day.is_final else "open")
    return element("span", state, pill("suspect")) if day.is_suspect else state


def _days(generated: Generated) -> Markup:
    """Users stand by system: who uses two may have two ids, so that they have no sum."""
    systems = generated.systems
    rows = [
        [
            str(row.day), _state(row), words.count(row.generations),
            words.count(row.completed), words.count(row.failed), words.count(row.credits_charged),
            *(words.count(row.active_users.get(system.source, 0)) for system in systems),
        ]
        for row in reversed(generated.days)
    ]  # fmt: skip
    users = [f"#users of {words.visible(system.source, 24)}" for system in systems]
    heads = ("day", "state", "#generations", "#completed", "#failed", "#credits", *users)
    return table("Generations by day, newest first", heads, rows)
