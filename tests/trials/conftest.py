"""The world of the trials, laid out once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trials.site import LogObject, Site, small_world

NewSite = Callable[[str], Site]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the world."""
    folder = tmp_path_factory.mktemp("world")
    small_world(folder)
    return folder


@pytest.fixture(scope="session")
def objects(world: Path) -> list[LogObject]:
    """All objects of the world, by key."""
    return small_world(world)


@pytest.fixture
def new_site(world: Path, tmp_path: Path) -> NewSite:
    """Makes a site with an empty bucket."""

    def made(name: str) -> Site:
        site = Site(tmp_path / name)
        site.bucket.mkdir(parents=True)
        shutil.copy(world / "countries.csv", site.folder)
        return site

    return made
