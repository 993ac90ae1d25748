"""Whether the packages beside this one are ours: ``flows``, ``parsers``, ``schemas``, ``sql`` are others' names too."""

from __future__ import annotations

import tomllib
from importlib.util import find_spec
from pathlib import Path

from mediameter.errors import UserError

OURS = ("flows", "parsers", "schemas", "sql")
HOUSE = Path(__file__).resolve().parent.parent


def check() -> None:
    """Raise ``UserError`` that names the intruder where Python would import another package under one of our names."""
    for name in OURS:
        found = _location(name)
        if found is None:
            raise UserError(f"the package {name} is not in {HOUSE}", "clone mediameter again")
        if found != HOUSE / name:
            remedy = f"remove it, or take its folder out of PYTHONPATH: mediameter needs its own {HOUSE / name}"
            raise UserError(f"another package named {name} stands in the way: {found}", remedy)


def version() -> str:
    """The version of this clone: what its own pyproject.toml says."""
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def _location(name: str) -> Path | None:
    """Where Python would import the name from, without importing it; None where there is nothing."""
    spec = find_spec(name)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or [])
    place = folders[0] if folders else spec.origin
    return Path(place).resolve() if place else None
