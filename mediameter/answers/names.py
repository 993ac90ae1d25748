"""The names that people ask by (applications, models, users): whether one exists, and which are near."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mediameter.answers.asking import AnswerError

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_TOLD = 8
_TABLES = {
    "application": ("traffic_daily", "reconciliation_daily", "generations_daily", "credits_daily"),
    "model": ("generations_daily", "credits_daily"),
    "user_id": ("users_daily", "generation_users_daily"),
}
"""Where the names stand, by column."""


def require_known(connection: Connection, column: str, name: str, tenant: str) -> None:
    """Raises `AnswerError`, which says which are near, where nothing of the tenant has that name in the column."""
    from sqlalchemy import bindparam, text

    known: set[str] = set()
    for table in _TABLES[column]:
        query = text(f"SELECT DISTINCT {column} FROM {table} WHERE tenant = :tenant")
        rows = connection.execute(query.bindparams(bindparam("tenant", tenant)))
        known |= {str(row[0]) for row in rows if row[0]}
    if name not in known:
        raise AnswerError(f"no {column.removesuffix('_id')} is called {name!r}", _near(column, name, known))


def _near(column: str, name: str, known: set[str]) -> str:
    if near := get_close_matches(name, known, n=MOST_TOLD, cutoff=0.5):
        return f"did you mean {', '.join(near)}?"
    if not known or column == "user_id":  # who all the users are is nobody's business
        return f"there are {len(known):,}, and none is near"
    more = len(known) - MOST_TOLD
    return f"there are {', '.join(sorted(known)[:MOST_TOLD])}" + (f" and {more:,} more" if more > 0 else "")
