"""Two tenants whose settings name everything alike: sources, objects, days, price cards. What was asked differs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mediameter import connect
from mediameter.commands.run import run
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.store.warehouse import tables
from schemas import TABLES
from tests.export.application import event, made, media_file
from tests.worlds.log_lines import probe

DAY = datetime(2025, 10, 30, tzinfo=UTC)
RUNS = (DAY + timedelta(hours=30), DAY + timedelta(days=2))
ACME, BOLT = "acme", "bolt"
KEY = "files/u1/castingly-public/1.jpg"
GIANT = 236_223_201_280
"""Bytes: more than `daily_bandwidth` lets a day send."""
_SIZES = {ACME: (1000, 2000, GIANT), BOLT: (30, 40, 50, 60)}
_PAID = {ACME: "10.00", BOLT: "20.00"}
_ZONES = {ACME: "UTC", BOLT: "Asia/Tokyo"}


@dataclass(frozen=True)
class Place:
    """Where the tenants' settings lie, each in a folder of its own; the warehouse and the lake of both."""

    folder: Path
    url: str

    def settings(self, tenant: str) -> Settings:
        folder = self.folder / tenant
        of_logs = {"kind": "s3_access_log", "path": "bucket"}
        of_events = {"kind": "palette_events", "path": "events", "application": "studio"}
        app = {"kind": "dailey_media", "url": f"sqlite:///{folder / 'app.sqlite'}", "write_back": True}
        card = {"source": "ovh", "measure": "bytes_sent", "currency": "USD", "per": "GB"}
        document = {
            "tenant": tenant,
            "warehouse": {"url": self.url},
            "lake": {"path": str(self.folder / "lake")},
            "sources": {"ovh": of_logs, "palette": of_events, "app": app},
            "prices": [{**card, "amount": _PAID[tenant], "valid_from": DAY.date(), "citation": tenant}],
            "alerts": {"notify": ["json://127.0.0.1:9/nobody-listens"]},
            "reporting": {"time_zone": _ZONES[tenant], "report_url": "https://bi.example.org/report.html"},
            "privacy": {"key": f"the key of {tenant}, long enough"},
            "geo": {"countries": "none"},
            "quality": {"docs": "none"},
        }
        return from_mapping(document, folder)

    def furnish(self, tenant: str) -> None:
        """What the tenant's sources hold before the first run."""
        folder = self.folder / tenant
        folder.mkdir(parents=True)
        for app in made("sqlite", folder):
            uploaded = {"uploaded_at": DAY - timedelta(days=9), "updated_at": DAY - timedelta(days=9)}
            app.execute("DELETE FROM media_files")
            app.insert("media_files", media_file(original_filename=f"{tenant}.jpg", **uploaded))
            app.insert("media_analytics", event("own", timestamp=DAY.replace(hour=10), user_id=f"user-of-{tenant}"))
            app.engine.dispose()
        _put(folder / "bucket" / "log", *(_line(number, size) for number, size in enumerate(_SIZES[tenant])))
        _put(folder / "bucket" / "the-same", _line(30, 700), f"what {tenant} cannot read")
        _put(folder / "events" / "today", *_events(tenant), "{no event}")

    def deliver_late(self, tenant: str) -> None:
        """What comes between the runs: for one of them alone."""
        if tenant == BOLT:
            _put(self.folder / tenant / "bucket" / "late", _line(50, 80), at=RUNS[0] + timedelta(hours=1))

    def live(self, *tenants: str) -> None:
        """Each run of one tenant is followed by that of the other."""
        for tenant in tenants:
            self.furnish(tenant)
        for now in RUNS:
            for tenant in tenants:
                run(self.settings(tenant), now=now)
                self.deliver_late(tenant)
        for tenant in tenants:
            run(self.settings(tenant), now=RUNS[-1])

    def rows(self, tenant: str) -> dict[str, list[str]]:
        """All rows of the tenant in every table, but for what chance and the clock have made."""
        made_engine = connect.engine(self.url)
        try:
            with connect.reading(made_engine) as connection:
                return {contract.name: _rows(connection, contract.name, tenant) for contract in TABLES}
        finally:
            made_engine.dispose()


_BY_CHANCE = {
    "identity": {"value"},
    "lake_runs": {"run_id", "begun_at"},
    "lake_retired": {"retired_at"},
    "outbox": {"last_error", "next_attempt_at"},
}


def _rows(connection: sa.Connection, name: str, tenant: str) -> list[str]:
    table = tables[name]
    columns = [column for column in table.c if column.name not in _BY_CHANCE.get(name, ())]
    rows = connection.execute(sa.select(*columns).where(table.c.tenant == tenant))
    return sorted(json.dumps([_plain(value) for value in row]) for row in rows)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _put(path: Path, *lines: str, at: datetime = DAY + timedelta(hours=25)) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    os.utime(path, (at.timestamp(), at.timestamp()))


def _line(minute: int, size: int) -> str:
    at = DAY.replace(hour=10, minute=minute)
    return probe(at, f"R{minute}", key=KEY, block=f"200 - {size} {size} 42 40", address="198.51.100.7")


def _events(tenant: str) -> list[str]:
    shared = {"app": "directors-palette", "user_email": "canary@example.org", "user_id": f"u-{tenant}"}
    number = 2 if tenant == ACME else 5
    told = [
        {
            **shared, "timestamp": f"2025-10-30T12:0{each}:00.000Z", "event_type": "generation",
            "model_id": "nano-banana-pro", "generation_type": "image", "cost_cents": 20, "credits_used": number,
            "prediction_id": f"p-{each}", "status": "completed", "duration_ms": 4500,
        }
        for each in range(number)
    ]  # fmt: skip
    return [json.dumps(each) for each in told]
