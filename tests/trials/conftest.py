"""The world of the trials, laid out once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mediameter.store import identity
from schemas.vocabulary import OLD_LINE_HASH
from tests import gate
from tests.trials.dump import dump
from tests.trials.runs import complete
from tests.worlds.site import NOW, LogObject, Site, small_world

NewSite = Callable[[str], Site]
Ingest = tuple[tuple[str, int], ...]


@pytest.fixture(scope="module", autouse=True)
def _gate(plain_gate: None) -> None:
    """What is tried here is all but the gate; where it is that too, `runs` has the real one."""


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


@pytest.fixture(scope="session")
def ingest(pytestconfig: pytest.Config) -> Ingest:
    """The world in twelve batches; in `make test` in six, since a batch costs more than what it reads."""
    return (("batch_bytes", 600_000 if gate.is_plain(pytestconfig) else 300_000),)


@pytest.fixture(scope="session")
def straight(
    world: Path, objects: list[LogObject], ingest: Ingest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """What one run over all objects says."""
    return said_of(_laid_out(tmp_path_factory.mktemp("straight"), world, ingest), objects)


@pytest.fixture
def new_site(world: Path, ingest: Ingest, tmp_path: Path) -> NewSite:
    """Makes a site with an empty bucket."""
    return lambda name: _laid_out(tmp_path / name, world, ingest)


def _laid_out(folder: Path, world: Path, ingest: Ingest) -> Site:
    site = Site(folder, ingest)
    site.bucket.mkdir(parents=True)
    shutil.copy(world / "countries.csv", folder)
    return site


def said_of(site: Site, objects: list[LogObject]) -> dict[str, list[str]]:
    """What the site's warehouse says after these objects have come, too."""
    site.deliver(objects)
    complete(site, NOW)
    return dump(site.url)


@pytest.fixture
def older_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    """New lakes get the line hash of older ones, which the reference computes in plain Python. Which hash it
    is decides only which of two alike goes first; both are held against known answers elsewhere."""
    monkeypatch.setattr(identity, "NEW_LINE_HASH", OLD_LINE_HASH)
