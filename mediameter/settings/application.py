"""The section of an application's database: where it is, what its tables are called there, how it is read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from mediameter.settings.complaint import Complaint
from mediameter.settings.database import beside_sqlite, refuse_odd_names
from mediameter.settings.section import QUIET_HOURS, Section, setting

SCHEMES = ("mysql", "mariadb", "postgresql", "postgres", "sqlite")

TableName = Literal["media_analytics", "media_files", "applications"]


class AppSource(Section):
    """The database of a media application: who used what. It is only ever read, by a user that needs no more than
    SELECT; unless ``write_back`` asks for rows of our own. Times without a zone are UTC there; a session's own zone is
    set to UTC."""

    kind: Literal["dailey_media"] = Field(description="What it holds")
    url: str = Field(description='The database, as "env:NAME"', repr=False)
    tables: dict[TableName, str] = setting({}, "Names of tables, if they differ there")
    columns: dict[TableName, dict[str, str]] = setting({}, "Names of columns, if they differ there, by table")
    lookback_days: int = setting(2, "UTC days before today that each run reads again", ge=0, le=4000)
    settle_minutes: int = setting(5, "After this long a transaction there is assumed to be committed", ge=0, le=1440)
    quiet_hours: int = setting(0, QUIET_HOURS, ge=0, le=9600)
    page_rows: int = setting(20_000, "Rows that one query reads", ge=100, le=1_000_000)
    statement_timeout_s: int = setting(120, "A query that takes longer is cancelled", ge=1, le=3600)
    write_back: bool = setting(False, "Write the requests of final days into media_analytics")
    write_back_url: str = setting("", "The same database, as a user who may write; default: url", repr=False)
    write_back_matched: bool = setting(False, "Also requests that the application has an event for")

    @property
    def writing_url(self) -> str:
        """Where rows are written back to."""
        return self.write_back_url or self.url

    @field_validator("url", "write_back_url")
    @classmethod
    def _known(cls, url: str, info: ValidationInfo) -> str:
        if not url and info.field_name == "write_back_url":
            return url
        scheme = url.partition("://")[0].partition("+")[0]
        if "://" not in url or scheme not in SCHEMES:
            raise Complaint(
                "this is not the URL of a MySQL, MariaDB, PostgreSQL or SQLite database",
                'write it like "mysql://user:password@host/database", best as "env:NAME"',
            )
        return beside_sqlite(url, info)

    @field_validator("tables")
    @classmethod
    def _names(cls, tables: dict[TableName, str]) -> dict[TableName, str]:
        refuse_odd_names(tables)
        return tables
