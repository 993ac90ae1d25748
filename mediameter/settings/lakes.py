"""Where in the folder of [lake] path a tenant's lake lies. Tenants may name one folder: no lake holds files of two."""

from __future__ import annotations

import json
from pathlib import Path

MARKER = "lake.json"
TENANTS = "tenants"
"""Below a lake, the lakes of the other tenants that name its folder."""


def own_lake(path: Path, tenant: str) -> Path:
    """The folder itself for the tenant that came first, and for all in a lake that they shared before each had its own;
    else a folder of the tenant's below it. What a marker says that cannot be read is told by who opens the lake."""
    below = path / TENANTS / tenant
    owners = _owners(path)
    return below if (below / MARKER).exists() or (owners and tenant not in owners) else path


def own_chain(lake: Path, tenant: str) -> Path:
    """The folder that holds the tenant's manifests: its lake; in one that several tenants share, below it."""
    return lake / TENANTS / tenant if len(_owners(lake)) > 1 else lake


def _owners(path: Path) -> set[str]:
    """The tenants of the lake that lies there."""
    try:
        return set(json.loads((path / MARKER).read_text(encoding="utf-8"))["keys"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()
