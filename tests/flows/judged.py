"""Prefect's own judgement of an automation, at instants that a test names: its server waits for them for hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.server.events import triggers
from prefect.server.events.models.automations import automations_session, read_automation
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings


def database(path: Path) -> Any:
    """While this lasts, Prefect's server modules of this process work on that database."""
    return temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{path}"})


def ended(deployment: UUID, at: datetime, state: str = "Completed") -> ReceivedEvent:
    """The event of the end of one of its runs."""
    return ReceivedEvent.model_validate(
        {
            "occurred": at,
            "received": at,
            "event": f"prefect.flow-run.{state}",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{uuid4()}"},
            "related": [
                {"prefect.resource.id": f"prefect.deployment.{deployment}", "prefect.resource.role": "deployment"}
            ],
            "id": uuid4(),
        }
    )


async def fired(
    automation: UUID, story: Sequence[datetime | ReceivedEvent], monkeypatch: pytest.MonkeyPatch
) -> list[datetime]:
    """The instants of the story, at each of which Prefect looks, at which the automation acts. Events come between."""
    acted: list[datetime] = []
    now = list[datetime]()

    async def act(_: object) -> None:
        acted.append(now[-1])

    monkeypatch.setattr(triggers, "act", act)
    async with automations_session() as session:
        triggers.load_automation(await read_automation(session, automation))
    [trigger] = [each for each in triggers.triggers.values() if each.automation.id == automation]
    for each in story:
        if isinstance(each, ReceivedEvent):
            await triggers.reactive_evaluation(each)
        else:
            await triggers.reset_events_clock()  # else it is as far behind as the last event
            now.append(each)
            await triggers.proactive_evaluation(trigger, each)  # type: ignore[arg-type]
    triggers.forget_automation(automation)
    return acted
