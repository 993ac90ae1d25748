"""What both outputs say of a fact in the same words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from mediameter.report import words
from mediameter.report.facts import Check, Endpoint, Figures, Price


def phrase(name: str) -> str:
    """A word of the vocabulary as people write it."""
    return name.replace("_", " ")


def check_name(check: Check) -> str:
    return check.rule if check.group == "*" else f"{check.rule} ({check.group})"


def limit(check: Check) -> str:
    return "none set" if check.threshold is None else words.measured(check.threshold, check.unit)


def errors(number: int, requests: int) -> str:
    return f"{number:,} ({words.rate(number, requests)})" if requests else words.count(number)


def causes(endpoint: Endpoint) -> str:
    """The three most frequent statuses and error codes."""
    told = [
        f"{status} {error_code}".strip() + f": {requests:,}" for status, error_code, requests in endpoint.causes[:3]
    ]
    return ", ".join(told) + (", …" if len(endpoint.causes) > 3 else "")


def price(card: Price) -> str:
    return f"{card.amount} {card.currency} per {card.per}"


def validity(card: Price) -> str:
    return f"from {card.valid_from_day} " + (f"to {card.valid_to_day}" if card.valid_to_day else "until further notice")


def warnings(figures: Figures) -> list[str]:
    """What a reader must know before any figure is believed."""
    gaps = set(figures.spine) - set(figures.known_days)
    told = (
        (figures.open_days, "Open, so that the figures will still grow"),
        (figures.suspect_days, "Suspect, since a check failed or too much was rejected or refused"),
        (gaps, "Without any data"),
    )
    return [f"{what}: {_newest(days)}." for days, what in told if days]


def _newest(days: Iterable[date], most: int = 4) -> str:
    """The newest of them by name, the others by number."""
    ordered = sorted(days, reverse=True)
    earlier = words.counted(len(ordered) - most, "earlier day")
    return ", ".join(str(day) for day in ordered[:most]) + (f" and {earlier}" if len(ordered) > most else "")
