"""The sections of other systems' tables: a database, or the REST API of Supabase, and how it is read."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mediameter.loopback import is_this_machine
from mediameter.sections.complaint import Complaint
from mediameter.sections.database import beside_sqlite, refuse_odd_names
from mediameter.sections.secrets import refuse_unencoded
from mediameter.sections.section import setting
from mediameter.sections.source import SourceSection

_DATABASES = ("mysql", "mariadb", "postgresql", "postgres", "sqlite")


class TableSource(SourceSection):
    """Tables that are only ever read, by a user that needs no more than SELECT; the system that they are of says which.
    Times without a zone are UTC there; a session's own zone is set to UTC."""

    url: str = Field(description='The database, as "env:NAME"', repr=False)
    tables: dict[Any, str] = setting({}, "Names of tables, if they differ there")
    columns: dict[Any, dict[str, str]] = setting({}, "Names of columns, if they differ there, by table")
    lookback_days: int = setting(2, "UTC days before today that each run reads again", ge=0, le=4000)
    settle_minutes: int = setting(5, "After this long a transaction there is assumed to be committed", ge=0, le=1440)
    page_rows: int = setting(20_000, "Rows that one query reads", ge=100, le=1_000_000)
    statement_timeout_s: int = setting(120, "A query that takes longer is cancelled", ge=1, le=3600)

    @field_validator("url")
    @classmethod
    def _known(cls, url: str, info: ValidationInfo) -> str:
        return database_url(url, info)

    @field_validator("tables")
    @classmethod
    def _names(cls, tables: dict[Any, str]) -> dict[Any, str]:
        refuse_odd_names(tables)
        return tables

    @property
    def place(self) -> str:
        parts = urlsplit(self.url)
        return f"{self.kind} of {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class RestTableSource(TableSource):
    """The same, where the tables may stand behind Supabase's REST API, too: ``https://PROJECT.supabase.co/rest/v1`` and
    its service key."""

    url: str = Field(description='The database or the REST API, as "env:NAME"', repr=False)
    key: str = setting("", 'Service key of the REST API, as "env:NAME" or "secret:NAME"', repr=False)
    role: str = setting("service_role", "Role of that key: it has to see every row", min_length=1, max_length=63)
    page_rows: int = setting(1_000, "Rows that one query reads; the REST API gives 1,000 at most", ge=100, le=1_000_000)

    @field_validator("url")
    @classmethod
    def _known(cls, url: str, info: ValidationInfo) -> str:
        if "://" not in url or _scheme(url) not in (*_DATABASES, "https", "http"):
            raise Complaint(
                "this is neither the URL of a database nor of a REST API",
                'write "postgresql://user:password@host/database" or "https://PROJECT.supabase.co/rest/v1"',
            )
        refuse_unencoded(url)
        return beside_sqlite(url, info)

    @model_validator(mode="after")
    def _key_of_the_api(self) -> Self:
        if self.is_rest and not self.key:
            raise Complaint("the REST API needs a key", 'add key = "env:SUPABASE_SERVICE_KEY"', ("key",))
        if (
            self.is_rest
            and urlsplit(self.url).scheme == "http"
            and not is_this_machine(urlsplit(self.url).hostname or "")
        ):
            raise Complaint("the key would be sent unencrypted", 'write the URL with "https://"', ("url",))
        if not self.is_rest and self.key:
            raise Complaint("a database needs no key; its password is in the URL", "remove the key", ("key",))
        return self

    @property
    def is_rest(self) -> bool:
        return self.url.startswith("http")


def database_url(url: str, info: ValidationInfo) -> str:
    """The URL of a database of SQL; SQLite's file beside the settings. Raises ``Complaint``."""
    if "://" not in url or _scheme(url) not in _DATABASES:
        raise Complaint(
            "this is not the URL of a MySQL, MariaDB, PostgreSQL or SQLite database",
            'write it like "mysql://user:password@host/database", best as "env:NAME"',
        )
    refuse_unencoded(url)
    return beside_sqlite(url, info)


def _scheme(url: str) -> str:
    return url.partition("://")[0].partition("+")[0]
