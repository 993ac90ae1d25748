"""What the settings say of the installation that they are of: to be held against warehouse and lake."""

from __future__ import annotations

from urllib.parse import urlsplit

from mediameter.settings import AppSource, EventSource, PaletteSource, Settings, Source, key_path, known_key
from mediameter.store.identity import Claim


def claim_of(settings: Settings) -> Claim:
    """What the settings say of the installation; makes nothing."""
    return Claim(
        lake=settings.lake.path,
        tenant=settings.tenant,
        key=known_key(settings),
        key_at="[privacy] key" if settings.privacy.key else str(key_path(settings)),
        sources={name: _place(source) for name, source in settings.sources.items()},
    )


def _place(source: Source | EventSource | AppSource | PaletteSource) -> str:
    """What a source reads, in words without secrets: equal words are the same records."""
    if isinstance(source, AppSource | PaletteSource):
        return f"{source.kind} of {_without_user(source.url)}"
    if source.path is not None:
        return f"{source.kind} in {source.path.resolve()}/{source.prefix}"
    return f"{source.kind} in {source.endpoint or 's3:/'}/{source.bucket}/{source.prefix}"


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
