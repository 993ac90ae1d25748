"""The places that flows of the tests work on: settings in a file beside the bucket, as an installation has them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from mediameter.commands.run import run
from mediameter.settings import load
from tests.trials.dump import dump
from tests.worlds.month import NOW
from tests.worlds.site import LogObject, Site

SETTINGS = "mediameter.toml"


def new_place(folder: Path, objects: Iterable[LogObject]) -> Site:
    """A folder with settings and these objects; nothing has run there."""
    site = Site(folder)
    site.deliver(objects)
    (folder / SETTINGS).write_text('[sources.logs]\nkind = "s3_access_log"\npath = "bucket"\n')
    return site


def given(site: Site) -> dict[str, str]:
    """The parameters with which a flow works there, as of ``NOW``."""
    return {"settings_path": str(site.folder / SETTINGS), "now": NOW.isoformat()}


def straight(site: Site, folder: Path) -> dict[str, list[str]]:
    """What one plain run over the same bucket says, under the same key."""
    folder.mkdir()
    shutil.copytree(site.bucket, folder / "bucket")
    for name in (SETTINGS, "address.key"):
        shutil.copy(site.folder / name, folder)
    run(load(folder / SETTINGS), now=NOW)
    return dump(f"sqlite:///{folder / 'warehouse.sqlite'}")
