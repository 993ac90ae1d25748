"""An application's database as it is in the field (SOURCE_SYSTEMS, section 1), on a real server of each kind."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
DAY = date(2026, 11, 3)
NOON = datetime(2026, 11, 3, 10, tzinfo=UTC)
ACCESS = {"tenant_id": "t1", "email": "canary@example.org", "roles": ["casting"]}
SERVERS = {"postgresql": "MEDIAMETER_TEST_POSTGRES_URL", "mariadb": "MEDIAMETER_TEST_MARIADB_URL"}
_numbers = count(1)

# As the application made them: no index but these, and nothing that would stop an orphan.
_TABLES = """
CREATE TABLE applications (id VARCHAR(36) {key}, name VARCHAR(255), slug VARCHAR(255), settings {json});
CREATE TABLE media_files (
    id VARCHAR(36) {key}, storage_key VARCHAR(500), original_filename VARCHAR(500), user_id VARCHAR(36),
    application_id VARCHAR(36), collection_id VARCHAR(36), file_size BIGINT, mime_type VARCHAR(100),
    file_extension VARCHAR(20), content_hash VARCHAR(64), width INT, height INT, duration_seconds DECIMAL(10,3),
    uploaded_at {instant}, created_at {instant}, updated_at {instant}, processing_status VARCHAR(20),
    is_public {bool}, is_deleted {bool}, deleted_at {instant}, metadata {json});
CREATE TABLE media_analytics (
    id VARCHAR(36) {key}, media_file_id VARCHAR(36), event_type {event_type}, user_id VARCHAR(36),
    application_id VARCHAR(36), ip_address VARCHAR(45), user_agent TEXT, referer TEXT, variant_type VARCHAR(50),
    {timestamp} {instant}, metadata {json});
CREATE INDEX by_time ON media_analytics ({timestamp});
"""
_WORDS = {
    "sqlite": {"json": "JSON", "instant": "TIMESTAMP", "bool": "BOOLEAN", "event_type": "VARCHAR(20)"},
    "postgresql": {"json": "JSONB", "instant": "TIMESTAMPTZ", "bool": "BOOLEAN", "event_type": "VARCHAR(20)"},
    "mariadb": {
        "json": "JSON",
        "instant": "TIMESTAMP(3) NULL",
        "bool": "TINYINT(1)",
        "event_type": "ENUM('view','download','transform','share')",
    },
}


Furnish = Callable[[str, str, sa.Engine], "Application"]


@dataclass(frozen=True, slots=True)
class Application:
    """One database: ``url`` as the settings have it, ``engine`` as the application itself writes."""

    kind: str
    url: str
    engine: sa.Engine

    def execute(self, statement: str, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), rows or None)

    def insert(self, table: str, *rows: dict[str, Any]) -> None:
        quoted = self.engine.dialect.identifier_preparer.quote_identifier
        names = list(rows[0])
        columns, values = ", ".join(map(quoted, names)), ", ".join(f":{name}" for name in names)
        self.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", *map(self._written, rows))

    def let_any_text_be_metadata(self) -> None:
        """As on a MySQL that is older than its JSON: these servers let nothing else into a column of JSON."""
        if self.kind != "sqlite":
            change = "ALTER metadata TYPE TEXT" if self.kind == "postgresql" else "MODIFY metadata LONGTEXT"
            self.execute(f"ALTER TABLE media_analytics {change}")

    def forget_the_primary_keys(self) -> None:
        """As in a copy of the tables, whose ids nothing keeps apart."""
        for table in ("media_files", "media_analytics"):
            self.execute(f"CREATE TABLE copied AS SELECT * FROM {table}")
            self.execute(f"DROP TABLE {table}")
            self.execute(f"ALTER TABLE copied RENAME TO {table}")

    def _written(self, row: dict[str, Any]) -> dict[str, Any]:
        """SQLite keeps instants as text; servers are handed naive UTC, in sessions that are UTC."""
        is_sqlite = self.kind == "sqlite"
        return {
            name: (value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if is_sqlite else value.replace(tzinfo=None))
            if isinstance(value, datetime)
            else value
            for name, value in row.items()
        }

    def quoted(self, name: str) -> str:
        return self.engine.dialect.identifier_preparer.quote_identifier(name)


def event(number: int | str = 0, *, after: float = 0, metadata: Any = ACCESS, **more: Any) -> dict[str, Any]:
    """A row of media_analytics; ``after`` is in seconds behind ten o'clock of the day."""
    text = metadata if metadata is None or isinstance(metadata, str) else json.dumps(metadata)
    return {
        "id": f"row-{number or next(_numbers)}",
        "media_file_id": "file-1",
        "event_type": "view",
        "user_id": "user-1",
        "application_id": "app-1",
        "ip_address": "198.51.100.7",
        "user_agent": "Mozilla/5.0",
        "referer": "https://castingly.dailey.dev/actors?token=canary",
        "variant_type": None,
        "timestamp": NOON + timedelta(seconds=after),
        "metadata": text,
        **more,
    }


def media_file(number: int = 1, **more: Any) -> dict[str, Any]:
    """A row of media_files."""
    return {
        "id": f"file-{number}",
        "storage_key": f"files/u1/castingly-public/{number}.jpg",
        "original_filename": "still.jpg",
        "user_id": "user-1",
        "application_id": "app-1",
        "file_size": 1000,
        "mime_type": "image/jpeg",
        "width": 10,
        "height": 20,
        "duration_seconds": None,
        "uploaded_at": NOON - timedelta(days=9),
        "updated_at": NOON - timedelta(days=9),
        "is_deleted": False,
        "deleted_at": None,
        **more,
    }


def made(kind: str, folder: Path, furnish: Furnish | None = None) -> Iterator[Application]:
    """An empty application on a server of that kind; gone afterwards."""
    furnish = furnish or _furnished
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'app.sqlite'}"
        yield furnish(kind, url, sa.create_engine(url))
        return
    name = f"mediameter_app_{next(_numbers)}_{folder.stat().st_ino}"
    server = sa.create_engine(os.environ[SERVERS[kind]], isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = sa.make_url(os.environ[SERVERS[kind]]).set(database=name)
    engine = sa.create_engine(url, connect_args=_utc(kind))
    try:
        yield furnish(kind, url.set(drivername=kind).render_as_string(hide_password=False), engine)
    finally:
        engine.dispose()
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}" + (" WITH (FORCE)" if kind == "postgresql" else ""))
        server.dispose()


def _utc(kind: str) -> dict[str, Any]:
    if kind == "postgresql":
        return {"options": "-c timezone=UTC"}
    return {"init_command": "SET time_zone = '+00:00', sql_mode = ''"}  # as lenient as an old application's


def _furnished(kind: str, url: str, engine: sa.Engine) -> Application:
    application = Application(kind, url, engine)
    words = {**_WORDS[kind], "key": "PRIMARY KEY", "timestamp": application.quoted("timestamp")}
    for statement in _TABLES.format(**words).split(";\n"):
        if statement.strip():
            application.execute(statement)
    application.insert("applications", {"id": "app-1", "name": "Castingly", "slug": "castingly"})
    application.insert("media_files", media_file())
    return application


def settings_for(url: str, folder: Path, **source: Any) -> Settings:
    """Settings with this application and nothing else, and a warehouse and a lake in the folder."""
    document = {
        "sources": {"app": {"kind": "dailey_media", "url": url, "page_rows": 100, **source}},
        "privacy": {"key": "the key of all tests"},
        "geo": {"countries": "none"},
    }
    return from_mapping(document, folder)
