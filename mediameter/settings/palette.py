"""The section of a generating system on Supabase: its database, or its REST API, and how it is read."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mediameter.settings.complaint import Complaint
from mediameter.settings.credit_prices import CreditPrices
from mediameter.settings.database import beside_sqlite, refuse_odd_names
from mediameter.settings.section import QUIET_HOURS, Section, setting

PaletteTable = Literal["generation_events", "credit_transactions", "model_pricing", "user_credits"]
_DATABASES = ("postgresql", "postgres", "mysql", "mariadb", "sqlite")


class PaletteSource(Section):
    """Who generated what, and the credits and the money of it: a database (PostgreSQL, as Supabase's; a copy in another
    will do), or the REST API of Supabase (``https://PROJECT.supabase.co/rest/v1`` with its service key). It is only
    ever read. Times without a zone are UTC."""

    kind: Literal["directors_palette"] = Field(description="What it holds")
    url: str = Field(description='The database or the REST API, as "env:NAME"', repr=False)
    key: str = setting("", 'Service key of the REST API, as "env:NAME" or "secret:NAME"', repr=False)
    role: str = setting("service_role", "Role of that key: it has to see every row", min_length=1, max_length=63)
    application: str = setting("", "Its application; default: the source's name", max_length=128)
    credit_price: CreditPrices = setting((), "Price of credits, and from which day; default: measured")
    tables: dict[PaletteTable, str] = setting({}, "Names of tables, if they differ there")
    columns: dict[PaletteTable, dict[str, str]] = setting({}, "Names of columns, if they differ there, by table")
    lookback_days: int = setting(2, "UTC days before today that each run reads again", ge=0, le=4000)
    stale_hours: int = setting(24, "Generations that are pending for longer count as stale", ge=1, le=2400)
    settle_minutes: int = setting(5, "After this long a transaction there is assumed to be committed", ge=0, le=1440)
    quiet_hours: int = setting(0, QUIET_HOURS, ge=0, le=9600)
    page_rows: int = setting(1_000, "Rows that one query reads; the REST API gives 1,000 at most", ge=100, le=1_000_000)
    statement_timeout_s: int = setting(120, "A query that takes longer is cancelled", ge=1, le=3600)

    @field_validator("url")
    @classmethod
    def _known(cls, url: str, info: ValidationInfo) -> str:
        scheme = url.partition("://")[0].partition("+")[0]
        if "://" not in url or scheme not in (*_DATABASES, "https", "http"):
            raise Complaint(
                "this is neither the URL of a database nor of a REST API",
                'write "postgresql://user:password@host/database" or "https://PROJECT.supabase.co/rest/v1"',
            )
        return beside_sqlite(url, info)

    @field_validator("tables")
    @classmethod
    def _names(cls, tables: dict[PaletteTable, str]) -> dict[PaletteTable, str]:
        refuse_odd_names(tables)
        return tables

    @model_validator(mode="after")
    def _key_of_the_api(self) -> Self:
        if self.is_rest and not self.key:
            raise Complaint("the REST API needs a key", 'add key = "env:SUPABASE_SERVICE_KEY"', ("key",))
        if self.is_rest and urlsplit(self.url).scheme == "http" and urlsplit(self.url).hostname not in _LOOPBACK:
            raise Complaint("the key would be sent unencrypted", 'write the URL with "https://"', ("url",))
        if not self.is_rest and self.key:
            raise Complaint("a database needs no key; its password is in the URL", "remove the key", ("key",))
        return self

    @property
    def is_rest(self) -> bool:
        return self.url.startswith("http")


_LOOPBACK = ("127.0.0.1", "localhost", "::1")
