"""The tables of the page: every figure that a picture shows, and those that no picture could."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mediameter.report import incidents as of_incidents
from mediameter.report import words
from mediameter.report.facts import Check, Cost, Day, Figures, Traffic
from mediameter.report.markup import Markup, element
from mediameter.report.measures import REQUESTS, Measure
from mediameter.report.sentences import causes, check_name, errors, phrase, price, validity
from mediameter.report.svg import Series

DETAILED_DAYS = 31
_LOUD = ("critical", "warning")


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """``heads`` with a leading ``#`` are columns of numbers; the first cell of a row is its heading."""
    numbers = [head.startswith("#") for head in heads]
    head = [
        element("th", name[1:] if is_number else name, scope="col", class_="n" if is_number else None)
        for name, is_number in zip(heads, numbers, strict=True)
    ]
    body = [element("tr", *(_cell(place, cell, numbers[place]) for place, cell in enumerate(row))) for row in rows]
    parts = (element("caption", caption), element("thead", element("tr", *head)), element("tbody", *body))
    return element("div", element("table", *parts), class_="scroll")


def _cell(place: int, cell: str, is_number: bool) -> Markup:
    class_ = "n" if is_number else "day" if place == 0 and _is_day(cell) else None
    return element("td", cell, class_=class_) if place else element("th", cell, scope="row", class_=class_)


def _is_day(cell: str) -> bool:
    return len(cell) == 10 and cell[4::3] == "--"


def folded(summary: str, *parts: Markup) -> Markup:
    return element("details", element("summary", summary), *parts)


# --- cells -----------------------------------------------------------------------------------------
def gigabytes(number: int) -> Markup:
    """Rounded to look at, exact on pointing."""
    return element("span", words.gigabytes(number), title=f"{number:,} bytes")


def cost(value: Cost) -> Markup:
    exact = "; ".join(f"{micros:,} millionths of {currency}" for currency, micros in value.micros.items())
    return element("span", words.cost(value), title=exact or None)


def pill(word: str) -> Markup:
    return element("span", phrase(word), class_=f"pill {word}")


def code(hostile: str) -> Markup:
    return element("code", hostile)


# --- days and applications -------------------------------------------------------------------------
def pivot(caption: str, of: Measure, series: Sequence[Series], tell: Callable[[int], str], figures: Figures) -> Markup:
    """The figures of a picture: a row a day, newest first, a column a series, and the sum of those that have one."""
    days = sorted({day for one in series for day in one.values}, reverse=True)
    rows = [
        [
            str(day),
            pill(figures.state_of(day)),
            *(tell(int(one.values[day])) if day in one.values else words.ABSENT for one in series),
            *([tell(sum(int(one.values.get(day, 0)) for one in series))] if of.may_be_summed else []),
        ]
        for day in days
    ]
    whole = ["#all"] if of.may_be_summed else []
    heads = ["day", "state", *(f"#{words.visible(one.name, 40)}" for one in series), *whole]
    return folded(f"Figures of {words.counted(len(days), 'day')}", table(caption, heads, rows))


def statuses(series: Sequence[Series], figures: Figures) -> Markup:
    return pivot("Requests by status class", REQUESTS, series, words.count, figures)


TRAFFIC_HEADS = ("#requests", "#deliveries", "#GB", "#cost", "#errors", "#p50 ms", "#p95 ms", "#p99 ms", "#addresses")


def traffic_cells(row: Traffic) -> list[str]:
    response, audience = row.response, row.audience
    return [
        words.count(row.requests),
        words.count(row.deliveries),
        gigabytes(row.bytes_sent),
        cost(row.cost),
        errors(row.errors, row.requests),
        *(words.count(getattr(response, name) if response else None) for name in ("p50_ms", "p95_ms", "p99_ms")),
        addresses(row) if audience else words.ABSENT,
    ]


def addresses(row: Traffic) -> str:
    """Behind a CDN the distinct addresses are edges, not people."""
    if not row.audience:
        return words.ABSENT
    return f"{row.audience.unique_addresses:,}{' edges' if row.audience.is_behind_cdn else ''}"


def totals(figures: Figures) -> Markup:
    rows = [[str(row.day), pill(figures.state_of(row.day)), *traffic_cells(row)] for row in reversed(figures.totals)]
    return table("All applications, by day, newest first", ("day", "state", *TRAFFIC_HEADS), rows)


def detailed(figures: Figures) -> Markup:
    """A row per day and application of the newest days; a year of them no one reads here."""
    days = sorted({row.day for row in figures.traffic}, reverse=True)[:DETAILED_DAYS]
    rank = {row.name: place for place, row in enumerate(figures.applications)}
    newest = [row for row in figures.traffic if row.day in set(days)]
    shown = sorted(newest, key=lambda row: (-row.day.toordinal(), rank[row.application]))
    rows = [[str(row.day), words.visible(row.application, 60), *traffic_cells(row)] for row in shown]
    caption = f"The newest {words.counted(len(days), 'day')} by application; older ones are in the warehouse"
    return folded("Every application, day by day", table(caption, ("day", "application", *TRAFFIC_HEADS), rows))


def applications(figures: Figures) -> Markup:
    rows = [
        [
            words.visible(row.name, 60),
            words.count(row.requests),
            words.count(row.deliveries),
            gigabytes(row.bytes_sent),
            words.rate(row.bytes_sent, figures.whole.bytes_sent),
            cost(row.cost),
            errors(row.errors, row.requests),
            words.count(row.highest_p95_ms),
            words.count(row.most_addresses),
        ]
        for row in (*figures.applications, figures.whole)
    ]
    rows[-1][0] = "all"
    heads = (
        "application", "#requests", "#deliveries", "#GB", "#of all GB", "#cost", "#errors", "#p95 ms *", "#addresses *"
    )  # fmt: skip
    return table("* of the highest day: percentiles and distinct addresses cannot be summed", heads, rows)


