"""The data sets of country and CDN edge that the settings name."""

from __future__ import annotations

from pathlib import Path

from mediameter import geo
from mediameter.settings import Settings


def geography(settings: Settings) -> geo.Geography:
    """Reads them; ``UserError`` where one is missing or malformed."""
    named: dict[str, Path | None] = {"builtin": geo.SHIPPED_CDN_RANGES, "none": None}
    ranges = settings.geo.cdn_ranges
    return geo.load(settings.geo.countries, named[ranges] if ranges in named else Path(ranges))
