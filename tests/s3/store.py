"""An S3 of our own (moto, over HTTP), and a place to meter it from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, S3Backend, s3_backends

from mediameter import connect
from mediameter.commands.run import RunSummary, run
from mediameter.opening.bucket import bucket
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.sources.s3 import S3
from mediameter.store.warehouse import tables
from tests.worlds.log_lines import probe

NOW = datetime(2026, 1, 3, 5, tzinfo=UTC)
MODIFIED = datetime(2026, 1, 3, 4, tzinfo=UTC)
BUCKET = "acme-logs"


def line(number: int, bucket: str = "acme-media") -> bytes:
    """A well-formed line of 2 January 2026, another for each number."""
    at = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=number % 86_400)
    return f"{probe(at, f'{number:016X}', bucket=bucket, block=f'200 - {5000 + number} 9000 42 40')}\n".encode()


@dataclass(frozen=True, slots=True)
class Store:
    """One bucket. Objects are put behind the server's back: it is reading over HTTP that is tried."""

    name: str

    @property
    def _backend(self) -> S3Backend:
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def create(self) -> None:
        self._backend.create_bucket(self.name, "us-east-1")

    def put(self, key: str, content: bytes, modified: datetime = MODIFIED) -> None:
        made: FakeKey = self._backend.put_object(self.name, key, content)
        made.last_modified = modified.replace(tzinfo=None)

    def delete(self, key: str) -> None:
        self._backend.delete_object(self.name, key)


@dataclass(slots=True)
class Site:
    """Where a bucket is metered: one folder with lake and warehouse."""

    folder: Path
    endpoint: str
    source: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    name: str = "logs"

    def settings(self, **source: Any) -> Settings:
        described = {
            "kind": "s3_access_log",
            "bucket": BUCKET,
            "endpoint": self.endpoint,
            "access_key": "made-up",
            "secret_key": "made-up",
            **self.source,
            **source,
        }
        base = {"geo": {"countries": "none"}, "privacy": {"key": "sixteen characters"}, "ingest": {"fetchers": 4}}
        base["quality"] = {"docs": "none"}
        return from_mapping(
            {"sources": {self.name: described}, **base, **self.sections, "warehouse": {"url": self.url}}, self.folder
        )

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'warehouse.sqlite'}"

    def run(self, now: datetime = NOW, **source: Any) -> RunSummary:
        return run(self.settings(**source), now=now)

    def bucket(self, **source: Any) -> S3:
        """The bucket as the steps have it."""
        made = bucket(self.settings(**source), self.name)
        assert isinstance(made, S3)
        return made

    def read(self, key: str) -> bytes:
        """What reading that object gives, right after a listing."""
        found = self.bucket()
        [version] = [version for version in found.listing() if version.key == key]
        return b"".join(found.read(version).chunks())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        engine = connect.engine(self.url)
        try:
            with connect.reading(engine) as connection:
                return [tuple(row) for row in connection.execute(sa.text(query))]
        finally:
            engine.dispose()

    def told(self) -> dict[str, int]:
        """Objects by state, distinct records, their bytes."""
        sums = "SELECT coalesce(sum(records), 0), coalesce(sum(bytes_sent), 0) FROM traffic_daily"
        [(records, size)] = self.rows(sums)
        states = dict(self.rows("SELECT state, count(*) FROM objects GROUP BY state"))
        return {**states, "records": records, "bytes": size}

    def listing(self) -> tuple[Any, ...] | None:
        """listed_at, objects, pending, complete_through_at of the last complete listing."""
        listings = tables["listings"]
        found = self.rows(f"SELECT listed_at, objects, pending, complete_through_at FROM {listings.name}")
        return found[0] if found else None


def figures(*numbers: int, **states: int) -> dict[str, int]:
    """What a site has to tell of just these lines."""
    return {**(states or {"settled": 1}), "records": len(numbers), "bytes": sum(5000 + number for number in numbers)}
