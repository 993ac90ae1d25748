"""Which picture shows what: from figures to series, axes and the words for those who do not see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from mediameter.report import words
from mediameter.report.facts import Check, Figures, Traffic
from mediameter.report.markup import Markup, element
from mediameter.report.sentences import check_name, phrase
from mediameter.report.svg import Caption, Mark, Series, Spine, lines, rows_of_bars, stacked_bars, strips
from schemas.vocabulary import STATUS_CLASSES

MOST_DAYS = 400
COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")
OTHERS_COLOUR = "c0"
STACKED = "Stacked bars, a bar a day; the table below has the figures."
STATUS_COLOURS = {"2xx": "c3", "3xx": "c5", "4xx": "c2", "5xx": "c6", "aborted": "c4", "none": "c0"}
FAILED = ("4xx", "5xx", "aborted")
PERCENTILES = {"p50": "c3", "p95": "c1", "p99": "c6"}
VERDICTS = {
    "ok": ("c3", 0.4),
    "warning": ("c2", 0.7),
    "critical": ("c6", 1.0),
    "not_yet_knowable": ("waiting", 0.7),
    "too_few": ("c0", 0.25),
    "not_available": ("c0", 0.12),
}


# --- series ----------------------------------------------------------------------------------------
def by_application(figures: Figures, measure: Callable[[Traffic], int | None]) -> list[Series]:
    """A series an application, most bytes first; those beyond the colours together as the last one.

    A day on which the measure is not available for an application is not in its series.
    """
    names = [row.name for row in figures.applications]
    colours = dict(zip(names, COLOURS, strict=False))
    values: dict[str, Counter[date]] = {}
    for row in figures.traffic:
        value = measure(row)
        if value is not None:
            name = row.application if row.application in colours else ""
            values.setdefault(name, Counter())[row.day] += value
    shown = [Series(name, colour, values[name]) for name, colour in colours.items() if name in values]
    others = words.counted(len(names) - len(colours), "other application")
    return [*shown, Series(others, OTHERS_COLOUR, values[""])] if "" in values else shown


def by_status(figures: Figures) -> list[Series]:
    """Requests a status class, those that never occur left out."""
    classes = [name for name in STATUS_CLASSES if any(mix.get(name) for mix in figures.statuses.values())]
    return [
        Series(name, STATUS_COLOURS[name], {day: mix.get(name, 0) for day, mix in figures.statuses.items()})
        for name in classes
    ]


def by_percentile(figures: Figures) -> list[Series]:
    """The exact percentiles of all requests of a day, in ms."""
    rows = [row for row in figures.totals if row.response]
    return [
        Series(name, colour, {row.day: getattr(row.response, f"{name}_ms") for row in rows})
        for name, colour in PERCENTILES.items()
    ]


# --- pictures --------------------------------------------------------------------------------------
def traffic(figures: Figures, series: Sequence[Series]) -> Markup:
    caption = Caption("bytes", "Bytes sent per day and application", STACKED, "GB")
    drawn = stacked_bars(caption, series, spine(figures), lambda value: f"{words.gigabytes(int(value))} GB", per=1e9)
    return _figure(drawn, series, figures)


def requests(figures: Figures, series: Sequence[Series]) -> Markup:
    caption = Caption("requests", "Requests per day and application", STACKED, "requests")
    return _figure(stacked_bars(caption, series, spine(figures), _whole), series, figures)


def cost(figures: Figures, series: Sequence[Series], currency: str) -> Markup:
    caption = Caption(f"cost-{currency}", f"Cost per day and application in {currency}", STACKED, currency)
    drawn = stacked_bars(
        caption, series, spine(figures), lambda value: f"{words.money(int(value))} {currency}", per=1e6
    )
    return _figure(drawn, series, figures)


def response(figures: Figures, series: Sequence[Series]) -> Markup:
    told = "Lines of the 50th, 95th and 99th percentile on a logarithmic axis; the table below has the figures."
    caption = Caption("response", "Response time per day", told, "ms (log)")
    drawn = lines(caption, series, spine(figures), lambda value: f"{words.count(int(value))} ms")
    return _figure(drawn, series, figures)


def statuses(figures: Figures, series: Sequence[Series]) -> Markup:
    """Shares of the day's requests: an outage on a quiet day shows as well as on a busy one."""
    told = "Stacked bars that add up to 100 % of the day's requests; the table below has the counts."
    caption = Caption("statuses", "Status mix per day", told, "%")
    drawn = stacked_bars(caption, _shares(figures, series), spine(figures), _percent, ceiling=100)
    return _figure(drawn, series, figures)


def failures(figures: Figures, series: Sequence[Series]) -> Markup:
    """The errors alone on an axis of their own: beside 100 % they are too thin to be seen."""
    told = "Stacked bars of the share of errors in the day's requests; the table below has the counts."
    caption = Caption("failures", "Share of errors per day", told, "%")
    drawn = stacked_bars(caption, _shares(figures, series), spine(figures), _percent)
    return _figure(drawn, series, figures)


def _shares(figures: Figures, series: Sequence[Series]) -> list[Series]:
    sums = {day: sum(mix.values()) or 1 for day, mix in figures.statuses.items()}
    return [
        Series(one.name, one.colour, {day: 100 * value / sums[day] for day, value in one.values.items()})
        for one in series
    ]


def _percent(value: float) -> str:
    return f"{value:.2f} %"


def rejects(figures: Figures) -> Markup:
    caption = Caption("rejects", "Rejected lines by reason", "Horizontal bars, most frequent first.", "lines")
    rows = [(row.shown_reason, float(row.lines), "c2") for row in figures.rejects]
    return element("figure", _scrolled(rows_of_bars(caption, rows, _whole)))


def checks(figures: Figures) -> Markup:
    told = "A strip a check, a cell a day; the higher the cell, the worse."
    caption = Caption("checks", "Verdict of each check, day by day", told, "")
    rows: dict[str, dict[date, Mark]] = {}
    drawn = spine(figures)
    for check in figures.checks:
        if check.day >= drawn.days[0]:
            rows.setdefault(words.visible(check_name(check), 26), {})[check.day] = _mark(check)
    seen = {check.verdict for check in figures.checks}
    colours = {name: "open" if colour == "waiting" else colour for name, (colour, _) in VERDICTS.items()}
    keys = [(colour, phrase(name)) for name, colour in colours.items() if name in seen]
    return element("figure", _scrolled(strips(caption, rows, drawn)), legend(keys))


def _mark(check: Check) -> Mark:
    colour, height = VERDICTS[check.verdict]
    value, limit = words.beside(check.value, check.threshold, check.unit)
    return Mark(colour, height, f"{phrase(check.verdict)}: {value}, limit {limit}")


# --- around a picture ------------------------------------------------------------------------------
def spine(figures: Figures) -> Spine:
    return Spine(figures.spine[-MOST_DAYS:], figures.open_days)


def _whole(value: float) -> str:
    return words.count(int(value))


def _figure(drawn: Markup, series: Sequence[Series], figures: Figures) -> Markup:
    keys = [(one.colour, words.visible(one.name, 40)) for one in series]
    if figures.open_days:
        keys.append(("open", "open day: not complete, will still grow"))
    return element("figure", _scrolled(drawn), legend(keys))


def _scrolled(drawn: Markup) -> Markup:
    return element("div", drawn, class_="scroll")


def legend(keys: Iterable[tuple[str, str]]) -> Markup:
    items = [element("li", element("i", "", class_=colour), name) for colour, name in keys]
    return element("ul", *items, class_="legend")
