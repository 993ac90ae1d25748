"""A generating system that is watched: its settings, and failures in its tables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mediameter.settings import Settings, from_mapping
from tests.export.application import Application
from tests.generations.palette import generation
from tests.listener import Listener

MINUTE = timedelta(minutes=1)
LIMITED = "429 Too Many Requests for a fox in the snow, canary"


def settings(system: Application, hook: Listener, folder: Path, **more: object) -> Settings:
    document = {
        "sources": {"palette": {"kind": "directors_palette", "url": system.url, "settle_minutes": 5}},
        "privacy": {"key": "the key of all tests"},
        "geo": {"countries": "none"},
        "alerts": {"notify": [hook.url("http")], "allow_private_channels": True, **more},
    }
    return from_mapping(document, folder)


def failures(system: Application, count: int, minutes: float, message: str = "model overloaded") -> None:
    """So many generations that fail one after the other, the first so many minutes after noon."""
    for number in range(count):
        row = generation(after=60 * minutes + number, status="failed", error_message=message)
        system.insert("generation_events", row)
