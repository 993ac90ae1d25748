"""The report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere.

What comes from the logs is hostile: it becomes markup only through ``markup.element``, and the page's own content
policy forbids scripts and every outside resource, should anything ever slip through.
"""

from __future__ import annotations

from datetime import datetime

from mediameter.report import budgets, gate, generated_tables, merged_tables, pictures, tables, words
from mediameter.report.facts import Figures
from mediameter.report.markup import Markup, element
from mediameter.report.measures import BYTES_SENT, COST, PERCENTILE, REQUESTS
from mediameter.report.pictures import by_application, by_percentile, by_status
from mediameter.report.sentences import warnings
from mediameter.report.style import PATTERNS, SHEET
from schemas.vocabulary import NOT_AVAILABLE

POLICY = "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(figures: Figures, title: str, generated_at: datetime) -> str:
    """The whole page. Of two reports of one state only ``generated_at``, told at the foot, differs."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", _with_range(figures, title)),
        element("style", SHEET),
    )
    sections = _sections(figures) if figures.known_days else [_nothing_yet()]
    body = element(
        "body",
        PATTERNS,
        _header(figures, title),
        element("main", *sections),
        element("footer", element("p", f"Made by mediameter on {words.instant(generated_at)}.")),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _with_range(figures: Figures, title: str) -> str:
    """As a browser's tab and a file's preview show it."""
    if not figures.known_days:
        return title
    return f"{title}, {figures.known_days[0]} to {figures.known_days[-1]}"


def _nothing_yet() -> Markup:
    told = "The warehouse holds no day of this range. Run mediameter run, and make the report again."
    return _section("nothing", "Nothing to show yet", told)


def _sections(figures: Figures) -> list[Markup]:
    return [
        _traffic(figures), _cost(figures), _response(figures), _statuses(figures),
        _incidents(figures), _checks(figures), _quality(figures), _days(figures),
        _applications(figures), _merged(figures), _generated(figures), _rejects(figures), _completeness(figures),
        _media_files(figures), _endpoints(figures), _countries(figures),
    ]  # fmt: skip


def _section(slug: str, heading: str, told: str, *parts: Markup) -> Markup:
    text = [element("p", told, class_="soft")] if told else []
    return element("section", element("h2", heading), *text, *parts, id=slug)


# --- the head of the page --------------------------------------------------------------------------
def _header(figures: Figures, title: str) -> Markup:
    if not figures.known_days:
        return element("header", element("h1", title))
    first, last = figures.known_days[0], figures.known_days[-1]
    lines = words.counted(sum(row.lines for row in figures.days), "line")
    complete = words.instant(figures.complete_through_at)
    told = f"{first} to {last}, days of {figures.zone}. {lines} of access log, complete through {complete}."
    notes = [element("p", note, class_="note") for note in warnings(figures)]
    if len(figures.spine) > pictures.MOST_DAYS:
        drawn = (
            f"The pictures show the newest {pictures.MOST_DAYS} of {len(figures.spine):,} days; the tables show all."
        )
        notes.append(element("p", drawn, class_="note"))
    lead = element("p", told, class_="soft")
    return element("header", element("h1", title), lead, *notes, _tiles(figures), _contents())


def _tiles(figures: Figures) -> Markup:
    whole, complete = figures.whole, len(set(figures.known_days) - figures.open_days)
    told = (
        ("Requests", words.count(whole.requests), ""),
        ("Deliveries", words.count(whole.deliveries), ""),
        ("Sent", words.gigabytes(whole.bytes_sent), "GB"),
        ("Cost", *_cost_tile(figures)),
        ("Errors", words.rate(whole.errors, whole.requests), "of requests"),
        ("Complete days", f"{complete:,}", f"of {len(figures.known_days):,}"),
    )
    return element("ul", *(_tile(*tile) for tile in told), class_="tiles")


def _cost_tile(figures: Figures) -> tuple[str, str]:
    """One currency stands large; several, or none, are told in words."""
    cost = figures.whole.cost
    if len(cost.micros) == 1 and not cost.unpriced_bytes:
        return words.money(sum(cost.micros.values())), figures.currencies[0]
    return "", words.cost(cost)


def _tile(name: str, figure: str, unit: str) -> Markup:
    shown = [element("span", figure, class_="figure")] if figure else []
    return element("li", element("span", name, class_="name"), *shown, element("span", f" {unit}", class_="of"))


def _contents() -> Markup:
    names = {
        "traffic": "Traffic", "cost": "Cost", "response": "Response time", "status": "Status",
        "incidents": "Incidents", "checks": "Checks", "quality": "Quality", "days": "Days",
        "applications": "Applications", "merged": "Log and application",
        "generated": "Generations", "rejects": "Rejects",
        "completeness": "Completeness",
        "media": "Media files", "endpoints": "Errors", "countries": "Countries",
    }  # fmt: skip
    return element("nav", *(element("a", name, href=f"#{slug}") for slug, name in names.items()), aria_label="Contents")


# --- sections with pictures ------------------------------------------------------------------------
def _traffic(figures: Figures) -> Markup:
    sent = by_application(figures, lambda row: row.bytes_sent)
    asked = by_application(figures, lambda row: row.requests)
    return _section(
        "traffic", "Traffic", "Bytes of the responses' bodies and requests, by day and application. GB is 10^9 bytes.",
        pictures.traffic(figures, sent),
        tables.pivot("GB sent", BYTES_SENT, sent, tables.gigabytes, figures),
        element("h3", "Requests"),
        pictures.requests(figures, asked),
        tables.pivot("Requests", REQUESTS, asked, words.count, figures),
    )  # fmt: skip


def _cost(figures: Figures) -> Markup:
    if not figures.currencies:
        told = "Not available: no price card covers these days. Add one under [[prices]] in mediameter.toml."
        return _section("cost", "Cost", told, *budgets.shown(figures.budgets))
    told = "What the bytes sent cost, by day and application."
    unpriced = figures.whole.cost.unpriced_bytes
    if unpriced:
        told += f" {words.gigabytes(unpriced)} GB have no price: their cost is not available, and not in the sums."
    if kept := words.kept_prices(figures.days_with_kept_prices):
        told += f" {kept[0].upper()}{kept[1:]}."
    parts = [part for currency in figures.currencies for part in _cost_in(figures, currency)]
    return _section("cost", "Cost", told, *parts, *budgets.shown(figures.budgets), tables.prices(figures))


def _cost_in(figures: Figures, currency: str) -> tuple[Markup, Markup]:
    series = by_application(figures, lambda row: row.cost.micros.get(currency))
    table = tables.pivot(f"Cost in {currency}", COST, series, words.money, figures)
    return pictures.cost(figures, series, currency), table


def _response(figures: Figures) -> Markup:
    told = "From the first byte in to the last byte out, of all requests with a status. The axis is logarithmic."
    series = by_percentile(figures)
    if not any(one.values for one in series):
        return _section("response", "Response time", "Not available: no request of these days has a status and a time.")
    table = tables.pivot("ms", PERCENTILE, series, words.count, figures)
    return _section("response", "Response time", told, pictures.response(figures, series), table)


def _statuses(figures: Figures) -> Markup:
    series = by_status(figures)
    told = "Share of each status class in the day's requests; aborted is 499, the client went away."
    parts = [pictures.statuses(figures, series)]
    if failed := [one for one in series if one.name in pictures.FAILED]:
        parts += [element("h3", "Of these, the errors"), pictures.failures(figures, failed)]
    return _section("status", "Status mix", told, *parts, tables.statuses(series, figures))


def _incidents(figures: Figures) -> Markup:
    firing = sum(each.state == "firing" for each in figures.incidents)
    if not figures.incidents:
        return _section("incidents", "Incidents", "No rule has fired over these days.")
    told = f"{words.counted(firing, 'incident')} firing now, {len(figures.incidents) - firing:,} ended."
    told += " `mediameter alerts explain RULE` says what it measures, and what to do."
    return _section("incidents", "Incidents", told, tables.incidents(figures))


def _checks(figures: Figures) -> Markup:
    if not figures.checks:
        return _section("checks", "Checks", "No check has run over these days.")
    told = "A day that is not complete is neither good nor bad: not yet knowable."
    return _section("checks", "Checks", told, pictures.checks(figures), tables.checks(figures))


def _quality(figures: Figures) -> Markup:
    if not figures.gate.suites:
        return _section("quality", "Quality", gate.NOT_JUDGED)
    return _section("quality", "Quality", gate.LEAD, *gate.parts(figures.gate))


def _rejects(figures: Figures) -> Markup:
    read = sum(row.lines for row in figures.days)
    rejected = sum(row.lines for row in figures.rejects if not row.is_event)
    told = f"{words.counted(rejected, 'line')} of {read:,} could not be read ({words.rate(rejected, read)})."
    if events := sum(row.lines for row in figures.rejects if row.is_event):
        told += f" Of event files {words.counted(events, 'event')} could not be read."
    if figures.ignored_log_bucket:
        records = words.counted(figures.ignored_log_bucket, "record")
        told += f" The log bucket's own records are left out: {records}."
    parts = [pictures.rejects(figures), tables.rejects(figures)] if figures.rejects else []
    if figures.refusals:
        parts.append(tables.refusals(figures))
    return _section("rejects", "Rejects", told, *parts)


# --- sections of tables ----------------------------------------------------------------------------
def _days(figures: Figures) -> Markup:
    told = "Percentiles are exact for their day; addresses are those of the day. Behind a CDN they count edges."
    totals = _folded_if_long(tables.totals(figures), len(figures.totals))
    return _section("days", "Day by day", told, totals, tables.detailed(figures))


def _folded_if_long(table: Markup, rows: int) -> Markup:
    return tables.folded(f"All {rows:,} rows", table) if rows > tables.DETAILED_DAYS else table


def _applications(figures: Figures) -> Markup:
    return _section("applications", "Applications", "", tables.applications(figures))


def _merged(figures: Figures) -> Markup:
    heading = "Log and application"
    if figures.merged is None:
        return _section("merged", heading, merged_tables.NOT_CONNECTED)
    return _section("merged", heading, merged_tables.LEAD, *merged_tables.parts(figures.merged, figures))


def _generated(figures: Figures) -> Markup:
    if figures.generated is None:
        return _section("generated", "Generations", generated_tables.NOT_CONNECTED)
    return _section("generated", "Generations", generated_tables.LEAD, *generated_tables.parts(figures.generated))


def _completeness(figures: Figures) -> Markup:
    told = (
        "Final: all logs of the day are in. Open: logs may still come. "
        "Suspect: a check failed, or too much was rejected or refused."
    )
    table = tables.completeness(figures)
    return _section("completeness", "How complete each day is", told, _folded_if_long(table, len(figures.days)))


def _media_files(figures: Figures) -> Markup:
    if not figures.media_files:
        return _section("media", "Top media files", "No request names an object.")
    return _section("media", "Top media files", "", tables.media_files(figures))


def _endpoints(figures: Figures) -> Markup:
    if not figures.endpoints:
        return _section("endpoints", "Errors by endpoint", "No request was answered with an error.")
    told = "An error is a status of 400 or more, 499 among them. An endpoint is an operation and a pattern of keys."
    return _section("endpoints", "Errors by endpoint", told, tables.endpoints(figures))


def _countries(figures: Figures) -> Markup:
    country = _data_set(figures.countries_label, {row.country for row in figures.countries})
    edge = _data_set(figures.edges_label, {row.edge for row in figures.countries})
    told = f"Country data: {country}. CDN ranges: {edge}."
    return _section("countries", "Countries", told, *([tables.countries(figures)] if figures.countries else []))


def _data_set(label: str | None, values: set[str]) -> str:
    """Without a label, the rows themselves tell whether anything was looked up."""
    return label or ("from a data set that was not named" if values - {NOT_AVAILABLE} else words.NOT_AVAILABLE)
