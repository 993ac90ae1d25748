"""What the settings say of the installation that they are of: to be held against warehouse and lake."""

from __future__ import annotations

from mediameter.settings import Settings, key_path, known_key
from mediameter.store.identity import Claim


def claim_of(settings: Settings) -> Claim:
    """What the settings say of the installation; makes nothing."""
    return Claim(
        lake=settings.lake.path,
        tenant=settings.tenant,
        key=known_key(settings),
        key_at="[privacy] key" if settings.privacy.key else str(key_path(settings)),
        sources={name: source.place for name, source in settings.sources.items()},
    )
