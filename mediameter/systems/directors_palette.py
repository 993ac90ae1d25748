"""Director's Palette on Supabase: who generated what, and the credits and the money of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from mediameter.sections.section import setting
from mediameter.sections.source import Generating, SellsCredits
from mediameter.sections.tables import RestTableSource
from mediameter.systems.system import TABLES, Feed, Reference, Stream, System, generated_in
from parsers import palette
from schemas.palette import (
    CREDIT,
    CREDIT_TRANSACTIONS,
    GENERATION,
    GENERATION_EVENTS,
    MODEL_PRICING,
    USER_CREDITS,
)

PaletteTable = Literal["generation_events", "credit_transactions", "model_pricing", "user_credits"]


class PaletteSource(RestTableSource, Generating, SellsCredits):
    """Who generated what, and the credits and the money of it: a database (PostgreSQL, as Supabase's; a copy in another
    will do), or the REST API of Supabase. It is only ever read."""

    kind: Literal["directors_palette"] = Field(description="What it holds")
    tables: dict[PaletteTable, str] = setting({}, "Names of tables, if they differ there")
    columns: dict[PaletteTable, dict[str, str]] = setting({}, "Names of columns, if they differ there, by table")
    stale_hours: int = setting(24, "Generations that are pending for longer count as stale", ge=1, le=2400)


def _generations(source: PaletteSource, now: datetime) -> Stream:
    return palette.generations(now - timedelta(hours=source.stale_hours))


def _credits(source: Any, now: datetime) -> Stream:
    return palette.credits()


SYSTEM = System(
    section=PaletteSource,
    title="Director's Palette",
    form=TABLES,
    supplies="generations",
    document="Director's Palette",
    feeds=(
        Feed(GENERATION_EVENTS, "generations", GENERATION, timedelta(0), _generations, generated_in),
        Feed(CREDIT_TRANSACTIONS, "credits", CREDIT, timedelta(0), _credits, generated_in),
    ),
    reference=Reference("prices and balances", (MODEL_PRICING, USER_CREDITS)),
    fingerprint={"applications": "application"},
    example="""\
# [sources.palette]                  # a generating system: generations, credits, money; it is only read
# kind = "directors_palette"         # generation_events, credit_transactions, model_pricing, user_credits
# url = "sqlite:///palette.sqlite"   # or postgresql://, best as "env:NAME"; or "https://PROJECT.supabase.co/rest/v1"
# key = ""                           # service key of the REST API, as "env:NAME" or "secret:NAME"
# application = ""                   # its application; default: the source's name
# lookback_days = 2                  # UTC days before today that each run reads again, for what is committed late
# stale_hours = 24                   # generations that are pending for longer count as stale
# settle_minutes = 5                 # after this long a transaction there is assumed committed
# page_rows = 1000                   # rows that one query reads; the REST API gives 1,000 at most
# statement_timeout_s = 120          # a query that takes longer is cancelled
# [sources.palette.tables]           # names of tables, if they differ there
# generation_events = "generation_events"
# [sources.palette.columns.generation_events] # names of columns, if they differ there
# model_id = "model_id"
# [[sources.palette.credit_price]]   # as that of event files
# amount = "9.99"
# currency = "USD"
# credits = 100
# valid_from = 2025-01-01
""",
)
