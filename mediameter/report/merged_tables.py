"""The section of the page that holds the log against the application."""

from __future__ import annotations

from mediameter.report import words
from mediameter.report.facts import Figures
from mediameter.report.markup import Markup, element
from mediameter.report.merged import APP_ONLY, LOG_ONLY, MATCHED, Merged
from mediameter.report.sentences import match_basis, outcome, reason, reconciled
from mediameter.report.tables import folded, gigabytes, pill, table
from mediameter.systems import kinds_that_supply, quoted
from schemas.vocabulary import ALL

LEAD = (
    "The storage's log knows every byte and no user; the application knows users and guesses the bytes. An event and a "
    "delivery are one where file, address and time agree."
)
NOT_CONNECTED = (
    "No application is connected, so that nobody knows who the traffic was for. "
    f"Add a source of kind = {quoted(kinds_that_supply('viewers'))} under [sources] in mediameter.toml."
)


def parts(merged: Merged, figures: Figures) -> list[Markup]:
    """The newest day's sentence, and the tables from the whole to the reasons."""
    newest = merged.newest
    told = [element("p", element("strong", f"{newest.day}: "), newest.sentence)] if newest else []
    by_day = folded(f"Figures of {words.counted(len(merged.days), 'day')}", _days(merged, figures))
    return [*told, _applications(merged), by_day, _reasons(merged), _bases(merged)]


def _applications(merged: Merged) -> Markup:
    rows = []
    for name in (*merged.applications, ALL):
        both, whole = merged.of_outcome(name, MATCHED), merged.of_outcome(name)
        viewers = merged.viewers_of(name)
        rows.append([
            "all" if name == ALL else words.visible(name, 60),
            words.count(whole.requests),
            words.rate(both.requests, whole.requests),
            words.count(merged.of_outcome(name, LOG_ONLY).requests),
            words.count(whole.events),
            words.rate(both.events, whole.events),
            words.count(merged.of_outcome(name, APP_ONLY).events),
            gigabytes(whole.log_bytes),
            gigabytes(whole.app_bytes),
            words.count(viewers.authenticated_deliveries if viewers else None),
            words.count(viewers.most_users if viewers else None),
        ])  # fmt: skip
    heads = (
        "application", "#requests", "#with an event", "#in the log alone", "#events", "#delivered",
        "#in the application alone", "#GB sent", "#GB as it guessed", "#deliveries to known users", "#users *",
    )  # fmt: skip
    return table("Log and application, whole range; * of the highest day: users cannot be summed", heads, rows)


def _days(merged: Merged, figures: Figures) -> Markup:
    rows = [
        [
            str(row.day), pill(figures.state_of(row.day)), words.count(row.log_requests),
            words.rate(row.matched_requests, row.log_requests), words.count(row.app_events),
            words.rate(row.matched_events, row.app_events), words.share(row.unexplained_share), reconciled(row),
            row.sentence,
        ]
        for row in reversed(merged.days)
    ]  # fmt: skip
    heads = (
        "day", "state", "#requests", "#with an event", "#events", "#delivered", "#unexplained", "they agree", "in words"
    )  # fmt: skip
    return table("Do they agree? By day, newest first", heads, rows)


def _reasons(merged: Merged) -> Markup:
    rows = [
        [
            reason(row), outcome(row), words.count(row.requests), words.count(row.events), gigabytes(row.log_bytes),
            gigabytes(row.app_bytes),
        ]
        for row in merged.by_reason
    ]  # fmt: skip
    heads = ("reason", "where", "#requests", "#events", "#GB sent", "#GB as the application guessed")
    return table("Why they agree or not, all applications", heads, rows)


def _bases(merged: Merged) -> Markup:
    whole = sum(row.requests for row in merged.bases)
    rows = [
        [
            match_basis(row), row.match_confidence, words.count(row.requests), words.rate(row.requests, whole),
            words.count(row.deliveries), gigabytes(row.bytes_sent),
        ]
        for row in merged.bases
    ]  # fmt: skip
    heads = ("rests on", "how sure", "#requests", "#of all", "#deliveries", "#GB")
    return table("What the attribution to an application rests on", heads, rows)
