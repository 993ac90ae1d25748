"""Where people are told: an Apprise URL or a webhook, and which severities it wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from mediameter.sections.complaint import Complaint
from mediameter.sections.secrets import secrets_of_channel
from mediameter.sections.section import Section, setting

Severity = Literal["critical", "warning", "info"]
_LEAST_KEY = 16


class Channel(Section):
    """One channel. With ``signing_key`` it is a webhook that gets JSON with a signature."""

    url: Annotated[str, Field(pattern=r"\S")] = Field(description="Apprise URL or https webhook", repr=False)
    name: Annotated[str, Field(pattern="^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})?$")] = setting(
        "", "By what it is called; its messages wait for it under this name, though its URL changes"
    )
    severities: tuple[Severity, ...] = setting(("critical", "warning", "info"), "Which messages it wants")
    signing_key: str = setting("", "Secret of the signature, shared with the webhook", repr=False)

    @property
    def secrets(self) -> Iterator[str]:
        yield from (self.signing_key, *secrets_of_channel(self.url))

    @field_validator("severities")
    @classmethod
    def _some(cls, severities: tuple[Severity, ...]) -> tuple[Severity, ...]:
        if not severities:
            raise Complaint("a channel without a severity gets no messages", "leave it out: it gets all")
        return severities

    @field_validator("signing_key")
    @classmethod
    def _long_enough(cls, key: str) -> str:
        if 0 < len(key) < _LEAST_KEY:
            raise Complaint(f"a key needs at least {_LEAST_KEY} characters", "take a longer one")
        return key

    @model_validator(mode="after")
    def _only_webhooks_are_signed(self) -> Self:
        if self.signing_key and self.url.partition("://")[0].lower() not in ("https", "http"):
            raise Complaint("only a webhook is signed", "its url begins with https://", ("signing_key",))
        return self


def told(notify: Iterable[str], channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """The channels of both lists. Raises ``Complaint`` for a channel that is given twice: it would be told twice, or
    which of both is meant could not be said."""
    every = [("notify", index, Channel(url=url)) for index, url in enumerate(notify) if url.strip()]
    every += [("channels", index, channel) for index, channel in enumerate(channels)]
    urls: set[str] = set()
    names: set[str] = set()
    for setting_name, index, channel in every:
        if channel.url in urls:
            raise Complaint("this channel is set twice", "remove one of them", (setting_name, index))
        if channel.name and channel.name in names:
            raise Complaint(f"two channels are called {channel.name}", "rename one", (setting_name, index, "name"))
        urls.add(channel.url)
        names.add(channel.name)
    return tuple(channel for _, _, channel in every)
