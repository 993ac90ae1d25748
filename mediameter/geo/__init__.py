"""Where an address is: its country, and whether it is a CDN's. Asked before the address becomes an HMAC.

No data set ships for countries (their licences ask for attribution, and they age): without one the country is
``not_available``. Cloudflare's ranges ship, since they are few and change about once in two years.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl

from mediameter.geo.files import DataSet, read
from mediameter.geo.ranges import numbers
from schemas.vocabulary import NOT_AVAILABLE, UNKNOWN_COUNTRY

SHIPPED_CDN_RANGES = Path(__file__).with_name("cdn_ranges.csv")

__all__ = ["SHIPPED_CDN_RANGES", "Geography", "load"]


@dataclass(frozen=True, slots=True)
class Geography:
    """What the data sets say of addresses. Immutable: threads may share it."""

    countries: DataSet | None = None
    cdn_ranges: DataSet | None = None

    def look_up(self, addresses: list[str]) -> list[tuple[str, str]]:
        """(country, edge) of each address, in their order.

        An address that no range holds, or a text that is no address, is of country ``unknown`` and ``direct``;
        what has no data set is ``not_available``.
        """
        country, edge = self.columns(addresses)
        return list(zip(country.to_list(), edge.to_list(), strict=True))

    def columns(self, addresses: list[str]) -> tuple[pl.Series, pl.Series]:
        """``look_up`` as two columns, country and edge."""
        where = numbers(addresses)
        unknown, outside = (pl.Series([word], dtype=pl.String) for word in self.nowhere)
        country, edge = unknown.new_from_index(0, len(where)), outside.new_from_index(0, len(where))
        if self.countries:
            country = self.countries.ranges.find(where).fill_null(UNKNOWN_COUNTRY)
        if self.cdn_ranges:
            is_edge = self.cdn_ranges.ranges.find(where).is_not_null()
            edge = pl.Series(["edge"], dtype=pl.String).new_from_index(0, len(where)).zip_with(is_edge, edge)
        return country.alias("country"), edge.alias("edge")

    @property
    def nowhere(self) -> tuple[str, str]:
        """(country, edge) of what no range holds."""
        return UNKNOWN_COUNTRY if self.countries else NOT_AVAILABLE, "direct" if self.cdn_ranges else NOT_AVAILABLE

    @property
    def countries_label(self) -> str | None:
        """Name and date of the data set of countries, for the report; None without one."""
        return self.countries.label if self.countries else None

    @property
    def edges_label(self) -> str | None:
        """Name and date of the table of CDN ranges, for the report; None without one."""
        return self.cdn_ranges.label if self.cdn_ranges else None

    @property
    def identity(self) -> str:
        """SHA-256 over the files' contents: what the records' countries and edges rest on."""
        parts = (part.sha256 if part else "" for part in (self.countries, self.cdn_ranges))
        return sha256("\n".join(parts).encode()).hexdigest()


def load(countries: Path | None, cdn_ranges: Path | None) -> Geography:
    """Reads the data sets. Raises UserError, naming the file, where one is missing or malformed."""
    return Geography(read(countries) if countries else None, read(cdn_ranges) if cdn_ranges else None)
