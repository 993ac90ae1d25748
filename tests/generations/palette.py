"""Director's Palette as it is in the field (SOURCE_SYSTEMS, section 2), on a real server of each kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from tests.export.application import Application, made

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
DAY = date(2026, 11, 3)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
PROMPT, EMAIL = "a fox in the snow, canary", "canary@example.org"
_numbers = count(1)
_TABLES = """
CREATE TABLE generation_events (
    id {uuid} {key}, user_id {uuid} NOT NULL, user_email TEXT, gallery_id {uuid}, prediction_id TEXT,
    generation_type TEXT, model_id TEXT, model_name TEXT, status TEXT, credits_cost INT, is_admin_generation {bool},
    prompt TEXT, settings {json}, error_message TEXT, created_at {instant}, completed_at {instant});
CREATE TABLE credit_transactions (
    id {uuid} {key}, user_id {uuid}, type TEXT, amount INT, balance_after INT, description TEXT, metadata {json},
    created_at {instant});
CREATE TABLE model_pricing (
    model_id VARCHAR(64) {key}, provider TEXT, generation_type TEXT, cost_cents INT, price_cents INT);
CREATE TABLE user_credits (
    user_id {uuid} {key}, balance INT, lifetime_purchased INT, lifetime_used INT);
CREATE INDEX generation_events_by_time ON generation_events (created_at);
"""
_WORDS = {
    "sqlite": {"json": "JSON", "instant": "TIMESTAMP", "bool": "BOOLEAN", "uuid": "VARCHAR(36)"},
    "postgresql": {"json": "JSONB", "instant": "TIMESTAMPTZ", "bool": "BOOLEAN", "uuid": "UUID"},
    "mariadb": {"json": "JSON", "instant": "TIMESTAMP(6) NULL", "bool": "TINYINT(1)", "uuid": "VARCHAR(36)"},
}


def palette(kind: str, folder: Path) -> Iterator[Application]:
    """The system's empty tables on a server of that kind; gone afterwards."""
    yield from made(kind, folder, _furnished)


def _furnished(kind: str, url: str, engine: sa.Engine) -> Application:
    system = Application(kind, url, engine)
    for statement in _TABLES.format(**_WORDS[kind], key="PRIMARY KEY").split(";\n"):
        if statement.strip():
            system.execute(statement)
    return system


def uuid(number: int | str = 0) -> str:
    """The same for the same number; another each time without one."""
    return f"00000000-0000-4000-8000-{int(number or next(_numbers)):012d}"


def generation(
    number: int = 0, *, user: int = 1, after: float = 0, lasted: float | None = 4.5, **more: Any
) -> dict[str, Any]:
    """A row of generation_events; ``after`` is in seconds behind noon, ``lasted`` in seconds (None: not done)."""
    begun = NOON + timedelta(seconds=after)
    return {
        "id": uuid(number),
        "user_id": uuid(900_000 + user),
        "user_email": EMAIL,
        "prediction_id": None,
        "generation_type": "image",
        "model_id": "nano-banana-pro",
        "model_name": "Nano Banana Pro",
        "status": "completed" if lasted is not None else "pending",
        "credits_cost": 20,
        "prompt": PROMPT,
        "settings": json.dumps({"prompt": PROMPT}),
        "error_message": None,
        "created_at": begun,
        "completed_at": begun + timedelta(seconds=lasted) if lasted is not None else None,
        **more,
    }


def transaction(
    type: str, amount: int, *, user: int = 1, after: float = 0, metadata: Any = None, **more: Any
) -> dict[str, Any]:
    """A row of credit_transactions."""
    return {
        "id": uuid(),
        "user_id": uuid(900_000 + user),
        "type": type,
        "amount": amount,
        "balance_after": 0,
        "description": f"{PROMPT} {EMAIL}",
        "metadata": json.dumps(metadata) if isinstance(metadata, dict) else metadata,
        "created_at": NOON + timedelta(seconds=after),
        **more,
    }


def settings_for(url: str, folder: Path, **source: Any) -> Settings:
    """Settings with this system and nothing else, and a warehouse and a lake in the folder."""
    document = {
        "sources": {"palette": {"kind": "directors_palette", "url": url, "page_rows": 100, **source}},
        "privacy": {"key": "the key of all tests"},
        "geo": {"countries": "none"},
    }
    return from_mapping(document, folder)
