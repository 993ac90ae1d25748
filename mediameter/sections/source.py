"""What all sections of sources share, whatever kind of system they are of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field

from mediameter.sections.credit_prices import CreditPrices
from mediameter.sections.section import QUIET_HOURS, Section, setting

_NAMES_OF_SECRETS = ("pass", "key", "token", "secret")


class SourceSection(Section):
    """One ``[sources.NAME]``. A field with ``repr=False`` holds a secret, or a URL that may hold one."""

    kind: str = Field(description="What it holds")
    quiet_hours: int = setting(0, QUIET_HOURS, ge=0, le=9600)

    @property
    def place(self) -> str:
        """What the source reads, in words without secrets: equal words are the same records."""
        raise NotImplementedError

    @property
    def ordinary_silence(self) -> timedelta | None:
        """How long a silence of the source is ordinary, where the settings say it."""
        return timedelta(hours=self.quiet_hours) if self.quiet_hours else None

    @property
    def secrets(self) -> Iterator[str]:
        """Every text of this section that no message may show."""
        for name, field in type(self).model_fields.items():
            if not field.repr:
                yield from secrets_of(str(getattr(self, name)))


class Generating(SourceSection):
    """A source that tells what was generated."""

    application: str = setting("", "Its application; default: the source's name", max_length=128)


class SellsCredits(Section):
    """A source whose users pay with credits."""

    credit_price: CreditPrices = setting((), "Price of credits, and from which day; default: measured")


def secrets_of(text: str) -> Iterator[str]:
    """The text itself; of a URL its password (as it is written and as it is meant), and what its options call one."""
    if "://" not in text:
        yield text
        return
    try:
        parts = urlsplit(text)
        yield unquote(parts.password or "")
    except ValueError:  # nobody can tell where its password is
        yield text
        return
    yield parts.password or ""
    for name, value in parse_qsl(parts.query):
        if any(word in name.lower() for word in _NAMES_OF_SECRETS):
            yield value
