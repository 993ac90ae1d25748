"""A day of logs beside an application whose tables have their foreign keys, to be written back."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from tests.export.application import Application, event, media_file
from tests.worlds.log_lines import written

DAY = datetime(2025, 10, 30, tzinfo=UTC)
NOW = DAY + timedelta(days=2)
KEY, BARE = "files/u1/castingly-public/1.jpg", "plain/2.jpg"
# time, address, operation, key, status, error, bytes, total: each another outcome
REQUESTS: tuple[tuple[str, str, str, str, object, str, object, object], ...] = (
    ("10:00:00", "198.51.100.7", "REST.GET.OBJECT", KEY, 200, "-", 1000, 42),  # an event of the application
    ("10:00:05", "203.0.113.9", "REST.GET.OBJECT", KEY, 200, "-", 1000, 40),
    ("10:01:00", "203.0.113.9", "REST.GET.OBJECT", KEY, 403, "AccessDenied", 300, 7),
    ("10:02:00", "203.0.113.9", "REST.GET.OBJECT", KEY, 206, "-", 500, "-"),
    ("11:00:00", "203.0.113.9", "REST.GET.OBJECT", BARE, 200, "-", 2000, 9),  # of no application
    ("11:01:00", "203.0.113.9", "REST.HEAD.OBJECT", KEY, 200, "-", "-", 3),
    ("11:02:00", "203.0.113.9", "REST.GET.OBJECT", "nobody/knows.jpg", 200, "-", 10, 3),
    ("23:59:59", "203.0.113.9", "REST.GET.OBJECT", KEY, 200, "-", 1000, 41),
)

_FOREIGN_KEYS = """
DROP TABLE media_analytics;
CREATE TABLE users (id VARCHAR(36) PRIMARY KEY);
CREATE TABLE media_analytics (
    id VARCHAR(36) PRIMARY KEY, media_file_id VARCHAR(36) NOT NULL, event_type {event_type} NOT NULL,
    user_id VARCHAR(36), application_id VARCHAR(36), ip_address VARCHAR(45), user_agent TEXT, referer TEXT,
    variant_type VARCHAR(50), {timestamp} {instant}, metadata {json},
    FOREIGN KEY (media_file_id) REFERENCES media_files (id), FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (application_id) REFERENCES applications (id));
INSERT INTO users VALUES ('user-1')
"""
_WORDS = {
    "sqlite": {"json": "JSON", "instant": "TIMESTAMP", "event_type": "VARCHAR(20)"},
    "postgresql": {"json": "JSONB", "instant": "TIMESTAMPTZ", "event_type": "kind"},
    "mariadb": {
        "json": "JSON",
        "instant": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",  # as old MySQL has them
        "event_type": "ENUM('view','download','transform','share')",
    },
}


def furnish(app: Application) -> None:
    """Tables as strict as the application's own, a file of no application, an event, and a row of the old import."""
    if app.kind == "postgresql":
        app.execute("CREATE TYPE kind AS ENUM ('view', 'download', 'transform', 'share')")
    words = _WORDS[app.kind] | {"timestamp": app.quoted("timestamp")}
    for statement in _FOREIGN_KEYS.format(**words).split(";\n"):
        app.execute(statement)
    uploaded = {"uploaded_at": DAY - timedelta(days=9), "updated_at": DAY - timedelta(days=9)}
    app.execute("DELETE FROM media_files")
    files = [media_file(**uploaded), media_file(2, storage_key=BARE, application_id=None, **uploaded)]
    app.insert("media_files", *files)
    imported = {"source": "ovh_logs", "bytes": 1}
    app.insert(
        "media_analytics",
        event("own", timestamp=DAY.replace(hour=10)),
        event("script", timestamp=DAY.replace(hour=10), metadata=imported),
    )


def deliver(folder: Path, requests: tuple[Any, ...] = REQUESTS, later: timedelta = timedelta(0)) -> None:
    """One log object with these requests, written ``later`` than the day's end."""
    log = folder / "bucket" / "2025-10-31-00-30-00-ABCDEF"
    log.parent.mkdir(exist_ok=True)
    log.write_text("".join(_line(*request) for request in requests))
    at = (DAY + timedelta(hours=24.5) + later).timestamp()
    os.utime(log, (at, at))


def _line(time: str, address: str, operation: str, key: str, status: Any, error: str, size: Any, total: Any) -> str:
    uri = f'"{operation.split(".")[1]} /{key} HTTP/1.1"'
    block = f"{status} {error} {size} 1000 {total} {total}"
    text = written(
        "media 98765", "media", f"[30/Oct/2025:{time} +0000]", address, "-", "ABC", operation, key, uri, block, '"-"',
        '"Mozilla/5.0"', "-",
    )  # fmt: skip
    return f"{text}\n"


def settings(folder: Path, url: str, **source: Any) -> Settings:
    app = {"kind": "dailey_media", "url": url, "write_back": True, **source}
    sources = {"ovh": {"kind": "s3_access_log", "path": "bucket"}, "app": app}
    document = {"sources": sources, "geo": {"countries": "none"}, "privacy": {"key": "the key of all tests"}}
    return from_mapping(document, folder)


def table(app: Application) -> list[tuple[Any, ...]]:
    """All of media_analytics, as its server shows it."""
    with app.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT * FROM media_analytics ORDER BY id"))]
