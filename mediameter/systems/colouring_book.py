"""The colouring book on Supabase (the progressive logger's document): who generated what, how, and at what cost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mediameter.sections.section import setting
from mediameter.sections.source import Generating
from mediameter.sections.tables import RestTableSource
from mediameter.systems.system import TABLES, Feed, Stream, System, generated_in
from parsers import colouring_book
from schemas.colouring_book import GENERATION_LOGS
from schemas.palette import GENERATION

Style = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
KEPT_DAYS = 90
"""The document's own retention: what is older goes there, and stays counted here."""


class ColouringBookSource(RestTableSource, Generating):
    """A database (PostgreSQL, as Supabase's; a copy in another will do), or the REST API of Supabase. It is only ever
    read. Times there have no zone; they are UTC."""

    kind: Literal["colouring_book"] = Field(description="What it holds")
    tables: dict[Literal["generation_logs"], str] = setting({}, "Names of tables, if they differ there")
    columns: dict[Literal["generation_logs"], dict[str, str]] = setting(
        {}, "Names of columns, if they differ there, by table"
    )
    styles: dict[str, Style] = setting({}, "Style for each display name in the rows, in upper or lower case")


def _generations(source: ColouringBookSource, now: datetime) -> Stream:
    return colouring_book.generations(source.styles)


SYSTEM = System(
    section=ColouringBookSource,
    title="colouring book",
    form=TABLES,
    supplies="generations",
    document="Progressive logger",
    feeds=(
        Feed(
            GENERATION_LOGS,
            "generations",
            GENERATION,
            colouring_book.LONGEST,  # rows are written at the end: one of the next day may have begun on this one
            _generations,
            generated_in,
            KEPT_DAYS,
        ),
    ),
    fingerprint={"applications": "application"},
    example="""\
# [sources.colouring]                # the colouring book: generations, their styles and costs; it is only read
# kind = "colouring_book"            # generation_logs
# url = "sqlite:///colouring.sqlite" # or postgresql://, best as "env:NAME"; or "https://PROJECT.supabase.co/rest/v1"
# key = ""                           # service key of the REST API, as "env:NAME" or "secret:NAME"
# application = ""                   # its application; default: the source's name
# styles = {"Studio Ghibli" = "ghibli"}  # style for each display name in the rows
# lookback_days = 2                  # UTC days before today that each run reads again, for what is committed late
# settle_minutes = 5                 # after this long a transaction there is assumed committed
# [sources.colouring.tables]         # names of tables, if they differ there
# generation_logs = "generation_logs"
""",
)
