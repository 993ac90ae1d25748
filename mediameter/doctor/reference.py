"""What figures are made with beside the logs: price cards, countries by network, CDN edges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from mediameter import geo
from mediameter.doctor.case import Case
from mediameter.doctor.checking import Check
from mediameter.doctor.finding import Finding, ok, skipped, warning
from mediameter.metering.calendar import day_of

COUNTRIES_AGE = timedelta(days=365)  # networks move between countries, some percent a year


def prices(case: Case) -> Iterator[Finding]:
    """For each source the card of today. Without one the job runs, and cost is "not available"."""
    today = day_of(case.clock(), case.settings.reporting.zone)
    for name in case.settings.log_sources:
        cards = [card for card in case.settings.prices if card.source == name and card.measure == "bytes_sent"]
        valid = [
            card for card in cards if card.valid_from <= today and (card.valid_to is None or today <= card.valid_to)
        ]
        if valid:
            card = valid[0]
            until = f"until {card.valid_to}" if card.valid_to else "until further notice"
            yield ok(
                f"price of {name}", f"{card.amount} {card.currency} per {card.per} since {card.valid_from}, {until}"
            )
            continue
        last = max((card.valid_to for card in cards if card.valid_to and card.valid_to < today), default=None)
        first = min((card.valid_from for card in cards if card.valid_from > today), default=None)
        why = f"the last card ended on {last}" if last else f"the first card begins on {first}" if first else "no card"
        remedy = f'add [[prices]] with source = "{name}", valid_from, amount, currency, per and citation'
        yield warning(f"price of {name}", f'{why}: today\'s cost is "not available"', remedy)


def countries(case: Case) -> Iterator[Finding]:
    path = case.settings.geo.countries
    if path is None:
        remedy = "apt-get install tor-geoipdb, or set [geo] countries to a CSV of network,country"
        yield skipped("countries", 'no data set: countries are "not available"', remedy)
        return
    label = geo.load(path, None).countries_label or ""
    day = _stated_day(label) or datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    age = case.clock().date() - day
    if age > COUNTRIES_AGE:
        yield warning(str(path), f"{label}: {age.days} days old", "bring a newer one; new days are read with it")
    else:
        yield ok(str(path), f"{label}: {age.days} days old")


def cdn_ranges(case: Case) -> Iterator[Finding]:
    """No age is too old by itself: the date is that of the networks' last change."""
    named = case.settings.geo.cdn_ranges
    if named == "none":
        yield skipped("CDN ranges", 'none, as set: which address is an edge is "not available"')
        return
    path = geo.SHIPPED_CDN_RANGES if named == "builtin" else Path(named)
    yield ok(f"CDN ranges ({named})", geo.load(None, path).edges_label or "")


def _stated_day(label: str) -> date | None:
    found = re.search(r"\d{4}-\d{2}-\d{2}", label)
    try:
        return date.fromisoformat(found.group()) if found else None
    except ValueError:
        return None


REFERENCE: tuple[Check[Case], ...] = (
    Check("prices", prices),
    Check("countries", countries),
    Check("cdn_ranges", cdn_ranges),
)
