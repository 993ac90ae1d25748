"""What both outputs say of a fact in the same words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from mediameter.report import words
from mediameter.report.facts import Check, Endpoint, Figures, Price
from mediameter.report.merged import Agreed, Basis, Reason


def phrase(name: str) -> str:
    """A word of the vocabulary as people write it."""
    return name.replace("_", " ")


def check_name(check: Check) -> str:
    return check.rule if check.group == "*" else f"{check.rule} ({check.group})"


def limit(check: Check) -> str:
    return words.beside(check.value, check.threshold, check.unit)[1]


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


_REASONS = {
    ("matched", "event_address"): "an event and a delivery of the same file and address",
    ("matched", "event_edge"): "an event and a delivery of the same file at a CDN's edge, by time",
    ("log_only", "failed"): "answered with an error, or not at all",
    ("log_only", "no_delivery"): "no GET of an object",
    ("log_only", "unknown_key"): "the key is no media file",
    ("log_only", "sidecar"): "a sidecar file, which nobody views",
    ("log_only", "bot"): "by an agent that calls itself a bot",
    ("log_only", "not_modified"): "not modified: the client already had it",
    ("log_only", "edge"): "fetched by a CDN's edge for one of several events",
    ("log_only", "range"): "a later range of a delivery that is explained",
    ("log_only", "elsewhere"): "requested by a page of another site",
    ("log_only", "other_client"): "without an event: fetched past the application, or its event is lost",
    ("app_only", "no_fetch"): "share or transform: nothing is fetched",
    ("app_only", "unknown_file"): "the file is not in media_files",
    ("app_only", "deleted_file"): "the file had been deleted",
    ("app_only", "own_cache"): "no delivery: the viewer had fetched it before",
    ("app_only", "edge_cache"): "no delivery: a CDN's edge had fetched it before",
    ("app_only", "no_delivery"): "no delivery: its log is missing, or not there yet",
}
MOST_EXPLAINED = 4
"""So many suspect days are told with their reasons at the head; the others stand in the table of completeness."""
_OUTCOMES = {"matched": "in both", "log_only": "in the log alone", "app_only": "in the application alone"}
_BASES = {
    "event_address": "event, by file and address",
    "event_edge": "event at a CDN's edge, by file and time",
    "media_file": "media file of the key",
    "key_pattern": "pattern of the key",
    "referer": "referer",
    "none": "nothing: unattributed",
}


def reason(row: Reason) -> str:
    """Why it matched or did not, for one who has not read the definitions."""
    return _REASONS[row.outcome, row.reason]


def outcome(row: Reason) -> str:
    return _OUTCOMES[row.outcome]


def match_basis(row: Basis) -> str:
    return _BASES[row.match_basis]


def reconciled(row: Agreed) -> str:
    return {None: "not yet knowable", True: "yes", False: "no"}[row.is_reconciled]


def warnings(figures: Figures) -> list[str]:
    """What a reader must know before any figure is believed."""
    gaps = set(figures.spine) - set(figures.known_days)
    newest = sorted(figures.suspect_days & figures.why_suspect.keys(), reverse=True)[:MOST_EXPLAINED]
    explained = {day: "; ".join(map(words.visible, figures.why_suspect[day])) for day in newest}
    told = (
        (figures.open_days, "Open: the figures will still grow"),
        (figures.suspect_days - explained.keys(), "Suspect: a check failed, or too much was rejected or refused"),
        (gaps, "Without any data"),
    )
    found = [f"{what}: {_newest(days)}." for days, what in told if days]
    return found + [f"{day} is suspect: {why}." for day, why in sorted(explained.items(), reverse=True)]


def _newest(days: Iterable[date], most: int = 4) -> str:
    """The newest of them by name, the others by number."""
    ordered = sorted(days, reverse=True)
    earlier = words.counted(len(ordered) - most, "earlier day")
    return ", ".join(str(day) for day in ordered[:most]) + (f" and {earlier}" if len(ordered) > most else "")
