"""What tests of the rollups of generations share: a paid purchase, many rows, and rows of a warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mediameter import connect
from mediameter.store import tenancy
from schemas.vocabulary import DEFAULT_TENANT
from tests.export.application import Application

PAID = {"amount_paid_cents": "999", "currency": "usd", "customer_email": "canary@example.org"}


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    made = tenancy.engine(f"sqlite:///{folder}/warehouse.sqlite", DEFAULT_TENANT)
    with connect.reading(made) as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    made.dispose()
    return found


def many(system: Application, number: int) -> None:
    """Rows of one day, thousands of them at one instant."""
    system.execute(
        "INSERT INTO generation_events (id, user_id, generation_type, model_id, status, credits_cost, prompt,"
        " created_at, completed_at) SELECT gen_random_uuid(), gen_random_uuid(), 'image', 'fox', 'completed', 1, 'x',"
        f" timestamptz '2026-11-03 12:00Z' + (n / 2500) * interval '1 second', '2026-11-03 13:00Z'"
        f" FROM generate_series(1, {number}) AS n"
    )
