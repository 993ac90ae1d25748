"""What all sections of sources share, whatever kind of system they are of."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from mediameter.sections.credit_prices import CreditPrices
from mediameter.sections.section import QUIET_HOURS, Section, setting


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


class Generating(SourceSection):
    """A source that tells what was generated."""

    application: str = setting("", "Its application; default: the source's name", max_length=128)


class SellsCredits(Section):
    """A source whose users pay with credits."""

    credit_price: CreditPrices = setting((), "Price of credits, and from which day; default: measured")
