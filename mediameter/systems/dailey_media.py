"""The database of a media application: who used what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl
from pydantic import Field, ValidationInfo, field_validator

from mediameter.privacy.events import events_at_the_door
from mediameter.sections.section import setting
from mediameter.sections.tables import TableSource, database_url
from mediameter.systems.system import TABLES, Door, Feed, Reference, Shut, Stream, System
from parsers import media_analytics
from schemas.application import APPLICATIONS, MEDIA_ANALYTICS, MEDIA_FILES
from schemas.events import EVENT

TableName = Literal["media_analytics", "media_files", "applications"]


class AppSource(TableSource):
    """The database of a media application: who used what. It is only ever read, unless ``write_back`` asks for rows of
    our own."""

    kind: Literal["dailey_media"] = Field(description="What it holds")
    tables: dict[TableName, str] = setting({}, "Names of tables, if they differ there")
    columns: dict[TableName, dict[str, str]] = setting({}, "Names of columns, if they differ there, by table")
    write_back: bool = setting(False, "Write the requests of final days into media_analytics")
    write_back_url: str = setting("", "The same database, as a user who may write; default: url", repr=False)
    write_back_matched: bool = setting(False, "Also requests that the application has an event for")

    @property
    def writing_url(self) -> str:
        """Where rows are written back to."""
        return self.write_back_url or self.url

    @field_validator("write_back_url")
    @classmethod
    def _writable(cls, url: str, info: ValidationInfo) -> str:
        return url and database_url(url, info)


def _stream(source: Any, now: datetime) -> Stream:
    return media_analytics.Stream()


def _door(events: pl.DataFrame, door: Door) -> Shut:
    shut = events_at_the_door(events, pseudonyms=door.pseudonyms, addresses=door.addresses)
    return Shut(shut, int(shut["row_count"].sum()), 0)


SYSTEM = System(
    section=AppSource,
    title="Dailey Media API",
    form=TABLES,
    supplies="viewers",
    document="OVH",
    feeds=(
        Feed(
            MEDIA_ANALYTICS,
            "events",
            EVENT,
            timedelta(minutes=1),  # pairs of rows at midnight: rows follow each other within seconds
            _stream,
            _door,
        ),
    ),
    reference=Reference("media catalogue", (APPLICATIONS, MEDIA_FILES)),
    writes_into=(MEDIA_ANALYTICS,),
    example="""\
# [sources.app]                      # the application's own database: who used what; it is only read
# kind = "dailey_media"              # media_analytics, media_files, applications
# url = "sqlite:///app.sqlite"       # or mysql://, mariadb://, postgresql://, best as "env:NAME": SELECT is enough
# lookback_days = 2                  # UTC days before today that each run reads again, for what is committed late
# settle_minutes = 5                 # after this long a transaction there is assumed committed
# page_rows = 20000                  # rows that one query reads
# statement_timeout_s = 120          # a query that takes longer is cancelled
# write_back = false                 # write the requests of final days into media_analytics (docs/definitions.md)
# write_back_url = ""                # the same database, as a user who may write there, best as "env:NAME"
# write_back_matched = false         # also requests that the application has an event for
# [sources.app.tables]               # names of tables, if they differ there; also media_files, applications
# media_analytics = "media_analytics"
# [sources.app.columns.media_analytics] # names of columns, if they differ there
# timestamp = "timestamp"
""",
)
