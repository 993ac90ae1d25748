"""What a rollup was computed with, in one hash: no secrets, no places, no speeds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediameter.sections.source import SourceSection
from mediameter.systems import SYSTEMS
from mediameter.systems.system import Supplies

if TYPE_CHECKING:
    from mediameter.settings.models import Settings


def fingerprint(settings: Settings) -> str:
    """SHA-256 (hex) over what changes rollups: zone, settling, attribution, data sets. Not prices: another price
    makes the days dirty that it may change (``steps.redo.repricing``). What rules rest on beside the rollups is their
    own (``alerts.rule_files.fingerprint``)."""
    basis = {
        "tenant": settings.tenant,
        "time_zone": settings.reporting.time_zone,
        "settle_hours": settings.reporting.settle_hours,
        "attribution": settings.attribution.model_dump(mode="json"),
        "rejects_budget": settings.rejects.budget,
        "countries": [_identity(path) for path in _country_files(settings.geo.countries)],
        "cdn_ranges": _cdn_identity(settings.geo.cdn_ranges),
        **_of_sources("requests", settings.log_sources),
        "applications": sorted(settings.app_sources),
    }
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


def generating_fingerprint(settings: Settings) -> str:
    """The same for the rollups of generating systems, which rest on less."""
    basis = {
        "tenant": settings.tenant,
        "time_zone": settings.reporting.time_zone,
        "rejects_budget": settings.rejects.budget,
        **_of_sources("generations", settings.generating_sources),
    }
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


def _of_sources(supplied: Supplies, sources: Mapping[str, SourceSection]) -> dict[str, dict[str, Any]]:
    """What the systems' rows say that rollups rest on: by name of the part, its value for each source that has it."""
    parts: dict[str, dict[str, Any]] = {}
    for system in SYSTEMS.values():
        if system.supplies == supplied:
            for part, field in system.fingerprint.items():
                found = {name: getattr(source, field) for name, source in sources.items() if source.kind == system.kind}
                parts.setdefault(part, {}).update(found)
    return parts


def _country_files(path: Path | None) -> list[Path]:
    """The files of a country table: tor-geoip keeps IPv6 beside IPv4, as ``geoip6`` beside ``geoip``."""
    if path is None:
        return []
    return [each for each in (path, path.with_name(f"{path.name}6")) if each.is_file()]


def _cdn_identity(value: str) -> str | list[str]:
    return value if value in ("builtin", "none") else _identity(Path(value))


def _identity(path: Path) -> list[str]:
    """Name and hash, not the folder: the same table in another place is the same table."""
    if not path.is_file():
        return [path.name, "missing"]
    stat = path.stat()
    return [path.name, _sha256(path, stat.st_mtime_ns, stat.st_size)]


@lru_cache(maxsize=16)
def _sha256(path: Path, mtime_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
