"""Event files of Director's Palette, or of a system that writes the same: what was generated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mediameter.sections.buckets import EventBucket
from mediameter.sections.source import SellsCredits
from mediameter.systems.system import EVENT_OBJECTS, System
from parsers.palette_events import PARSER_VERSION, read_events


class PaletteEventSource(EventBucket, SellsCredits):
    """A bucket that event files of a generating system are put into: one event, an array of them, or one a line, as
    JSON, gzip or plain; or a table of generations that was downloaded so."""

    kind: Literal["palette_events"] = Field(description="What it holds")


SYSTEM = System(
    section=PaletteEventSource,
    title="event files of Director's Palette",
    form=EVENT_OBJECTS,
    supplies="generations",
    document="Director's Palette",
    parser_version=PARSER_VERSION,
    events=read_events,
    fingerprint={"applications": "application", "apps": "apps"},
    example="""\
# [sources.events]                   # event files of Director's Palette: JSON, an array, or an event a line
# kind = "palette_events"
# path = "./events"                  # folder that they are put into; or bucket and the rest, as above
# application = "directors-palette"  # of events that name no `app`; default: the source's name
# apps = {"palette" = "directors-palette"}  # application for each `app` in events; default: the same name
# timestamp = "finished"             # of a generation: when it was done, as the document has it; or "asked" for
# [[sources.events.credit_price]]    # what credits are sold for; without it, it is measured: paid / credits sold
# amount = "9.99"                    # exact, in quotes
# currency = "USD"
# credits = 100                      # how many are sold for it; default: 1
# valid_from = 2025-01-01            # until the day before the next price of that currency
""",
)
