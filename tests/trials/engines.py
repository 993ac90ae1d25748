"""What trials on several engines share: settings with another warehouse, and a warehouse emptied."""

from __future__ import annotations

from pathlib import Path

from mediameter import connect
from mediameter.commands.run import run
from mediameter.settings import Settings
from mediameter.store import warehouse
from tests.worlds.generation_worlds import GenerationWorld


def emptied(url: str) -> None:
    """As after the first migration."""
    made = connect.engine(url)
    warehouse.ready(made)
    with connect.writing(made) as connection:
        for table in warehouse.tables.values():
            connection.execute(table.delete())
    made.dispose()


def on(settings: Settings, url: str) -> Settings:
    """The same settings, with another warehouse, and a lake of its own."""
    warehouse, lake = settings.warehouse.model_copy(update={"url": url}), settings.lake.path.with_name(url[:5])
    return settings.model_copy(update={"warehouse": warehouse, "lake": settings.lake.model_copy(update={"path": lake})})


def lived_through(made: GenerationWorld, folder: Path, server: str = "") -> str:
    """A run in each state of the world, in a place of its own; returns the URL of its warehouse."""
    settings: Settings = made.settings(folder)
    settings = on(settings, server) if server else settings
    for state in made.states:
        made.lay_out(folder, state)
        run(settings, now=state.at)
    return settings.warehouse.url