# --- the rest --------------------------------------------------------------------------------------
def checks(figures: Figures) -> Markup:
    """Each check's newest verdict on a day that could be judged, then all that fired."""
    newest: dict[str, Check] = {}
    for check in figures.checks:
        if check.verdict != "not_yet_knowable" or check_name(check) not in newest:
            newest[check_name(check)] = check
    heads = ("check", "day", "verdict", "#value", "#limit", "#rests on")
    loud, quiet = ([check for check in newest.values() if (check.verdict in _LOUD) is each] for each in (True, False))
    told = [table("Newest verdict of each that is not good", heads, map(_check_cells, loud))] if loud else []
    told.append(
        folded(f"{words.counted(len(quiet), 'other check')}", table("Newest verdict", heads, map(_check_cells, quiet)))
    )
    if fired := [check for check in reversed(figures.checks) if check.verdict in _LOUD]:
        told.append(folded(f"All that fired: {len(fired):,}", table("Newest first", heads, map(_check_cells, fired))))
    return element("div", *told)


def incidents(figures: Figures) -> Markup:
    """What fires, then what has ended, newest first."""
    rows = []
    for each in figures.incidents:
        cells = of_incidents.cells(each)
        is_over = each.state == "resolved"
        state, severity = (pill(each.state), each.severity) if is_over else (each.state, pill(each.severity))
        rows.append([cells[0], state, severity, *cells[3:]])
    return table("What fires first, then the newest", of_incidents.HEADS, rows)


def _check_cells(check: Check) -> list[str]:
    value, limit = words.beside(check.value, check.threshold, check.unit)
    return [check_name(check), str(check.day), pill(check.verdict), value, limit, words.count(check.sample)]


def rejects(figures: Figures) -> Markup:
    rows = [
        [
            row.shown_reason,
            words.count(row.lines),
            code(row.example),
            code(f"{row.object_key}, line {row.line_number:,}"),
        ]
        for row in figures.rejects
    ]
    return table("One line of each reason, redacted and cut", ("reason", "#lines", "a line", "where it stands"), rows)


def refusals(figures: Figures) -> Markup:
    rows = [
        [row.reason, words.count(row.objects), code(row.object_key), row.detail or words.ABSENT]
        for row in figures.refusals
    ]
    return table("Whole objects that were refused", ("reason", "#objects", "an object", "what was seen"), rows)


def completeness(figures: Figures) -> Markup:
    rows = [
        [
            str(row.day),
            row.source,
            element("span", pill(row.state), pill("suspect")) if row.is_suspect else pill(row.state),
            words.instant(row.complete_through_at),
            *(words.count(number) for number in (row.objects, row.lines, row.parsed, row.ignored, row.rejected)),
            words.count(row.duplicates),
            gigabytes(row.bytes_sent),
            words.not_counted(row) or words.ABSENT,
            _why_suspect(figures, row),
        ]
        for row in reversed(figures.completeness)
    ]
    heads = (
        "day", "source", "state", "complete through", "#objects", "#lines", "#parsed", "#ignored", "#rejected",
        "#duplicates", "#GB counted", "beside them", "why it is suspect",
    )  # fmt: skip
    return table("lines = parsed + ignored + rejected; duplicates are parsed, but count once", heads, rows)


def _why_suspect(figures: Figures, row: Day) -> str:
    return "; ".join(figures.why_suspect.get(row.day, ())) if row.is_suspect else ""


def media_files(figures: Figures) -> Markup:
    rows = [
        [
            code(row.object_key), words.visible(row.application, 60), row.bucket or words.ABSENT,
            words.count(row.requests), words.count(row.deliveries), gigabytes(row.bytes_sent),
        ]
        for row in figures.media_files
    ]  # fmt: skip
    caption = f"{len(rows)} of {words.counted(figures.media_file_count, 'object')}, most bytes first"
    return table(caption, ("object", "application", "bucket", "#requests", "#deliveries", "#GB"), rows)


def countries(figures: Figures) -> Markup:
    whole = sum(row.requests for row in figures.countries)
    rows = [
        [
            phrase(row.country), phrase(row.edge), words.count(row.requests), words.rate(row.requests, whole),
            words.count(row.deliveries), gigabytes(row.bytes_sent),
        ]
        for row in figures.countries
    ]  # fmt: skip
    heads = ("country", "address", "#requests", "#of all", "#deliveries", "#GB")
    return table("Addresses of a CDN (edge) say where the CDN is, not the viewer", heads, rows)


def endpoints(figures: Figures) -> Markup:
    rows = [
        [
            code(row.endpoint), words.visible(row.application, 60), errors(row.errors, row.requests),
            words.count(row.server_errors), words.count(row.client_aborts), words.count(row.requests), causes(row),
        ]
        for row in figures.endpoints
    ]  # fmt: skip
    caption = f"{len(rows)} of {words.counted(figures.endpoint_count, 'endpoint')} with errors, most errors first"
    heads = ("endpoint", "application", "#errors", "#5xx", "#aborted (499)", "#requests", "status, code, requests")
    return table(caption, heads, rows)


def prices(figures: Figures) -> Markup:
    rows = [[row.price_id, price(row), validity(row), row.citation] for row in figures.prices]
    caption = "Price cards that the cost rests on. GB is 10^9, GiB 2^30 bytes"
    return table(caption, ("card", "price", "valid", "citation"), rows)
