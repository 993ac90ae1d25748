"""No secret leaves in a finding, whoever's message carried it there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mediameter.alerts.wording import one_line
from mediameter.doctor.finding import Finding
from mediameter.sections.source import secrets_of
from mediameter.settings import Settings
from mediameter.settings.environment import prefect_api

_LEAST = 4  # characters; what is shorter occurs in every text


def discreet(finding: Finding, settings: Settings) -> Finding:
    """The finding without the secrets of the settings, and without what looks like one."""
    return replace(
        finding,
        looked_at=_without(finding.looked_at, settings),
        found=one_line(_without(finding.found, settings)),
        remedy=_without(finding.remedy, settings),
    )


def _without(text: str, settings: Settings) -> str:
    for secret in _secrets(settings):
        if len(secret) >= _LEAST:
            text = text.replace(secret, "***")
    return text


def _secrets(settings: Settings) -> Iterator[str]:
    yield settings.privacy.key
    for channel in settings.alerts.every_channel:
        yield channel.url
        yield channel.signing_key
    for source in settings.sources.values():
        yield from source.secrets
    yield from secrets_of(settings.warehouse.url)
    api = prefect_api()
    if api:
        yield api.key
        yield api.auth_string
