"""What rules may count: tables and views of the warehouse, events in the lake, answers, and a few rows made for rules.

Each is rows with a time; a rule says which of them, and what of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from schemas import MACHINERY, TABLES, VIEWS
from schemas.contract import Column, Contract
from schemas.currencies import MONEY_OF_ANSWERS
from schemas.palette import OF_LAKE_KIND

Time = Literal["day", "instant", "now"]
ANSWER = "answer:"

_FINISHED = Column(
    "finished_at", "instant", "When it was done; where nobody says, when it was asked for.", null="it still waits"
)
_IS_SLOW = Column("is_slow", "bool", "Whether it took too long, by its type (docs/definitions.md, Generations).")
_SOURCE = Column("source", "text", "Source in the settings.")
_EVENTS = ("generation_events", "credit_events", "sign_in_events", "app_error_events")
_LAKE_NAMES = dict(zip(OF_LAKE_KIND, _EVENTS, strict=True))
KIND_OF = {name: kind for kind, name in _LAKE_NAMES.items()}
"""Kinds of lake files, by the name that rules have for their rows."""

BUDGET_COSTS = Contract(
    "budget_costs",
    "day, budget name, subject",
    "Of each day and budget: what was spent of it in its period, and what the period comes to (budget_through).",
    (
        Column("day", "day", "Day in the reporting time zone."),
        Column("budget_name", "text", "Name in the settings."),
        Column("subject", "text", "Application, model or user that it is of; `*`: of all together.", pii="pseudonym"),
        Column("projected", "float", "What the period comes to, in the budget's currency.", null="not knowable"),
        Column("spent", "float", "What was spent of it until then, at least.", least=0),
        Column("known_hours", "int", "Hours of the period that the projection rests on."),
        Column("not_counted", "int", "Other currencies, and costs that nobody knows: in none of these figures."),
    ),
    kind="frame",
)
HOURS_SEEN = Contract(
    "hours_seen",
    "UTC hour",
    "What the application saw in an hour, and what the log says of it.",
    (
        Column("hour_at", "instant", "Begin of the hour, UTC."),
        Column("app_events", "int", "Views, downloads, … that the application recorded."),
        Column("requests", "int", "Requests in the log."),
    ),
    kind="frame",
)
FRESHNESS = Contract(
    "freshness",
    "source",
    "How far behind each source is, as of now; without figures where it was never listed.",
    (
        _SOURCE,
        Column("kind", "text", "log, table, event_files."),
        Column("seconds_behind", "int", "Since when it is not complete; logs: less the hours to settle.", unit="s"),
        Column("seconds_since_look", "int", "Since it was listed or exported last.", unit="s"),
        Column("pending", "int", "Objects that could not be read yet."),
    ),
    kind="frame",
)


@dataclass(frozen=True, slots=True)
class RowSource:
    """Rows by a name. ``time``: their column of time, and whether it is a day or an instant; "now" rows have none.
    ``columns``: None where only the answer knows."""

    name: str
    columns: Mapping[str, Column] | None
    time: Time
    at: str

    def is_money(self, column: str) -> bool:
        """Whether that is an amount of the currency in the same row."""
        if self.columns is None:
            return column in MONEY_OF_ANSWERS
        return column in self.columns and self.columns[column].is_money


def _of(contract: Contract, *more: Column) -> RowSource | None:
    columns = {column.name: column for column in (*contract, *more)}
    for name, time in (("hour_at", "instant"), ("day", "day"), ("at", "instant")):
        if name in columns:
            return RowSource(contract.name, columns, time, name)  # type: ignore[arg-type]
    return None


def _known() -> dict[str, RowSource]:
    tables = [_of(contract) for contract in (*TABLES, *VIEWS) if contract not in MACHINERY]
    of_ours = [_of(BUDGET_COSTS), _of(HOURS_SEEN), RowSource("freshness", _columns(FRESHNESS), "now", "")]
    found = {each.name: each for each in (*tables, *of_ours) if each}
    for kind, contract in OF_LAKE_KIND.items():
        finished = (_FINISHED, _IS_SLOW) if "duration_ms" in contract.names else ()
        rows = _of(contract, _SOURCE, *finished)
        assert rows
        found[_LAKE_NAMES[kind]] = RowSource(_LAKE_NAMES[kind], rows.columns, rows.time, rows.at)
    return found


def _columns(contract: Contract) -> dict[str, Column]:
    return {column.name: column for column in contract}


KNOWN: dict[str, RowSource] = _known()


def row_source(name: str) -> RowSource | None:
    """The rows of that name; an answer's are of the day that it is asked for. None: there are none."""
    return RowSource(name, None, "day", "day") if name.startswith(ANSWER) else KNOWN.get(name)


def frame_contract(name: str) -> Contract:
    """The columns of known rows as a contract, in order, for frames of them."""
    return Contract(name, "", "", tuple((KNOWN[name].columns or {}).values()), kind="frame")
