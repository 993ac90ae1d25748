"""Tables of other systems: what is declared of one, and what becomes of a row that cannot be taken."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.contract import Column, Contract
from schemas.vocabulary import EVENT_REJECT_REASONS, ROW_IGNORE_REASONS, ROW_REJECT_REASONS


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table of another system: what is read of it (``contract``), in which order, and what else is known to be there.

    ``cursor`` is the column of time by which a day of it is read, ``key`` makes the order total; without a cursor the
    table is read whole. ``changed`` tells when a row was changed last. ``json`` names the columns that hold JSON.
    """

    contract: Contract
    key: str
    cursor: str | None = None
    changed: str | None = None
    json: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.contract.name


ROW_REJECTED = Contract(
    "row_rejected",
    "one row that breaks a rule",
    "Rows that could not be taken. `detail` is verbatim; redacted before it is kept.",
    (
        Column("row_id", "text", "Its id."),
        Column("at", "instant", "Its time.", null="it has no readable time"),
        Column("reason", "text", "Which rule it breaks.", among=(*ROW_REJECT_REASONS, *EVENT_REJECT_REASONS)),
        Column("detail", "text", "Column and value.", pii="personal"),
    ),
    kind="frame",
)
ROW_IGNORED = Contract(
    "row_ignored",
    "one row that is no event",
    "Rows that are left out on purpose.",
    (
        Column("at", "instant", "Its time."),
        Column("reason", "text", "Why.", among=ROW_IGNORE_REASONS),
    ),
    kind="frame",
)
