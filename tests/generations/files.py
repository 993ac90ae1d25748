"""Events as Director's Palette's document has them, and a folder that they are put into as files."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mediameter import connect
from mediameter.commands.run import RunSummary, run
from mediameter.settings import Settings
from mediameter.settings.reading import from_mapping
from mediameter.store import tenancy
from tests.generations.palette import EMAIL, NOON, NOW, PROMPT

STACK, ADDRESS, AGENT = "at canaryStack (canary.ts:7)", "198.51.100.77", "Mozilla/5.0 (canaryAgent)"
CANARIES = ("a fox in the snow", "canary", ADDRESS, "Mozilla")


def event(event_type: str, after: float = 0, **more: Any) -> dict[str, Any]:
    """An event, so many seconds behind noon."""
    at = (NOON + timedelta(seconds=after)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    told = {"timestamp": at, "event_type": event_type, "app": "directors-palette", "user_email": EMAIL, **more}
    return {"user_id": "u-1", **told}


def generation(after: float = 0, **more: Any) -> dict[str, Any]:
    said = {
        "model_id": "nano-banana-pro", "model_name": "Nano Banana Pro", "generation_type": "image", "cost_cents": 20,
        "credits_used": 2, "prediction_id": f"replicate-{after}", "status": "completed", "duration_ms": 4500,
        "prompt_length": 150, "reference_images": 2, "resolution": "1024x1024",
    }  # fmt: skip
    return event("generation", after, **{**said, **more})


def purchase(after: float = 0, **more: Any) -> dict[str, Any]:
    said = {
        "package_name": "100 Credits", "amount_cents": 999, "credits_purchased": 100, "payment_provider": "stripe",
        "transaction_id": f"ch_{after}",
    }  # fmt: skip
    return event("credit_purchase", after, **{**said, **more})


def sign_in(after: float = 0, action: str = "login", **more: Any) -> dict[str, Any]:
    return event("auth", after, action=action, ip_address=ADDRESS, user_agent=AGENT, **more)


def app_error(after: float = 0, **more: Any) -> dict[str, Any]:
    said = {
        "severity": "error", "error_type": "generation_failed", "error_message": f"timeout\n {STACK}",
        "model_id": "some-model", "prediction_id": "replicate-xyz", "stack_trace": STACK,
    }  # fmt: skip
    return event("error", after, **{**said, **more})


def row(after: float = 0, **more: Any) -> dict[str, Any]:
    """A row of generation_events, as it stands in a download of the table."""
    at = NOON + timedelta(seconds=after)
    said = {
        "id": f"row-{after}", "user_id": "u-1", "user_email": EMAIL, "gallery_id": None, "prediction_id": None,
        "generation_type": "image", "model_id": "nano-banana-pro", "model_name": "Nano", "status": "completed",
        "credits_cost": 20, "is_admin_generation": False, "prompt": PROMPT, "settings": {"prompt": PROMPT},
        "error_message": None, "created_at": f"{at:%Y-%m-%d %H:%M:%S}.12+00:00",
        "completed_at": f"{at + timedelta(seconds=6):%Y-%m-%dT%H:%M:%S}.12",
    }  # fmt: skip
    return {**said, **more}


def lines(*events: Any) -> bytes:
    """One event a line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


OF_STUDIO = {
    "kind": "palette_events", "path": "events", "application": "studio", "apps": {"directors-palette": "studio"}
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """A folder that event files are put into, and the installation that takes them in."""

    folder: Path
    zone: str = "UTC"
    url: str = ""

    def put(self, name: str, content: bytes, *, packed: bool = False, at: datetime = NOW - timedelta(hours=1)) -> None:
        path = self.folder / "events" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if packed else content)
        os.utime(path, (at.timestamp(), at.timestamp()))

    def settings(self, **sources: Any) -> Settings:
        document = {
            "sources": {"palette": OF_STUDIO, **sources},
            "privacy": {"key": "the key of all tests"},
            "geo": {"countries": "none"},
            "reporting": {"time_zone": self.zone},
            **({"warehouse": {"url": self.url}} if self.url else {}),
        }
        return from_mapping(document, self.folder)

    def run(self, now: datetime = NOW) -> RunSummary:
        return run(self.settings(), now=now.astimezone(UTC))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        made = tenancy.engine(self.settings().warehouse.url, self.settings().tenant)
        with connect.reading(made) as connection:
            found = [tuple(each) for each in connection.exec_driver_sql(query)]
        made.dispose()
        return found

    def counts(self) -> tuple[Any, ...]:
        """generations, purchases, sign-ins and errors that the rollups count."""
        sums = {"generations_daily": "generations", "credits_daily": "transactions", "auth_daily": "events",
                "app_errors_daily": "errors"}  # fmt: skip
        queries = (f"SELECT COALESCE(SUM({measure}), 0) FROM {table}" for table, measure in sums.items())
        return tuple(self.rows(query)[0][0] for query in queries)

    def days(self) -> list[tuple[Any, ...]]:
        names = "day, state, is_suspect, objects, lines, parsed, ignored, rejected, duplicates"
        return self.rows(f"SELECT {names} FROM days WHERE family = 'generations' ORDER BY day")

    def rejects(self) -> list[tuple[Any, ...]]:
        """Those that stand, by number."""
        query = "SELECT r.line_number, r.reason FROM rejects r JOIN objects o ON o.object_id = r.object_id"
        return self.rows(f"{query} WHERE o.state <> 'superseded' ORDER BY o.object_key, r.line_number")
