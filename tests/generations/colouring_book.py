"""The colouring book as it is in the field (SOURCE_SYSTEMS, section 3), on a real server of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from tests.export.application import Application, made

DAY, NOW = date(2026, 11, 3), datetime(2026, 11, 5, 12, tzinfo=UTC)
ENDED = datetime(2026, 11, 3, 12, 0, 12, tzinfo=UTC)
_TABLE = """
CREATE TABLE generation_logs (
    id {uuid} PRIMARY KEY, user_id {uuid}, job_id TEXT, style TEXT, difficulty INT, duration_ms INT, costs {json},
    tokens {json}, success {bool}, error_message TEXT, created_at {instant})
"""
_WORDS = {
    "sqlite": {"json": "JSON", "instant": "TIMESTAMP", "bool": "BOOLEAN", "uuid": "VARCHAR(36)"},
    "postgresql": {"json": "JSONB", "instant": "TIMESTAMP", "bool": "BOOLEAN", "uuid": "UUID"},
    "mariadb": {"json": "JSON", "instant": "TIMESTAMP(6) NULL", "bool": "TINYINT(1)", "uuid": "VARCHAR(36)"},
}


def colouring_book(kind: str, folder: Path) -> Iterator[Application]:
    """Its empty table on a server of that kind; gone afterwards."""
    yield from made(kind, folder, _furnished)


def _furnished(kind: str, url: str, engine: sa.Engine) -> Application:
    system = Application(kind, url, engine)
    system.execute(_TABLE.format(**_WORDS[kind]))
    return system


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def log(number: int, **more: Any) -> dict[str, Any]:
    """A row of generation_logs: a picture in the style `classic` that was done after 12 s, at noon of the day."""
    return {
        "id": uuid(number),
        "user_id": uuid(900_001),
        "job_id": "job",
        "style": "classic",
        "difficulty": 3,
        "duration_ms": 12_000,
        "costs": '{"vision": 0.01, "image": 0.04, "total": 0.05}',
        "tokens": '{"vision_input": 10, "vision_output": 20, "image_input": 30, "image_output": 40}',
        "success": True,
        "error_message": None,
        "created_at": ENDED,
        **more,
    }


def settings_for(url: str, folder: Path, warehouse: str = "", **source: Any) -> Settings:
    """Settings with this system and nothing else, and a warehouse and a lake in the folder."""
    styles = {"Studio Ghibli": "ghibli"}
    document = {
        "sources": {"colouring": {"kind": "colouring_book", "url": url, "page_rows": 100, "styles": styles, **source}},
        "privacy": {"key": "the key of all tests"},
        "geo": {"countries": "none"},
        "quality": {"docs": "none"},
        **({"warehouse": {"url": warehouse}} if warehouse else {}),
    }
    return from_mapping(document, folder)
